"""What helped: said only where there is enough to say, with counts and the base rate."""

from __future__ import annotations

import random
from pathlib import Path

from hearthside.memory.moods.days import MoodDay, mood_days
from hearthside.memory.moods.helped import Doing, what_helped
from tests.memory.known_lives import known_life, slept, spoken, trained


def low_life(pattern: str) -> list[MoodDay]:
    """Days as letters: l low, u usual."""
    return [
        MoodDay(f"day {n}", n, -0.5 if letter == "l" else 0.3, 0.3, letter == "l", 3, 0, (b"w%d" % n,))
        for n, letter in enumerate(pattern)
    ]


def did(name: str, *days: int) -> list[Doing]:
    return [Doing(name, day, (b"d%d" % day,)) for day in days]


def test_a_doing_that_goes_before_better_days_is_said() -> None:
    days = low_life("lu" * 6 + "ll" * 6)
    [found] = what_helped(days, did("climbing", *range(0, 12, 2)))
    assert (found.with_it, found.lifted_with) == (6, 6)
    assert (found.without, found.lifted_without) == (11, 0)
    assert found.says and (found.chance or 0) > 0.99
    assert "6 of 6 low days with it, 0 of 11 without. That is no proof" in found.sentence
    assert (found.last_day, found.evidence) == ("day 10", (b"d10", b"w10"))


def test_a_doing_of_every_day_says_nothing() -> None:
    [found] = what_helped(low_life("lulllu" * 4), did("coffee", *range(24)))
    assert (found.without, found.chance, found.says) == (0, None, False)
    assert found.sentence.startswith("Not enough to say")


def test_a_doing_that_makes_no_difference_is_not_said() -> None:
    days = low_life("luluulll" * 6)
    [found] = what_helped(days, did("tea", *(day for day in range(48) if day // 8 % 2)))
    assert not found.says


def test_few_low_days_are_not_enough() -> None:
    [found] = what_helped(low_life("lululululululu"), did("climbing", 0, 2))
    assert (found.with_it, found.lifted_with, found.says) == (2, 2, False)


def test_no_low_day_nothing_helped() -> None:
    assert what_helped(low_life("uuuu"), did("climbing", 1)) == []


def test_from_a_whole_life(tmp_path: Path) -> None:
    """A flat voice every eighth and ninth day; climbing on the ninth, and the day after is bright."""
    with known_life(tmp_path, 200) as life:
        for day in range(200):
            low = day > 40 and day % 8 in {0, 1}
            life.vault.journal.append(
                [spoken(day, "well", "flat" if low else "cheerful", 1000 * n) for n in range(3)]
                + ([trained(day)] if day % 8 == 1 else [])
                + [slept(day, 11.0, 8.5)]
            )
        life.vault.stream.update()
        low_days = [stretch for stretch in life.knowing.moods().low if len(stretch.days) == 2]
        assert len(low_days) == 19 and all(stretch.lifted_day for stretch in low_days)
        best = life.knowing.helped()[0]
        assert (best.name, best.says) in {("climbing", True), ("exercise", True)}
        assert best.lifted_with == best.with_it == 20
        assert best.lifted_without == 0 < best.without
        assert len(life.vault.journal.get(best.evidence)) == len(best.evidence)
        assert life.knowing.moods("2026-03-01", "2026-03-07").days[0].day == "2026-03-01"


def test_the_rows_of_others_are_not_read(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        assert mood_days(life.knowing.gleanings.rows("moods")) == []


def test_chance_alone_is_seldom_named() -> None:
    """Fifty lives with twenty doings that make no difference: one of them is named in at most one of ten lives."""
    rng = random.Random(3)
    named = 0
    for _ in range(50):
        days = low_life("".join(rng.choice(["lu", "ll", "lluu"]) for _ in range(25)))
        doings = [
            one for n in range(20) for one in did(f"doing {n}", *(d for d in range(len(days)) if rng.random() < 0.4))
        ]
        named += any(found.says for found in what_helped(days, doings))
    assert named <= 5
