"""Answers to questions that were read whole: the value, the query in words, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hearthside.alignment.stream import LifeStream
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.replies import Memory, unknown
from hearthside.companion.saying import about, said
from hearthside.journal import Journal
from hearthside.memory.asking import with_items
from hearthside.memory.asking.query import Measure, Selection, What
from hearthside.memory.asking.query import Query as Typed
from hearthside.memory.asking.source import LifeSource
from hearthside.memory.query import EVIDENCE_SHOWN
from hearthside.memory.questions import Figure, NamesKept, Question, Take, compute, read
from hearthside.memory.search import hits_of

_AT_KEYBOARD = "at the keyboard"


@dataclass(frozen=True, slots=True)
class Computing:
    """Reads and computes questions over one life; keeps the names that occur in it.

    Attributes:
        life: the life stream, able to say what the days of a kind list.
    """

    life: LifeSource
    names: NamesKept

    def read(self, text: str, now_ms: int, offset_min: int) -> Question | None:
        """The question, or None where it cannot be read whole."""
        return read(text, self.names.current(), now_ms, offset_min)

    def figure(self, question: Question, now_ms: int) -> Figure:
        """What the life stream says to it."""
        figure = compute(self.life, question, now_ms)
        if figure.value is None and question.topic == "computer" and question.take is Take.VALUE:
            other = _by_keyboard(question)
            figure = figure if other is None else compute(self.life, other, now_ms)
        return figure

    def answer(self, memory: Memory, question: Question) -> Answer:
        """The answer in a sentence, with its evidence."""
        figure = self.figure(question, memory.now_ms)
        query = f"{question.understood}: {'; '.join(answer.sentence for answer in figure.answers)}"
        if figure.value is None and not figure.level:
            return replace(unknown(about(question)), query=query)
        text, value = said(memory, figure)
        ids = [(bytes.fromhex(one), 1.0, "computed") for one in figure.evidence[:EVIDENCE_SHOWN]]
        return Answer(text, AnswerMode.COMPUTED, query, value, hits_of(memory.journal, memory.stream, ids))


def computing(stream: LifeStream, journal: Journal) -> Computing:
    """Computing over a life stream and its journal."""
    life = with_items(stream, journal)
    return Computing(life, NamesKept(life))


def _by_keyboard(question: Question) -> Question | None:
    """Time at the computer by whether the keyboard was in use, where nothing counts it by day."""
    where, measure = question.query.select.where, question.query.measure
    if question.thing or len(question.queries) > 1 or measure is not Measure.SUM:
        return None
    what = What(question.query.select.what.of, ("afk",))
    select = Selection(what, replace(where, words=(_AT_KEYBOARD,), tests=()))
    return replace(question, queries=(Typed(select, measure),))
