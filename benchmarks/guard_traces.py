"""Written traces of memory for the guard: the published fall, falls like it, and swings that must not end anything.

The machine of the traces has 121.7 GiB that processor and graphics chip share. Times are seconds, amounts GiB. A trace
gives the room that is left at a time as long as nobody does anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hearthside.inference.guard.policy import Cause, Rung, limits_for
from hearthside.inference.guard.readings import GIB, Reading, parse_meminfo
from hearthside.inference.guard.watch import Watch

TOTAL_GIB = 121.7
KILL_S = 0.8
"""From the kill until memory is back; 0.26 to 0.76 s were measured for 2 GiB (shared/reference/security.md)."""

Curve = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Trace:
    """One course of memory.

    Attributes:
        curve: room left at a time.
        ends: whether the engine must be ended.
        lasts_s: for how long it goes.
        noise: standard deviation of every reading, GiB.
        jitter_s: mean of a random delay of every reading.
        hitch_s: now and then (one in 50) the guard is not let run for so long.
        declared: what a load that begins with the trace said it would take; 0: no load is under way.
        loaded_s: when it says that it is ready.
    """

    name: str
    curve: Curve
    ends: bool = True
    lasts_s: float = 20.0
    noise: float = 0.0
    jitter_s: float = 0.0
    hitch_s: float = 0.0
    declared: float = 0.0
    loaded_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Run:
    """What the guard did with a trace; `least_left` includes what still falls until the kill has worked."""

    ended_s: float | None
    cause: Cause | None
    least_left: float
    highest: Rung


def published(t: float) -> float:
    """29 to 2.5 GiB in 9 s, 13 of them within 3 s (vLLM #56824); 3 s at rest before."""
    return _broken([(3, 29), (6, 22.25), (9, 9.25), (12, 2.5)], t)


def _broken(points: list[tuple[float, float]], t: float) -> float:
    return float(np.interp(t, [at for at, _ in points], [room for _, room in points]))


def line(start: float, rate: float, wait_s: float = 2.0, least: float = 0.5) -> Curve:
    """Falls evenly."""
    return lambda t: max(least, start - rate * max(0.0, t - wait_s))


def steps(start: float, size: float, every_s: float, wait_s: float = 2.0, number: int = 1000) -> Curve:
    """Falls in steps; after `number` of them no more."""
    return lambda t: max(0.5, start - size * min(number, max(0, math.ceil((t - wait_s) / every_s))))


def _bursts(t: float) -> float:
    """6 GiB/s for half a second, then half a second of rest."""
    past = max(0.0, t - 2)
    return max(0.5, 40 - 3 * (math.floor(past) + min(1.0, 2 * (past % 1))))


def _wave(middle: float, height: float, period_s: float) -> Curve:
    return lambda t: middle + height * math.sin(2 * math.pi * t / period_s)


def _saw(middle: float, height: float, period_s: float) -> Curve:
    return lambda t: middle + height * (1 - 2 * ((t / period_s) % 1))


TRACES = [
    Trace("published: 29 → 2.5 GiB in 9 s", published),
    Trace("published, readings late by 20 ms", published, jitter_s=0.02),
    Trace("published, guard held up for 0.4 s now and then", published, jitter_s=0.02, hitch_s=0.4),
    Trace("published, noise 0.3 GiB", published, noise=0.3),
    Trace("published, twice as fast", lambda t: published(3 + 2 * (t - 3)) if t > 3 else 29),
    Trace("published, during a load of 8 GiB by its word", published, declared=8),
    *(Trace(f"even, {rate} GiB/s from 29", line(29, rate)) for rate in (1, 2, 3, 5, 8, 12)),
    Trace("even, 5 GiB/s from 29, noise and late", line(29, 5), noise=0.3, jitter_s=0.03),
    Trace("even, 12 GiB/s from 90", line(90, 12)),
    Trace("even, 6 GiB/s from 100, a load that said 30 and takes all", line(100, 6), declared=30, lasts_s=25),
    Trace("2 GiB every half second from 29", steps(29, 2, 0.5)),
    Trace("3 GiB every second from 29", steps(29, 3, 1.0)),
    Trace("4 GiB every two seconds from 29", steps(29, 4, 2.0), lasts_s=30),
    Trace("bursts of 6 GiB/s from 40", _bursts, lasts_s=25),
    Trace("faster and faster from 50", lambda t: max(0.5, 50 - 0.6 * max(0, t - 2) ** 2)),
    Trace("slower and slower from 60", lambda t: 60 * math.exp(-max(0, t - 2) / 5)),
    Trace("hardly any rest before: 29 at 5 GiB/s", line(29, 5, 0.1)),
    Trace("leak of 40 MiB/s from 16", line(16, 40 / 1024), lasts_s=130),
    Trace("leak of 200 MiB/s from 24, noise", line(24, 0.2), noise=0.3, lasts_s=90),
    Trace("a leak, then 5 GiB/s", lambda t: _broken([(0, 26), (20, 24), (24.8, 0.5)], t), lasts_s=26),
    Trace("a fall of 8 GiB, rest, then 6 GiB/s", lambda t: _broken([(2, 45), (4, 37), (8, 37), (14, 1)], t)),
    Trace("a wave over a fall of 3 GiB/s", lambda t: max(0.5, 40 + math.sin(5 * t) - 3 * max(0, t - 2))),
    # and what must end nothing
    Trace("rest", lambda t: 60.0, ends=False),
    Trace("page cache comes and goes, ripples of 1.5 GiB", _wave(34, 1.5, 1.7), ends=False, noise=0.2, lasts_s=60),
    Trace("page cache, quick ripples", _wave(30, 1.0, 0.5), ends=False, noise=0.3, jitter_s=0.02, lasts_s=60),
    Trace("saw of 3 GiB each second", _saw(45, 1.5, 1.0), ends=False, lasts_s=60),
    Trace("noise of 0.5 GiB", lambda t: 26.0, ends=False, noise=0.5, lasts_s=60),
    Trace("a program takes 12 GiB at once", steps(50, 12, 1, number=1), ends=False),
    Trace("a program takes 8 GiB at once, and gives it back", lambda t: 30 - 8 * (2 < t < 5), ends=False),
    Trace(
        "a load of 70 GiB at 10 GiB/s, as it said",
        lambda t: max(30, 100 - 10 * t),
        ends=False,
        declared=70,
        loaded_s=7.01,
    ),
    Trace(
        "a load of 60 GiB in steps, as it said", steps(85, 3, 0.4, number=20), ends=False, declared=62, loaded_s=10.5
    ),
    Trace(
        "a quick load close to the floor, as it said",
        lambda t: max(21, 46 - 12 * t),
        ends=False,
        declared=25,
        loaded_s=2.1,
    ),
    Trace("a leak that ends at 22", lambda t: max(22, 40 - 0.4 * t), ends=False, lasts_s=60),
    Trace("the machine slept for an hour, 30 GiB went", lambda t: 70 if t < 5 else 40, ends=False),
]


def meminfo(available: float, free: float) -> bytes:
    """As the kernel writes it; amounts in GiB."""
    fields = {"MemTotal": TOTAL_GIB, "MemFree": free, "MemAvailable": available, "Cached": max(0, available - free)}
    return b"".join(f"{name}: {int(room * 2**20)} kB\n".encode() for name, room in fields.items())


def run(trace: Trace, rng: np.random.Generator) -> Run:
    """Let the guard watch a trace until it ends the engine or the trace is over."""
    watch = Watch(limits_for(int(TOTAL_GIB * GIB), unified=True))
    if trace.declared:
        declared = int(trace.declared * GIB)
        watch.ledger.take_over("load", declared, declared, int(trace.curve(0) * GIB), loading=True)
    t, least, highest = 0.0, trace.curve(0), Rung.CALM
    while t < trace.lasts_s:
        room = max(0.0, trace.curve(t) + trace.noise * rng.standard_normal())
        # Page cache takes and gives what is free, quite apart from what is available.
        total, available = parse_meminfo(meminfo(room, room * rng.uniform(0.02, 0.98)))
        if t >= trace.loaded_s and watch.ledger.leases["load"].loading:
            watch.loaded("load")
        decision = watch.see(Reading(t, total, available), serving=True)
        least, highest = min(least, trace.curve(t)), max(highest, decision.stand.rung)
        if decision.cause is not None:
            falls_on = (trace.curve(t + after) for after in np.linspace(0, KILL_S, 50))
            return Run(t, decision.cause, min(least, *falls_on), highest)
        t += watch.period() + trace.jitter_s * rng.exponential() + trace.hitch_s * (rng.random() < 0.02)
    return Run(None, None, least, highest)
