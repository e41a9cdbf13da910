"""Repair: damage is undone from the backup, what is newer stays, nothing forgotten returns, losses are said."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson
from hearthside.events import DAY_MS
from hearthside.journal import files
from hearthside.journal.backup import FolderTarget
from hearthside.journal.backup.checking import verify_target
from hearthside.journal.backup.drill import drill
from hearthside.journal.repair import RepairReport, repair
from tests.identity.vaults import bytes_of
from tests.journal.backup.lives import Life, new_life, new_target, records_of

_PAGE = 4096
_ROOT = Path(__file__).resolve().parents[2]
_TEXT = "a record of some length, so that a page holds only a few of them " * 4


@pytest.fixture
def life(tmp_path: Path) -> Life:
    life = new_life(tmp_path / "vault")
    life.add(0, 300, _TEXT)
    new_target(tmp_path / "disk", life.vault.id)
    return life


@pytest.fixture
def target(tmp_path: Path, life: Life) -> FolderTarget:
    return FolderTarget(tmp_path / "disk", life.vault.id)


def _flip(path: Path, page: int, rng: random.Random) -> None:
    """Flip a bit of a page, counted from 1."""
    content = bytearray(path.read_bytes())
    content[(page - 1) * _PAGE + rng.randrange(_PAGE)] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _pages(path: Path) -> int:
    return path.stat().st_size // _PAGE


def _year(life: Life) -> Path:
    return files.year_files(life.folder / "journal")[-1]


def _keyring(life: Life) -> Path:
    path = files.current(life.folder / "journal", files.KEYRING)
    assert path is not None
    return path


def _repaired(life: Life, *targets: FolderTarget) -> RepairReport:
    report = repair(life.vault, targets)
    life.open()
    looked = life.journal.verify()
    assert looked.faults == [] or report.lost
    return report


def test_a_sound_vault_is_left_as_it_is(life: Life, target: FolderTarget) -> None:
    life.photo(b"photo")
    life.back_up(target)
    life.now_ms += 40 * DAY_MS
    life.add(300, 5)
    life.journal.close()
    before = bytes_of(life.folder / "journal")
    report = repair(life.vault, [target])
    assert (report.rebuilt, report.keyring, report.keys, report.media, report.notes) == ([], False, 0, 0, [])
    assert report.whole
    after = bytes_of(life.folder / "journal")
    assert {n: c for n, c in after.items() if n.endswith(".db")} == {
        n: c for n, c in before.items() if n.endswith(".db")
    }
    life.open()
    life.journal.close()


@pytest.mark.parametrize("seed", range(12))
def test_any_bad_pages_of_a_year_come_back(life: Life, target: FolderTarget, seed: int) -> None:
    ids = [item.id for item in life.journal.since(0)]
    life.back_up(target)
    life.journal.forget(ids[25:28])  # since the backup: the vault's own rows know better
    life.back_up(target)
    before, head = records_of(life.journal), life.journal.head()
    life.journal.close()
    path, rng = _year(life), random.Random(seed)
    pages = [1] if seed == 0 else rng.sample(range(1, _pages(path) + 1), 1 + seed % 4)
    for page in pages:
        _flip(path, page, rng)
    report = _repaired(life, target)
    assert report.rebuilt == ["2026-01.db"]
    assert report.whole
    assert (records_of(life.journal), life.journal.head()) == (before, head)
    assert report.kept_aside == []
    assert not path.exists()
    life.add(900, 3)
    assert life.back_up(target).complete
    assert verify_target(target, life.vault).sound
    assert drill(life.source, target, life.folder.parent, life.clock).ok
    life.journal.close()


# The first page, those of the small tables, of indexes, and one with records that the backup has.
@pytest.mark.parametrize("page", [1, *range(3, 18), 20])
def test_what_is_newer_than_the_backup_stays(life: Life, target: FolderTarget, page: int) -> None:
    life.back_up(target)
    life.add(300, 60, _TEXT)
    before, head = records_of(life.journal), life.journal.head()
    life.journal.close()
    _flip(_year(life), page, random.Random(page))
    report = _repaired(life, target)
    assert report.rebuilt
    assert report.whole
    assert (records_of(life.journal), life.journal.head()) == (before, head)
    life.journal.close()


def test_what_nobody_has_is_said_and_the_journal_goes_on(life: Life, target: FolderTarget) -> None:
    life.back_up(target)
    life.add(300, 200, _TEXT)
    before = records_of(life.journal)
    life.journal.close()
    path, rng = _year(life), random.Random(2)
    for page in range(_pages(path) // 2, _pages(path), 3):
        _flip(path, page, rng)
    report = _repaired(life, target)
    assert report.lost
    assert not report.whole
    assert min(report.lost) > 300
    assert report.kept_aside == [path.name + ".damaged"]
    assert (path.parent / report.kept_aside[0]).exists()
    assert [r for r in before if r[0] not in report.lost and r[0] <= life.journal.head().seq] == records_of(
        life.journal
    )
    assert life.journal.verify().sound
    assert report.rechained
    # Life, backup and restore go on.
    life.add(900, 3)
    assert life.back_up(target).complete
    assert drill(life.source, target, life.folder.parent, life.clock).ok
    life.journal.close()


def test_a_year_file_that_is_gone_comes_back(life: Life, target: FolderTarget) -> None:
    life.now_ms += 40 * DAY_MS
    life.add(300, 30)
    life.back_up(target)
    before, head = records_of(life.journal), life.journal.head()
    life.journal.close()
    first = files.year_files(life.folder / "journal")[0]
    files.remove_database(first)
    report = _repaired(life, target)
    assert report.rebuilt == [first.name]
    assert (records_of(life.journal), life.journal.head()) == (before, head)
    life.journal.close()


@pytest.mark.parametrize("page", [1, 2, 3, 5])
def test_a_bad_page_of_the_keyring_comes_back(life: Life, target: FolderTarget, page: int) -> None:
    life.photo(b"photo")
    life.back_up(target)
    before = records_of(life.journal)
    life.journal.close()
    _flip(_keyring(life), page, random.Random(page))
    report = _repaired(life, target)
    assert report.keyring
    assert report.whole
    assert records_of(life.journal) == before
    assert life.media.verify() == []
    life.add(900, 30)  # no id of a key is given twice
    assert life.journal.verify().sound
    life.journal.close()


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("gone", [False, True])
def test_nothing_forgotten_comes_back_with_the_keyring(
    life: Life, target: FolderTarget, both: bool, gone: bool
) -> None:
    ids = [item.id for item in life.journal.since(0)]
    secret, kept = life.photo(b"a secret photo"), life.photo(b"another")
    life.back_up(target)
    life.journal.forget(ids[45:60])
    life.media.remove([secret])
    before = records_of(life.journal)
    life.journal.close()
    if gone:  # not one page of it can be read
        _keyring(life).write_bytes(bytes(9000))
    else:
        _flip(_keyring(life), 1, random.Random(3))
    if both:
        _flip(_year(life), 1, random.Random(4))
    report = _repaired(life, target)
    assert report.keyring
    back = records_of(life.journal)
    assert [row for row in before if row[0] not in report.lost] == back
    # Five were sealed anew when their neighbours were forgotten, under keys that are younger than the backup: the
    # backup still has them under the old key, and the vault says that they were not forgotten.
    assert report.whole
    assert bytes.fromhex(secret) not in life.journal.keyring.media_addresses()
    assert b"".join(life.media.open(kept)) == b"another"
    assert len(report.kept_aside) == (1 if gone else 0)
    assert life.back_up(target).complete
    assert drill(life.source, target, life.folder.parent, life.clock).ok
    life.journal.close()


def test_where_nothing_can_be_read_it_is_as_after_a_restore(life: Life, target: FolderTarget) -> None:
    life.back_up(target)
    before = records_of(life.journal)
    life.journal.close()
    for path in (_keyring(life), _year(life)):
        path.write_bytes(bytes(9000))
    report = _repaired(life, target)
    assert records_of(life.journal) == before
    assert "forget again" in " ".join(report.notes)
    life.journal.close()


def test_media_come_back(life: Life, target: FolderTarget) -> None:
    flipped, gone, sound = (life.photo(bytes([n]) * 100_000) for n in range(3))
    life.back_up(target)
    newer = life.photo(b"newer than the backup")
    life.journal.close()
    for address in (flipped, newer):
        content = bytearray(life.media.path(address).read_bytes())
        content[20] ^= 1
        life.media.path(address).write_bytes(content)
    life.media.path(gone).unlink()
    report = _repaired(life, target)
    assert (report.media, report.media_lost, report.whole) == (2, [newer], False)
    for n, address in enumerate((flipped, gone, sound)):
        assert b"".join(life.media.open(address)) == bytes([n]) * 100_000
    life.journal.close()


def test_without_a_backup_what_can_be_read_stays(life: Life) -> None:
    before = records_of(life.journal)
    life.journal.close()
    path = _year(life)
    _flip(path, _pages(path) // 2, random.Random(5))
    report = _repaired(life)
    assert report.rebuilt
    assert [row for row in before if row[0] not in report.lost] == records_of(life.journal)
    life.journal.close()


def test_without_a_backup_a_dead_keyring_changes_nothing(life: Life) -> None:
    life.journal.close()
    _keyring(life).write_bytes(b"nothing" * 1000)
    before = bytes_of(life.folder / "journal")
    with pytest.raises(NeedsPerson) as error:
        repair(life.vault, [])
    assert error.value.code == "repair-no-keyring"
    after = bytes_of(life.folder / "journal")
    assert {n: c for n, c in after.items() if n.endswith(".db")} == {
        n: c for n, c in before.items() if n.endswith(".db")
    }


def test_without_a_backup_a_bad_first_page_costs_nothing(life: Life) -> None:
    before, head = records_of(life.journal), life.journal.head()
    life.journal.close()
    _flip(_keyring(life), 1, random.Random(6))
    _flip(_year(life), 1, random.Random(7))
    report = _repaired(life)
    assert report.whole
    assert (records_of(life.journal), life.journal.head()) == (before, head)
    assert not (life.folder / "journal" / "repairing").exists()
    life.journal.close()


def test_a_second_backup_helps_where_the_first_is_damaged(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    other = new_target(tmp_path / "other", life.vault.id)
    life.back_up(other)
    life.add(300, 1)
    life.back_up(target)
    before = records_of(life.journal)
    life.journal.close()
    for path in (tmp_path / "disk" / "segments").rglob("*-300-*.seg"):
        path.write_bytes(b"damaged")
    for path in (tmp_path / "disk" / "segments").rglob("1-*.seg"):
        path.write_bytes(b"damaged")
    _flip(_year(life), 1, random.Random(7))
    away = FolderTarget(tmp_path / "unplugged", life.vault.id)
    report = _repaired(life, away, target, other)
    assert records_of(life.journal) == [row for row in before if row[0] not in report.lost]
    assert all(seq > 300 for seq in report.lost)
    assert len(report.notes) >= 2
    life.journal.close()


def test_a_killed_repair_is_done_again(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    life.photo(b"photo" * 1000)
    life.back_up(target)
    before, head = records_of(life.journal), life.journal.head()
    life.journal.close()
    _flip(_year(life), 1, random.Random(8))
    _flip(_keyring(life), 1, random.Random(9))
    kills, die_at = 0, 1
    while True:
        arguments = [
            sys.executable, "-m", "tests.journal.repair_process", str(life.folder), str(tmp_path / "vault-key"),
            str(tmp_path / "disk"), life.vault.id, str(die_at),
        ]  # fmt: skip
        done = subprocess.run(arguments, cwd=_ROOT, capture_output=True, text=True, check=False)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        if done.returncode == 0:
            break
        kills += 1
        die_at += 3
    assert kills >= 3
    report = _repaired(life, target)
    assert report.rebuilt == []
    assert (records_of(life.journal), life.journal.head()) == (before, head)
    life.journal.close()
