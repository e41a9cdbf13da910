"""Days and lengths of time in words."""

from __future__ import annotations

import pytest

from hearthside.alignment.clocks.words import day_words, length_words, off_words
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (340, "0.3 s"), (2_400, "2.4 s"), (3_000, "3 s"), (59_400, "59 s"), (59_600, "1 min"), (61_000, "1 min 1 s"),
        (HOUR_MS - 1, "1 h"), (HOUR_MS + MINUTE_MS, "1 h 1 min"), (DAY_MS - 1, "1 day"), (25 * HOUR_MS, "1 day 1 h"),
        (29 * DAY_MS, "29 days"), (31 * DAY_MS, "1 month 1 day"), (365 * DAY_MS, "1 year"),
        (20_543 * DAY_MS, "56 years 3 months"),
    ],
)  # fmt: skip
def test_a_length_is_told_by_its_two_largest_units(ms: int, words: str) -> None:
    assert length_words(ms) == words


def test_days_are_told_whatever_the_number() -> None:
    assert day_words(day_start_ms("2026-05-03")) == "3 May 2026"
    assert day_words(-(2**62)).endswith(" 1") and day_words(2**62).endswith("9999")


def test_an_error_is_slow_or_fast() -> None:
    assert [off_words(ms) for ms in (300, 2_400, -HOUR_MS)] == ["right", "2.4 s slow", "1 h fast"]
