"""Names kept in step with a life: the same as read from scratch, whatever came, went or was corrected; and cheap."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hearthside.alignment.columns import EventColumns
from hearthside.errors import RetryLater
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Precision, Record
from hearthside.memory.asking import with_items
from hearthside.memory.asking.items import HasItems
from hearthside.memory.asking.parts import part_of
from hearthside.memory.asking.source import FactsLike, LifeSource
from hearthside.memory.questions import Names, NamesKept
from hearthside.memory.questions.names import LISTED, SORTS
from tests.alignment.lives import START, Vault, event, open_vault

_ARTISTS = ("Ann", "ANN", "Ben", "Zoë", "Zoe", "!!!", "黒猫", "The Cats")
_DAYS, _STEPS = 12, 14


def _played(at_ms: int, artist: str, key: str = "", track: str = "Song", source: str = "phone") -> Event:
    return event("listen", at_ms, text=f"{artist} – {track}", artist=artist, track=track, key=key, source=source)


def _programmed(day: int, key: str = "", *languages: str) -> Event:
    listed = [[name, 3600.0] for name in languages]
    start_ms = START + day * DAY_MS
    return event("coding_time_day", start_ms, precision=Precision.DAY, languages=listed, key=key)


def _from_scratch(life: LifeSource) -> dict[str, dict[tuple[str, ...], str]]:
    """Every record counted anew, without anything that `NamesKept` does."""
    names = Names()
    for sort, (kind, part) in SORTS.items():
        chunks = list(life.columns(kinds=[kind]))
        words = [pair for chunk in chunks for pair in zip(chunk.text, chunk.note, strict=True)]
        where = part_of(kind, part)
        assert where is not None
        names.add(sort, Counter(said for text, note in words if (said := where.of(text, note).strip())))
    for sort, kind in LISTED.items():
        ids = [raw.tobytes() for chunk in life.columns(kinds=[kind]) for raw in chunk.ids]
        assert isinstance(life, HasItems)
        names.add(sort, Counter(name for listed in life.items(ids).values() for name, _ in listed))
    return {sort: known for sort, known in names.known.items() if known}


@dataclass
class Changing:
    """A life in which something happens at random: records, corrections, forgetting, another zone, a rebuild."""

    vault: Vault
    rng: random.Random
    there: list[Event] = field(default_factory=list)
    made: list[Event] = field(default_factory=list)

    def step(self) -> None:
        """One change."""
        change = self.rng.choice([self.add, self.add, self.add, self.correct, self.forget, self.forget_days, self.turn])
        change()

    def add(self) -> None:
        """A few records."""
        self._take(*(self._record(f"k{len(self.made) + n}") for n in range(self.rng.randrange(1, 9))))

    def correct(self) -> None:
        """Another revision of a record, with other words and perhaps of another day."""
        keyed = [one for one in self.there if one.key]
        if keyed:
            key = self.rng.choice(keyed).key
            self.there = [one for one in self.there if one.key != key]
            self._take(self._record(key))

    def forget(self) -> None:
        """Some records."""
        self._gone(self.rng.sample(self.there, min(len(self.there), 3)))

    def forget_days(self) -> None:
        """All of a day, so that whole chunks go."""
        day = self.rng.randrange(_DAYS)
        self._gone([one for one in self.there if (one.start_ms - START) // DAY_MS == day])

    def turn(self) -> None:
        """Another home zone, or everything derived made anew."""
        self.vault.zones.append(ZoneInfo(self.rng.choice(["Asia/Seoul", "America/Lima"])))
        self.vault.stream.rebuild() if self.rng.random() < 0.5 else self.vault.stream.update()

    def _record(self, key: str) -> Event:
        day, artist = self.rng.randrange(_DAYS), self.rng.choice(_ARTISTS)
        match self.rng.randrange(4):
            case 0:
                return _programmed(day, key, *self.rng.sample(["Python", "Rust", "rust", "C"], 2))
            case 1:
                start_ms = START + day * DAY_MS + HOUR_MS
                return event("workout", start_ms, start_ms + HOUR_MS, text=artist, activity=artist, key=key)
            case _:
                at_ms = START + day * DAY_MS + self.rng.randrange(DAY_MS // MINUTE_MS) * MINUTE_MS
                return _played(at_ms, artist, key, self.rng.choice(["Song", "SONG", "Night"]), self.rng.choice("pq"))

    def _take(self, *records: Event) -> None:
        self.made += records
        self.there += records
        self.vault.take(*records)

    def forget_all(self) -> None:
        """Everything there ever was, former revisions too."""
        self._gone(self.made)

    def _gone(self, records: Sequence[Event]) -> None:
        ids = {one.id for one in records}
        self.there = [one for one in self.there if one.id not in ids]
        self.vault.journal.forget(ids)
        self.vault.stream.mark_days_dirty({one.start_ms // DAY_MS + away for one in records for away in (-1, 0, 1)})
        self.vault.stream.update()


@pytest.mark.parametrize("seed", range(6))
def test_kept_names_are_those_read_from_scratch(tmp_path: Path, seed: int) -> None:
    vault = open_vault(tmp_path)
    life = with_items(vault.stream, vault.journal)
    kept, changing = NamesKept(life), Changing(vault, random.Random(seed))
    for _ in range(_STEPS):
        changing.step()
        if changing.rng.random() < 0.8:  # at times several changes come between two questions
            assert kept.current().known == _from_scratch(life)
    assert kept.current().known == _from_scratch(life) == NamesKept(life).current().known
    changing.forget_all()
    assert kept.current().known == {}
    vault.journal.close()


@dataclass
class Watched:
    """A life stream that counts the chunks it opens and the lists of all chunks it gives out."""

    life: LifeSource
    opened: int = 0
    listed: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.life, name)

    def columns(self, **asked: Any) -> Iterator[EventColumns]:
        """Counted."""
        for chunk in self.life.columns(**asked):
            self.opened += 1
            yield chunk

    def facts(self, first_day: int | None = None, last_day: int | None = None) -> Sequence[FactsLike]:
        """Counted."""
        self.listed += 1
        return self.life.facts(first_day, last_day)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    opened = open_vault(tmp_path)
    opened.take(*(_played(START + day * DAY_MS, f"Artist {day}") for day in range(60)))
    yield opened
    opened.journal.close()


def _watched(vault: Vault) -> tuple[Watched, NamesKept]:
    life = Watched(vault.stream)
    kept = NamesKept(life)
    kept.current()
    life.opened = life.listed = 0
    return life, kept


def test_a_question_without_new_events_reads_nothing(vault: Vault) -> None:
    life, kept = _watched(vault)
    assert kept.current() is kept.current()
    assert (life.opened, life.listed) == (0, 0)


def test_a_question_after_new_events_reads_the_days_they_are_on(vault: Vault) -> None:
    life, kept = _watched(vault)
    before = kept.current()
    vault.take(_played(START + 20 * DAY_MS + HOUR_MS, "New"), _played(START + 50 * DAY_MS + HOUR_MS, "New"))
    assert ("new",) in kept.current().known["artist"]
    assert (life.opened, life.listed) == (2, 0)
    assert ("new",) not in before.known["artist"]  # whoever reads a question meanwhile keeps what it was given


def test_what_no_name_is_in_opens_no_chunk(vault: Vault) -> None:
    life, kept = _watched(vault)
    records: list[Record] = [event("message", START + day * DAY_MS, text="hello") for day in range(30)]
    vault.take(*records)
    assert kept.current().known["artist"]
    assert (life.opened, life.listed) == (0, 0)


def test_a_day_that_went_is_found_without_reading_the_others(vault: Vault) -> None:
    life, kept = _watched(vault)
    [gone] = [one.id for one in vault.stream.occurrences(words=["Artist 31"])]
    vault.journal.forget([gone])
    vault.stream.mark_days_dirty([(START // DAY_MS) + 31])
    vault.stream.update()
    assert ("artist", "31") not in kept.current().known["artist"]
    assert (life.opened, life.listed) == (0, 1)


def test_another_life_stream_in_its_place_is_read_anew(tmp_path: Path, vault: Vault) -> None:
    other = open_vault(tmp_path / "other")
    other.take(_played(START, "Other"))
    life, kept = _watched(vault)
    life.life = other.stream  # its versions count from the beginning
    assert list(kept.current().known["artist"].values()) == ["Other"]
    other.journal.close()


@dataclass
class Failing(Watched):
    """A life stream of which one look fails, once it has opened so many chunks."""

    fails_after: int | None = None

    def columns(self, **asked: Any) -> Iterator[EventColumns]:
        """Read until it fails."""
        for chunk in super().columns(**asked):
            if self.fails_after is not None:
                self.fails_after -= 1
                if self.fails_after < 0:
                    self.fails_after = None
                    raise RetryLater("database-busy", "Locked for a moment.")
            yield chunk


@pytest.mark.parametrize("fails_after", [0, 1])
def test_a_look_that_fails_leaves_no_forgotten_name(vault: Vault, fails_after: int) -> None:
    vault.take(*(_played(START + day * DAY_MS + HOUR_MS, f"Secret {day}") for day in (31, 32)))
    life = Failing(vault.stream)
    kept = NamesKept(life)
    assert ("secret", "31") in kept.current().known["artist"]
    gone = [one.id for day in (31, 32) for one in vault.stream.occurrences(words=[f"Secret {day}"])]
    vault.journal.forget(gone)
    vault.stream.mark_days_dirty([START // DAY_MS + day for day in (31, 32)])
    vault.stream.update()
    life.fails_after = fails_after
    with pytest.raises(RetryLater):
        kept.current()
    assert kept.current().known == NamesKept(vault.stream).current().known
    assert not {("secret", "31"), ("secret", "32")} & kept.current().known["artist"].keys()


@dataclass
class Held(Watched):
    """A life stream that holds up one thread once it has been told the version."""

    late: threading.Thread | None = None
    told: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def version(self) -> int:
        """Of the life stream at the time of the call."""
        version = self.life.version()
        if threading.current_thread() is self.late:
            self.told.set()
            self.go.wait(20)
        return version


def test_a_thread_that_comes_late_reads_nothing_again(vault: Vault) -> None:
    life = Held(vault.stream)
    kept = NamesKept(life)
    kept.current()
    vault.take(_played(START + 4 * DAY_MS + HOUR_MS, "Newer"))
    seen = list[Names]()
    life.late = threading.Thread(target=lambda: seen.append(kept.current()))
    life.late.start()
    assert life.told.wait(20)
    vault.take(_played(START + 5 * DAY_MS + HOUR_MS, "Newest"))
    newest = kept.current()
    life.opened = 0
    life.go.set()
    life.late.join()
    assert seen[0] is newest
    assert kept.current() is newest
    assert life.opened == 0


def test_of_names_as_common_the_choice_does_not_hang_on_the_order(vault: Vault) -> None:
    spellings = ("Jesus is King", "JESUS IS KING")
    for names in (spellings, spellings[::-1]):
        found = Names()
        found.add("album", Counter(dict.fromkeys(names, 3)))
        assert list(found.known["album"].values()) == ["Jesus is King"]


def test_the_commoner_spelling_wins_and_loses(vault: Vault) -> None:
    kept = NamesKept(vault.stream)
    plays = [_played(START + n * HOUR_MS, "AIR", key=f"air {n}") for n in range(3)]
    vault.take(_played(START + DAY_MS, "Air"), *plays)
    assert kept.current().known["artist"]["air",] == "AIR"
    vault.take(*(replace(one, text="Bear – Song", payload={"artist": "Bear", "track": "Song"}) for one in plays))
    assert kept.current().known["artist"]["air",] == "Air"
