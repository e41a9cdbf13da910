"""Gleanings keep in step with the life stream, read only what changed, and are the same when made anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta, timezone
from itertools import count
from pathlib import Path

import pytest

from hearthside.events import HOUR_MS, Event, Layer, Origin, Trust
from hearthside.memory.gleanings import Gleanings
from hearthside.memory.knowing import Knowing
from tests.alignment.lives import KEY
from tests.memory.known_lives import Known, at, known_life, played, said, spoken, trained

_SECOND = count(1)


def records() -> list[Event]:
    """A little of everything that is gleaned."""
    found = [said(day, "I love olives and I was so happy today", key=f"s{day}") for day in (1, 5, 30)]
    found += [said(day, "I'm allergic to nuts", by="Ida", key=f"i{day}") for day in (2, 9)]
    return [*found, *[played(day, "Nina", day) for day in range(40)], trained(4), spoken(6, "tired", "flat")]


def beat(day: int) -> Event:
    """A measurement that nothing is gleaned from."""
    return Event(
        "oura", "heart_rate", Layer.BEHAVIOURAL, at(day, next(_SECOND) * 1000), Origin.DEVICE, Trust.OWN, {"bpm": 61},
        clock="device:oura",
    )  # fmt: skip


def rows(life: Known) -> list[object]:
    return [row for name in ("preferences", "statements", "moods") for row in life.knowing.gleanings.rows(name)]


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(*records())
        assert life.knowing.update() > 40
        assert life.knowing.update() == 0
        life.take(played(12, "Bessie", 99))
        assert life.knowing.update() == 1
        assert "Bessie" in life.knowing.tallies()["artist"].names


def test_what_nobody_reads_makes_nothing_anew(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(*records())
        gleanings, tallies = life.knowing.gleanings, life.knowing.tallies()
        counts = [gleanings.changes(name) for name in ("preferences", "statements", "moods")]
        preferences, facts = life.knowing.preferences(), life.knowing.facts()
        for day in (3, 3, 7):  # twice in one chunk
            life.take(beat(day))
        assert life.knowing.update() == 0
        assert [gleanings.changes(name) for name in ("preferences", "statements", "moods")] == counts
        assert all(now is tallies[kind] for kind, now in life.knowing.tallies().items())
        assert life.knowing.preferences() == preferences
        assert {f.id for f in facts} < {f.id for f in life.knowing.facts()}  # another device, and nothing less
        assert gleanings.moved(["heart_rate"]) > gleanings.moved(["message"])
        life.take(played(12, "Bessie", 99))
        life.knowing.update()
        now = [gleanings.changes(name) for name in ("preferences", "statements", "moods")]
        assert (now[0] > counts[0], now[1:]) == (True, counts[1:])


def test_a_chunk_that_went_is_noticed_though_nothing_else_changed(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        gone = played(33, "Bessie")
        life.take(*[played(day, "Nina") for day in range(9)], gone)
        assert "Bessie" in life.knowing.tallies()["artist"].names
        life.vault.journal.forget([gone.id])
        life.vault.stream.mark_days_dirty([at(33) // 86_400_000])
        life.vault.stream.update()
        assert life.knowing.tallies()["artist"].names == ["Nina"]


def test_another_process_that_read_first_hides_no_change(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(*records())
        other = Knowing(tmp_path, KEY, life.vault.stream, life.vault.journal, lambda: life.now[0])
        assert other.tallies().keys() == life.knowing.tallies().keys()
        life.take(played(12, "Bessie", 99))
        other.update()
        assert "Bessie" in life.knowing.tallies()["artist"].names


def test_made_anew_it_is_the_same(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        for record in records():
            life.take(record)
            life.knowing.update()
        kept, before = rows(life), life.knowing.gleanings.fingerprint()
        life.knowing.rebuild()
        assert rows(life) == kept
        assert life.knowing.gleanings.fingerprint() == before
        life.vault.stream.rebuild()
        life.knowing.update()
        assert life.knowing.gleanings.fingerprint() == before


def test_what_was_forgotten_is_gone(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        gone = said(3, "My dog Rex is here", key="rex")
        life.take(*records(), gone)
        assert life.knowing.facts()
        life.vault.journal.forget([gone.id])
        life.vault.stream.mark_days_dirty([at(3) // 86_400_000])
        life.vault.stream.update()
        assert not [fact for fact in life.knowing.facts() if fact.value == "Rex"]
        assert "Rex" not in repr(rows(life))


def test_a_stop_leaves_the_rest_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearthside.memory.gleanings._COMMIT_CHUNKS", 5)
    with known_life(tmp_path) as life:
        life.take(*records())
        told: list[tuple[int, int]] = []
        assert life.knowing.update(lambda done, total: told.append((done, total)), lambda: True) == 5
        assert told[0][0] == 5
        rest = life.knowing.update()
        assert rest == told[0][1] - 5
        kept = rows(life)
        life.knowing.rebuild()
        assert rows(life) == kept


def test_another_home_zone_moves_local_days(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(played(5, "Nina", 23 * HOUR_MS))
        before = life.knowing.tallies()["artist"].day.tolist()
        life.vault.zones.append(timezone(timedelta(hours=9)))
        life.vault.stream.rebuild()
        assert life.knowing.tallies()["artist"].day.tolist() == [before[0] + 1]


def test_another_version_reads_everything_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with known_life(tmp_path) as life:
        life.take(*records())
        read = life.knowing.update()
        monkeypatch.setattr("hearthside.memory.moods.gleaning.VERSION", 99)
        again = Knowing(tmp_path, KEY, life.vault.stream, life.vault.journal, lambda: life.now[0])
        assert again.update() == read


def test_it_moves_to_another_key(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(*records())
        life.knowing.update()
        kept = rows(life)
        life.knowing.gleanings.move_to(b"\2" * 32)
        assert rows(life) == kept
        opened = Gleanings(
            tmp_path, b"\2" * 32, life.vault.stream, life.vault.journal, life.knowing.gleanings._gleaners
        )
        assert list(opened.rows("moods"))


@pytest.mark.parametrize("ask", [Knowing.facts, Knowing.preferences, Knowing.moods, Knowing.helped])
def test_an_empty_life_is_known_as_such(tmp_path: Path, ask: Callable[[Knowing], object]) -> None:
    with known_life(tmp_path) as life:
        found = ask(life.knowing)
        assert found == [] or not getattr(found, "days", [0])
        assert life.knowing.audit_memory().facts == 0
