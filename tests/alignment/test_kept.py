"""What is kept in memory of the life stream is never shown for something else, nor after it was forgotten."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import apsw
import pytest

from hearthside.alignment import store
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event
from tests.alignment.lives import KEY, START, Vault, event, open_vault

NEW_KEY = b"\5" * 32


def _stay(day: int, hour: int = 8) -> list[Event]:
    begin = START + day * DAY_MS + hour * HOUR_MS
    return [event("position", begin + n * 10 * MINUTE_MS, lat=52.0, lon=4.3, accuracy_m=10) for n in range(60)]


def _another(vault: Vault) -> LifeStream:
    """The same life stream as another process opens it."""
    return LifeStream(vault.folder, KEY, vault.journal, lambda: vault.zones[-1])


def _said(stream: LifeStream) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in stream.occurrences()]


def test_an_update_that_fails_and_is_done_again_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = open_vault(tmp_path)
    vault.take(event("message", START, text="before"))
    vault.journal.append([event("message", START + HOUR_MS, text="two"), event("listen", START + DAY_MS, text="song")])
    real = store.remember

    def full(connection: apsw.Connection, name: str, value: str) -> None:
        if name == "seq":
            raise apsw.FullError("no room")
        real(connection, name, value)

    monkeypatch.setattr("hearthside.alignment.updating.remember", full)
    with pytest.raises(apsw.FullError):
        vault.stream.update()
    monkeypatch.setattr("hearthside.alignment.updating.remember", real)
    vault.take(event("message", START + 2 * HOUR_MS, text="three"))
    texts = [("message", "before"), ("message", "two"), ("message", "three"), ("listen", "song")]
    assert _said(vault.stream) == _said(_another(vault)) == texts
    vault.journal.close()


def test_under_new_keys_of_another_process_everything_is_read_anew(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    for record in (event("message", START, text="hello"), event("listen", START + 40 * DAY_MS, text="song")):
        vault.take(record)
    before = _said(vault.stream)
    _another(vault).move_to(NEW_KEY)  # streams get other numbers there
    vault.stream.use_key(NEW_KEY)
    assert _said(vault.stream) == before == [("message", "hello"), ("listen", "song")]
    vault.journal.close()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_places_of_what_was_forgotten_are_gone_after_a_rebuild(tmp_path: Path, elsewhere: bool) -> None:
    vault = open_vault(tmp_path)
    rows = _stay(0) + _stay(1)
    vault.take(*rows)
    assert vault.stream.visits() and vault.stream.places()
    vault.journal.forget([row.id for row in rows])
    (_another(vault) if elsewhere else vault.stream).rebuild()
    assert vault.stream.visits() == [] and vault.stream.places() == []
    vault.journal.close()


def test_whereabouts_of_an_older_offset_are_not_kept_for_the_new_one(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    vault.take(*(row for day in range(4) for row in _stay(day, hour=20)))
    connection = vault.stream._connection()
    older = vault.stream.track()  # a page reads the offset, and has to wait
    vault.zones.append(ZoneInfo("Asia/Tokyo"))
    vault.stream.update()
    vault.stream._where.places(connection, older)
    assert vault.stream.places() == _another(vault).places()
    assert vault.stream.episodes() == _another(vault).episodes()
    vault.journal.close()
