"""Forecasts fade, learn their scales from the person's own past, and see nothing of the future."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hearthside.memory.preferences.forecast import GRID_DAYS, forecast, forecasts, shares_at, top
from hearthside.memory.preferences.tally import Tally, month_name, month_of, month_start, tallies_of

START = month_start(600)  # January 2020


def tally(*counts: tuple[int, str, float]) -> Tally:
    """Counts on days after the start."""
    rows = [
        ["artist", what, START + day, weight, (START + day) * 86_400_000, "00" * 16] for day, what, weight in counts
    ]
    return tallies_of(rows)["artist"]


def habits(months: int, stay: int) -> Tally:
    """Every day a song; of another artist every `stay` days."""
    return tally(*[(day, f"artist {day // stay}", 1.0) for day in range(months * 30)])


def test_a_count_weighs_half_after_its_half_life() -> None:
    counted = tally((0, "old", 1.0), (10, "new", 1.0))
    [share] = shares_at(counted, [START + 11], [10.0])
    assert share[0, 0] / share[1, 0] == pytest.approx(0.5)


def test_shares_do_not_depend_on_the_days_asked_before() -> None:
    counted = habits(6, 17)
    days = [START + 40, START + 41, START + 100]
    together = shares_at(counted, days, [7.0, 60.0, math.inf])
    alone = [shares_at(counted, [day], [7.0, 60.0, math.inf])[0] for day in days]
    np.testing.assert_allclose(together, alone, atol=1e-12)


def test_all_time_shares_are_plain_counts() -> None:
    counted = tally((0, "a", 3.0), (200, "b", 1.0))
    np.testing.assert_allclose(shares_at(counted, [START + 300], [math.inf])[0][:, 0], [0.75, 0.25])


def test_nothing_of_the_future_is_seen() -> None:
    past, whole = habits(8, 20), habits(16, 20)
    day = START + 240
    now, then = forecast(past, day), forecast(whole, day)
    known = len(past.names)
    np.testing.assert_allclose(now.share, then.share[:known])
    np.testing.assert_array_equal(then.share[known:], 0.0)
    assert (now.half_life_days, now.months) == (then.half_life_days, then.months)
    np.testing.assert_allclose(now.scale_weights, then.scale_weights)


def test_tastes_that_change_soon_have_a_short_half_life_and_those_that_stay_a_long_one() -> None:
    quick, slow = forecast(habits(12, 8), START + 360), forecast(habits(12, 400), START + 360)
    assert quick.half_life_days <= 7 < 60 <= slow.half_life_days
    assert quick.share.argmax() == len(quick.share) - 1


def test_many_days_at_once_are_foretold_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearthside.memory.preferences.forecast.MOST_NAMES", 20)
    counted = habits(12, 10)
    days = [START + day for day in (5, 40, 150, 199, 200, 201, 290, 360)]
    for day, together in zip(days, forecasts(counted, days), strict=True):
        alone = forecast(counted, day)
        np.testing.assert_allclose(together.share, alone.share, atol=1e-12)
        np.testing.assert_allclose(together.change_weights, alone.change_weights, atol=1e-12)
        assert (together.half_life_days, together.months) == (alone.half_life_days, alone.months)
    assert forecasts(counted, []) == []


def test_a_mix_that_jumps_is_read_since_its_change() -> None:
    jumping = tally(*[
        (day, what, share) for day in range(600)
        for what, share in (("a", 3.0), ("b", 1.0 + (day // 75) % 2 * 8.0), ("c", 1.0))
    ])  # fmt: skip
    found = forecast(jumping, START + 530)  # five days after "b" became the greater part
    assert found.change_weights.sum() > 0.5
    assert found.share[1] == found.share.max()


def test_among_very_many_things_no_change_is_looked_for() -> None:
    many = tally(*[(n // 3, f"song {n % 900}", 1.0) for n in range(1000)])
    np.testing.assert_array_equal(forecast(many, START + 340).change_weights, 0.0)


def test_where_nothing_is_known_the_prior_stands() -> None:
    young = forecast(tally((0, "a", 1.0)), START + 1)
    assert young.half_life_days == 60.0 in GRID_DAYS
    np.testing.assert_allclose([*young.scale_weights, *young.change_weights], 1 / 7)
    assert young.share.tolist() == pytest.approx([1.0]) and young.months == 0


def test_shares_sum_to_one() -> None:
    assert forecast(habits(7, 3), START + 210).share.sum() == pytest.approx(1.0)


def test_the_highest_come_first_and_of_equal_ones_the_one_met_last() -> None:
    counted = tally((0, "a", 1.0), (1, "b", 1.0), (2, "c", 1.0), (3, "d", 1.0))
    assert top(np.array([0.2, 0.5, 0.2, 0.0]), counted, START + 9, 4) == [1, 2, 0]


def test_rows_of_one_thing_and_day_are_joined() -> None:
    rows = [["app", "mail", 9, 2.0, 500, "aa"], ["app", "mail", 9, 3.0, 400, "bb"], ["app", "mail", 8, 1.0, 1, "cc"]]
    counted = tallies_of(rows)["app"]
    assert (counted.day.tolist(), counted.weight.tolist()) == ([8, 9], [1.0, 5.0])
    assert counted.evidence == [b"\xcc", b"\xaa"]


def test_months_are_calendar_months() -> None:
    days = np.array([month_start(602) - 1, month_start(602)], dtype=np.int64)
    assert [month_name(int(m)) for m in month_of(days)] == ["2020-02", "2020-03"]
