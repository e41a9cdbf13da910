"""What is known about the person: preferences, facts and moods at a moment, what helped, and the audit of all of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from hearthside.alignment.stream import LifeStream
from hearthside.errors import Refused
from hearthside.events import DAY_MS, MINUTE_MS, day_number
from hearthside.journal import Journal
from hearthside.journal.decisions import KIND as SETTING
from hearthside.memory.audit import AuditReport, MemoryAudit, audit, audit_memory
from hearthside.memory.decisions import (
    MemoryDecision,
    Verdict,
    apply_to_facts,
    apply_to_preferences,
    decide_fact,
    decide_preference,
    decisions,
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
from hearthside.memory.preferences import gleaning as preferences_gleaner
from hearthside.memory.preferences.listing import preferences_at
from hearthside.memory.preferences.preference import Preference
from hearthside.memory.preferences.tally import Tally, tallies_of
from hearthside.memory.preferences.whereabouts import counted_meals, counted_visits

_Value = TypeVar("_Value")
_RESTS_ON = (SETTING, ANNOTATION)  # besides the life stream
_SAME_MOMENT = 8  # records of one kind that may begin in the same millisecond
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

    Safe to use from many threads. What was read is kept until the life stream or the journal changes.

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
        self._kept: dict[str, tuple[object, Any]] = {}
        self._keeping = threading.Lock()

    def update(
        self, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Read what changed in the life stream; returns how many chunks. Every answer does this by itself."""
        return self.gleanings.update(progress, stop)

    def rebuild(self) -> int:
        """Forget everything derived and read the life stream again; decisions of the person are in the journal."""
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
        found: list[Fact] = self._cached(f"facts {day}", lambda: self._facts(day))
        return apply_to_facts(found, self._decisions())

    def moods(self, first_day: str | None = None, last_day: str | None = None) -> Moods:
        """Moods of the local days from the first to the last, ISO, both included; of the whole life by default."""
        found = self._mood_days()
        first, last = first_day or "", last_day or "9999"
        low = [one for one in low_stretches(found) if one.last_day >= first and one.first_day <= last]
        return Moods([day for day in found if first <= day.day <= last], low)

    def helped(self) -> list[Helped]:
        """What low days with a better day after them had in common; see `moods.helped`."""
        return list(self._cached("helped", self._helped))

    def audit(self, index: Index) -> AuditReport:
        """How sound the memory is: the index and everything that is known; see `AuditReport`."""
        return audit(self._journal, index, self.audit_memory())

    def audit_memory(self) -> MemoryAudit:
        """The same of facts and preferences alone."""
        return audit_memory(self._journal, self.facts(), self.preferences())

    # -- the person's word -------------------------------------------------------------------------------------------

    def decide(self, item: str, verdict: Verdict, value: str = "") -> None:
        """Correct, forget, pin or undo one fact or preference by its id; journalled.

        Raises:
            Refused: there is no such item, or the correction is empty.
        """
        fact = next((fact for fact in self.facts() if fact.id == item), None)
        if fact is not None:
            decide_fact(self._journal, fact, verdict, self._clock(), value)
            return
        preference = next((p for p in self.preferences() if p.id == item), None)
        if preference is not None:
            decide_preference(self._journal, preference, verdict, self._clock())
            return
        known = self._decisions().get(item)
        if known is None or verdict is not Verdict.UNDO:
            raise Refused("memory-item-unknown", "Nothing with this name is remembered; nothing was changed.")
        self._undo(known)

    def _undo(self, known: MemoryDecision) -> None:
        """Take back a decision about something that is not shown because of it."""
        stated = Fact(
            known.item, known.topic, known.subject, known.predicate, known.value, "", "", "", (known.id,), 1.0, "person"
        )
        decide_fact(self._journal, stated, Verdict.UNDO, self._clock())

    def decided(self) -> list[MemoryDecision]:
        """Decisions in force, so that what is hidden can be shown and undone."""
        return list(self._decisions().values())

    # -- how it is found ---------------------------------------------------------------------------------------------

    def tallies(self) -> dict[str, Tally]:
        """What was counted, by kind of preference."""
        return dict(self._cached("tallies", lambda: tallies_of(self._counted())))

    def _counted(self) -> Iterator[Row]:
        yield from self.gleanings.rows(preferences_gleaner.NAME)
        yield from counted_visits(self._stream)
        yield from counted_meals(self._stream)
        for predicate, value, _, _, _, day, start_ms, identity, speaker in self._statements():
            if predicate == _LIKING and not speaker:
                yield ["said", value, day_number(day), 1.0, start_ms, identity]

    def _statements(self) -> list[Row]:
        return list(self._cached("statements", lambda: list(self.gleanings.rows(statements_gleaner.NAME))))

    def _preferences(self, day: int) -> list[Preference]:
        return list(self._cached(f"preferences {day}", lambda: preferences_at(self.tallies().values(), day)))

    def _facts(self, day: int) -> list[Fact]:
        present = int(day) * DAY_MS - self._offset_ms(day * DAY_MS)
        ground = Ground(self._stream, self._journal, self.tallies(), self._statements(), day, present)
        found = [fact for name in extractor_names() for fact in load_extractor(name).extract(ground)]
        return merged(living(found, self._journal))

    def _mood_days(self) -> list[MoodDay]:
        return list(self._cached("moods", lambda: mood_days(self.gleanings.rows(moods_gleaner.NAME))))

    def _helped(self) -> list[Helped]:
        days = self._mood_days()
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

    def _cached(self, name: str, make: Callable[[], _Value]) -> _Value:
        """What was made last under a name, while nothing changed that it may rest on."""
        self.gleanings.update()
        state = (self._stream.version(), *(self._last(kind) for kind in _RESTS_ON))
        known = self._kept.get(name)
        if known is None or known[0] != state:
            made = make()
            with self._keeping:
                self._kept = {n: held for n, held in self._kept.items() if held[0] == state}
                self._kept[name] = (state, made)
            return made
        return cast(_Value, known[1])

    def _last(self, kind: str) -> int:
        """Position of the newest record of a kind: talking with the companion writes records too, of other kinds."""
        newest = self._journal.read(kinds=[kind], newest_first=True, limit=_SAME_MOMENT)
        return max((item.seq for item in newest), default=0)
