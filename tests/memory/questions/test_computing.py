"""What questions come to over a small life, worked out by hand."""

from __future__ import annotations

import pytest

from hearthside.memory.questions import Figure, NamesKept, compute, names_of, read
from tests.memory.asking.lives import SmallLife, play
from tests.memory.questions.lives import NOW, small_life


def _asked(life: SmallLife, text: str) -> Figure:
    found = read(text, names_of(life), NOW, 0)
    assert found is not None, text
    return compute(life, found, NOW)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("How many nights did I sleep?", 4),
        ("What was my average sleep?", 26.5 / 4 * 3600),
        ("How much did I sleep on 2023-03-23?", 8 * 3600),
        ("Which was my shortest night?", "2023-03-22"),
        ("When did I last sleep under 6 hours?", "2023-03-22"),
        ("What is my average wake time?", (7 + 6 + 9 + 6) / 4 * 60),
        ("What was my average bedtime?", (23 + 23.5 + 24.5 + 23) / 4 * 60),
        ("When did I wake up on 2023-03-23?", 9 * 60),
        ("What was the latest I went to bed?", 30),
        ("How many steps did I take?", 68_001),
        ("When did I take the most steps?", "2023-03-25"),
        ("On how many days did I walk more than 10,000 steps?", 4),
        ("On how many days did I walk more than 20,000 steps?", 0),
        ("What is my longest streak of days over 10,000 steps?", 3),
        ("What do I weigh?", 78.1),
        ("What was my first weight?", 80.0),
        ("When did I weigh the least?", "2023-03-23"),
        ("How did my weight change between 2023-03-20 and 2023-03-26?", -1.9),
        ("How much weight did I lose in March 2023?", -1.9),
        ("How many songs did I play?", 4),
        ("Who did I listen to most?", "Radiohead"),
        ("Which artists did I listen to on 2023-03-20?", ("Radiohead",)),
        ("How many different songs did I play?", 3),
        ("When did I first listen to bjork?", "2023-03-21"),
        ("How often did I listen to bjork in April 2023?", None),  # nobody listened then
        ("What was the longest time I went without music, in days?", 4),
        ("How many podcast episodes did I listen to?", 1),
        ("How often did I go running?", 2),  # two programs wrote down one run
        ("How long was my longest run?", 3600),
        ("Did I walk more steps on 2023-03-20 or 2023-03-21?", "on 2023-03-21"),
        ("When was the last time I slept under 2 hours?", None),
        ("How many songs did I play in 2019?", None),
    ],
)
def test_by_hand(text: str, value: object) -> None:
    found = _asked(small_life(), text).value
    assert found == (pytest.approx(value) if isinstance(value, int | float) else value)


def test_evidence_and_queries_come_with_the_value() -> None:
    figure = _asked(small_life(), "When did I take the most steps?")
    assert (figure.amount, figure.day, len(figure.evidence)) == (15_000, "2023-03-25", 1)
    assert figure.queries[0].startswith('{"measure":"max"')


def test_what_is_level_is_said() -> None:
    life = SmallLife([play(0, 12, "Ann"), play(1, 12, "Ben")])
    figure = _asked(life, "Who did I listen to most?")
    assert {figure.value, *figure.level} == {"Ann", "Ben"}
    same = _asked(life, "Did I play more songs on 2023-03-20 or 2023-03-21?")
    assert same.value is None
    assert len(same.level) == 2


def test_names_are_read_again_when_there_are_more() -> None:
    life = SmallLife([play(0, 12, "Ann")])
    kept = NamesKept(life)
    assert set(kept.current().known["artist"].values()) == {"Ann"}
    life.happened.extend(SmallLife([play(1, 12, "Ben")]).happened)
    assert set(kept.current().known["artist"].values()) == {"Ann", "Ben"}
