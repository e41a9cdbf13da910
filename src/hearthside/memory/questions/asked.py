"""What a question says, ready for the rules: its topic, signs, times and conditions; and how queries are built."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hearthside.memory.asking.query import CLOCKS, Filter, Is, Measure, Query
from hearthside.memory.asking.query import Test as Condition
from hearthside.memory.questions.amounts import Amount
from hearthside.memory.questions.names import Name
from hearthside.memory.questions.question import Question, Take
from hearthside.memory.questions.times import When
from hearthside.memory.questions.topics import Topic, part_of_name

Need = str | frozenset[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in parts.

    Attributes:
        signs: those that the topic does not explain; a rule must account for each.
        weekdays, on: days of the week, and how they are said.
        number: a plain number, as in "top 5", or 0.
    """

    topic: Topic
    signs: frozenset[str]
    times: tuple[When, ...] = ()
    weekdays: tuple[int, ...] = ()
    on: str = ""
    amounts: tuple[Amount, ...] = ()
    name: Name | None = None
    number: int = 0

    def fits(self, *needs: Need, may: frozenset[str] = frozenset()) -> bool:
        """Whether every need is met, of a set one of them, and nothing is said that is neither needed nor allowed."""
        allowed = set(may)
        for need in needs:
            one_of = need if isinstance(need, frozenset) else frozenset({need})
            if not one_of & self.signs:
                return False
            allowed |= one_of
        return self.signs <= allowed

    @property
    def when(self) -> When | None:
        """The one time, or None."""
        return self.times[0] if self.times else None

    def where(self, when: When | None) -> Filter:
        """The conditions of the question in a time."""
        where = self.topic.where
        tests = list(where.tests)
        if self.name is not None:
            tests.append(Condition(part_of_name(self.name), Is.EQUAL, self.name.spelt))
        tests += [Condition(self.topic.field, one.compare, one.value) for one in self.amounts]
        days = (when.first, when.last) if when else (None, None)
        return replace(where, days=days, hours=when.hours if when else None, weekdays=self.weekdays, tests=tuple(tests))

    def query(self, measure: Measure, when: When | None = None, by: str = "", per_day: bool = False) -> Query:
        """A query of the topic; the time is that of the question unless another is given."""
        field = self.topic.field if measure in _OF_FIELD else "amount"
        select = self.topic.select(self.where(when or self.when))
        return Query(select, measure, field, by=(by,) if by else (), per_day=per_day)

    def question(self, query: Query, take: Take, said: str = "", unit: str = "", sorts: str = "") -> Question:
        """The question with one query."""
        label = self.when.label if self.when else ""
        over = " and ".join(one.said for one in self.amounts)
        what = " ".join(part for part in (said, self.noun(sorts), over, self.on) if part)
        understood = f"{what}, {_plain(label)}" if label else f"{what}, in the whole life"
        return Question(
            (query,), take, self.topic.name, unit or self.topic.unit, understood, (label,),
            (self.name.said or self.name.spelt) if self.name else "", said, sorts, self.on, over,
        )  # fmt: skip

    def noun(self, sorts: str = "") -> str:
        """What is computed, in plain words."""
        noun = self.topic.noun
        if self.name is not None:
            noun = f"{noun} ({self.name.sort} “{self.name.spelt}”)"
        return f"{sorts} by {noun}" if sorts else noun

    @property
    def is_clock(self) -> bool:
        """Whether its figure is a time of the day."""
        return self.topic.field in CLOCKS


_OF_FIELD = frozenset({Measure.SUM, Measure.MEAN, Measure.MEDIAN, Measure.MIN, Measure.MAX})


def _plain(label: str) -> str:
    return label.removeprefix("in ").removeprefix("on ")
