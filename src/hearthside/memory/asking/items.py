"""Days that list several things, such as the seconds of each kind of computer use: one row for each thing on the list.

A life stream keeps of such a day the total. What is on the list lies in the journal, from which it is read when a query
names ``item``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from hearthside.alignment.occurrence import folded
from hearthside.errors import Refused
from hearthside.events import Event, Json
from hearthside.journal import Journal
from hearthside.memory.asking.query import Is
from hearthside.memory.asking.query import Test as Condition
from hearthside.memory.asking.rows import Rows, Words
from hearthside.memory.asking.source import Bools, LifeSource

ITEM = "item"
LISTS = {"app_time_day": "items", "coding_time_day": "languages"}
"""Kinds of days that list things, and the field of the payload: pairs of a name and seconds."""

Items = tuple[tuple[str, float], ...]


@runtime_checkable
class HasItems(Protocol):
    """A life stream that can say what is on the list of a day."""

    def items(self, ids: Iterable[bytes]) -> Mapping[bytes, Items]:
        """Names and seconds, by journal id."""
        ...


@dataclass(slots=True)
class _WithItems:
    """A life stream together with its journal."""

    life: LifeSource
    journal: Journal
    known: dict[bytes, Items]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.life, name)

    def items(self, ids: Iterable[bytes]) -> Mapping[bytes, Items]:
        """Names and seconds, by journal id."""
        wanted = list(ids)
        for identity, stored in self.journal.get([one for one in wanted if one not in self.known]).items():
            if isinstance(stored.record, Event):
                self.known[identity] = _listed(stored.record)
        return {identity: self.known[identity] for identity in wanted if identity in self.known}


def with_items(life: LifeSource, journal: Journal) -> LifeSource:
    """The life stream, able to answer queries about what the days of a kind list."""
    return cast(LifeSource, _WithItems(life, journal, {}))


def _listed(event: Event) -> Items:
    found: Json = event.payload.get(LISTS.get(event.kind, ""), [])
    pairs = found if isinstance(found, list) else []
    return tuple((str(pair[0]), float(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2)


def itemised(life: LifeSource, rows: Rows, tests: Iterable[Condition], named: bool) -> Rows:
    """Rows of days as rows of what they list, with the seconds of each as its amount.

    Where a day is told at two levels of detail, only one level counts: the one with the day's total, unless a condition
    names something that only the other level has.

    Args:
        tests: the conditions on ``item``.
        named: whether the names are needed in `Rows.words`.

    Raises:
        Refused: ``query-not-possible``: this life stream was opened without its journal.
    """
    if not isinstance(life, HasItems):
        raise Refused(
            "query-not-possible", "What a day lists is not at hand here; only its total is. Nothing was asked."
        )
    ids = [raw.tobytes() for raw in rows.ids]
    lists = life.items(ids)
    pairs = [(i, name, seconds) for i, one in enumerate(ids) for name, seconds in lists.get(one, ())]
    names = tuple(dict.fromkeys(name for _, name, _ in pairs))
    codes = {name: code for code, name in enumerate(names)}
    code = np.array([codes[name] for _, name, _ in pairs], dtype=np.int64)
    row = np.array([i for i, _, _ in pairs], dtype=np.int64)
    amount = np.array([seconds for _, _, seconds in pairs], dtype=np.float64)
    total = ~np.isnan(rows.amount[row])
    kept = np.ones(len(row), dtype=np.bool_)
    for test in tests:
        kept &= _holds(names, test)[code]
    if (kept & total).any() or not kept.any():
        kept &= total
    found = replace(rows, words={}).take(row[kept])
    words = {ITEM: Words(code[kept], names)} if named else {}
    return replace(found, amount=amount[kept], words=words)


def _holds(names: tuple[str, ...], test: Condition) -> Bools:
    wanted = folded(str(test.value))
    holding = test.compare in {Is.HOLDS, Is.HOLDS_NOT}
    found = np.array([wanted in folded(name) if holding else wanted == folded(name) for name in names], dtype=np.bool_)
    return ~found if test.compare in {Is.HOLDS_NOT, Is.UNEQUAL} else found
