"""The card about clocks: sentences for the person, and a shift read as it was meant."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.web.clock_page import (
    clocks_body,
    held_body,
    parse_shift,
    shift_field,
    shift_text,
    suggestion,
    waiting_words,
    wished_shift,
)
from hearthside.web.clock_views import ClockRow, HeldGroup
from tests.web.demo_clocks import demo_clocks
from tests.web.demo_house import HOSTILE, LAST_DAY

VIEW = demo_clocks("full", "", LAST_DAY)
LOST, TWO, KEPT = VIEW.held


@pytest.mark.parametrize(
    ("words", "ms"),
    [
        ("2 d 3 h", 183_600_000),
        ("45 min", 2_700_000),
        ("+1 h 30 min", 5_400_000),
        ("-5 s", -5_000),
        ("− 5 s", -5_000),
        ("–5 s", None),
        ("1.5 h", 5_400_000),
        ("0.002 s", 2),
        ("2d3h", 183_600_000),
        ("  10 MIN ", 600_000),
        ("", None),
        ("soon", None),
        ("5", None),
        ("1 h and a bit", None),
        ("5 years", None),
        ("1 h -5 min", None),
        ("9" * 61 + " s", None),
    ],
)
def test_what_a_person_writes(words: str, ms: int | None) -> None:
    assert parse_shift(words) == ms


@given(st.integers(-(10**13), 10**13))
def test_a_shift_is_read_as_it_is_written(ms: int) -> None:
    assert parse_shift(shift_text(ms)) == ms
    assert wished_shift(f" {suggestion(ms)} ", ms) == ms


def test_a_suggestion_is_short_and_meant_exactly() -> None:
    ms = -(20_543 * 86_400_000 + 5 * 3_600_000 + 2_345)
    assert suggestion(ms) == "−20543 d 5 h 2.345 s" and suggestion(0) == "0 s"
    assert suggestion(-ms + 60_000) == "20543 d 5 h 1 min"
    assert wished_shift("20543 d 5 h 1 min", -ms + 60_000) == -ms + 60_000
    assert wished_shift("20543 d 5 h 2 min", -ms + 60_000) == 20_543 * 86_400_000 + 5 * 3_600_000 + 120_000
    assert wished_shift("20543 d", None) == 20_543 * 86_400_000


def test_what_is_kept_out_is_told_with_the_reason_and_what_would_be_right() -> None:
    shown = held_body(LOST, UTC)
    assert "1,284 events of watch" in shown and LOST.reason in shown and "Walk along the river" in shown
    assert "Thu 1 Jan 1970, 00:01 – Thu 1 Jan 1970, 08:00" in shown and "this was from Tue 31 Mar 2026" in shown
    assert 'value="20543 d 5 h 2 min"' in shift_field(LOST)
    assert "Set right" not in held_body(TWO, UTC) and "value=" not in shift_field(TWO)
    assert "1 event of glasses" in held_body(KEPT, UTC) and "kept out by you" in held_body(KEPT, UTC)
    assert "1,321 events wait" in waiting_words([LOST, TWO]) and "1 event waits" in waiting_words([KEPT])


def test_every_clock_is_told() -> None:
    shown = clocks_body(VIEW.clocks, UTC)
    for one in VIEW.clocks:
        assert one.title in shown and one.sentence in shown
    assert "taken at its word" in clocks_body([], UTC)


def test_words_of_others_stay_words() -> None:
    group = HeldGroup("device:x", 0, 1, HOSTILE, HOSTILE, 1, 0, 0, 5, ((0, HOSTILE),))
    row = ClockRow(HOSTILE, HOSTILE, HOSTILE, None)
    for shown in (held_body(group, UTC), shift_field(group), clocks_body([row], UTC)):
        assert "<script" not in shown and "<img" not in shown
