"""What it means when a load is not admitted: the error that is raised, with a sentence that says what helps."""

from __future__ import annotations

from hearthside.errors import NeedsPerson, RetryLater
from hearthside.inference.guard import words
from hearthside.inference.guard.messages import Message


def refusal(answer: Message, need: int, ready: Message, *, beside: bool) -> RetryLater | NeedsPerson:
    """The error for an answer that is no.

    Args:
        need: bytes that were asked for.
        ready: what the guard said of this machine.
        beside: they were asked for a model that runs beside the language model.
    """
    why = str(answer["why"])
    if why == "gone":
        return gone()
    sentence = words.refused(
        why,
        need,
        int(answer["largest"]),
        int(ready["soft"]),
        int(ready["total"]),
        float(answer["rests_s"]),
        beside=beside,
    )
    if why == "too-large":
        return NeedsPerson("model-too-large", sentence)
    if why == "rests":
        return RetryLater("memory-rests", sentence)
    return RetryLater("loader-busy" if why == "loading" else "memory-short", sentence)


def busy(*, beside: bool) -> RetryLater:
    """Another loads, here or elsewhere on this machine; `beside`: as in `refusal`."""
    return RetryLater("loader-busy", words.refused("loading", 0, 0, 0, 0, 0, beside=beside))


def away() -> RetryLater:
    """There is no guard to ask, or it did not answer."""
    return RetryLater("guard-away", words.AWAY)


def gone() -> RetryLater:
    """The lease that was to grow has ended."""
    return RetryLater("compute-gone", words.GONE)
