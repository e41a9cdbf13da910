"""What is known about the person: preferences, facts and moods at a moment, what helped, and the audit of all of it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from hearthside.alignment.episodes import finder_names, load_finder
from hearthside.alignment.stream import LifeStream
from hearthside.errors import Refused
from hearthside.events import DAY_MS, MINUTE_MS, day_number
from hearthside.journal import Journal
from hearthside.journal.decisions import KIND as SETTING
from hearthside.memory.audit import AuditReport, MemoryAudit, audit, audit_memory
from hearthside.memory.decisions import (
    HELPED,
    MemoryDecision,
    Verdict,
    apply_to_facts,
    apply_to_preferences,
    decide_fact,
    decide_mood,
    decide_preference,
    decisions,
    take_back,
)
from hearthside.memory.facts import gleaning as statements_gleaner
from hearthside.memory.facts.annotation import KIND as ANNOTATION
from hearthside.memory.facts.extractors import Ground, extractor_names, load_extractor
from hearthside.memory.facts.fact import Fact
from hearthside.memory.facts.merging import living, merged
from hearthside.memory.gleanings import Gleaner, Gleanings, Row
from hearthside.memory.index import Index
from hearthside.memory.moods import gleaning as moods_gleaner
from hearthside.memory.moods.days import LowStretch, MoodDay, low_stretches, mood_days
from hearthside.memory.moods.doings import doings_between
from hearthside.memory.moods.helped import Helped, what_helped
from hearthside.memory.moods.last_time import LastTime, last_time
from hearthside.memory.moods.word import apply_to_helped, apply_to_low, not_low, which_low
from hearthside.memory.preferences import gleaning as preferences_gleaner
from hearthside.memory.preferences.listing import preferences_at
from hearthside.memory.preferences.preference import Preference
from hearthside.memory.preferences.tally import Tally, fingerprint, tallies_of
from hearthside.memory.preferences.whereabouts import counted_meals, counted_visits

_Value = TypeVar("_Value")
_RESTS_ON = (SETTING, ANNOTATION)  # besides the life stream
_SAME_MOMENT = 8  # records of one kind that may begin in the same millisecond
_MOST_KEPT = 160  # things made, each under its name
_LIKING = "likes"  # the predicate of statements that count as "said to like"


@dataclass(frozen=True, slots=True)
class Moods:
    """Moods over time.

    Attributes:
        days: every day on which something was felt, in order; for drawing.
        low: stretches of low days, in order.
        caution: what to say beside it.
    """

    days: list[MoodDay]
    low: list[LowStretch]
    caution: str = (
        "Read from words of feeling in what you wrote and said, in English, and from the tone of your voice where it"
        " was heard. This is weak evidence, and no judgement of your health."
    )


class Knowing:
    """All that is known about the person; derived, and made anew from the journal without any model.

    Safe to use from many threads. What was made is kept until something changes that it rests on: one
    heartbeat more makes no preference anew.

    Args:
        folder: the vault's folder; ``knowing.db`` in it holds what was gleaned.
        key: 32 bytes, `vault.key("knowing")`.
        clock: the present of the life, UTC ms.
    """

    def __init__(
        self, folder: Path, key: bytes, stream: LifeStream, journal: Journal, clock: Callable[[], int]
    ) -> None:
        self._stream, self._journal, self._clock = stream, journal, clock
        gleaners = cast(list[Gleaner], [preferences_gleaner, statements_gleaner, moods_gleaner])
        self.gleanings = Gleanings(folder, key, stream, journal, gleaners)
        self._kept: OrderedDict[str, tuple[object, Any]] = OrderedDict()
        self._keeping = threading.Lock()

    def update(
        self, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Read what changed in the life stream; returns how many chunks. Every answer does this by itself."""
        return self.gleanings.update(progress, stop)

    def rebuild(self) -> int:
        """Forget everything derived and read the life stream again; decisions of the person are in the journal."""
        with self._keeping:
            self._kept.clear()
        return self.gleanings.rebuild()

    # -- what is known -----------------------------------------------------------------------------------------------

    def preferences(self, at_ms: int | None = None, kinds: Iterable[str] | None = None) -> list[Preference]:
        """What the person turns to, by kind and strength, as known at a moment; now by default."""
        day = self._day(at_ms)
        wanted = None if kinds is None else set(kinds)
        found = [p for p in self._preferences(day) if wanted is None or p.kind in wanted]
        return apply_to_preferences(found, self._decisions())

    def facts(self, at_ms: int | None = None) -> list[Fact]:
        """Every fact that rests on a living record, as known at a moment; what ended is there with its end."""
        day = self._day(at_ms)
        return apply_to_facts(self._facts(day), self._decisions())

    def moods(self, first_day: str | None = None, last_day: str | None = None) -> Moods:
        """Moods of the local days from the first to the last, ISO, both included; of the whole life by default."""
        first, last = first_day or "", last_day or "9999"
        low = [one for one in self._low() if one.last_day >= first and one.first_day <= last]
        return Moods([day for day in self._judged_days() if first <= day.day <= last], low)

    def helped(self) -> list[Helped]:
        """What low days with a better day after them had in common; see `moods.helped`."""
        decided = self._decisions()
        word = tuple(one.id for one in decided.values() if one.of_moods)
        found: list[Helped] = self._cached("helped", self._moved_state(word), self._helped)
        return apply_to_helped(found, decided)

    def last_time_low(self) -> LastTime | None:
        """What was done the last time a low mood lifted: the answer to “what helped when I was low last time?”."""
        low = self._low()
        if not low:
            return None
        end_ms = (day_number(low[-1].last_day) + 6) * DAY_MS
        doings = doings_between(self._stream, (day_number(low[0].first_day) - 1) * DAY_MS, end_ms)
        return last_time(low, doings, self.helped())

    def undecided(self) -> tuple[list[Fact], list[Preference], list[LowStretch], list[Helped]]:
        """Everything as the records alone would have it, without the person's word: what was hidden is there."""
        day = self._day(None)
        days = self._mood_days()
        return self._facts(day), self._preferences(day), low_stretches(days), self._helped_on(days)

    def audit(self, index: Index) -> AuditReport:
        """How sound the memory is: the index and everything that is known; see `AuditReport`."""
        return audit(self._journal, index, self.audit_memory())

    def audit_memory(self) -> MemoryAudit:
        """The same of facts and preferences alone."""
        return audit_memory(self._journal, self.facts(), self.preferences())

    # -- the person's word -------------------------------------------------------------------------------------------

    def decide(self, item: str, verdict: Verdict, value: str = "") -> None:
        """Correct, forget, pin or undo one fact, preference, low stretch or thing that helped, by its id; journalled.

        Raises:
            Refused: there is no such item, or the correction is empty.
        """
        journal, now = self._journal, self._clock()
        fact = next((fact for fact in self.facts() if fact.id == item), None)
        preference = next((p for p in self.preferences() if p.id == item), None)
        which = self._mood(item)
        known = self._decisions().get(item)
        if fact is not None:
            decide_fact(journal, fact, verdict, now, value)
        elif preference is not None:
            decide_preference(journal, preference, verdict, now)
        elif which is not None:
            decide_mood(journal, item, which, verdict, now, value)
        elif known is not None and verdict is Verdict.UNDO:
            take_back(journal, known, now)  # what is not shown because of it
        else:
            raise Refused("memory-item-unknown", "Nothing with this name is remembered; nothing was changed.")

    def _mood(self, item: str) -> tuple[str, str] | None:
        """What a decision about a low stretch or about what helped names; None when the item is neither."""
        known = self._decisions().get(item)
        if known is not None and known.of_moods:
            return known.predicate, known.topic
        low = next((which_low(one) for one in self._low() if one.id == item), None)
        return low or next(((HELPED, one.name) for one in self.helped() if one.id == item), None)

    def decided(self) -> list[MemoryDecision]:
        """Decisions in force, so that what is hidden can be shown and undone."""
        return list(self._decisions().values())

    # -- how it is found ---------------------------------------------------------------------------------------------

    def tallies(self) -> dict[str, Tally]:
        """What was counted, by kind of preference."""
        return {kind: tally for kind, (tally, _) in self._marked_tallies().items()}

    def _marked_tallies(self) -> dict[str, tuple[Tally, bytes]]:
        """Each with its fingerprint."""

        def count() -> dict[str, tuple[Tally, bytes]]:
            return {kind: (tally, fingerprint(tally)) for kind, tally in tallies_of(self._counted()).items()}

        state = (*self._gleaned(preferences_gleaner.NAME, statements_gleaner.NAME), self._whereabouts()[1])
        return self._cached("tallies", state, count)

    def _counted(self) -> Iterator[Row]:
        yield from self.gleanings.rows(preferences_gleaner.NAME)
        yield from self._whereabouts()[0]
        for predicate, value, _, _, _, day, start_ms, identity, speaker in self._statements():
            if predicate == _LIKING and not speaker:
                yield ["said", value, day_number(day), 1.0, start_ms, identity]

    def _whereabouts(self) -> tuple[list[Row], bytes]:
        """Visits and meals as counted, and a hash of them and of the places."""

        def read() -> tuple[list[Row], bytes]:
            rows = [*counted_visits(self._stream), *counted_meals(self._stream)]
            return rows, hashlib.blake2b(repr((rows, self._stream.places())).encode(), digest_size=16).digest()

        rows, mark = self._cached("whereabouts", self._moved_state(), read)
        return rows, mark

    def _statements(self) -> list[Row]:
        state = self._gleaned(statements_gleaner.NAME)
        return list(self._cached("statements", state, lambda: list(self.gleanings.rows(statements_gleaner.NAME))))

    def _preferences(self, day: int) -> list[Preference]:
        found = list[Preference]()
        for kind, (tally, mark) in self._marked_tallies().items():
            found += self._cached(f"preferences {day} {kind}", (mark,), partial(preferences_at, [tally], day))
        return found

    def _facts(self, day: int) -> list[Fact]:
        present = int(day) * DAY_MS - self._offset_ms(day * DAY_MS)
        tallies, statements = self.tallies(), self._statements()
        ground = Ground(self._stream, self._journal, tallies, statements, day, present)
        counted = (*self._gleaned(preferences_gleaner.NAME, statements_gleaner.NAME), self._whereabouts()[1])
        found = list[Fact]()
        for name in extractor_names():
            extractor = load_extractor(name)
            kinds = self._reads(extractor.KINDS)
            state = (counted, self._offset_state(), *(self._last(kind) for kind in _RESTS_ON))
            state += (self.gleanings.moved(kinds),) if kinds else self._moved_state()
            found += self._cached(f"facts {day} {name}", state, partial(extractor.extract, ground))
        return merged(living(found, self._journal))

    @staticmethod
    def _reads(kinds: Iterable[str]) -> frozenset[str]:
        """The kinds, and what episodes of these kinds are found in; none: all of them."""
        kinds = frozenset(kinds)
        finders = [load_finder(kind) for kind in kinds & set(finder_names())]
        return kinds.union(*(finder.KINDS | finder.MEASURES for finder in finders))

    def _mood_days(self) -> list[MoodDay]:
        state = self._gleaned(moods_gleaner.NAME)
        return list(self._cached("moods", state, lambda: mood_days(self.gleanings.rows(moods_gleaner.NAME))))

    def _judged_days(self) -> list[MoodDay]:
        """The days as the person decided: those of a stretch that was none are not low."""
        return not_low(self._mood_days(), self._decisions())

    def _low(self) -> list[LowStretch]:
        return apply_to_low(low_stretches(self._mood_days()), self._decisions())

    def _helped(self) -> list[Helped]:
        return self._helped_on(self._judged_days())

    def _helped_on(self, days: list[MoodDay]) -> list[Helped]:
        low = [day for day in days if day.low]
        if not low:
            return []
        start_ms, end_ms = (low[0].number - 1) * DAY_MS, (low[-1].number + 6) * DAY_MS
        return what_helped(days, doings_between(self._stream, start_ms, end_ms))

    def _decisions(self) -> dict[str, MemoryDecision]:
        return decisions(self._journal)

    def _day(self, at_ms: int | None) -> int:
        """The local day after the moment, at whose beginning everything up to the moment's own day is known."""
        now = self._clock() if at_ms is None else at_ms
        return (now + self._offset_ms(now)) // DAY_MS + 1

    def _offset_ms(self, ms: int) -> int:
        return int(self._stream.track().at(np.array([ms], dtype=np.int64))[0]) * MINUTE_MS

    # -- what was made last, while nothing changed that it rests on ---------------------------------------------------

    def _gleaned(self, *names: str) -> tuple[object, ...]:
        """Changes with the rows of these gleaners, and with nothing else."""
        self.gleanings.update()
        return tuple(self.gleanings.changes(name) for name in names)

    def _moved_state(self, *more: object) -> tuple[object, ...]:
        """Changes with anything in the life stream."""
        return (*self._gleaned(moods_gleaner.NAME), self._stream.version(), self._offset_state(), *more)

    def _offset_state(self) -> bytes:
        track = self._stream.track()
        return hashlib.blake2b(track.starts_ms.tobytes() + track.offset_min.tobytes(), digest_size=8).digest()

    def _cached(self, name: str, state: tuple[object, ...], make: Callable[[], _Value]) -> _Value:
        """What was made last under a name in this state, else made anew."""
        with self._keeping:
            known = self._kept.get(name)
        if known is not None and known[0] == state:
            return cast(_Value, known[1])
        made = make()
        with self._keeping:
            self._kept[name] = (state, made)
            self._kept.move_to_end(name)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return made

    def _last(self, kind: str) -> int:
        """Position of the newest record of a kind: talking with the companion writes records too, of other kinds."""
        newest = self._journal.read(kinds=[kind], newest_first=True, limit=_SAME_MOMENT)
        return max((item.seq for item in newest), default=0)
