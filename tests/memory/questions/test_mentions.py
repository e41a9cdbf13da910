"""What a question names in five languages, and that a query must name all of it and nothing else."""

from __future__ import annotations

import pytest

from hearthside.memory.questions.mentions import Mentions, answers_the_question, mentions_of
from hearthside.memory.questions.writing import Ground, query_of
from tests.memory.questions.lives import NOW, some_names
from tests.memory.questions.writing_lives import ground

PEOPLE, PLACES = ("Mira", "Jonas Weber"), ("Home", "Lidl")


def mentions(text: str) -> Mentions | None:
    return mentions_of(text, some_names(), PEOPLE, PLACES, NOW, 0)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("How many songs did I play last week?", "2026-03-09", "2026-03-15"),
        ("Wie viele Schritte waren es im März 2024?", "2024-03-01", "2024-03-31"),
        ("Wie oft war ich 2023 laufen?", "2023-01-01", "2023-12-31"),
        ("2024년 5월에 노래를 몇 번 들었어?", "2024-05-01", "2024-05-31"),
        ("先月は平均何時間寝ましたか？", "2026-02-01", "2026-02-28"),
        ("去年我一共走了多少步？", "2025-01-01", "2025-12-31"),
    ],
)
def test_one_time_is_understood_whole(text: str, first: str, last: str) -> None:
    found = mentions(text)
    assert found is not None and found.when is not None
    assert (found.when.first, found.when.last, found.numbers) == (first, last, ())


@pytest.mark.parametrize(
    "text",
    [
        "Did I sleep longer in May 2022 or in June 2022?",
        "Wie oft habe ich zwischen Mai und Juli 2023 gespielt?",
        "Wie oft war ich seit 2023 laufen?",
        "去年3月我走了多少步？",
        "2023年から何回走りましたか？",
        "지난주부터 몇 시간 잤어?",
        "How often did I play “Nowhere Man” in 2023?",
        "How often did I talk to Zorblax in 2023?",
        "How many songs did I hear after midnight?",
    ],
)
def test_a_time_or_a_name_that_is_not_understood_whole_is_no_question_for_a_model(text: str) -> None:
    assert mentions(text) is None


def test_names_are_found_as_they_are_spelt_in_the_data() -> None:
    found = mentions("Wie oft habe ich radiohead und Mira 2023 gehört?")
    assert found is not None
    assert {name.spelt: name.sorts for name in found.names} == {"Radiohead": ("artist", "album"), "Mira": ("person",)}
    plain = mentions("How long did I sleep in 2023, and how many steps?")
    assert plain is not None and plain.names == ()  # “Sleep” and “Steps” are names too, but not so written


def test_numbers_and_weekdays() -> None:
    for text, numbers in [
        ("How often more than 10,000 steps?", (10_000.0,)), ("Wie oft mehr als 8.000 Schritte?", (8000.0,)),
        ("How often more than eight hours of sleep?", (8.0,)), ("走了超过1万步的天数有多少？", (10_000.0,)),
        ("How often over 12k steps?", (12_000.0,)), ("7시간 넘게 잔 날이 며칠이야?", (7.0,)),
    ]:  # fmt: skip
        found = mentions(text)
        assert found is not None and found.numbers == numbers, text
    for text, days in [
        ("How long do I sleep on Mondays?", (0,)), ("Wie lange schlafe ich am Wochenende?", (5, 6)),
        ("토요일에는 몇 걸음 걸어?", (5,)), ("周一我平均走多少步？", (0,)),
        ("Wie viele Schritte sind es sonntags?", (6,)),
    ]:  # fmt: skip
        found = mentions(text)
        assert found is not None and found.weekdays == days, text


@pytest.mark.parametrize(
    ("text", "query", "right"),
    [
        ("Songs in 2023, how many?", "count of records of listen in 2023", True),
        ("Songs in 2023, how many?", "count of records of listen", False),
        ("Songs, how many?", "count of records of listen in 2023", False),
        ("Songs in 2023, how many?", "count of records of listen in 2024", False),
        ("How many songs by Radiohead?", "count of records of listen where artist = 'Radiohead'", True),
        ("How many songs by Radiohead?", "count of records of listen", False),
        ("How many songs by Radiohead?", "count of records of listen where artist = 'Björk'", False),
        ("How many songs?", "count of records of listen where artist = 'Björk'", False),
        ("How many songs?", "count of records of listen mentioning 'love'", False),
        ("Days above 10,000 steps?", "count of records of activity_day where amount > 10000", True),
        ("Days above 10,000 steps?", "count of records of activity_day where amount > 1000", False),
        ("Days above 10,000 steps?", "count of records of activity_day", False),
        ("How many days?", "count of records of activity_day where amount > 10000", False),
        ("Nights over 8 hours?", "count of records of sleep where amount > 8 h", True),
        ("Nights over 8 hours?", "count of records of sleep where amount > 7 h", False),
        ("My top 5 artists", "count of records of listen by artist limit 5", True),
        ("Steps on Mondays", "mean of records of activity_day on Monday", True),
        ("Steps on Mondays", "mean of records of activity_day", False),
        ("Steps", "mean of records of activity_day on Monday", False),
        ("Wann war ich zuletzt laufen?", "last of records of workout where activity = 'running'", True),
        ("Songs before work?", "count of records of listen before episodes of work in 2023", False),
        ("How many songs in the evenings?", "count of records of listen between 18:00 and 24:00", False),
        ("How often at Lidl?", "count of visits to 'Lidl'", True),
        ("How often at Lidl?", "count of visits to 'Home'", False),
        ("Which artist did I hear most?", "count of records of listen by artist", True),
        ("What is my record of steps?", "max of records of activity_day by weekday", False),
        ("平均每天走多少步？", "mean of records of activity_day by day", False),
        ("누구를 제일 많이 들었어?", "count of records of listen by artist", True),
    ],
)
def test_a_query_names_all_of_the_question_and_no_more(text: str, query: str, right: bool) -> None:
    found = mentions(text)
    life: Ground = ground()
    assert (found is not None and answers_the_question(query_of(query, life), found)) is right
