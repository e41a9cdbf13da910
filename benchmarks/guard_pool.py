"""A simulated pool of memory with programs that load, fill up, shrink, die, and others that come and go outside.

A program that has loaded may start side models under its own lease: the lease grows, and shrinks when one of them ends.

The kernel's view and the truth differ as they do on a real machine: mapped weights and untouched contexts count as
available. The pool knows every program's true end size, the guard only what it is told; so the pool can say of every
admission whether it was one too many.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hearthside.inference.guard.policy import Rung, limits_for
from hearthside.inference.guard.readings import GIB, Reading
from hearthside.inference.guard.watch import Watch

_STEP_S = 0.5
_LOADS_AT = 4 * GIB  # bytes a second


@dataclass(slots=True)
class Program:
    """One program that was admitted, or a side model of one.

    Attributes:
        lease: under which it was admitted; a side model has that of its program.
        need: what it said, bytes.
        mapped: how much of it is weights that are mapped; they are read into the page cache.
        grows_to: what it comes to hold of its own; never more than it said.
        own, read: what it holds now, and how much of its weights was read.
    """

    lease: str
    need: int
    mapped: int
    grows_to: int
    own: int = 0
    read: int = 0
    loading: bool = True


@dataclass(slots=True)
class Counts:
    """What came of the schedules; `grown` are the admitted side models, `late` those whose yes nobody waited for."""

    asked: int = 0
    admitted: int = 0
    grown: int = 0
    late: int = 0
    too_many: int = 0
    two_loading: int = 0
    needless: int = 0
    ended: int = 0
    guards: int = 0


@dataclass(slots=True)
class Pool:
    """The truth. Amounts in bytes."""

    total: int
    outside: int
    programs: dict[str, Program] = field(default_factory=dict)

    def available(self) -> int:
        """As the kernel says it: page cache can be given up, even that of weights in use."""
        return max(0, self.total - self.outside - sum(program.own for program in self.programs.values()))

    def room(self) -> int:
        """What is left for others if every program comes to hold all that it said."""
        return self.total - self.outside - sum(program.need for program in self.programs.values())

    def under(self, lease: str) -> list[Program]:
        """A program and its side models."""
        return [program for program in self.programs.values() if program.lease == lease]

    def leases(self) -> list[str]:
        """Those of all programs."""
        return sorted({program.lease for program in self.programs.values()})

    def step(self) -> None:
        """Half a second: those that load read their weights, the others fill up."""
        for program in self.programs.values():
            if program.read < program.mapped:
                program.read = min(program.mapped, program.read + int(_LOADS_AT * _STEP_S))
            else:
                program.own = min(program.grows_to, program.own + int(_LOADS_AT * _STEP_S / 4))


def run_schedule(rng: np.random.Generator, counts: Counts, steps: int = 80) -> None:
    """One random schedule; adds to the counts."""
    total = int(rng.choice([8, 24, 64, 121.7]) * GIB)
    unified = bool(rng.random() < 0.5)
    pool = Pool(total, int(total * rng.uniform(0.05, 0.4)))
    watch = Watch(limits_for(total, unified))
    at_s, number = 0.0, 0
    for _ in range(steps):
        at_s += _STEP_S
        pool.step()
        _outside(pool, rng)
        _change(pool, watch, rng)
        if rng.random() < 0.03:
            watch, counts.guards = _next_guard(pool, watch), counts.guards + 1
        _look(pool, watch, at_s, counts)
        if rng.random() < 0.4:
            number += 1
            _ask(pool, watch, at_s, f"program {number}", rng, counts)
        if pool.programs and rng.random() < 0.2:
            number += 1
            _ask(pool, watch, at_s, f"side model {number}", rng, counts, str(rng.choice(pool.leases())))


def _outside(pool: Pool, rng: np.random.Generator) -> None:
    share = pool.total * rng.normal(0, 0.01) + (pool.total * rng.uniform(-0.2, 0.2) if rng.random() < 0.02 else 0)
    pool.outside = int(min(max(pool.outside + share, 0.03 * pool.total), 0.8 * pool.total))


def _change(pool: Pool, watch: Watch, rng: np.random.Generator) -> None:
    """Loads that are over say so, some programs give something back, some end or die, in the middle of a load too."""
    for name, program in list(pool.programs.items()):
        if program.loading and program.read >= program.mapped and rng.random() < 0.7:
            program.loading = False
            watch.loaded(program.lease)
        if rng.random() < 0.05:
            program.own = int(program.own * rng.random())
        if name in pool.programs and rng.random() < 0.04:
            _end(pool, watch, name)


def _end(pool: Pool, watch: Watch, name: str) -> None:
    """A side model gives back what it was promised; a program takes its side models with it."""
    program = pool.programs[name]
    if name != program.lease:
        del pool.programs[name]
        watch.ledger.shrink(program.lease, program.need)
        if program.loading:
            watch.loaded(program.lease)
        return
    pool.programs = {other: one for other, one in pool.programs.items() if one.lease != name}
    watch.ledger.release(name)


def _next_guard(pool: Pool, watch: Watch) -> Watch:
    """The guard dies; the next one is told what was admitted and nothing else."""
    successor = Watch(watch.limits)
    for lease in pool.leases():
        parts = pool.under(lease)
        load = next((part.need for part in parts if part.loading), 0)
        promised = sum(part.need for part in parts)
        successor.ledger.take_over(lease, promised, load, pool.available(), any(part.loading for part in parts))
    return successor


def _look(pool: Pool, watch: Watch, at_s: float, counts: Counts) -> None:
    for lease in pool.leases():
        watch.ledger.seen(lease, sum(part.own for part in pool.under(lease)))
    decision = watch.see(Reading(at_s, pool.total, pool.available()), serving=bool(pool.programs))
    if decision.cause is not None:
        counts.ended += 1
        for name in list(pool.programs):
            del pool.programs[name]
            watch.ledger.release(name)


def _ask(
    pool: Pool, watch: Watch, at_s: float, name: str, rng: np.random.Generator, counts: Counts, beside: str = ""
) -> None:
    """A load is asked for; `beside`: of a side model of this program."""
    need = int(pool.total * rng.uniform(0.005, 0.1 if beside else 0.5))
    mapped = int(need * rng.uniform(0, 0.9))
    fits = pool.room() - need >= watch.limits.soft
    loading = sum(program.loading for program in pool.programs.values())
    answer = watch.ask(beside or name, need, Reading(at_s, pool.total, pool.available()), grows=bool(beside))
    counts.asked += 1
    if answer.why is None:
        counts.admitted += 1
        counts.too_many += not fits
        counts.two_loading += loading > 0
        counts.grown += bool(beside)
        if beside and rng.random() < 0.1:
            counts.late += 1
            watch.ledger.withdraw(beside)
            return
        grows_to = int((need - mapped) * rng.uniform(0.3, 1.0))
        pool.programs[name] = Program(beside or name, need, mapped, grows_to)
    elif fits and not loading and watch.stand.rung == Rung.CALM and answer.why != "rests":
        counts.needless += 1
