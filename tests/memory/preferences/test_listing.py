"""Preferences of a life: what rises, what is past, what was known at an earlier moment, and its evidence."""

from __future__ import annotations

from pathlib import Path

from hearthside.memory.preferences.preference import Trend
from tests.memory.known_lives import Known, known_life, played, said, trained

LAST = 300


def drifting() -> list[object]:
    """Daily music: one artist all along, one until 100 days before the end, one since then."""
    steady = [played(day, "Always", day * 1000) for day in range(0, LAST, 2)]
    gone = [played(day, "Former", 1 + day * 1000) for day in range(LAST - 100)]
    new = [played(day, "Newcomer", 2 + day * 1000) for day in range(LAST - 40, LAST)]
    return [*steady, *gone, *new]


def filled(life: Known) -> None:
    life.take(*drifting())  # type: ignore[arg-type]


def test_what_was_true_three_months_ago_and_is_not_now_is_past(tmp_path: Path) -> None:
    with known_life(tmp_path, LAST) as life:
        filled(life)
        trends = {p.what: p.trend for p in life.knowing.preferences(kinds=["artist"])}
        assert trends == {"Always": Trend.STEADY, "Former": Trend.PAST, "Newcomer": Trend.RISING}
        assert life.preference("Former").last_day == "2026-07-23"
        then = {p.what: p.trend for p in life.knowing.preferences(life.now[0] - 105 * 86_400_000, ["artist"])}
        assert then == {"Always": Trend.STEADY, "Former": Trend.STEADY}


def test_strength_follows_the_present(tmp_path: Path) -> None:
    with known_life(tmp_path, LAST) as life:
        filled(life)
        strength = {p.what: p.strength for p in life.knowing.preferences(kinds=["artist"])}
        assert strength["Newcomer"] > strength["Always"] > strength["Former"] > 0


def test_a_preference_shows_its_evidence_and_its_months(tmp_path: Path) -> None:
    with known_life(tmp_path, LAST) as life:
        filled(life)
        former = life.preference("Former")
        assert len(life.vault.journal.get(former.evidence)) == len(former.evidence) == 4
        assert former.months[0] == ("2026-01", 27.0)
        assert former.months[-1] == ("2026-11", 0.0)
        assert sum(total for _, total in former.months) == former.total == former.days == 200
        assert "on 0 of 42 days heard in the last 45" in former.why


def test_a_layer_that_fell_silent_takes_nothing_away(tmp_path: Path) -> None:
    with known_life(tmp_path, LAST) as life:
        life.take(*[trained(day) for day in range(0, 100, 3)])
        assert life.preference("climbing").trend is Trend.UNHEARD


def test_what_was_said_to_be_liked_counts(tmp_path: Path) -> None:
    with known_life(tmp_path, LAST) as life:
        life.take(*[said(day, "I love olives!", key=str(day)) for day in (280, 285, 290)])
        assert (life.preference("olives").kind, life.preference("olives").days) == ("said", 3)
