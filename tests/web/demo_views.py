"""Training, health and safety of the demonstration house, all invented."""

from __future__ import annotations

import math

from hearthside.web.house import (
    AdapterView,
    BackupHealth,
    DiskHealth,
    HealthView,
    HeldHead,
    Lingering,
    MemoryAuditView,
    NightView,
    NodeHealth,
    ProvenRestore,
    SafetyView,
    SourceHealth,
    TrainingView,
    VaultWay,
    Verification,
)
from tests.web.demo_day import at


def demo_training(last_day: str) -> TrainingView:
    """Three adapters: in use, previous, rejected."""
    curve = [
        (step, round(3.1 * math.exp(-step / 40) + 1.9 + 0.06 * math.sin(step * 1.7), 3)) for step in range(0, 121, 4)
    ]
    receipt = [
        "job 7c19… sealed to workshop key 41d2…",
        "opened 2026-03-29 02:11:04 UTC",
        "deleted 2026-03-29 02:26:40 UTC",
        "files overwritten: 3, keys destroyed: 1",
    ]
    adapters = [
        AdapterView(
            "ad3",
            at("2026-03-29", "03:30"),
            "active",
            "Promoted: your later words are less surprising with it, and general text is no worse.",
            "2026-03-02",
            "2026-03-22",
            6_412,
            {
                "base": 3.12,
                "previous": 2.94,
                "new": 2.71,
                "gain_low": 0.28,
                "gain_high": 0.53,
                "general_change": 0.003,
            },
            curve,
            receipt,
            True,
            "simulated",
        ),
        AdapterView(
            "ad2",
            at("2026-03-15", "03:31"),
            "previous",
            "Kept so that you can go back to it.",
            "2026-03-02",
            "2026-03-08",
            2_380,
            {"base": 3.15, "new": 2.97, "gain_low": 0.09, "gain_high": 0.27, "general_change": 0.001},
            [(s, v + 0.3) for s, v in curve[:18]],
            receipt,
            True,
            "simulated",
        ),
        AdapterView(
            "ad1",
            at("2026-03-08", "03:30"),
            "rejected",
            "Not promoted: the gain over the base is not certain (its "
            "interval reaches below zero), so the base model stayed.",
            "2026-03-02",
            "2026-03-05",
            610,
            {"base": 3.10, "new": 3.08, "gain_low": -0.06, "gain_high": 0.10, "general_change": 0.002},
            [],
            [],
            False,
            "simulated",
        ),
    ]
    night = NightView(
        at(last_day, "03:00"),
        [
            ("close_day", "done", "30 March closed: 1,204 records."),
            ("annotate", "done", "3 places named, 12 tones kept."),
            ("consolidate", "done", "2 facts confirmed, 1 faded: the diet."),
            ("curate", "done", "118 new own messages."),
            ("train", "skipped", "Not due: the next round is on 12 April or after 1,000 more own words."),
            ("evaluate", "waiting", "Nothing to judge."),
            ("promote", "waiting", "The adapter in use stays."),
        ],
    )
    return TrainingView(
        "Not due yet: 388 of 1,000 new own words since the last round.",
        "A workshop runs on this machine, in a process of its own; its attestation is simulated.",
        True,
        adapters,
        night,
    )


def demo_health(last_day: str, down: bool) -> HealthView:
    """Two nodes, eight sources, a few refused rows."""
    names = [
        ("whatsapp", "WhatsApp chat", 1_842),
        ("glasses", "Smart glasses", 1_233),
        ("omi", "Omi transcripts", 402),
        ("last_fm", "Last.fm", 511),
        ("oura_sleep", "Oura sleep", 58),
        ("activitywatch", "ActivityWatch", 5_120),
        ("owntracks", "OwnTracks", 3_004),
        ("home_assistant", "Home Assistant", 2_210),
    ]
    sources = [
        SourceHealth(
            name,
            title,
            count,
            at(last_day, "21:40"),
            f"{last_day}T21:40+01:00",
            2 if name == "last_fm" else 0,
            name == "omi",
        )
        for name, title, count in names
    ]
    nodes = [
        NodeHealth(
            "Data node",
            "ready",
            at(last_day, "08:00"),
            "Takes records in and answers.",
            [("memory", "212 MB"), ("threads", "14")],
        ),
        NodeHealth(
            "Compute node",
            "down" if down else "ready",
            at(last_day, "21:14"),
            "Away; it is started again every minute." if down else "Last completion 12 s ago.",
            [("model", "SmolLM2-135M"), ("adapter", "ad3"), ("speed", "44 tokens/s")],
        ),
    ]
    return HealthView(
        nodes,
        sources,
        [
            ("journal", "12.3 MB, 14,380 records"),
            ("index", "9.8 MB"),
            ("life stream", "4.1 MB"),
            ("adapters", "8.8 MB"),
        ],
        "Verified today at 03:00: 14,380 records, chain whole.",
        [
            ("last_fm", "scrobbles.csv, line 88", "the time lies in the future"),
            ("last_fm", "scrobbles.csv, line 412", "no artist"),
        ],
        [(f"{last_day}T02:11:04+01:00", "training job", "http://127.0.0.1:8471", "1.2 MB, sealed training data")],
        MemoryAuditView(
            f"{last_day} 03:02",
            "Of 14,380 things in memory 0.2 % rest on nothing that lives. That is sound.",
            [("can be found", "14,120 texts"), ("facts", "41"), ("preferences", "219"), ("from the AI itself", "0")],
            True,
        ),
    )


def demo_safety(scenario: str, canary: str) -> SafetyView:
    """A vault that is well kept; a new one that is not (``empty``); one in trouble (``alarm``)."""
    if scenario == "empty":
        ways = [
            VaultWay("passphrase", True),
            VaultWay("key-file", False),
            VaultWay("paper", False),
            VaultWay("tpm", False),
        ]
        room = DiskHealth("roomy", "96 GB of 256 GB free", "")
        return SafetyView([], None, [], ways, room, Verification("", False, ""), [])
    trouble = scenario == "alarm"
    return SafetyView(
        [
            BackupHealth(
                f"{canary}Disk in the study", "today, 03:40", 312, "", "older backups can be erased from here"
            ),
            BackupHealth(
                "s3://mira-backups/hearthside/home-vault-2026",
                "5 days ago" if trouble else "today, 03:44",
                14_380 if trouble else 0,
                "The provider refused the key (403). Nothing was lost; check the access key and back up again."
                if trouble
                else "",
                "older backups cannot be erased from here",
            ),
        ],
        ProvenRestore(
            "19 days ago" if trouble else "2 days ago",
            not trouble,
            "14,380 records and 212 media files from “Disk in the study”; chain head and every hash equal.",
        ),
        [
            HeldHead("Compute node", 14_380, "4 min ago"),
            HeldHead(
                "Disk in the study",
                15_002 if trouble else 14_068,
                "today, 03:40",
                "It knows 622 records more than this journal: the vault was set back to an earlier state."
                if trouble
                else "",
            ),
        ],
        [
            VaultWay("passphrase", True),
            VaultWay("key-file", True, "~/.config/hearthside/key"),
            VaultWay("paper", not trouble, "" if trouble else "made 3 March 2026"),
            VaultWay("tpm", False, "there is none in this machine"),
        ],
        DiskHealth(
            "full", "0.9 GB of 256 GB free", "Nothing new is taken in; free some space and it goes on by itself."
        )
        if trouble
        else DiskHealth("roomy", "41 GB of 256 GB free", "Enough for about 30 years at the rate of this month."),
        Verification("today, 03:00", not trouble, "Record 9,214 in journal/2026-00.db does not match the chain.")
        if trouble
        else Verification("today, 03:00", True, "14,380 records, 212 media files and 88 keys; all match."),
        [Lingering("Disk in the study", "12 April 2026"), Lingering("s3://mira-backups", "30 April 2026")],
    )
