"""Questions that plain code does not understand, computed by a query a fit model wrote; the query is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.dialogue import Dialogue
from hearthside.companion.query_writing import QueryWriting
from hearthside.errors import RetryLater
from hearthside.events import Event, Layer, Origin, Trust, ms_of
from hearthside.memory.asking import with_items
from hearthside.memory.fitness import fitness_event
from hearthside.memory.questions import NamesKept
from hearthside.memory.questions.writing_fitness import PROBES, fitness_for_queries
from tests.companion.lives import Life, ScriptedModel

SONGS = "Wie viele Lieder habe ich letzte Woche gehört?"
COUNT = "count of records of listen from 2026-03-09 to 2026-03-15"


@dataclass
class Writer:
    """A model that knows the probes and writes one query for everything else."""

    query: str = COUNT
    model: str = "writer-7b#abc"
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def say(self, messages: Sequence[tuple[str, str]], grammar: str, max_tokens: int) -> str:
        self.asked.append(messages[-1][1])
        if self.away:
            raise RetryLater("compute-gone", "Away.")
        if "Query:" in messages[-1][1]:
            return "yes"
        return dict(PROBES).get(messages[-1][1], self.query) or "unknown"


def played(day: int, artist: str, minute: int = 0) -> Event:
    at_ms = ms_of(datetime(2026, 3, day, 20, minute, tzinfo=UTC))
    return Event(
        "spotify", "listen", Layer.AUDITORY, at_ms, Origin.SELF, Trust.OWN, {"artist": artist, "track": "x"},
        clock="export:spotify", text=f"{artist} – x", end_ms=at_ms + 180_000,
    )  # fmt: skip


def dialogue(life: Life, writer: Writer | None, words: ScriptedModel | None = None) -> Dialogue:
    """As the house makes it."""
    with_lists = with_items(life.stream, life.journal)
    writing = QueryWriting(with_lists, NamesKept(with_lists), life.journal, lambda: writer, lambda: ["Ida"])
    return Dialogue(
        life.journal, life.stream, life.find, lambda: words, lambda: ["Ida"], life.clock, written=writing.answer
    )


def ask(life: Life, writer: Writer | None, text: str = SONGS, words: ScriptedModel | None = None) -> Answer:
    answer = list(dialogue(life, writer, words).ask(text, "c"))[-1]
    assert isinstance(answer, Answer)
    return answer


@pytest.fixture
def heard(life: Life) -> Life:
    """A week with five songs."""
    life.add(*[played(9 + n, "Ferns" if n else "Okapi", n) for n in range(5)], played(2, "Ferns"))
    return life


def fit(life: Life, writer: Writer) -> Writer:
    assert fitness_for_queries(life.journal, writer, life.clock).fit
    writer.asked.clear()
    return writer


def test_the_answer_says_the_value_the_query_and_who_understood_it(heard: Life) -> None:
    answer = ask(heard, fit(heard, Writer()), words=ScriptedModel(["Never asked to reword this."]))
    assert (answer.mode, answer.worded_by, answer.value) == (AnswerMode.COMPUTED, "writer-7b", "5 times")
    assert answer.text == (
        "5 times. This is “count of records of listen from 2026-03-09 to 2026-03-15”, as writer-7b understood the"
        " question."
    )
    assert len(answer.evidence) == 5 and answer.query in answer.text


@pytest.mark.parametrize(
    ("question", "query", "said"),
    [
        ("Wen habe ich am meisten gehört?", "count of records of listen by artist", "Ferns (5 times), Okapi (1 time)."),
        ("Wann habe ich zuletzt Ferns gehört?", "last of records of listen where artist = 'Ferns'",
         "2026-03-13 20:04: Ferns – x."),
        ("An welchem Wochentag höre ich am meisten?", "count of records of listen by weekday",
         "Most: Monday (2 times); least: Tuesday (1 time)."),
        ("Was war das längste Lied?", "max duration of records of listen", "3 min, on 2026-03-"),
    ],
)  # fmt: skip
def test_groups_rows_and_days_are_said(heard: Life, question: str, query: str, said: str) -> None:
    answer = ask(heard, fit(heard, Writer(query)), question)
    assert answer.mode is AnswerMode.COMPUTED and answer.text.startswith(said)


@pytest.mark.parametrize(
    "query",
    [
        "unknown", "count of records of listen", "count of records of listen from 2026-03-01 to 2026-03-15",
        "count of records of sleep from 2026-03-09 to 2026-03-15",
    ],
)  # fmt: skip
def test_an_invalid_incomplete_or_empty_query_falls_back(heard: Life, query: str) -> None:
    plain = ask(heard, None)
    answer = ask(heard, fit(heard, Writer(query)))
    assert (answer.mode, answer.text, answer.query) == (plain.mode, plain.text, plain.query)
    assert answer.mode is not AnswerMode.COMPUTED


def test_a_model_that_was_not_measured_or_is_not_fit_is_never_asked(heard: Life) -> None:
    writer = Writer()
    assert ask(heard, writer).mode is not AnswerMode.COMPUTED
    unfit = Writer(model="small#1")
    known = fitness_for_queries(heard.journal, Writer(model="other#1"), heard.clock)
    heard.journal.append([fitness_event(type(known)(known.task, "small#1", known.probe, 1, 9, 14, False), 5)])
    assert ask(heard, unfit).mode is not AnswerMode.COMPUTED
    assert writer.asked == unfit.asked == []


def test_a_model_that_is_away_costs_nothing_but_the_figure(heard: Life) -> None:
    writer = fit(heard, Writer())
    writer.away = True
    assert ask(heard, writer).text == ask(heard, None).text


def test_what_plain_code_understands_is_never_given_to_a_model(heard: Life) -> None:
    writer = fit(heard, Writer())
    answer = ask(heard, writer, "How many songs did I listen to last week?")
    assert answer.mode is AnswerMode.COMPUTED and answer.worded_by == "" and writer.asked == []


def test_what_asks_for_no_figure_is_never_given_to_a_model(heard: Life) -> None:
    writer = fit(heard, Writer())
    ask(heard, writer, "Was hat Ida über das Boot gesagt?")
    assert writer.asked == []
