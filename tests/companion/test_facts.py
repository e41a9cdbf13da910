"""Facts of invented lives, which hold by construction, against what the companion computes from their files."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime

import pytest

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.sample_life import Fact
from tests.companion.lives import Life

_RIGHT_SHARE = 0.95


def _minutes(value: str) -> int:
    match = re.fullmatch(r"(?:(\d+) h )?(\d+) min", value)
    assert match is not None, value
    return int(match[1] or 0) * 60 + int(match[2])


def is_right(fact: Fact, answer: Answer) -> bool:
    """Whether the computed value is the fact's; every kind of fact has its own comparison."""
    wanted, value = fact.answer_value, answer.value
    if fact.kind.endswith("_minutes"):
        return _minutes(value) == wanted
    if fact.kind.startswith("count_"):
        return int(value.replace(",", "")) == wanted
    if fact.kind == "shortest_night":
        return value.startswith(str(wanted))
    if fact.kind in {"last_workout_time", "first_left_home"}:
        return value == datetime.fromisoformat(str(wanted)).strftime("%Y-%m-%d %H:%M")
    if fact.kind in {"last_words_to", "watching_at", "place_last_dinner"}:
        return value == " ".join(str(wanted).split())
    if fact.kind.startswith("last_"):
        return value[:10] == wanted
    raise AssertionError(f"no comparison for {fact.kind}")


def test_facts_are_computed_right_and_never_wrong(sample: Life) -> None:
    assert sample.sample is not None
    outcome: Counter[str] = Counter()
    wrong = []
    for fact in sample.sample.facts:
        answer = sample.ask(fact.question)
        if answer.mode is not AnswerMode.COMPUTED:
            outcome["not computed"] += 1
        elif is_right(fact, answer):
            outcome["right"] += 1
        else:
            wrong.append((fact, answer.text))
    assert not wrong
    assert outcome["right"] / len(sample.sample.facts) >= _RIGHT_SHARE, outcome


def test_a_computed_answer_says_its_value_and_shows_its_evidence(sample: Life) -> None:
    assert sample.sample is not None
    for kind in sorted({fact.kind for fact in sample.sample.facts}):
        fact = next(fact for fact in sample.sample.facts if fact.kind == kind)
        answer = sample.ask(fact.question)
        if answer.mode is not AnswerMode.COMPUTED:
            continue
        assert answer.evidence, fact
        assert answer.query
        spoken = {"1": "once", "2": "twice"}.get(answer.value, answer.value)
        parts = re.split(r"[ ,]+", spoken) if re.match(r"\d{4}-", spoken) else [spoken]
        shown = answer.text.replace("“", "").replace("”", "")
        assert all(part in shown or part in answer.text for part in parts), (answer.text, answer.value)


@pytest.mark.parametrize(
    "question",
    [
        "What is the name of my parrot?",
        "What is my sister's phone number?",
        "When did I last fly to Reykjavik?",
        "How many marathons did I win?",
        "Where did I park the helicopter?",
        "Who painted my kitchen ceiling?",
        "When was I last at Hotel Zenith?",
        "How much did I pay for the violin?",
        "What did I write to Zebulon?",
        "What did I last write to Zebulon?",
        "How many messages did I write to Zebulon?",
        "When did I last talk to Cleopatra?",
        "When did I last search for platypus eggs?",
        "How often did I go snowboarding in the Andes?",
        "Where was the last dinner with Napoleon?",
        "What did the surgeon say about my kneecap?",
        "When did I last play the harpsichord?",
        "How many videos of Ludwig Quux did I watch?",
        "What is the password of my bank?",
        "Which colour is my submarine?",
        "How many steps did I take on 1999-01-01?",
        "How long did I sleep on 2031-01-01?",
        "When did I first visit Antarctica?",
        "How long was I at Buckingham Palace?",
    ],
)
def test_what_nothing_supports_is_not_known(sample: Life, question: str) -> None:
    answer = sample.ask(question)
    assert answer.mode is AnswerMode.UNKNOWN
    assert answer.text.startswith("I don't know")
    assert answer.value == ""
