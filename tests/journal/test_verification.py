"""Verification: whatever was flipped, put back, taken out or changed is found, wherever it is."""

from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path

import pytest

from hearthside.errors import HearthsideError, NeedsPerson
from hearthside.journal import Journal, files
from hearthside.journal.heads import HeadSigner, Held, contradictions
from hearthside.journal.verification import VerifyReport, verify_closed
from tests.journal.vaults import (
    KEY,
    YEAR_MS,
    Clock,
    journal_in,
    keyring_file,
    note,
    over_years,
    year_file,
)

_PAGE = 4096
ROW = "source, kind, start_ms, end_ms, offset_min, key, sealed, commitment, chain"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed vault of three years; tests work on copies."""
    folder = tmp_path_factory.mktemp("years")
    over_years(folder)
    return folder


def _databases(folder: Path) -> list[Path]:
    return sorted((folder / "journal").glob("*.db"))


def _report(folder: Path) -> VerifyReport | None:
    """What is found when the vault is opened and looked at; None when it does not even open."""
    try:
        journal = Journal(folder, KEY, Clock())
    except HearthsideError as error:
        assert error.code in ("journal-damaged", "keyring-damaged")
        return None
    try:
        return journal.verify()
    finally:
        journal.close()


def _is_noticed(folder: Path) -> bool:
    report = _report(folder)
    return report is None or not report.sound


def _copy(vault: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(vault, to)
    return to


def test_a_vault_in_order_is_sound(vault: Path, tmp_path: Path) -> None:
    copy = _copy(vault, tmp_path / "copy")
    report = _report(copy)
    assert report is not None and report.faults == []
    assert (report.records, report.forgotten) == (120, 12)
    report = verify_closed(copy, [KEY])
    assert (report.faults, report.records, report.forgotten) == ([], 120, 12)


def test_every_flipped_bit_is_noticed(vault: Path, tmp_path: Path) -> None:
    rnd = random.Random(1)
    paths = _databases(vault)
    assert [path.name for path in paths] == ["2026-00.db", "2027-00.db", "2028-00.db", "keyring-00.db"]
    trials = [(path, rnd.randrange(path.stat().st_size), rnd.randrange(8)) for path in paths for _ in range(40)]
    # Every bit of the first bytes, which the cipher leaves in the clear.
    trials += [(path, place, rnd.randrange(8)) for path in paths for place in range(24)]
    unnoticed = []
    copy = _copy(vault, tmp_path / "copy")
    for path, place, bit in trials:
        target = copy / "journal" / path.name
        content = bytearray(path.read_bytes())
        content[place] ^= 1 << bit
        target.write_bytes(content)
        if not _is_noticed(copy):
            unnoticed.append((path.name, place, bit))
        for other in target.parent.glob(f"{path.name}*"):
            other.unlink()
        shutil.copy(path, target)
    assert unnoticed == []


def test_every_old_page_that_is_put_back_is_noticed(tmp_path: Path) -> None:
    clock, folder = Clock(), tmp_path / "vault"
    with journal_in(folder, clock) as journal:
        journal.append([note(n, "ab"[n % 2], day=n % 5) for n in range(400)])
    _copy(folder, tmp_path / "before")
    with journal_in(folder, clock) as journal:
        journal.append([note(n, "abc"[n % 3], day=n % 5) for n in range(400, 500)])
        journal.forget(note(n, "ab"[n % 2], day=n % 5).id for n in range(0, 20, 5))
        journal.append([note(n, "abc"[n % 3], day=n % 7) for n in range(500, 700)])
    tried, unnoticed = 0, []
    for path in _databases(folder):
        now, old = path.read_bytes(), (tmp_path / "before" / "journal" / path.name).read_bytes()
        for place in range(0, min(len(now), len(old)), _PAGE):
            if now[place : place + _PAGE] == old[place : place + _PAGE]:
                continue
            tried += 1
            copy = _copy(folder, tmp_path / "copy")
            mixed = now[:place] + old[place : place + _PAGE] + now[place + _PAGE :]
            (copy / "journal" / path.name).write_bytes(mixed)
            if not _is_noticed(copy):
                unnoticed.append((path.name, place // _PAGE + 1))
    assert tried > 20
    assert unnoticed == []


def test_a_whole_file_put_back_is_noticed_against_a_head_held_elsewhere(tmp_path: Path) -> None:
    clock, folder = Clock(), tmp_path / "vault"
    signer = HeadSigner("0123456789abcdef", [b"\7" * 32])
    with journal_in(folder, clock) as journal:
        journal.append([note(n) for n in range(50)])
    _copy(folder, tmp_path / "before")
    with journal_in(folder, clock) as journal:
        journal.append([note(n) for n in range(50, 80)])
        held = Held("the disk in the drawer", signer.sign(journal, clock.now_ms))
    copy = _copy(folder, tmp_path / "copy")
    shutil.copy(tmp_path / "before" / "journal" / "2026-00.db", copy / "journal" / "2026-00.db")
    with journal_in(copy, clock) as journal:
        assert journal.verify().faults == []  # an old copy of the newest file is sound in itself
        (said,) = contradictions(journal, signer, [held])
        assert "knows of 80 records, this journal has 50" in said


def test_an_old_keyring_put_back_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    with journal_in(folder) as journal:
        journal.append([note(n, day=n % 2) for n in range(50)])
    _copy(folder, tmp_path / "before")
    with journal_in(folder) as journal:
        journal.forget([note(0).id])
        journal.append([note(60, day=9)])
    copy = _copy(folder, tmp_path / "copy")
    shutil.copy(tmp_path / "before" / "journal" / "keyring-00.db", copy / "journal" / "keyring-00.db")
    report = _report(copy)
    assert report is not None
    said = {fault.what for fault in report.faults if fault.where == "keyring"}
    assert any("was destroyed and is back" in what for what in said)
    assert any("keys that records need are missing" in what for what in said)


def test_an_old_file_of_a_year_that_is_over_is_noticed(tmp_path: Path) -> None:
    clock, folder = Clock(), tmp_path / "vault"
    with journal_in(folder, clock) as journal:
        journal.append([note(n) for n in range(50)])
    _copy(folder, tmp_path / "before")
    with journal_in(folder, clock) as journal:
        journal.append([note(n) for n in range(50, 80)])
        clock.now_ms += YEAR_MS
        journal.append([note(n) for n in range(80, 90)])
    shutil.copy(tmp_path / "before" / "journal" / "2026-00.db", folder / "journal" / "2026-00.db")
    report = _report(folder)
    assert report is not None
    assert [(fault.where, report.bad_seq) for fault in report.faults] == [("2027-00.db", [81])]


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ("DELETE FROM record WHERE seq = 45", 46),
        ("DELETE FROM record WHERE seq = 41", 42),  # the first of its year
        ("DELETE FROM record WHERE seq = 80", 79),  # the last of its year
        ("DELETE FROM record WHERE seq > 75", 75),
        ("UPDATE record SET sealed = (SELECT sealed FROM record WHERE seq = 46) WHERE seq = 45", 45),
        ("UPDATE record SET sealed = zeroblob(90) WHERE seq = 45", 45),
        ("UPDATE record SET sealed = NULL WHERE seq = 45", 45),
        ("UPDATE record SET key = NULL WHERE seq = 45", 45),
        ("UPDATE record SET key = 9999 WHERE seq = 45", 45),
        ("UPDATE record SET commitment = randomblob(32) WHERE seq = 45", 45),
        ("UPDATE record SET chain = randomblob(32) WHERE seq = 60", 60),
        ("UPDATE record SET id = randomblob(16) WHERE seq = 45", 45),
        ("UPDATE record SET source = 'x' WHERE seq = 45", 45),
        ("UPDATE record SET kind = 'x' WHERE seq = 45", 45),
        ("UPDATE record SET start_ms = 1 WHERE seq = 45", 45),
        ("UPDATE record SET end_ms = 1 WHERE seq = 45", 45),
        ("UPDATE record SET offset_min = 1 WHERE seq = 45", 45),
        ("UPDATE record SET seq = seq + 1000 WHERE seq = 45", 46),
        # Two records swap places, everything but the position.
        ("UPDATE record SET seq = -seq WHERE seq IN (45, 46); UPDATE record SET seq = 91 + seq WHERE seq < 0", 45),
        (f"INSERT INTO record SELECT 500, randomblob(16), {ROW} FROM record WHERE seq = 45", 500),
        ("DELETE FROM dead_key", None),
        ("UPDATE tally SET records = records + 1", None),
        ("UPDATE meta SET value = 99 WHERE name = 'shreds'", None),
        ("DELETE FROM changed WHERE n = 3", None),
    ],
)
def test_what_somebody_with_the_keys_changes_is_noticed(
    change: str, bad: int | None, vault: Path, tmp_path: Path
) -> None:
    copy = _copy(vault, tmp_path / "copy")
    connection = year_file(copy, 1)
    connection.execute(change)
    connection.close()
    report = _report(copy)
    assert report is not None and not report.sound
    assert bad is None or bad in report.bad_seq


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM key WHERE id = (SELECT max(id) FROM key)",
        "DELETE FROM spare WHERE id = (SELECT max(id) FROM spare)",
        "UPDATE key SET key = randomblob(32) WHERE id = (SELECT max(id) FROM key)",
        "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'key'",
        "INSERT INTO media VALUES (randomblob(32), randomblob(32))",
    ],
)
def test_what_somebody_with_the_keys_changes_in_the_keyring_is_noticed(
    change: str, vault: Path, tmp_path: Path
) -> None:
    copy = _copy(vault, tmp_path / "copy")
    connection = keyring_file(copy)
    connection.execute(change)
    connection.close()
    assert _is_noticed(copy)


def test_records_cut_off_at_the_end_stop_the_writing(vault: Path, tmp_path: Path) -> None:
    copy = _copy(vault, tmp_path / "copy")
    connection = year_file(copy)
    connection.execute("DELETE FROM record WHERE seq = 120")
    connection.close()
    with journal_in(copy, Clock()) as journal:
        with pytest.raises(NeedsPerson) as error:
            journal.append([note(1, "new")])
        assert error.value.code == "journal-damaged"
        assert journal.verify().bad_seq == [119]


def test_a_vault_that_does_not_open_is_looked_at_file_by_file(vault: Path, tmp_path: Path) -> None:
    copy = _copy(vault, tmp_path / "copy")
    path = copy / "journal" / "2027-00.db"
    path.write_bytes(bytes(100) + path.read_bytes()[100:])
    with pytest.raises(NeedsPerson) as error:
        Journal(copy, KEY, Clock())
    assert error.value.code == "journal-damaged"
    assert "2027-00.db" in error.value.message
    report = verify_closed(copy, [KEY])
    assert [fault.where for fault in report.faults] == ["2027-00.db", "2028-00.db"]  # and what continues it

    keyring = copy / "journal" / "keyring-00.db"
    keyring.write_bytes(bytes(100) + keyring.read_bytes()[100:])
    with pytest.raises(NeedsPerson) as error:
        Journal(copy, KEY, Clock())
    assert error.value.code == "keyring-damaged"
    assert {fault.where for fault in verify_closed(copy, [KEY]).faults} == {"keyring", "2027-00.db", "2028-00.db"}
    keyring.unlink()
    with pytest.raises(NeedsPerson) as error:
        Journal(copy, KEY, Clock())
    assert error.value.code == "keyring-missing"
    assert files.current(copy / "journal", files.KEYRING) is None  # and none was made in its place


def test_verifying_while_others_write_forget_and_rotate_finds_nothing_wrong(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(n, day=n % 40) for n in range(2000)])
        stop, failed = threading.Event(), list[BaseException]()

        def disturb() -> None:
            n = 2000
            try:
                while not stop.is_set():
                    journal.append([note(n, day=n % 40)])
                    journal.forget([note(n - 2000, day=n % 40).id])
                    if n % 10 == 0:
                        journal.compact()
                    n += 1
            except BaseException as error:  # noqa: BLE001 - shown below
                failed.append(error)

        thread = threading.Thread(target=disturb)
        thread.start()
        faults = [fault for _ in range(4) for fault in journal.verify().faults]
        stop.set()
        thread.join()
        assert (faults, failed) == ([], [])
