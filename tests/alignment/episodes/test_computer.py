"""Windows in front, and somebody in front of them."""

from __future__ import annotations

from hearthside.alignment.episodes import computer
from tests.alignment.episodes.windows import Life, Said, at, find_all


def _window(start: int, end: int, app: str = "Editor") -> Said:
    return Said("app_use", start, end, f"{app} – notes", app)


def _keyboard(start: int, end: int, text: str = "at the keyboard") -> Said:
    return Said("afk", start, end, text)


def test_a_session_is_named_after_the_program_most_in_front() -> None:
    life = Life(
        [
            _window(at(0, 9), at(0, 9, 10), "Mail"),
            _window(at(0, 9, 10), at(0, 9, 40)),
            _keyboard(at(0, 9), at(0, 9, 40)),
        ]
    )
    (found,) = find_all(life, computer)
    assert (found.start_ms, found.end_ms, found.sure) == (at(0, 9), at(0, 9, 40), 0.95)
    assert found.label == "at the computer, mostly Editor"
    assert found.facts == {"active_min": 40.0, "programs": 2, "program": "Editor", "share": 0.75}


def test_only_the_time_at_the_keyboard_counts() -> None:
    away = _keyboard(at(0, 9, 30), at(0, 12), "away from the keyboard")
    life = Life([_window(at(0, 9), at(0, 12)), _keyboard(at(0, 9), at(0, 9, 30)), away])
    (found,) = find_all(life, computer)
    assert (found.start_ms, found.end_ms) == (at(0, 9), at(0, 9, 30))


def test_a_window_that_nobody_watched_counts_but_not_for_hours() -> None:
    (found,) = find_all(Life([_window(at(0, 9), at(0, 12))]), computer)
    assert (found.end_ms, found.sure) == (at(0, 12), 0.7)
    assert find_all(Life([_window(at(0, 9), at(0, 13, 1))]), computer) == []


def test_ten_minutes_away_divide_and_less_do_not() -> None:
    first = _window(at(0, 9), at(0, 9, 30))
    assert len(find_all(Life([first, _window(at(0, 9, 40), at(0, 10))]), computer)) == 1
    assert len(find_all(Life([first, _window(at(0, 9, 40.1), at(0, 10))]), computer)) == 2


def test_seconds_and_day_totals_are_no_session() -> None:
    assert find_all(Life([_window(at(0, 9), at(0, 9, 0.5))]), computer) == []
    assert find_all(Life([Said("app_use", at(0, 0), at(0, 3), "x", by_day=True)]), computer) == []


def test_a_program_without_a_field_of_its_own_is_read_from_the_words() -> None:
    (found,) = find_all(Life([Said("app_use", at(0, 9), at(0, 10), "Paint – cat.png")]), computer)
    assert found.facts["program"] == "Paint"
