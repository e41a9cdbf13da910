"""Days against the person's own usual, and low stretches."""

from __future__ import annotations

from hearthside.memory.moods.days import LEAST_USUAL, low_stretches, mood_days

ID = "00" * 16


def days(*valences: float | None) -> list[list[object]]:
    """Three texts a day of one valence; None: nothing was felt."""
    rows = []
    for day, felt in enumerate(valences):
        if felt is not None:
            rows += [[day * 86_400_000 + n, day, felt + 0.05 * n, False, ID] for n in range(3)]
    return rows


USUAL = [0.3, 0.4, 0.2] * 7


def test_a_young_life_has_no_usual_and_no_low_day() -> None:
    found = mood_days(days(*[-0.8] * LEAST_USUAL))
    assert all(day.usual is None and not day.low for day in found)


def test_a_low_stretch_is_found_with_the_day_it_lifted() -> None:
    found = mood_days(days(*USUAL, -0.6, -0.5, -0.6, 0.3, 0.4))
    [low] = low_stretches(found)
    assert (low.first_day, low.last_day, low.lifted_day) == ("1970-01-22", "1970-01-24", "1970-01-25")
    assert [day.low for day in found[-5:]] == [True, True, True, False, False]


def test_a_gap_of_silence_may_lie_in_it_but_no_long_one() -> None:
    [low] = low_stretches(mood_days(days(*USUAL, -0.6, None, None, -0.6, 0.3)))
    assert (low.first_day, low.last_day) == ("1970-01-22", "1970-01-25")
    assert low_stretches(mood_days(days(*USUAL, -0.6, *[None] * 5, -0.6, *[None] * 5, 0.3))) == []


def test_who_is_always_gloomy_is_not_always_low() -> None:
    found = mood_days(days(*[-0.5, -0.4, -0.6] * 10))
    assert not any(day.low for day in found)


def test_one_word_makes_no_low_day() -> None:
    rows = [*days(*USUAL), [21 * 86_400_000, 21, -0.4, False, ID]]
    assert low_stretches(mood_days(rows)) == []


def test_the_order_of_rows_makes_no_difference() -> None:
    rows = days(*USUAL, -0.6, -0.5, 0.3)
    assert mood_days(rows) == mood_days(list(reversed(rows)))
