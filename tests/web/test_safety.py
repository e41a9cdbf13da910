"""The safety card: what is missing is said first, and no word is green without a proof."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hearthside.web.house import BackupHealth, HeldHead, ProvenRestore, SafetyView, VaultWay, Verification
from hearthside.web.safety import DISK_WORDS, WAY_WORDS, safety_body
from tests.web.demo_views import demo_safety

KEPT = demo_safety("full", "")


def shown(view: SafetyView) -> str:
    return str(safety_body(view))


def green(view: SafetyView) -> list[str]:
    """The words on green ground."""
    return re.findall(r'class="badge good">([^<]+)<', shown(view))


def badges(view: SafetyView, kind: str) -> list[str]:
    return re.findall(rf'class="badge {kind}">([^<]+)<', shown(view))


def test_a_well_kept_vault_is_green_where_something_was_proven() -> None:
    assert green(KEPT) == ["proven", "whole", "enough room"]
    assert 'class="hint"' not in shown(KEPT)


def test_nothing_about_backups_is_green_without_a_proven_restore() -> None:
    for proven in (None, ProvenRestore("3 weeks ago", False, "All equal.")):
        assert green(replace(KEPT, proven=proven)) == ["whole", "enough room"]
    assert "Never" in shown(replace(KEPT, proven=None))


def test_a_verification_that_never_was_or_found_damage_is_not_green() -> None:
    assert "whole" not in green(replace(KEPT, verification=Verification("", False, "")))
    damaged = replace(KEPT, verification=Verification("today", False, "Record 9 does not match."))
    assert badges(damaged, "bad") == ["damage found"] and "Record 9 does not match." in shown(damaged)


def test_a_missing_backup_and_a_missing_paper_key_are_said_prominently() -> None:
    hint = shown(demo_safety("empty", "")).partition('class="safety"')[0]
    assert "Not safe from a lost disk." in hint and "Not safe from a lost key." in hint
    without_paper = [replace(way, made=way.kind != "paper") for way in KEPT.ways]
    hint = shown(replace(KEPT, ways=without_paper)).partition('class="safety"')[0]
    assert "lost key" in hint and "lost disk" not in hint
    assert "lost key" in shown(replace(KEPT, ways=[VaultWay("passphrase", True)]))


@pytest.mark.parametrize(
    ("backup", "sign"),
    [
        (BackupHealth("Disk", "today", 0), "written"),
        (BackupHealth("Disk", "today", 3), "behind"),
        (BackupHealth("Disk", "", 3), "empty"),
        (BackupHealth("Disk", "today", 0, "It is not mounted."), "does not work"),
    ],
)
def test_each_backup_says_how_it_stands(backup: BackupHealth, sign: str) -> None:
    said = shown(replace(KEPT, backups=[backup]))
    assert f">{sign}</span>" in said and backup.problem in said
    assert ("3 records are not in it yet" in said) == (backup.behind == 3)


def test_a_head_that_knows_more_than_the_journal_is_told() -> None:
    rolled = [HeldHead("Phone", 900, "today", "It knows 5 records more than this journal.")]
    assert badges(replace(KEPT, heads=rolled), "bad") == ["does not agree"]
    assert "not be noticed" in shown(replace(KEPT, heads=[]))


def test_what_can_still_open_the_forgotten_is_told_with_its_end() -> None:
    assert "until 12 April 2026" in shown(KEPT) and "Forgotten" not in shown(replace(KEPT, lingering=[]))


def test_all_kinds_and_states_have_words_and_hostile_ones_stay_words() -> None:
    assert set(WAY_WORDS) == {way.kind for way in KEPT.ways}
    assert set(DISK_WORDS) == {"roomy", "low", "full"}
    hostile = replace(KEPT, backups=[BackupHealth("<script>1</script>", "<b>", 1, "<i>", "<u>")])
    assert "<script" not in shown(hostile) and "<i>" not in shown(hostile) and "<u>" not in shown(hostile)
