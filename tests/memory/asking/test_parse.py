"""The little language: what every phrase means, reading back what is written, and errors that show the place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import Refused
from hearthside.events import HOUR_MS, day_start_ms
from hearthside.memory.asking import Query, Vocabulary, canonical, from_json, parse, written
from hearthside.memory.asking.names import ALIASES
from hearthside.memory.asking.query import BY_THING, BY_TIME, FIELDS, Filter, How, Is, Of, Selection, What
from hearthside.memory.asking.query import Test as Condition
from tests.memory.asking.questions import queries

NOW = day_start_ms("2026-05-13") + 10 * HOUR_MS  # a Wednesday
KNOWN = Vocabulary(
    kinds=frozenset("listen message app_use sleep activity_day position workout".split()),
    episodes=frozenset("sleep work commute conversation".split()),
    measures=frozenset({"met", "heart_rate"}),
    places=frozenset({"Home", "Clay Room"}),
    sources=frozenset({"oura_sleep", "last_fm"}),
)


def read(text: str) -> Query:
    """The query of a text."""
    return parse(text, KNOWN, NOW, 120)


@settings(max_examples=300, deadline=None)
@given(query=queries())
def test_what_is_written_is_read_back(query: Query) -> None:
    """Also where nothing is known of the life."""
    assert parse(written(query), Vocabulary(), NOW, 0) == query


@settings(max_examples=200, deadline=None)
@given(
    name=st.from_regex(r"\A\S(.{0,20}\S)?\Z"),
    words=st.text(max_size=30),
)
def test_any_name_and_words_can_be_written(name: str, words: str) -> None:
    where = Filter(words=(name,), about=(name,), sources=(name,), tests=(Condition("artist", Is.HOLDS, words),))
    query = Query(Selection(What(Of.EVENTS, (name,)), where))
    assert parse(written(query), Vocabulary(), NOW, 0) == query


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("listen", "count of records of listen"),
        ("how many songs", "count of records of listen"),
        ("number of messages", "count of records of message"),
        ("mean duration of sleep by weekday in 2023", "mean duration of episodes of sleep in 2023 by weekday"),
        ("count listen where artist ~ 'Radiohead' by year",
         "count of records of listen where artist ~ 'Radiohead' by year"),
        ("median start of sleep by month since 2024",
         "median start of episodes of sleep since 2024-01-01 by month"),
        ("app_use during work by label", "count of records of app_use during episodes of work by label"),
        ("last listen before sleep", "last of records of listen before episodes of sleep"),
        ("First message after waking", "first of records of message after episodes of sleep"),
        ("first message after each sleep", "list of records of message, the first after each episode of sleep"),
        ("median start of the first message after each sleep by month",
         "median start of records of message, the first after each episode of sleep by month"),
        ("listen in the hour before sleep", "count of records of listen within 1 h before episodes of sleep"),
        ("list of listen in the 90 minutes before sleep",
         "list of records of listen within 90 min before episodes of sleep"),
        ("next message after 2026-05-01 12:00", "first of records of message since 2026-05-01T12:00"),
        ("3rd listen", "3rd of records of listen"),
        ("second last listen", "2nd last of records of listen"),
        ("longest gap between workout", "longest gap between records of workout"),
        ("longest sleep", "max duration of episodes of sleep"),
        ("earliest end of sleep", "min end of episodes of sleep"),
        ("sum of steps", "sum of records of activity_day"),
        ("average steps on weekends", "mean of records of activity_day on weekends"),
        ("mean lat of position", "mean lat of records of position"),
        ("max met during commute", "max of samples of met during episodes of commute"),
        ("share of time in conversation by hour", "share of time of episodes of conversation by hour"),
        ("time at home by day", "time of visits to home by day"),
        ("listen at 'Clay Room'", "count of records of listen during visits to 'Clay Room'"),
        ("visits by place", "count of visits by place"),
        ("visits to home", "count of visits to home"),
        ("days with workout in May 2025", "days of records of workout from 2025-05-01 to 2025-05-31"),
        ("listen in may or june", "count of records of listen in May or June"),
        ("listen between 22:00 and 06:00 on mondays", "count of records of listen between 22:00 and 06:00 on Monday"),
        ("listen after 22:00", "count of records of listen between 22:00 and 24:00"),
        ("listen before 9:00", "count of records of listen between 00:00 and 09:00"),
        ("listen from last_fm", "count of records of listen source last_fm"),
        ("message with Mira containing dinner origin self",
         "count of records of message mentioning 'dinner' with 'Mira' origin self"),
        ("app_use where duration > 2 h and label = Code",
         "count of records of app_use where duration > 7200 and label = 'Code'"),
        ("count listen by weekday, hour per day limit 50",
         "count of records of listen by weekday and hour per day limit 50"),
        ("count listen by month of year", "count of records of listen by month_of_year"),
        ("app_use or sleep", "count of records of app_use or sleep"),
        ("records of sleep from oura_sleep counted once", "count of records of sleep source oura_sleep counted once"),
        ("listen yesterday", "count of records of listen on 2026-05-12"),
        ("listen last week", "count of records of listen from 2026-05-04 to 2026-05-10"),
        ("listen in the last 30 days", "count of records of listen from 2026-04-14 to 2026-05-13"),
        ("listen this month", "count of records of listen from 2026-05-01 to 2026-05-13"),
        ("listen since last year", "count of records of listen from 2025-01-01 to 2026-05-13"),
        ("listen 2 weeks ago", "count of records of listen from 2026-04-27 to 2026-05-03"),
        ("listen before 2020", "count of records of listen until 2019-12-31"),
        ("listen after 2020-06", "count of records of listen since 2020-07-01"),
        ("listen from 2020 to 2021-03", "count of records of listen from 2020-01-01 to 2021-03-31"),
        ("listen between 2020-01-05 and 2020-02-01", "count of records of listen from 2020-01-05 to 2020-02-01"),
        ("listen until 2020-01-05T10:00+02:00", "count of records of listen until 2020-01-05T10:00+02:00"),
        ("listen within 1 week after (the last workout in 2025)",
         "count of records of listen within 7 d after (the last records of workout in 2025)"),
        ("listen during the last sleep", "count of records of listen during (the last episodes of sleep)"),
        ("anything on 2026-05-01 by kind", "count of anything on 2026-05-01 by kind"),
        ("listen by week since 2025 where artist != \"it's\"",
         "count of records of listen where artist != 'it\\'s' since 2025-01-01 by week"),
    ],
)  # fmt: skip
def test_phrases(text: str, meant: str) -> None:
    query = read(text)
    assert written(query) == meant
    assert canonical(read(meant)) == canonical(query)


@pytest.mark.parametrize(
    ("text", "under", "said"),
    [
        ("", "", "it is not said of what"),
        ("medan duration of sleep", "medan", "Did you mean “median”?"),
        ("mean duration of slep", "slep", "Did you mean “sleep”?"),
        ("count listen by artst", "artst", "Did you mean “artist”?"),
        ("count listen by", "", "Possible here: hour, weekday, day"),
        ("count listen since tomorrow", "tomorrow", "“since” needs a time"),
        ("count listen in 20235", "20235", "is no date"),
        ("count listen on 2023-02-30", "2023-02-30", "is no date"),
        ("count listen on Mond", "Mond", "Did you mean “Monday”?"),
        ("count listen between 22:00 and 2023", "2023", "both ends"),
        ("count listen between 22:00 or 23:00", "or", "“and” is missing"),
        ("count listen between 25:00 and 26:00", "25:00", "is no time of the day"),
        ("count listen where artist", "", "how the field is compared"),
        ("count listen where artist ~", "", "a value is missing"),
        ("count listen where artist ~ 'x", "'", "not closed"),
        ("count listen % 3", "%", "means nothing here"),
        ("count listen during (work", "", "a bracket is not closed"),
        ("count listen within before sleep", "before", "a length of time"),
        ("count listen within 2 h sleep", "sleep", "how it stands to something else"),
        ("count listen layer smell", "smell", "is none of them"),
        ("count listen limit many", "many", "a number is missing"),
        ("count listen work", "work", "cannot stand here"),
        ("count app_use or met", "app_use", "different sorts"),
        ("mean wurst of listen wurst", "wurst", "cannot stand here"),
    ],
)
def test_errors_show_where_and_what_would_be_possible(text: str, under: str, said: str) -> None:
    with pytest.raises(Refused) as caught:
        read(text)
    assert caught.value.code == "query-wrong"
    lines = caught.value.message.split("\n")
    begin = lines[2].index("^") - 2
    marked = text[begin : begin + lines[2].count("^")]
    assert said in caught.value.message
    assert marked == under or (under == "" and begin == len(text))


def test_parts_that_do_not_go_together_are_refused_as_in_json() -> None:
    with pytest.raises(Refused) as caught:
        read("sum start of sleep")
    assert caught.value.code == "query-not-possible"


def test_a_query_is_not_endless() -> None:
    with pytest.raises(Refused, match="characters"):
        read("count listen " + "and " * 2000)


def test_names_that_are_also_words_of_the_language_are_read_in_quotation_marks() -> None:
    known = Vocabulary(kinds=frozenset({"during", "by", "x"}))
    assert written(parse("count 'during' during 'by'", known, NOW, 0)) == (
        "count of records of 'during' during records of 'by'"
    )


def test_every_example_of_the_guide_can_be_read() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs" / "query.md").read_text()
    examples = guide.partition("More to try:")[2].split("```")[1].strip().splitlines()
    assert len(examples) > 10
    for example in examples:
        assert written(read(example))
    assert from_json(guide.partition("```json")[2].partition("```")[0]).by == ("year",)


def test_the_guide_names_every_field_group_and_measure() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs" / "query.md").read_text()
    named = (*BY_TIME, *(name for name in BY_THING if name not in {"text", "note"}), *FIELDS, *How, *Is, *ALIASES)
    assert [name for name in named if str(name) not in guide] == []
