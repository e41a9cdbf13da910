"""Serving: what Hearthside's path costs beside xllamacpp's own server, and what reading a person once is worth.

Run: ``.venv/bin/python benchmarks/serving.py [--model PATH] [--threads 1] [--rounds N] [--smoke]``. The model is the
embedded one without ``--model``. Ours is the house's own way: client, loopback, node process, backend; theirs is the
HTTP server that xllamacpp brings, asked by an equally plain client. Both serve the same file with the same threads,
context and priority, each in a process of its own, and idle while the other is asked.

1. Overhead. Each round asks both, in turn first, for one token after a prompt that neither has seen (cold), for an
   answer of some tokens to the same prompt, and for one token again (warm, all but the last tokens are cached). The
   prompt is one of the companion's, no records in it, with a number in front.
2. Prefix. Prompts of a companion over an invented life (`serving_life.py`), as it builds them: two questions with
   records of their own, a minute apart. The first is asked without the cache, the second with it.

tps_ratio         tokens a second after the first token, ours by theirs; median over rounds of the ratio
ttft_overhead_ms  time to the first token, ours less theirs; the larger of the medians over rounds, cold and warm
ttft_cold_ms, ttft_warm_ms  these two
warm_ttft_ratio   time to the first token, second question by first; median over pairs of questions and rounds
warm_cpu_ratio    the same of the processor time of the node; null where it is not told
fresh_share       tokens of the second prompts that were read anew, by tokens of the first; needs no clock
cpu_ratio         processor time of the serving process, ours by theirs, over all of part 1; null where it is not told
same              share of rounds in which both said the same
load              runnable processes while it ran, of a machine with so many `processors`

Where others load the machine, wall times of seconds scatter by more than is measured: then look at the processor times
and `fresh_share`, or run it again. Their server closes idle connections, so each request to it opens one (0.3 ms on
loopback, in our favour). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.serving_life import QUESTIONS, Messages, pairs
from benchmarks.serving_peer import Peer, Timed, peer, timed
from hearthside.inference.shelf import ModelFile, embedded_model, model_file
from hearthside.inference.supervisor import NodeOptions, Supervisor

_CONTEXT, _PARALLEL = 2048, 2
_READY_S = 600.0
_STORY = "Then tell the whole story of that day, from the morning on, in many long sentences."
Ask: TypeAlias = Callable[[Messages, int], Timed]


@dataclass(frozen=True, slots=True)
class Size:
    """How much to run: rounds of part 1, tokens of an answer, rounds of part 2, questions of it."""

    rounds: int
    tokens: int
    prefix_rounds: int
    questions: int


FULL, SMOKE = Size(16, 64, 2, len(QUESTIONS)), Size(2, 6, 1, 2)


@dataclass(frozen=True, slots=True)
class Round:
    """What one side did in one round of part 1; `cpu_s`: processor seconds of its process."""

    cold: Timed
    answer: Timed
    warm: Timed
    cpu_s: float | None


class Ours:
    """The house's way to the model."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    @property
    def pid(self) -> int:
        """Process of the node."""
        return self._supervisor.pid or 0

    def ask(self, messages: Messages, max_tokens: int, seed: int | None = None) -> Timed:
        """One answer; with a seed without the cache."""
        at, pieces = list[float](), list[str]()
        began = time.perf_counter()
        answer = self._supervisor.node.complete(messages, max_tokens=max_tokens, temperature=0.0, seed=seed)
        for piece in answer:
            at.append(time.perf_counter())
            pieces.append(piece)
        usage = answer.usage
        assert usage is not None
        return timed(began, at, "".join(pieces), usage.completion_tokens, usage.prompt_tokens, usage.cached_tokens)


@contextmanager
def ours(model: ModelFile, threads: int) -> Iterator[Ours]:
    """A node under its supervisor, as the house runs it."""
    options = NodeOptions(threads=threads, context_tokens=_CONTEXT, parallel=_PARALLEL)
    supervisor = Supervisor(model, options, lambda: time.time_ns() // 1_000_000)
    supervisor.start()
    try:
        if not supervisor.wait_ready(_READY_S):
            raise RuntimeError(supervisor.state().sentence)
        yield Ours(supervisor)
    finally:
        supervisor.stop()


def measure_overhead(our: Ours, their: Peer, prompts: Sequence[Messages], size: Size) -> dict[str, float | None]:
    """Part 1: prints a line for each round."""
    print(f"{'round':>5} {'cold ms':>17} {'warm ms':>15} {'tokens/s':>15}   ours, theirs")
    found = list[tuple[Round, Round]]()
    for number in range(size.rounds):
        messages = _unseen(prompts[number % len(prompts)], number)
        sides: list[tuple[Ask, int]] = [(our.ask, our.pid), (their.ask, their.pid)]
        done = [_round(ask, pid, messages, size.tokens) for ask, pid in (sides if number % 2 else sides[::-1])]
        one, other = done if number % 2 else done[::-1]
        if one.cold.prompt != other.cold.prompt:
            raise RuntimeError("the two were not asked the same")
        found.append((one, other))
        print(
            f"{number:5} {1e3 * one.cold.first_s:8.1f} {1e3 * other.cold.first_s:8.1f}"
            f" {1e3 * one.warm.first_s:7.1f} {1e3 * other.warm.first_s:7.1f}"
            f" {one.answer.rate:7.2f} {other.answer.rate:7.2f}"
        )
    return _overhead(found)


def _overhead(found: Sequence[tuple[Round, Round]]) -> dict[str, float | None]:
    cold = statistics.median(1e3 * (one.cold.first_s - other.cold.first_s) for one, other in found)
    warm = statistics.median(1e3 * (one.warm.first_s - other.warm.first_s) for one, other in found)
    spent = [[one.cpu_s for one in side if one.cpu_s is not None] for side in zip(*found, strict=True)]
    return {
        "tps_ratio": round(statistics.median(one.answer.rate / other.answer.rate for one, other in found), 4),
        "ttft_overhead_ms": round(max(cold, warm), 2),
        "ttft_cold_ms": round(cold, 2),
        "ttft_warm_ms": round(warm, 2),
        "cpu_ratio": round(sum(spent[0]) / sum(spent[1]), 4) if all(spent) else None,
        "same": round(statistics.fmean(one.answer.text == other.answer.text for one, other in found), 4),
    }


def _unseen(messages: Messages, number: int) -> Messages:
    """A prompt that shares no beginning with another number's, and is answered at length."""
    first, *others = messages
    frame, question = first["content"].partition("\n")[0], others[-1]["content"].rpartition("\n")[2]
    return [
        {"role": "system", "content": f"{number * 7919}. {frame}"},
        {"role": "user", "content": f"{question} {_STORY}"},
    ]


def _round(ask: Ask, pid: int, messages: Messages, tokens: int) -> Round:
    before = _processor_s(pid)
    cold, answer, warm = ask(messages, 1), ask(messages, tokens), ask(messages, 1)
    after = _processor_s(pid)
    return Round(cold, answer, warm, after - before if before is not None and after is not None else None)


def _processor_s(pid: int) -> float | None:
    """Processor seconds of a process so far, in hundredths; None where the kernel does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime


def measure_prefix(our: Ours, asked: Sequence[tuple[Messages, Messages]], size: Size) -> dict[str, float | None]:
    """Part 2: prints a line for each pair and round."""
    print(f"\n{'pair':>5} {'first: ms':>10} {'tokens':>7} {'second: ms':>11} {'tokens':>7} {'cached':>7} {'ratio':>6}")
    ratios, spent, shares = list[float](), list[float](), list[float]()
    for number, (one, other) in [*enumerate(asked)] * size.prefix_rounds:
        times = [_processor_s(our.pid)]
        first = our.ask(one, 1, seed=1)
        times.append(_processor_s(our.pid))
        second = our.ask(other, 1)
        times.append(_processor_s(our.pid))
        if first.cached:
            raise RuntimeError("the first question was answered with the help of the cache")
        ratios.append(second.first_s / first.first_s)
        shares.append((second.prompt - second.cached) / first.prompt)
        began, between, ended = (time or 0.0 for time in times)
        spent += [(ended - between) / (between - began)] if between > began else []
        print(
            f"{number:5} {1e3 * first.first_s:10.1f} {first.prompt:7} {1e3 * second.first_s:11.1f} {second.prompt:7}"
            f" {second.cached:7} {ratios[-1]:6.3f}"
        )
    return {
        "warm_ttft_ratio": round(statistics.median(ratios), 4),
        "warm_cpu_ratio": round(statistics.median(spent), 4) if spent else None,
        "fresh_share": round(statistics.median(shares), 4),
    }


def measure(model: ModelFile, threads: int, size: Size) -> dict[str, float | None]:
    """Both parts."""
    folder = Path(tempfile.mkdtemp(prefix="hearthside-serving-"))
    try:
        asked = pairs(folder, QUESTIONS[: size.questions])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    loads = [os.getloadavg()[0]]
    with ours(model, threads) as our:
        with peer(model.path, threads, _CONTEXT, _PARALLEL) as their:
            found = measure_overhead(our, their, [first for first, _ in asked], size)
            loads.append(os.getloadavg()[0])
        found |= measure_prefix(our, asked, size)
    loads.append(os.getloadavg()[0])
    return found | {"load": round(statistics.fmean(loads), 1), "processors": os.cpu_count()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, help="a GGUF file; the embedded one by default")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, help=f"of part 1; {FULL.rounds} by default")
    parser.add_argument("--smoke", action="store_true", help="a small run, as the tests do it")
    given = parser.parse_args(arguments)
    size = SMOKE if given.smoke else FULL
    if given.rounds:
        size = Size(given.rounds, size.tokens, size.prefix_rounds, size.questions)
    model = model_file(given.model) if given.model else embedded_model()
    print(json.dumps(measure(model, given.threads, size)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
