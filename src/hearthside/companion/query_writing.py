"""Answers by a query that a capable model wrote, for questions that plain code does not understand; the query is said.

Whether a model is capable is measured at night and kept (`memory/questions/writing_fitness.py`); in a conversation it
is only looked up. A query that does not mention all of the question, or finds nothing, gives no answer here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.replies import Memory
from hearthside.errors import HearthsideError
from hearthside.journal import Journal
from hearthside.memory.asking import ask, vocabulary_of
from hearthside.memory.asking.query import Measure, Query
from hearthside.memory.asking.result import Answer as Found
from hearthside.memory.asking.result import GroupValue, shown
from hearthside.memory.asking.source import LifeSource
from hearthside.memory.held_model import KIND, HeldModel
from hearthside.memory.query import EVIDENCE_SHOWN
from hearthside.memory.questions import NamesKept
from hearthside.memory.questions.writing import Ground, is_computable, written_by
from hearthside.memory.questions.writing_fitness import known_fitness
from hearthside.memory.search import hits_of

_GROUPS_SAID = 7
_OF_A_ROW = frozenset({Measure.MIN, Measure.MAX})


@dataclass(slots=True)
class QueryWriting:
    """Writes and computes queries over one life.

    Attributes:
        life: the life stream, able to say what the days of a kind list.
        model: gives a model that can be held to a grammar, or None while there is none.
        people: names of who wrote or spoke.
    """

    life: LifeSource
    names: NamesKept
    journal: Journal
    model: Callable[[], HeldModel | None]
    people: Callable[[], list[str]]
    _fit: dict[tuple[str, int], bool] = field(default_factory=dict)

    def answer(self, memory: Memory, text: str, offset_min: int) -> Answer | None:
        """The answer, or None where no query answers the question, or the model is away or not fit for it."""
        model = self.model() if is_computable(text) else None
        if model is None or not self._is_fit(model):
            return None
        known = vocabulary_of(self.life)
        ground = Ground(known, self.names.current(), tuple(self.people()), memory.now_ms, offset_min)
        try:
            query = written_by(model, text, ground)
            found = None if query is None else ask(self.life, query, memory.now_ms)
        except HearthsideError:
            return None
        return None if found is None else _answer(memory, found, model.model)

    def _is_fit(self, model: HeldModel) -> bool:
        """Looked up again when a model has read since; measuring is the night's work."""
        newest = self.journal.read(kinds=[KIND], newest_first=True, limit=1)
        key = model.model, max((item.seq for item in newest), default=0)
        if key not in self._fit:
            known = known_fitness(self.journal, model.model)
            self._fit = {key: known is not None and known.fit}
        return self._fit[key]


def _answer(memory: Memory, found: Found, model: str) -> Answer | None:
    said = _said(found)
    if not said or not found.count:
        return None
    ids = [(bytes.fromhex(one), 1.0, "computed") for one in found.evidence[:EVIDENCE_SHOWN]]
    name = model.partition("#")[0]
    return Answer(
        f"{said} This is “{found.sentence}”, as {name} understood the question.", AnswerMode.COMPUTED, found.sentence,
        said.removesuffix("."), hits_of(memory.journal, memory.stream, ids), name,
    )  # fmt: skip


def _said(found: Found) -> str:
    """The value in a sentence, or "" where nothing is known."""
    query = found.query
    if query.by:
        return _groups(query, found)
    if query.measure in {Measure.FIRST, Measure.LAST, Measure.NTH}:
        row = found.rows[0] if found.rows else None
        text = f": {row.text}" if row is not None and row.text else ""
        return "" if row is None else f"{row.start.replace('T', ' ')[:16]}{text}."
    if found.value is None:
        return ""
    value = shown(found.value, found.unit)
    of_row = query.measure in _OF_A_ROW and bool(found.rows)
    return f"{value}, on {found.rows[0].local_day}." if of_row else f"{value}."


def _groups(query: Query, found: Found) -> str:
    """The greatest of things first; of times all in their order, the greatest named."""
    known = [group for group in found.groups if group.value is not None and group.count and group.key[0] is not None]
    if not known:
        return ""
    if any(name in {"weekday", "hour", "month", "year", "month_of_year", "day", "week"} for name in query.by):
        best = max(known, key=lambda group: group.value or 0.0)
        least = min(known, key=lambda group: group.value or 0.0)
        return f"Most: {_group(best, found.unit)}; least: {_group(least, found.unit)}."
    first = known[: min(_GROUPS_SAID, query.limit)]
    more = f" and {len(known) - len(first):,} more" if len(known) > len(first) and query.limit > _GROUPS_SAID else ""
    return f"{', '.join(_group(group, found.unit) for group in first)}{more}."


def _group(group: GroupValue, unit: str) -> str:
    return f"{' · '.join(key or '?' for key in group.key)} ({shown(group.value, unit)})"
