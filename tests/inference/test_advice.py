"""The choice is the largest that fits and keeps up with reading, and its sentence says why."""

from __future__ import annotations

import pytest

from hearthside.inference.advice import Fit, Pace, ability_words, choose, gib, pace_of
from hearthside.inference.fitting import Need
from hearthside.inference.machine import Machine
from hearthside.inference.probing import Measured

GIB = 2**30


def _fit(title: str, size: float, need_gib: float, pace: Pace, available: float = 16.0) -> Fit:
    machine = Machine("main", 24 * GIB, int(available * GIB), 2 * GIB)
    need = Need(int(need_gib * GIB), 0, 0, 0, 0, 0)
    return Fit(title, title, "MIT", None, False, need, machine, 2048, size, "words", pace)


_SMALL = _fit("Small", 1e8, 0.5, Pace(measured=40))
_MIDDLE = _fit("Middle", 4e9, 5, Pace(least=7, most=20))
_SLOW = _fit("Slow", 8e9, 9, Pace(least=3, most=9))
_LARGE = _fit("Large", 14e9, 15, Pace(least=2, most=5))


def test_largest_that_keeps_up_with_reading() -> None:
    choice = choose([_SMALL, _MIDDLE, _SLOW, _LARGE])
    assert choice.fit is _MIDDLE
    assert choice.sentence == (
        "Middle is the largest that fits (5.0 GiB of 14.0 GiB) and keeps up with reading (about 7 to 20 tokens/s); "
        "larger ones fit too, but speak slower than one reads."
    )


def test_what_a_larger_one_would_need_is_said() -> None:
    choice = choose([_SMALL, _MIDDLE, _LARGE])
    assert choice.fit is _MIDDLE and choice.sentence.endswith("; Large would need 1.0 GiB more.")
    assert choose([_SMALL, _MIDDLE]).sentence.endswith("(about 7 to 20 tokens/s).")


def test_fastest_where_none_keeps_up() -> None:
    choice = choose([_SLOW, _fit("Slower", 4e9, 5, Pace(least=1))])
    assert choice.fit is _SLOW and "fastest that fits" in choice.sentence


def test_largest_where_no_speed_is_known() -> None:
    unknown = [_fit("A", 1e9, 1, Pace()), _fit("B", 4e9, 4, Pace())]
    choice = choose(unknown)
    assert choice.fit is unknown[1] and "not measured" in choice.sentence


def test_none_fits() -> None:
    choice = choose([_LARGE, _fit("Larger", 3e10, 30, Pace())])
    assert choice.fit is None and "15.0 GiB" in choice.sentence
    assert choose([]).fit is None


def test_sentence_of_one_model() -> None:
    assert _MIDDLE.sentence() == "Middle fits: it needs 5.0 GiB of the 14.0 GiB of main memory that it may take."
    assert _LARGE.sentence().endswith("1.0 GiB of main memory are missing. Close other programs first.")
    assert _fit("Huge", 7e10, 40, Pace()).sentence().endswith("This machine is too small for it.")


def test_pace_lies_between_what_was_measured_and_what_memory_allows() -> None:
    measured = [Measured(70, 1, 7e9, 1, 0), Measured(10, 1, 1e10, 1, 0)]
    assert pace_of(10**9, measured, 3e10) == Pace(least=10, most=30)
    assert pace_of(10**9, measured, 5e9) == Pace(least=5, most=5)  # memory is the limit
    assert pace_of(10**9, [], 3e10).expected == 30 and pace_of(10**9, [], 0).expected == 0
    own = pace_of(10**9, measured, 3e10, measured[1])
    assert own.expected == 10 and own.words() == "10 tokens/s, measured here"
    assert own.figure() == "10 measured"
    assert Pace(1.25, 1.3).words() == "about 1.2 tokens/s" and Pace().words() == "speed not known here"


@pytest.mark.parametrize("size", [1e8, 1e9, 2e9, 5e9, 1e10, 3e10, 1e12])
def test_every_size_has_words(size: float) -> None:
    words = ability_words(size, 8192, chats=False, thinks=True)
    assert "8,192" in words and "not trained for conversation" in words and "thinks" in words


def test_amounts() -> None:
    assert gib(5 * GIB) == "5.0 GiB" and gib(3 * 2**20) == "3 MiB"
