"""The guard's sentences: amounts, causes, and who is named for taking the memory."""

from __future__ import annotations

import re

import pytest

from hearthside.inference.guard import words
from hearthside.inference.guard.policy import Rung
from hearthside.inference.guard.readings import GIB

_ENDED = {
    "cause": "speed", "available": 18 * GIB, "fall": 5 * GIB, "fell": 10 * GIB, "grew": 9 * GIB, "other": "chromium",
    "other_grew": GIB,
}  # fmt: skip


def test_amounts_and_spans_are_for_people() -> None:
    assert [words.amount(size) for size in (0, 340 << 20, 2684354560)] == ["0 MiB", "340 MiB", "2.5 GiB"]
    assert [words.span(s) for s in (0.2, 1.4, 8.0, 100.0, 430.0)] == [
        "1 second", "1 second", "8 seconds", "2 minutes", "7 minutes",
    ]  # fmt: skip


def test_the_one_who_took_it_is_named() -> None:
    assert words.ended(_ENDED) == (
        "Memory fell by 5.0 GiB a second: with 18.0 GiB left, there was time for 4 seconds. The guard ended the "
        "language model so that the machine would not freeze. The model itself had taken 9.0 GiB of it."
    )
    outside = {**_ENDED, "cause": "room", "grew": 100 << 20, "other_grew": 9 * GIB}
    assert words.by_outsider(outside) and not words.by_outsider(_ENDED)
    assert words.ended(outside).endswith("It was not the model: chromium took 9.0 GiB.")
    assert words.shed({**outside, "rung": Rung.REFUSE}).endswith(
        "loads wait. It was not the model: chromium took 9.0 GiB."
    )
    assert words.shed({"rung": 1, "available": 5 * GIB}).startswith("5.0 GiB of memory were left: new questions")
    nobody = {**outside, "other_grew": GIB}
    assert "no single program took it" in words.ended(nobody)
    assert not words.by_outsider({**outside, "cause": "silence"})


@pytest.mark.parametrize("cause", ["room", "speed", "stall", "silence"])
def test_every_sentence_is_one(cause: str) -> None:
    told = {**_ENDED, "cause": cause, "seconds": 8.2, "fall": 0}
    sentences = [
        words.ended(told),
        words.calmed(told),
        words.late(told),
        words.stuck(told),
        words.AWAY,
        words.GONE,
        words.UNWATCHED,
        words.BROKEN,
    ]
    sentences += [words.shed({**told, "rung": rung}) for rung in Rung]
    sentences += [words.refused(why, 9 * GIB, GIB, GIB, 8 * GIB, 430.0) for why in
                  ("too-large", "short", "loading", "pressed", "rests")]  # fmt: skip
    sentences += [words.refused(why, 9 * GIB, GIB, GIB, 8 * GIB, 430.0, beside=True) for why in
                  ("too-large", "short", "loading", "pressed", "rests")]  # fmt: skip
    sentences += [words.watching(4 * GIB, 2 * GIB, 20 * GIB, every_s) for every_s in (1.0, 0.05)]
    sentences += [words.protections(["locked", "first"], ["group", "first"]), words.protections([], [])]
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z0-9][^{}\n]*\.", sentence) and "  " not in sentence, sentence


def test_a_refusal_says_what_would_help() -> None:
    assert "model_path" in words.refused("too-large", 9 * GIB, GIB, GIB, 8 * GIB, 0)
    assert "rests for 7 minutes" in words.refused("rests", 9 * GIB, GIB, GIB, 8 * GIB, 430.0)


@pytest.mark.parametrize("why", ["short", "loading", "pressed", "rests"])
def test_what_runs_beside_the_language_model_does_not_start_by_itself(why: str) -> None:
    assert "by itself" in words.refused(why, 9 * GIB, GIB, GIB, 8 * GIB, 430.0)
    beside = words.refused(why, 9 * GIB, GIB, GIB, 8 * GIB, 430.0, beside=True)
    assert "by itself" not in beside and "Ask again" in beside
