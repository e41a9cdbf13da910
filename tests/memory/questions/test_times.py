"""Times, days of the week and amounts that questions name."""

from __future__ import annotations

import pytest

from hearthside.memory.asking.query import Is
from hearthside.memory.questions.amounts import find_amounts
from hearthside.memory.questions.times import find_times, find_weekdays
from tests.memory.questions.lives import NOW


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("in march 2022", "2022-03-01", "2022-03-31"),
        ("in feb. 2024", "2024-02-01", "2024-02-29"),
        ("2022-03", "2022-03-01", "2022-03-31"),
        ("during the year 2022", "2022-01-01", "2022-12-31"),
        ("on 5 march 2022", "2022-03-05", "2022-03-05"),
        ("on march 5th, 2022", "2022-03-05", "2022-03-05"),
        ("the 5th of march 2022", "2022-03-05", "2022-03-05"),
        ("on the morning of 5 march 2022", "2022-03-05", "2022-03-05"),
        ("in the night to 2022-03-05", "2022-03-05", "2022-03-05"),
        ("5.3.2022", "2022-03-05", "2022-03-05"),
        ("on 29 february", "2024-02-29", "2024-02-29"),
        ("in march", "2026-03-01", "2026-03-31"),
        ("in april", "2025-04-01", "2025-04-30"),
        ("in the summer of 2022", "2022-06-01", "2022-08-31"),
        ("in winter 2022", "2022-12-01", "2023-02-28"),
        ("in q2 2022", "2022-04-01", "2022-06-30"),
        ("in the second half of 2022", "2022-07-01", "2022-12-31"),
        ("from march to may 2022", "2022-03-01", "2022-05-31"),
        ("between november and february 2022", "2021-11-01", "2022-02-28"),
        ("from 2021 to 2022", "2021-01-01", "2022-12-31"),
        ("between 5 march 2021 and 7 may 2022", "2021-03-05", "2022-05-07"),
        ("since 2025", "2025-01-01", "2026-03-18"),
        ("from 2025 onwards", "2025-01-01", "2026-03-18"),
        ("after march 2025", "2025-04-01", "2026-03-18"),
        ("before 2022", None, "2021-12-31"),
        ("until march 2022", None, "2022-03-31"),
        ("last week", "2026-03-09", "2026-03-15"),
        ("yesterday", "2026-03-17", "2026-03-17"),
    ],
)
def test_one_time(text: str, first: str | None, last: str) -> None:
    found, rest = find_times(f"how much {text} did i sleep", NOW, 0)
    assert [(when.first, when.last) for when in found] == [(first, last)]
    assert rest.replace("night", "").split() in (
        ["how", "much", "@0", "did", "i", "sleep"], ["how", "much", "did", "i", "sleep", "@0"],
    )  # fmt: skip


def test_two_times_stay_apart_and_in_order() -> None:
    found, rest = find_times("more in april 2022 or in march 2022", NOW, 0)
    assert [when.first for when in found] == ["2022-04-01", "2022-03-01"]
    assert rest.split() == ["more", "@0", "or", "@1"]
    ends = find_times("from 2021-03-05 to 2022-05-07", NOW, 0)[0][0].parts
    assert [when.first for when in ends] == ["2021-03-05", "2022-05-07"]


@pytest.mark.parametrize("text", ["over 2000 steps", "add up to 5", "may i ask", "2000 kg", "in 3000", "2022.5"])
def test_no_time(text: str) -> None:
    assert find_times(text, NOW, 0)[0] == []


@pytest.mark.parametrize(
    ("text", "days", "said"),
    [
        ("on weekends", (5, 6), "on weekends"),
        ("at the weekend", (5, 6), "on weekends"),
        ("on weekdays", (0, 1, 2, 3, 4), "on weekdays"),
        ("on mondays and tuesdays", (0, 1), "on Mondays and Tuesdays"),
        ("on a typical sunday", (6,), "on Sundays"),
        ("every friday", (4,), "on Fridays"),
        ("on which weekday", (), ""),
        ("last monday", (), ""),
        ("the day of the week", (), ""),
    ],
)
def test_days_of_the_week(text: str, days: tuple[int, ...], said: str) -> None:
    assert find_weekdays(text)[:2] == (days, said)


@pytest.mark.parametrize(
    ("text", "compare", "value", "unit"),
    [
        ("more than 10,000 steps", Is.MORE, 10_000, "steps"),
        ("over 10k steps", Is.MORE, 10_000, "steps"),
        ("at least ten thousand steps", Is.AT_LEAST, 10_000, "steps"),
        ("8000 steps or more", Is.AT_LEAST, 8000, "steps"),
        ("10k+ steps", Is.AT_LEAST, 10_000, "steps"),
        ("under 6 hours", Is.LESS, 21_600, "s"),
        ("fewer than six and a half hours", Is.LESS, 23_400, "s"),
        ("no more than 30 minutes", Is.AT_MOST, 1800, "s"),
        ("above 80.5 kg", Is.MORE, 80.5, "kg"),
        ("below 5", Is.LESS, 5, ""),
    ],
)
def test_amounts(text: str, compare: Is, value: float, unit: str) -> None:
    found, rest = find_amounts(f"days with {text} in all")
    assert [(one.compare, one.value, one.unit) for one in found] == [(compare, value, unit)]
    assert rest.split()[:3] == ["days", "with", "#0"]


@pytest.mark.parametrize("text", ["top 3 artists", "10000 steps", "at most in 2022", "over the weekend"])
def test_no_amounts(text: str) -> None:
    assert find_amounts(text)[0] == []
