"""How surprising the person's own messages are to a model, in bits per character, computed at home in a child process.

This is the evaluation gate's measure: the very GGUF that is served, with each exported adapter, on messages that the
training never held. The station itself imports no torch; `likelihood_child` does.
"""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import orjson

from hearthside.errors import Refused, RetryLater
from hearthside.events import Json
from hearthside.workshop.child_process import child_environment
from hearthside.workshop.job import Message

_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class ScoredText:
    """A message to score.

    Attributes:
        context: what was said before it, in order.
        text: the person's own words; only their tokens are scored.
    """

    context: tuple[Message, ...]
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Surprise of every text under every adapter.

    Attributes:
        bits: float64 (adapters, texts): -log2 of the probability of all tokens of each text.
        chars: int64 (texts,): characters of each text.
        general_bits: float64 (adapters,): likewise of the general text; general_chars is its length.
    """

    bits: npt.NDArray[np.float64]
    chars: npt.NDArray[np.int64]
    general_bits: npt.NDArray[np.float64]
    general_chars: int

    def per_character(self) -> npt.NDArray[np.float64]:
        """Bits per character over all texts, (adapters,)."""
        total: npt.NDArray[np.float64] = self.bits.sum(axis=1) / self.chars.sum()
        return total

    def general_per_character(self) -> npt.NDArray[np.float64]:
        """Bits per character of the general text, (adapters,)."""
        return self.general_bits / self.general_chars


@dataclass(frozen=True, slots=True)
class Gain:
    """How much less surprising the texts became, in bits per character; positive is better.

    Attributes:
        mean: over all characters; low and high: bounds of the 90 % interval.
    """

    mean: float
    low: float
    high: float


def bits_per_character(
    python: str,
    base: Path,
    adapters: Sequence[bytes | None],
    texts: Sequence[ScoredText],
    general: str,
    *,
    threads: int,
    progress: Callable[[float], None],
    stop: Callable[[], bool],
    began: Callable[[int], None] = lambda pid: None,
) -> Scores:
    """Score texts and one general text with the base and with adapters, in one child process.

    The child ends with the thread that called this. Adapters travel through a pipe and are never written to disk.

    Args:
        python: interpreter that has the workshop extra.
        adapters: GGUF adapters as exported; None is the base alone.
        general: a text that any good model should go on reading well; "" scores none.
        progress: told the share done, 0 to 1.
        began: told the child's process id before it is given anything to load.

    Raises:
        Refused: no texts, or the base or an adapter cannot be read.
        RetryLater: stopped, or the child ended early.
    """
    if not texts or any(not text.text.strip() for text in texts):
        raise Refused("evaluation-without-texts", "There are no own messages to evaluate with; the old adapter stays.")
    request = {
        "base": str(base),
        "threads": threads,
        "adapters": [None if adapter is None else base64.b64encode(adapter).decode() for adapter in adapters],
        "texts": [{"context": _plain(text.context), "text": text.text} for text in texts],
        "general": general,
    }
    answer = _run_child(python, orjson.dumps(request), threads, progress, stop, began)
    return Scores(
        bits=np.array(answer["bits"], dtype=np.float64),
        chars=np.array(answer["chars"], dtype=np.int64),
        general_bits=np.array(answer["general_bits"], dtype=np.float64),
        general_chars=int(answer["general_chars"]),
    )


def paired_bootstrap(
    base_bits: npt.NDArray[np.float64],
    new_bits: npt.NDArray[np.float64],
    chars: npt.NDArray[np.int64],
    seed: int,
    draws: int = 2000,
) -> Gain:
    """90 % interval of the gain in bits per character, by drawing messages with replacement.

    Both models are scored on the same drawn messages, so what makes a message hard cancels out (Efron 1979; for paired
    model comparison Koehn 2004).

    Args:
        base_bits, new_bits, chars: (n,) per message.
        draws: how often n messages are drawn.
    """
    random = np.random.default_rng(seed)
    saved = base_bits - new_bits
    gains = np.empty(draws)
    for draw in range(draws):
        chosen = random.integers(0, len(chars), len(chars))
        gains[draw] = saved[chosen].sum() / chars[chosen].sum()
    low, high = np.quantile(gains, (0.05, 0.95))
    return Gain(float(saved.sum() / chars.sum()), float(low), float(high))


def _plain(messages: Sequence[Message]) -> list[dict[str, Json]]:
    return [{"role": message.role, "text": message.text, "origin": message.origin.value} for message in messages]


def _run_child(
    python: str,
    request: bytes,
    threads: int,
    progress: Callable[[float], None],
    stop: Callable[[], bool],
    began: Callable[[int], None],
) -> dict[str, Json]:
    process = subprocess.Popen(
        [python, "-P", "-m", "hearthside.night.likelihood_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(dict(os.environ), threads),
    )
    assert process.stdin and process.stdout and process.stderr  # all three were asked for as pipes
    try:
        began(process.pid)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    share = [0.0]
    answers: list[bytes] = []
    workers = [
        threading.Thread(target=_feed, args=(process.stdin, request)),
        threading.Thread(target=_follow, args=(process.stderr, share)),
        threading.Thread(target=lambda stdout: answers.append(stdout.read()), args=(process.stdout,)),
    ]
    for worker in workers:
        worker.start()
    try:
        stopped = _watch(process, share, progress, stop)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for worker in workers:
            worker.join()
        for pipe in (process.stdout, process.stderr):
            pipe.close()
    if stopped:
        raise RetryLater("evaluation-stopped", "The evaluation was stopped on request; the old adapter stays.")
    return _answer(answers[0])


def _watch(
    process: subprocess.Popen[bytes], share: list[float], progress: Callable[[float], None], stop: Callable[[], bool]
) -> bool:
    """Wait for the child's end; True when it was stopped."""
    told = -1.0
    while True:
        if share[0] != told:
            told = share[0]
            progress(told)
        if stop():
            return True
        try:
            process.wait(timeout=_LOOK_S)
        except subprocess.TimeoutExpired:
            continue
        return False


def _feed(stdin: BinaryIO, request: bytes) -> None:
    with suppress(BrokenPipeError), stdin:  # a child that ended early is told by its missing answer
        stdin.write(request)


def _follow(stderr: BinaryIO, share: list[float]) -> None:
    """Progress lines are JSON; whatever else libraries print there is dropped."""
    for line in stderr:
        with suppress(orjson.JSONDecodeError, KeyError, TypeError):
            share[0] = float(orjson.loads(line)["share"])


def _answer(output: bytes) -> dict[str, Json]:
    try:
        answer: dict[str, Json] = orjson.loads(output)
    except orjson.JSONDecodeError:
        raise RetryLater(
            "evaluation-ended", "The evaluation ended early; the old adapter stays. It can be tried again."
        ) from None
    if "error" in answer:
        raise Refused(answer["error"]["code"], answer["error"]["message"])
    return answer
