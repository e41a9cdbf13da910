"""The keyring: keys found again, destroyed for good, shared by processes, readable from its second copy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from hearthside.errors import NeedsPerson, RetryLater
from hearthside.journal import files
from hearthside.journal.keyring import Keyring
from hearthside.journal.keys import keyring_keys
from tests.journal.vaults import KEY, journal_in, keyring_file, note

KEYS = keyring_keys([KEY])
DAY = ("a", 20_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "journal"
    made.mkdir()
    return made


@pytest.fixture
def keyring(folder: Path) -> Iterator[Keyring]:
    opened = Keyring(folder, KEYS)
    yield opened
    opened.close()


def _sealed(keyring: Keyring, day: tuple[str, int] = DAY) -> tuple[int, bytes]:
    key = keyring.current([day])[day]
    return key.id, key.cipher.encrypt(bytes(12), b"words", None)


def _opens(keyring: Keyring, key_id: int, sealed: bytes) -> bool:
    return keyring.by_id(key_id).cipher.decrypt(bytes(12), sealed, None) == b"words"


def test_one_key_for_a_source_and_day_found_again_by_everybody(folder: Path, keyring: Keyring) -> None:
    key_id, sealed = _sealed(keyring)
    other = Keyring(folder, KEYS)
    assert other.current([DAY, ("b", 1)])[DAY].id == key_id
    assert _opens(other, key_id, sealed)
    assert keyring.days() == {key_id: DAY, key_id + 1: ("b", 1)}
    assert keyring.ids() == {1, 2}
    assert keyring.last_id() == 2
    other.close()


def test_doomed_keys_are_not_used_and_destroyed_ones_are_gone(folder: Path, keyring: Keyring) -> None:
    key_id, sealed = _sealed(keyring)
    raw = keyring_file(folder.parent)
    secret: bytes = raw.execute("SELECT key FROM key").get
    assert secret in bytes(raw.serialize("main"))
    raw.close()
    keyring.doom([key_id])
    assert keyring.doomed() == [key_id]
    assert _opens(keyring, key_id, sealed)
    assert keyring.current([DAY])[DAY].id == key_id + 1
    keyring.destroy([key_id])
    assert keyring.doomed() == []
    with pytest.raises(NeedsPerson) as error:
        keyring.by_id(key_id)
    assert error.value.code == "keyring-incomplete"
    keyring.destroy([key_id + 1])
    assert keyring.current([DAY])[DAY].id == key_id + 2  # an id is never given twice
    raw = keyring_file(folder.parent)
    assert secret not in bytes(raw.serialize("main"))
    raw.close()
    assert (folder / "keyring-00.db-wal").stat().st_size < 20_000


def test_a_damaged_page_costs_no_key(folder: Path, keyring: Keyring) -> None:
    made = dict(_sealed(keyring, ("a", day)) for day in range(400))
    keyring.add_media_key(bytes(32), b"m" * 32)
    keyring.close()
    raw = keyring_file(folder.parent)
    pages = [row[0] for row in raw.execute("SELECT pageno FROM dbstat WHERE name = 'key' AND pagetype = 'leaf'")]
    raw.close()
    path = folder / "keyring-00.db"
    content = bytearray(path.read_bytes())
    content[pages[len(pages) // 2] * 4096 - 2000] ^= 1
    path.write_bytes(content)
    damaged = Keyring(folder, KEYS)
    assert damaged.check_pages() != []
    assert all(_opens(damaged, key_id, sealed) for key_id, sealed in made.items())
    assert damaged.repair_pages() is False  # some days are not known any more, every key is
    assert damaged.check_pages() == []
    repaired = Keyring(folder, KEYS)  # with nothing in memory
    assert all(_opens(repaired, key_id, sealed) for key_id, sealed in made.items())
    assert repaired.media_key(bytes(32)) == b"m" * 32
    repaired.close()
    assert damaged.current([("new", 1)])[("new", 1)].id > 10_000
    assert not path.exists()
    damaged.close()


def test_an_error_of_the_disk_keeps_no_key_that_is_not_on_it(
    folder: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError(5, "no")

    monkeypatch.setattr(files, "sync_log", fail)
    with pytest.raises(OSError, match="no"):
        keyring.current([DAY])
    monkeypatch.undo()
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_log", synced.append)
    keyring.current([DAY])
    assert synced  # the key was found again, and made durable before it was used

    def full(connection: apsw.Connection, source: str, day: int) -> None:
        raise apsw.FullError("full")

    monkeypatch.setattr(keyring, "_find_or_make", full)
    with pytest.raises(RetryLater) as error:
        keyring.current([("b", 1)])
    assert error.value.code == "keyring-write-failed"
    monkeypatch.undo()
    assert keyring.current([("b", 1)])[("b", 1)].id == 2


def test_a_snapshot_makes_the_same_keyring_elsewhere(tmp_path: Path, keyring: Keyring) -> None:
    made = dict(_sealed(keyring, ("a", day)) for day in range(5))
    keyring.add_media_key(b"x" * 32, b"m" * 32)
    keyring.doom([2])
    keyring.destroy([1, 5])
    snapshot = keyring.snapshot()
    (tmp_path / "other").mkdir()
    Keyring.restore(tmp_path / "other", KEYS[0], snapshot)
    other = Keyring(tmp_path / "other", KEYS)
    assert other.ids() == {2, 3, 4}
    assert other.doomed() == [2]
    assert all(_opens(other, key_id, made[key_id]) for key_id in other.ids())
    assert other.media_key(b"x" * 32) == b"m" * 32
    assert other.current([("a", 9)])[("a", 9)].id == 6
    assert other.check_pages() == []
    other.close()
    assert keyring.missing_from(snapshot) == ([], 0)
    raw = keyring_file(tmp_path)
    raw.execute("DELETE FROM key WHERE id = 3; DELETE FROM media")
    raw.close()
    assert keyring.missing_from(snapshot) == ([3], 1)
    assert keyring.check_pages() == []


def test_media_keys_are_kept_once_and_dropped(keyring: Keyring) -> None:
    address = os.urandom(32)
    assert keyring.media_key(address) is None
    assert keyring.add_media_key(address, b"1" * 32) == b"1" * 32
    assert keyring.add_media_key(address, b"2" * 32) == b"1" * 32
    assert keyring.media_addresses() == {address}
    keyring.drop_media_keys([address])
    assert keyring.media_key(address) is None
    assert keyring.check_pages() == []


def test_another_process_follows_when_the_file_was_replaced(folder: Path, keyring: Keyring) -> None:
    key_id, sealed = _sealed(keyring)
    other = Keyring(folder, KEYS)
    for _ in range(3):
        keyring.rewrite(KEYS)
    assert _opens(other, key_id, sealed)
    later, words = _sealed(other, ("b", 2))
    assert _opens(keyring, later, words)
    assert [path.name for path in folder.glob("*.db")] == ["keyring-03.db"]
    assert keyring.current([DAY])[DAY].id != key_id  # rewritten because of a new key: nothing is sealed under the old
    other.close()


def test_one_without_the_new_key_is_told_and_can_go_on_with_it(folder: Path, keyring: Keyring) -> None:
    key_id, _ = _sealed(keyring)
    new = Keyring(folder, KEYS)
    new.rewrite(keyring_keys([b"\2" * 32]))
    for _ in range(2):
        with pytest.raises(NeedsPerson) as error:
            keyring.ids()
        assert error.value.code == "database-key-wrong"
    assert new.ids() == {key_id}
    new.close()


def test_the_keyring_is_not_made_anew_where_records_need_it(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(1)])
    (tmp_path / "journal" / "keyring-00.db").unlink()
    with pytest.raises(NeedsPerson) as error:
        Keyring(tmp_path / "journal", KEYS)
    assert error.value.code == "keyring-missing"


def test_many_days_are_read_and_found_again(folder: Path, keyring: Keyring) -> None:
    days = [("a", day) for day in range(3000)]
    made = keyring.current(days)
    other = Keyring(folder, KEYS)
    assert [other.by_id(made[day].id).id for day in days] == [made[day].id for day in days]
    assert other.current(days).keys() == made.keys()
    other.close()


def test_the_key_of_media_names_goes_wherever_the_keys_go(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "a", [b"\1" * 32])
    assert keyring.address_key() is None
    keyring.keep_address_key(b"\7" * 32)
    keyring.add_media_key(b"\2" * 32, b"\3" * 32)
    assert keyring.media_addresses() == {b"\2" * 32}
    keyring.rewrite([b"\4" * 32])
    assert keyring.address_key() == b"\7" * 32
    Keyring.restore(tmp_path / "b", b"\5" * 32, keyring.snapshot())
    keyring.close()
    restored = Keyring(tmp_path / "b", [b"\5" * 32])
    assert (restored.address_key(), restored.media_addresses()) == (b"\7" * 32, {b"\2" * 32})
    restored.close()
