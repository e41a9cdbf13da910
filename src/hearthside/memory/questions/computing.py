"""Answers a question that was read: runs its queries and takes of them what is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.memory.asking.query import Measure, canonical
from hearthside.memory.asking.result import Answer, GroupValue
from hearthside.memory.asking.run import ask
from hearthside.memory.asking.source import LifeSource
from hearthside.memory.questions.question import Question, Take

Value = float | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """The answer to a question.

    Attributes:
        value: a number in the question's unit, a local day, a name, or names; None where nothing is known.
        day: the local day the value is of, or "".
        amount: of a day or a name the figure that made it the one, else None.
        days: on how many local days the rows fall.
        answers: what the queries gave.
        evidence: journal ids, hex, newest first.
        level: other names with the same figure.
    """

    question: Question
    value: Value | None
    day: str
    amount: float | None
    days: int
    answers: tuple[Answer, ...]
    evidence: tuple[str, ...]
    level: tuple[str, ...] = ()

    @property
    def queries(self) -> list[str]:
        """The queries in their canonical form."""
        return [canonical(answer.query) for answer in self.answers]


def compute(life: LifeSource, question: Question, now_ms: int) -> Figure:
    """Answer a question.

    Raises:
        Refused: as `ask`.
    """
    answers = tuple(ask(life, query, now_ms) for query in question.queries)
    first = answers[0]
    evidence = tuple(dict.fromkeys(one for answer in answers for one in answer.evidence))
    match question.take:
        case Take.VALUE | Take.DAY:
            value, day = _of_row(first, question)
            amount = first.rows[0].value if first.rows else first.value
            return Figure(question, value, day, amount, first.days, answers, evidence)
        case Take.BEST | Take.LEAST:
            return _best(question, answers)
        case Take.NAMES:
            names = tuple(group.key[0] for group in first.groups if group.key[0] is not None and group.value)
            return Figure(question, names or None, "", None, first.days, answers, evidence)
        case Take.NUMBER:
            value = float(first.groups_found) if first.count else None
            return Figure(question, value, "", None, first.days, answers, evidence)
        case _:
            return _of_two(question, answers, evidence)


def _of_row(answer: Answer, question: Question) -> tuple[Value | None, str]:
    day = answer.rows[0].local_day if answer.rows else ""
    if not answer.count:
        # None is an answer where a condition was asked for and somebody listened.
        nothing = answer.value == 0 and question.take is Take.VALUE and bool(question.over or question.thing)
        return (0.0 if nothing else None), ""
    if question.take is Take.DAY:
        return day or None, day
    if answer.query.measure in {Measure.FIRST, Measure.LAST}:
        return (answer.rows[0].value if answer.rows else None), day
    return answer.value, day


def _best(question: Question, answers: tuple[Answer, ...]) -> Figure:
    """The group with the greatest or smallest figure."""
    known = [
        group for group in answers[0].groups if group.key[0] is not None and group.value is not None and group.count
    ]
    if not known:
        return Figure(question, None, "", None, 0, answers, ())
    sign = 1 if question.take is Take.BEST else -1
    best = max(known, key=lambda group: sign * _figure(question, group))
    level = tuple(group.key[0] or "" for group in known if group.value == best.value and group is not best)
    day = best.key[0] or "" if question.sorts == "day" else ""
    return Figure(question, best.key[0], day, best.value, answers[0].days, answers, best.evidence, level)


def _figure(question: Question, group: GroupValue) -> float:
    value = group.value or 0.0
    # A bedtime after midnight is a late one.
    return (value + 720) % 1440 if question.topic == "bed" else value


def _of_two(question: Question, answers: tuple[Answer, ...], evidence: tuple[str, ...]) -> Figure:
    values = [_end(answer) for answer in answers]
    a, b = values
    days = sum(answer.days for answer in answers)
    if a is None or b is None or not all(answer.count for answer in answers):
        return Figure(question, None, "", None, days, answers, evidence)
    if question.take is Take.CHANGE:
        return Figure(question, b - a, "", b, days, answers, evidence)
    if question.topic == "bed":
        a, b = (a + 720) % 1440, (b + 720) % 1440
    if a == b:
        return Figure(question, None, "", a, days, answers, evidence, level=question.labels)
    more = 0 if (a > b) == (question.take is Take.MORE) else 1
    return Figure(question, question.labels[more], "", values[more], days, answers, evidence)


def _end(answer: Answer) -> float | None:
    """The value of the first or last row, or of all."""
    of_row = answer.query.measure in {Measure.FIRST, Measure.LAST} and answer.rows
    return answer.rows[0].value if of_row else answer.value
