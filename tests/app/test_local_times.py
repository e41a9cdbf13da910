"""Times by the person's clock: the offset of their day, in the forms that are read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hearthside.app.local_times import iso_minute, local_time, since_words, to_the_minute
from hearthside.events import HOUR_MS, ms_of


class Journey:
    """At home until the 14th of July, then nine hours ahead."""

    def offset_on(self, day: str) -> int:
        return 540 if day >= "2026-07-14" else -60


def at(day: int, hour: int, minute: int = 0) -> int:
    return ms_of(datetime(2026, 7, day, hour, minute, 59, tzinfo=UTC))


def test_a_moment_has_the_offset_of_its_utc_day() -> None:
    assert local_time(Journey(), at(14, 0)).isoformat() == "2026-07-14T09:00:59+09:00"
    assert local_time(Journey(), at(14, 0) - HOUR_MS).isoformat() == "2026-07-13T22:00:59-01:00"


@pytest.mark.parametrize(
    ("ms", "plain", "iso"),
    [
        (at(13, 0, 5), "2026-07-12 23:05", "2026-07-12T23:05"),
        (at(14, 18, 30), "2026-07-15 03:30", "2026-07-15T03:30"),
    ],
)
def test_minutes_are_not_rounded_up(ms: int, plain: str, iso: str) -> None:
    assert (to_the_minute(Journey(), ms), iso_minute(Journey(), ms)) == (plain, iso)


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        (at(14, 1), at(14, 14), "10:00"),
        (at(14, 1), at(14, 15), "Tuesday, 14 July, 10:00"),  # midnight is the person's
        (at(13, 12), at(14, 1), "Monday, 13 July, 11:00"),
        (at(3, 12), at(14, 1), "Friday, 3 July, 11:00"),
    ],
)
def test_since_when_names_the_day_unless_it_is_today(then: int, now: int, words: str) -> None:
    assert since_words(Journey(), then, now) == words
