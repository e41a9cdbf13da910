"""A running completion wakes who waits for it: for every piece, once or more, and never for nothing."""

from __future__ import annotations

import threading

import pytest

from hearthside.errors import RetryLater
from hearthside.inference.backend import Generation, Token


def test_whoever_waits_is_woken_for_what_is_there_and_for_what_comes() -> None:
    generation, woken = Generation(), list[bool]()
    generation.put(Token("a"))
    generation.wake(lambda: woken.append(generation.ready))
    assert woken == [True] and next(generation).text == "a" and not generation.ready
    for step in (lambda: generation.put(Token("b")), generation.end):
        worker = threading.Thread(target=step)
        worker.start()
        worker.join()
    assert woken == [True, True, True] and [token.text for token in generation] == ["b"]
    assert generation.ready and next(generation, None) is None  # the end stays, so that nobody waits for ever


def test_nobody_is_woken_before_there_is_anything() -> None:
    generation, woken = Generation(), list[bool]()
    generation.wake(lambda: woken.append(True))
    assert woken == [] and not generation.ready
    generation.close()
    assert woken == [True] and next(generation, None) is None and generation.cancelled


def test_an_error_wakes_and_is_raised() -> None:
    generation, woken = Generation(), list[bool]()
    generation.wake(lambda: woken.append(True))
    generation.end(RetryLater("completion-failed", "The model stopped."))
    assert woken == [True] and generation.ready
    with pytest.raises(RetryLater):
        next(generation)
    assert generation.ready and next(generation, None) is None
