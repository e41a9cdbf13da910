"""The names in a life, kept in step with it: a question costs what has changed since the question before."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hearthside.alignment.columns import EventColumns
from hearthside.events import DAY_MS
from hearthside.memory.asking.items import LISTS, HasItems
from hearthside.memory.asking.parts import part_of
from hearthside.memory.asking.source import FactsLike, LifeSource
from hearthside.memory.questions.names import LISTED, SORTS, Key, Names, key_of

_ORDER = (*LISTED, *SORTS)
_KINDS = frozenset({*LISTED.values(), *(kind for kind, _ in SORTS.values())})
_NEVER = -1
"""Before all versions of a life stream."""

_RUN_GAP_DAYS = 7
"""Days that lie no further apart are read in one go."""

_Place: TypeAlias = tuple[str, str, str, int]
"""Kind, layer and source of a stream, and the UTC day: whatever number the life stream gives it."""


def names_of(life: LifeSource) -> Names:
    """The names in a life: from the words of records, and from the lists of days where they are at hand."""
    return NamesKept(life).current()


@dataclass(frozen=True, slots=True)
class _Day:
    """What one stream says on one UTC day: how many events, and by sort their names, one for each event or thing."""

    events: int
    said: dict[str, tuple[str, ...]]


@dataclass(slots=True)
class _Spellings:
    """How often each name of a sort occurs, and which names are the same but for case and accents."""

    counts: Counter[str] = field(default_factory=Counter)
    keys: dict[str, Key] = field(default_factory=dict)
    spelt: dict[Key, set[str]] = field(default_factory=dict)

    def count(self, names: Iterable[str], step: int) -> set[Key]:
        """Count names up (1) or down (-1); which keys may be spelt otherwise now."""
        touched = set[Key]()
        for name, n in Counter(names).items():
            key = self.keys[name] if name in self.keys else self._new(name)
            touched.add(key)
            self.counts[name] += step * n
            if not self.counts[name]:
                self._gone(name, key)
        return touched

    def commonest(self, key: Key) -> str:
        """The commonest of the names of a key, as `Names.add` chooses it; "" where there is none left."""
        return max(self.spelt.get(key, ()), key=lambda name: (self.counts[name], name), default="")

    def _new(self, name: str) -> Key:
        key = self.keys[name] = key_of(name)
        self.spelt.setdefault(key, set()).add(name)
        return key

    def _gone(self, name: str, key: Key) -> None:
        """No record says it any more: no trace of it stays here."""
        del self.counts[name], self.keys[name]
        self.spelt[key].discard(name)
        if not self.spelt[key]:
            del self.spelt[key]


class NamesKept:
    """The names in a life. Safe to use from many threads.

    Only chunks of the life stream that changed since the last look are read again; what they said before is taken out.
    A look that fails leaves nothing behind: half an update could keep what was forgotten, so the next one reads it all.
    """

    def __init__(self, life: LifeSource) -> None:
        self._life = life
        self._updating = threading.Lock()
        self._empty()

    def current(self) -> Names:
        """The names there are now; never changed afterwards."""
        version, names = self._given
        if self._life.version() == version:
            return names
        with self._updating:
            version = self._life.version()  # while this thread waited, another may have read what is newer
            if version != self._given[0]:
                try:
                    self._update(version)
                except BaseException:
                    self._empty()
                    raise
            return self._given[1]

    def _empty(self) -> None:
        self._days: dict[_Place, _Day] = {}
        self._spellings = {sort: _Spellings() for sort in _ORDER}
        self._given = (_NEVER, Names())  # in one: who takes no lock sees the names of that very version

    def _update(self, version: int) -> None:
        touched: dict[str, set[Key]] = {}
        since = self._given[0]
        if version < since:  # another life stream has taken its place, and counts anew
            self._take_out(list(self._days), touched)
            since = _NEVER
        self._read(self._places(self._life.changed_since(since)), touched)
        if not self._complete():
            self._mend(touched)
        self._given = version, self._spelt_anew(touched)

    def _places(self, facts: Iterable[FactsLike]) -> dict[_Place, int]:
        """Places of chunks with names, and their events."""
        streams = self._life.streams()
        found: dict[_Place, int] = {}
        for fact in facts:
            one = streams.get(fact.stream)
            if one is not None and not one.series and one.kind in _KINDS:
                found[one.kind, one.layer, one.source, fact.day] = fact.events
        return found

    def _complete(self) -> bool:
        """Whether what is kept has as many events as the life stream: a chunk that went is in no list of changes."""
        kept = Counter[tuple[str, str]]()
        for (kind, _, source, _), day in self._days.items():
            kept[source, kind] += day.events
        there = {place: n for place, n in self._life.counts().items() if place[1] in _KINDS and n}
        return {place: n for place, n in kept.items() if n} == there

    def _mend(self, touched: dict[str, set[Key]]) -> None:
        """Take out the chunks that went, after looking through the list of all that are there."""
        there = self._places(self._life.facts())
        self._take_out([place for place in self._days if place not in there], touched)
        wrong = [place for place, events in there.items() if events != self._events(place)]
        self._read(dict.fromkeys(wrong, 0), touched)

    def _events(self, place: _Place) -> int:
        return self._days[place].events if place in self._days else 0

    # -- reading -----------------------------------------------------------------------------------------------------

    def _read(self, places: Iterable[_Place], touched: dict[str, set[Key]]) -> None:
        """Read chunks, in place of what was read of them before."""
        wanted = set(places)
        self._take_out([place for place in wanted if place in self._days], touched)
        for kind in sorted({place[0] for place in wanted}):
            for first, last in _runs(sorted({place[3] for place in wanted if place[0] == kind})):
                for columns in self._life.columns(kinds=[kind], start_ms=first * DAY_MS, end_ms=(last + 1) * DAY_MS):
                    day = int(columns.start_ms[0]) // DAY_MS
                    place = (kind, str(columns.layer), columns.source, day)
                    if place in wanted and place not in self._days:
                        self._take_in(place, self._said(columns), touched)

    def _take_in(self, place: _Place, day: _Day, touched: dict[str, set[Key]]) -> None:
        self._days[place] = day
        for sort, names in day.said.items():
            touched.setdefault(sort, set()).update(self._spellings[sort].count(names, 1))

    def _take_out(self, places: Iterable[_Place], touched: dict[str, set[Key]]) -> None:
        for place in places:
            for sort, names in self._days.pop(place).said.items():
                touched.setdefault(sort, set()).update(self._spellings[sort].count(names, -1))

    def _said(self, columns: EventColumns) -> _Day:
        said = {sort: tuple(_parts(columns, part)) for sort, (kind, part) in SORTS.items() if kind == columns.kind}
        if columns.kind in LISTS and isinstance(self._life, HasItems):
            lists = self._life.items(raw.tobytes() for raw in columns.ids).values()
            names = tuple(name for one in lists for name, _ in one)
            said |= {sort: names for sort, kind in LISTED.items() if kind == columns.kind}
        return _Day(len(columns), {sort: names for sort, names in said.items() if names})

    # -- what is said of it --------------------------------------------------------------------------------------------

    def _spelt_anew(self, touched: dict[str, set[Key]]) -> Names:
        """The names with those that were touched spelt as is commonest now; what was given out stays as it was."""
        known = dict(self._given[1].known)
        for sort, keys in touched.items():
            mine = dict(known.get(sort, {}))
            for key in keys:
                spelt = self._spellings[sort].commonest(key) if key else ""
                if spelt:
                    mine[key] = spelt
                else:
                    mine.pop(key, None)
            known[sort] = mine
        return Names({sort: known[sort] for sort in _ORDER if known.get(sort)})


def _parts(columns: EventColumns, name: str) -> Iterator[str]:
    part = part_of(columns.kind, name)
    for text, note in zip(columns.text, columns.note, strict=True):
        said = part.of(text, note).strip() if part is not None else ""
        if said:
            yield sys.intern(said)  # most are said many times


def _runs(days: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of days that lie near one another."""
    found = list[tuple[int, int]]()
    for day in days:
        if found and day - found[-1][1] <= _RUN_GAP_DAYS:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
