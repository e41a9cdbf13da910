"""How safe the life is, for the health page: copies, proofs, ways in, room."""

from __future__ import annotations

from pathlib import Path

from hearthside.app.rooms import Rooms
from hearthside.app.safekeeping import DRILL, VERIFICATION, Safekeeper, verified_in_words
from hearthside.errors import HearthsideError
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, local_datetime
from hearthside.identity.ways.key_file import key_file_warning
from hearthside.journal.backup.status import TargetStatus
from hearthside.journal.disk import DiskLevel
from hearthside.web.house import (
    BackupHealth,
    DiskHealth,
    HeldHead,
    Lingering,
    ProvenRestore,
    SafetyView,
    VaultWay,
    Verification,
)

_KINDS = {"passphrase": "passphrase", "key_file": "key-file", "paper": "paper", "tpm": "tpm"}
_HOW = {
    "paper": "Make it: hearthside keys paper",
    "passphrase": "Set one: hearthside keys passphrase",
    "key-file": "",
    "tpm": "Where there is one: hearthside keys tpm",
}
_STATES = {DiskLevel.OK: "roomy", DiskLevel.LOW: "full", DiskLevel.FULL: "full"}


def safety_view(rooms: Rooms, keeper: Safekeeper) -> SafetyView:
    """Everything the card shows."""
    keeper.look()
    stands = keeper.stands
    return SafetyView(
        backups=[_backup(rooms, title, stand) for title, stand in stands.items()],
        proven=_proven(rooms, keeper),
        heads=_heads(rooms, keeper),
        ways=_ways(rooms),
        disk=_disk(rooms),
        verification=verification(rooms, keeper),
        lingering=lingering(rooms, keeper),
    )


def lingering(rooms: Rooms, keeper: Safekeeper) -> list[Lingering]:
    """Where copies of destroyed keys still lie, and until when."""
    found = []
    for title, stand in keeper.stands.items():
        if not isinstance(stand, TargetStatus):
            continue
        if stand.changes_behind:  # the copy of the keyring there is from before
            found.append(Lingering(title, "the next backup there"))
        elif stand.old_keyrings:
            until = stand.old_keyrings_until_ms
            found.append(Lingering(title, _day(rooms, until) if until is not None else "somebody erases it there"))
    return found


def ago(now_ms: int, then_ms: int) -> str:
    """How long ago, in words."""
    passed = max(now_ms - then_ms, 0)
    for unit, name in ((DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute")):
        count = passed // unit
        if count:
            return f"{count:,} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def _backup(rooms: Rooms, title: str, stand: TargetStatus | str) -> BackupHealth:
    if isinstance(stand, str):
        return BackupHealth(title, "", 0, stand)
    last = ago(rooms.clock(), stand.head.at_ms) if stand.head is not None else ""
    note = "It lies on the vault's own disk: one broken disk would take both." if stand.same_disk else ""
    return BackupHealth(title, last, stand.records_behind, stand.problem, note)


def _proven(rooms: Rooms, keeper: Safekeeper) -> ProvenRestore | None:
    last = keeper.last(DRILL, lambda body: bool(body["ok"]))
    if last is None:
        return None
    now, p = rooms.clock(), last.payload
    sentence = (
        f"{p['seq']:,} records and {p['media']:,} media files from {p['place']}; all equal, in"
        f" {p['duration_ms'] / 1000:.1f} s."
    )
    newest = keeper.last(DRILL)
    if newest is not None and not newest.payload["ok"]:
        return ProvenRestore(ago(now, last.start_ms), False, f"{sentence} A later try failed.")
    fresh = now - last.start_ms <= (rooms.settings.drill_every_days + 1) * DAY_MS
    return ProvenRestore(ago(now, last.start_ms), fresh, sentence)


def _heads(rooms: Rooms, keeper: Safekeeper) -> list[HeldHead]:
    try:
        held = keeper.held()
    except HearthsideError:
        held = []
    keeper.check_heads()
    return [
        HeldHead(
            one.where, one.head.seq, ago(rooms.clock(), one.head.at_ms),
            next((line for line in keeper.rolled_back if line.startswith(one.where)), ""),
        )
        for one in held
    ]  # fmt: skip


def _ways(rooms: Rooms) -> list[VaultWay]:
    made = {_KINDS[way.kind]: way for way in rooms.vault.ways() if way.kind in _KINDS}
    found = []
    for kind, how in _HOW.items():
        way = made.get(kind)
        note = how if way is None else f"made {_day(rooms, way.made_ms)}" if way.made_ms else ""
        if kind == "key-file" and way is not None:
            note = key_file_warning(Path(rooms.settings.key_file)) or note
        found.append(VaultWay(kind, way is not None, note))
    return found


def _disk(rooms: Rooms) -> DiskHealth:
    state = rooms.disk.state()
    free = f"{state.free / 1e9:,.1f} GB free" if state.free >= 0 else "the disk does not say"
    return DiskHealth(_STATES[state.level], free, state.sentence)


def verification(rooms: Rooms, keeper: Safekeeper) -> Verification:
    """The last look at everything, in words."""
    last: Event | None = keeper.last(VERIFICATION, lambda body: body["first"] != "accepted")
    if last is None:
        return Verification("", False, "Not verified yet.")
    body = dict(last.payload)
    return Verification(
        ago(rooms.clock(), last.start_ms), bool(body["sound"]), verified_in_words(body, str(body["first"]))
    )


def _day(rooms: Rooms, ms: int) -> str:
    return local_datetime(ms, 0).strftime("%-d %B %Y")
