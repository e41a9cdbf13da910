"""What each refusal becomes: its kind, its code, and whom its sentence speaks of."""

from __future__ import annotations

import pytest

from hearthside.errors import NeedsPerson, RetryLater
from hearthside.inference.guard import refusals, words
from hearthside.inference.guard.readings import GIB

_READY = {"soft": 4 * GIB, "total": 24 * GIB}


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(
    ("why", "kind", "code"),
    [
        ("too-large", NeedsPerson, "model-too-large"),
        ("short", RetryLater, "memory-short"),
        ("pressed", RetryLater, "memory-short"),
        ("rests", RetryLater, "memory-rests"),
        ("loading", RetryLater, "loader-busy"),
        ("gone", RetryLater, "compute-gone"),
    ],
)
def test_every_answer_has_its_error(why: str, kind: type[Exception], code: str, beside: bool) -> None:
    answer = {"why": why, "largest": 2 * GIB, "rests_s": 300.0}
    error = refusals.refusal(answer, 3 * GIB, _READY, beside=beside)
    assert type(error) is kind and error.code == code
    if why in ("too-large", "short"):
        assert error.message.startswith("A model beside the language model" if beside else "The language model needs")
        assert "3.0 GiB" in error.message and "2.0 GiB" in error.message


def test_without_an_answer_there_is_an_error_too() -> None:
    said = [(error.code, error.message) for error in (refusals.away(), refusals.gone(), refusals.busy(beside=True))]
    assert said[:2] == [("guard-away", words.AWAY), ("compute-gone", words.GONE)]
    assert said[2][0] == "loader-busy" and "Ask again" in said[2][1]
