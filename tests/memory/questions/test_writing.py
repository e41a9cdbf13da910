"""Queries that a model writes: held to a grammar, checked by plain code and by a second question, measured once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hearthside.errors import Refused, RetryLater
from hearthside.memory.asking.parse import parse
from hearthside.memory.asking.query import canonical
from hearthside.memory.questions.grammar import UNKNOWN, described, grammar_of, offer_of
from hearthside.memory.questions.mentions import mentions_of
from hearthside.memory.questions.writing import is_computable, query_of, version, written_by
from hearthside.memory.questions.writing_fitness import (
    PROBES,
    fitness_for_queries,
    known_fitness,
    measured,
    probe_ground,
)
from tests.alignment.lives import open_vault
from tests.memory.questions.gbnf import Grammar
from tests.memory.questions.writing_lives import ground


@dataclass
class Writes:
    """A model that writes what it is told and agrees or not."""

    query: str | Callable[[str], str]
    agrees: bool = True
    model: str = "writer#1"
    asked: list[tuple[str, str]] = field(default_factory=list)

    def say(self, messages: Sequence[tuple[str, str]], grammar: str, max_tokens: int) -> str:
        question = messages[-1][1]
        self.asked.append((question, grammar))
        if "Query:" in question:
            return "yes" if self.agrees else "no"
        return self.query if isinstance(self.query, str) else self.query(question)


SONGS = "Wie viele Lieder habe ich 2023 gehört?"


def test_a_query_is_written_read_and_completed_as_usual() -> None:
    found = written_by(Writes("count of records of listen from 2023-01-01 to 2023-12-31"), SONGS, ground())
    assert found == query_of("count of records of listen in 2023", ground())
    night = written_by(Writes("mean of records of sleep"), "Wie lange schlafe ich im Schnitt?", ground())
    assert night is not None and night.select.where.longest  # a nap is no night
    steps = written_by(Writes("sum of records of activity_day"), "一共走了多少步？", ground())
    assert steps is not None and steps.select.where.once
    days = written_by(Writes("mean of records of app_time_day"), "Wie lange sitze ich am meisten am PC?", ground())
    assert days is not None and [str(test.compare) for test in days.select.where.tests] == [">"]  # no empty days


@pytest.mark.parametrize(
    "said",
    [
        UNKNOWN, "", "count of records of listen", "count of records of listen in 2022", "rubbish",
        "sum start of records of sleep in 2023",
        "count of records of listen where artist = 'Björk' in 2023",
    ],
)  # fmt: skip
def test_what_is_no_query_or_not_of_the_question_is_none(said: str) -> None:
    assert written_by(Writes(said), SONGS, ground()) is None


def test_the_model_is_asked_again_with_the_query_before_it() -> None:
    writer = Writes("count of records of listen from 2023-01-01 to 2023-12-31", agrees=False)
    assert written_by(writer, SONGS, ground()) is None
    assert writer.asked[1][0] == f"{SONGS}\nQuery: {writer.query}"


def test_a_question_that_asks_for_no_figure_costs_nothing() -> None:
    writer = Writes("count of records of listen")
    for text in ("What did Mira say about the boat?", "Was hat Mira gesagt?", "미라가 뭐라고 했어?", "how many " * 60):
        assert not is_computable(text) and written_by(writer, text, ground()) is None
    assert writer.asked == []


def test_a_model_that_is_away_is_no_answer_of_the_question() -> None:
    def away(question: str) -> str:
        raise RetryLater("compute-gone", "Away.")

    def too_long(question: str) -> str:
        raise Refused("prompt-too-long", "Too long.")

    with pytest.raises(RetryLater):
        written_by(Writes(away), SONGS, ground())
    assert written_by(Writes(too_long), SONGS, ground()) is None


# -- the grammar -------------------------------------------------------------------------------------------------------

QUESTIONS = (
    "How many songs did I play?", SONGS, "How often over 10,000 steps in 2024?", "My top 5 artists",
    "How often did I hear Radiohead last week?", "Messages to Mira on Mondays, how many?", "How often was I at Lidl?",
    "How often did I message Jonas Weber?", "How much Software Development in 2024?", "How many O'Neill \\ \"songs\"?",
)  # fmt: skip


@pytest.mark.parametrize("text", QUESTIONS)
def test_every_sentence_of_the_grammar_is_a_query_of_the_question_and_can_be_read(text: str) -> None:
    life = ground()
    life.names.add("artist", {'O\'Neill \\ "songs"': 1})
    found = mentions_of(text, life.names, life.people, life.known.places, life.now_ms, 0)
    assert found is not None
    sentences = list(Grammar(grammar_of(offer_of(life.known, found, ["running", "yoga"]))).sentences(4000))
    assert sentences[0] == UNKNOWN and len(sentences) > 1
    for sentence in sentences[1:]:
        parse(sentence, life.known, life.now_ms, 0)
    if found.names:
        assert all(name.spelt.replace("\\", "\\\\").replace("'", "\\'") in one
                   for name in found.names for one in sentences[1:])  # fmt: skip
    if found.when is not None:
        assert all(str(found.when.first) in one for one in sentences[1:])
    if found.numbers:
        assert all(f"{found.numbers[0]:g}" in one for one in sentences[1:])


def test_only_what_is_in_this_life_is_offered() -> None:
    found = mentions_of("How many?", ground().names, (), (), ground().now_ms, 0)
    assert found is not None
    offer = offer_of(ground().known, found)
    assert "records of search" not in described(offer) and "search" not in grammar_of(offer)
    assert "records of listen" in described(offer) and "episodes of commute" in grammar_of(offer)


# -- fitness -----------------------------------------------------------------------------------------------------------


def knows(question: str) -> str:
    """The known answer of a probe."""
    return dict(PROBES)[question] or UNKNOWN


def test_the_probes_can_be_answered_and_are_no_examples_of_the_prompt() -> None:
    assert measured(Writes(knows)) == (14, 14, 14)
    for question, query in PROBES:
        assert is_computable(question), question
        if query:
            assert written_by(Writes(query), question, probe_ground()) == query_of(query, probe_ground()), question


def test_a_model_is_measured_once_and_kept(tmp_path: Path) -> None:
    with closing(open_vault(tmp_path).journal) as journal:
        writer = Writes(knows)
        assert known_fitness(journal, writer.model) is None
        fitness = fitness_for_queries(journal, writer, lambda: 5)
        assert fitness.fit and known_fitness(journal, writer.model) == fitness
        asked = len(writer.asked)
        assert fitness_for_queries(journal, writer, lambda: 6) == fitness and len(writer.asked) == asked
        assert known_fitness(journal, "writer#2") is None


@pytest.mark.parametrize("query", [UNKNOWN, "count of records of listen in 2024-05", "count of records of listen"])
def test_one_answer_to_everything_is_not_fit(tmp_path: Path, query: str) -> None:
    with closing(open_vault(tmp_path).journal) as journal:
        assert not fitness_for_queries(journal, Writes(query), lambda: 5).fit


def test_answering_what_nothing_answers_is_not_fit(tmp_path: Path) -> None:
    with closing(open_vault(tmp_path).journal) as journal:
        eager = Writes(lambda question: dict(PROBES)[question] or "count of records of message")
        fitness = fitness_for_queries(journal, eager, lambda: 5)
        assert not fitness.fit and fitness.right <= 14 < fitness.said + 3


def test_the_version_is_of_the_prompt() -> None:
    assert len(version()) == 16
    assert canonical(query_of("count of records of listen", ground()))
