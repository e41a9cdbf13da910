"""How people ask, and the query that comes of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.companion.questions import Computed, Moment, Recall, SmallTalk, understand
from hearthside.companion.visiting import Visiting
from hearthside.events import Origin
from hearthside.memory.query import Measure
from tests.companion.lives import at

NOW = at("2026-03-18 17:00")  # a Wednesday


def _understood(text: str) -> object:
    return understand(text, NOW, 60)


@pytest.mark.parametrize(
    ("text", "measure", "kinds", "period"),
    [
        ("How many messages did I write to Ann?", Measure.COUNT, ("message",), None),
        ("How many messages did I get from Ann?", Measure.COUNT, ("message",), None),
        ("When did I last write to Ann?", Measure.LAST, ("message",), None),
        ("What did Ann last write to me?", Measure.LAST, ("message",), None),
        ("When did I last talk to Ann?", Measure.LAST, ("utterance", "conversation"), None),
        ("How often did I go running since 2026-03-01?", Measure.COUNT, ("workout",), ("2026-03-01", "2026-03-18")),
        ("When did I last go cycling?", Measure.LAST, ("workout",), None),
        ("How many songs did I listen to last month?", Measure.COUNT, ("listen",), ("2026-02-01", "2026-02-28")),
        ("When did I last listen to Radiohead?", Measure.LAST, ("listen",), None),
        ("When did I first search for a violin?", Measure.FIRST, ("search",), None),
        ("When did I last search for sleep songs?", Measure.LAST, ("search",), None),
        ("When did I last hear from Ann?", Measure.LAST, ("message", "utterance", "conversation", "caption"), None),
        ("How many videos of Halfmoon did I watch?", Measure.COUNT, ("watch",), None),
        ("How many times did I post this year?", Measure.COUNT, ("post",), ("2026-01-01", "2026-03-18")),
        ("When did I first leave home today?", Measure.FIRST, ("region_leave",), ("2026-03-18", "2026-03-18")),
    ],
)
def test_computed(text: str, measure: Measure, kinds: tuple[str, ...], period: tuple[str, str] | None) -> None:
    found = _understood(text)
    assert isinstance(found, Computed), found
    assert (found.query.measure, found.query.kinds) == (measure, kinds)
    named = found.query.period
    assert (None if named is None else (named.first, named.last)) == period


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("When was I last at The Linden Room?", Visiting(Measure.LAST, None, "when", "The Linden Room")),
        ("How often was I in Paris?", Visiting(Measure.COUNT, None, "when", "Paris")),
        ("On how many days was I at work?", Visiting(Measure.DAYS, None, "when", "work")),
        ("How long was I at the office?", Visiting(Measure.SUM, None, "when", "office")),
        ("When did I first visit my museum?", Visiting(Measure.FIRST, None, "when", "museum")),
    ],
)
def test_being_at_a_place(text: str, expected: Visiting) -> None:
    found = _understood(text)
    assert isinstance(found, Visiting), found
    assert (found.measure, found.wants, found.place) == (expected.measure, expected.wants, expected.place)


@pytest.mark.parametrize(
    ("text", "measure", "wants", "meal", "people", "count"),
    [
        ("When did we last have dinner with all four of us?", Measure.LAST, "when", "dinner", (), 4),
        ("Where was the last dinner with all four of us?", Measure.LAST, "where", "dinner", (), 4),
        ("Where did I last have lunch with Ann and Ben?", Measure.LAST, "where", "lunch", ("ann", "ben"), None),
        ("How many dinners did we have with the three of us?", Measure.COUNT, "when", "dinner", (), 3),
        ("When did I first have breakfast with Ann?", Measure.FIRST, "when", "breakfast", ("ann",), None),
    ],
)
def test_meals(text: str, measure: Measure, wants: str, meal: str, people: tuple[str, ...], count: int | None) -> None:
    found = _understood(text)
    assert isinstance(found, Visiting), found
    assert (found.measure, found.wants, found.meal, found.people, found.count) == (measure, wants, meal, people, count)


def test_what_somebody_wrote_wants_the_words_and_when_wants_the_time() -> None:
    words, time = _understood("What did I last write to Ann?"), _understood("When did I last write to Ann?")
    assert isinstance(words, Computed)
    assert isinstance(time, Computed)
    assert (words.wants, time.wants) == ("what", "when")
    assert words.query.origins == (Origin.SELF,)


def test_names_are_spelt_as_the_person_spells_them() -> None:
    found = _understood("When did I last write to McAnn?")
    assert isinstance(found, Computed)
    assert found.verb == "wrote to McAnn"


@pytest.mark.parametrize(
    ("text", "kinds", "verb"),
    [
        ("What was I doing yesterday at 10:00?", (), "doing"),
        ("What was I watching at 2026-03-17T19:00+01:00?", ("watch",), "watching"),
        ("What was I listening to when I last went running?", ("listen", "podcast", "watch"), "listening to"),
    ],
)
def test_moments(text: str, kinds: tuple[str, ...], verb: str) -> None:
    found = _understood(text)
    assert isinstance(found, Moment), found
    assert (found.kinds, found.verb) == (kinds, verb)
    assert found.period is not None or found.anchor is not None


@pytest.mark.parametrize("text", ["hello", "Thanks!", "good morning", "I feel tired", "my day was long."])
def test_small_talk(text: str) -> None:
    assert isinstance(_understood(text), SmallTalk)


@pytest.mark.parametrize(
    ("text", "words"),
    [("What did Ann say about the flat?", ["ann", "flat"]), ("What is the name of my parrot?", ["name", "parrot"])],
)
def test_everything_else_is_looked_for(text: str, words: list[str]) -> None:
    found = _understood(text)
    assert isinstance(found, Recall), found
    assert found.words == words


_PIECES = st.sampled_from(
    "how many when last first did i we go at with dinner all four of us sleep 2026-02-30 yesterday in since ? ( [ "
    "\\ 99 for to home write messages what was doing while the".split(" ")
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(_PIECES, max_size=14).map(" ".join)))
def test_no_text_is_too_strange(text: str) -> None:
    understand(text, NOW, 60)
