"""Opening a vault: a wrong key touches nothing, the invented life has its own present."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthside.app.rooms import CLOCK_SHIFT, HOME_ZONE, SELF_NAMES, LifeClock, home_zone, open_rooms
from hearthside.errors import NeedsPerson
from hearthside.identity import vault
from hearthside.identity.vault import create_vault
from hearthside.journal.decisions import decide
from hearthside.memory.hits import Filters
from tests.app.helpers import NOW_MS, house_in, settings_in
from tests.night.helpers import message


def _bytes_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def _open_and_close(folder: Path, passphrase: str | None = None) -> None:
    open_rooms(settings_in(folder), lambda: NOW_MS, passphrase).close()


def test_a_wrong_key_file_touches_nothing(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        house.rooms.journal.append([message("kept", NOW_MS)])
        house.keep_in_step()
    key = tmp_path / "key"
    right = key.read_bytes()
    create_vault(tmp_path / "other", key_file=tmp_path / "other_key")
    key.write_bytes((tmp_path / "other_key").read_bytes())
    for code in ("vault-key-wrong", "vault-key-missing"):
        before = _bytes_of(tmp_path)
        with pytest.raises(NeedsPerson) as error:
            _open_and_close(tmp_path)
        assert error.value.code == code
        assert _bytes_of(tmp_path) == before
        key.unlink(missing_ok=True)
    key.write_bytes(right)
    with house_in(tmp_path) as house:
        assert [hit.text for hit in house.search("kept", Filters(), 5)] == ["kept"]


def test_a_wrong_passphrase_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "ARGON_MEMORY_KIB", 8)
    monkeypatch.setattr(vault, "ARGON_PASSES", 1)
    _open_and_close(tmp_path, "correct horse")
    assert not (tmp_path / "key").exists()  # a vault with a passphrase needs no key file
    before = _bytes_of(tmp_path)
    for wrong, code in (("incorrect horse", "vault-key-wrong"), (None, "vault-passphrase-needed")):
        with pytest.raises(NeedsPerson) as error:
            _open_and_close(tmp_path, wrong)
        assert error.value.code == code
    assert _bytes_of(tmp_path) == before
    _open_and_close(tmp_path, "correct horse")


def test_the_clock_of_an_invented_life(tmp_path: Path) -> None:
    now = [NOW_MS]
    clock = LifeClock(lambda: now[0])
    assert clock() == NOW_MS
    assert clock.set_to(NOW_MS + 500) == 500
    now[0] += 60_000
    assert clock() == NOW_MS + 60_500  # it runs on


def test_the_present_of_the_life_is_kept(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        decide(house.rooms.journal, CLOCK_SHIFT, -3_600_000, NOW_MS)
    with house_in(tmp_path) as house:
        assert house.rooms.clock() == NOW_MS - 3_600_000
        house.rooms.journal.append([message("x", NOW_MS)])
        (stored,) = house.rooms.journal.read(kinds=["message"])
        assert stored.received_ms == NOW_MS - 3_600_000


def test_what_the_person_decided_reaches_the_sources(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        journal = house.rooms.journal
        assert home_zone(journal) is UTC
        decide(journal, HOME_ZONE, "Europe/Berlin", NOW_MS)
        decide(journal, SELF_NAMES, ["Ann Example", "ann"], NOW_MS)
        reading = house.rooms.reading()
        assert (reading.zone, reading.self_names) == (ZoneInfo("Europe/Berlin"), frozenset({"ann example", "ann"}))
        assert house.local_now() == (NOW_MS, 60)
        decide(journal, HOME_ZONE, "Mars/Olympus", NOW_MS)
        assert home_zone(journal) is UTC
