"""What to do about memory: a pure function from what is seen to what is done.

        room left        rung      what is done
    ────────────────┬───────────┬──────────────────────────────────────────────────────────
     above soft     │ CALM      │ everything is allowed
     below soft     │ REFUSE    │ no new loads, no new answers
     … for 0.5 s    │ CACHES    │ what can be computed again is dropped
     … for 1 s      │ MODELS    │ adapters that are not active and side models are unloaded
     below hard, or │ END       │ the engine is killed; it starts again, smaller, when memory is back
     nothing within │           │
     4 s*, or stall │           │
    ────────────────┴───────────┴──────────────────────────────────────────────────────────

Rungs are climbed one after another, except that END does not wait for the others: at 5 GiB/s there is no time for them.
Going down takes five quiet seconds above soft. After three ends within ten minutes the breaker opens: no load for as
long as that. Times are monotonic seconds, amounts bytes. (* 1.5 s where the kernel itself can end a process in time.)

The levels for machines with unified memory (soft 20, hard 12 GiB) are those of shared/reference/security.md, section 9:
a hung model was seen to take 13 GiB in 3 s, and a kill takes up to 0.8 s to free memory. Elsewhere the kernel can kill
by itself and memory is not shared with a graphics chip: a sixth and a tenth of the machine are kept, at most 1.5 and
0.75 GiB, so that 16 GiB with a browser still serve a small model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal, TypeAlias

from hearthside.inference.guard.forecast import seconds_left
from hearthside.inference.guard.readings import GIB

Cause: TypeAlias = Literal["room", "speed", "stall", "silence"]

_LEAST_UNIFIED_S, _LEAST_S = 4.0, 1.5  # twice what a kill takes, where the kernel can kill too
_SOFT_MOST_UNIFIED, _HARD_MOST_UNIFIED = 20 * GIB, 12 * GIB
_SOFT_MOST, _HARD_MOST, _HARD_LEAST = 3 * GIB // 2, 3 * GIB // 4, GIB // 4


class Rung(IntEnum):
    """How far the shedding has come; each rung includes those below it."""

    CALM = 0
    REFUSE = 1
    CACHES = 2
    MODELS = 3
    END = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """When to act.

    Attributes:
        soft: room below which shedding begins; a load must leave at least this.
        hard: room below which the engine is ended.
        least_s: the engine is ended when nothing would be left within so many seconds at the present rate.
        rung_s: how long a rung is given to work before the next.
        calm_s: how long there must be room again before shedding ends.
        stall_share: share of the last seconds in which everything stood still, from which on the engine is ended.
        stall_s: over how many seconds that share is taken.
        silence_s: an answer under way that gives no sign for so long ends the engine.
        ends: so many ends ...
        ends_within_s: ... within so many seconds open the breaker.
    """

    soft: int
    hard: int
    least_s: float = 4.0
    rung_s: float = 0.5
    calm_s: float = 5.0
    stall_share: float = 0.6
    stall_s: float = 3.0
    silence_s: float = 600.0  # a long prompt on a busy machine without a graphics chip takes minutes to read
    ends: int = 3
    ends_within_s: float = 600.0


def limits_for(total: int, unified: bool) -> Limits:
    """Limits of a machine with so many bytes; `unified`: the graphics chip takes its memory from the same pool.

    A small machine cannot keep so much free and still serve anything: it keeps a share.
    """
    hard_share, soft_share = (8, 5) if unified else (10, 6)
    hard_most, soft_most = (_HARD_MOST_UNIFIED, _SOFT_MOST_UNIFIED) if unified else (_HARD_MOST, _SOFT_MOST)
    hard = min(hard_most, max(_HARD_LEAST, total // hard_share))
    soft = min(soft_most, max(hard * 5 // 3, total // soft_share))
    return Limits(soft, hard, least_s=_LEAST_UNIFIED_S if unified else _LEAST_S)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is seen at one instant.

    Attributes:
        at_s: monotonic seconds.
        available: room left.
        fall: bytes a second by which it falls.
        declared: what a load under way may still take by its own word; None when none is, or when it took more already.
        serving: an engine runs.
        stalled_share: share of the last `stall_s` in which everything stood still; 0 where it is not known.
        silent_s: for how long an answer under way has given no sign; 0 when none is under way.
    """

    at_s: float
    available: int
    fall: float = 0.0
    declared: int | None = None
    serving: bool = True
    stalled_share: float = 0.0
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the shedding stands.

    Attributes:
        rung: the highest rung reached.
        since_s: when it was reached.
        quiet_since_s: since when there is room again; None when there is not.
        ended_at_s: when the engine was ended, for the breaker; those that count still.
    """

    rung: Rung = Rung.CALM
    since_s: float = 0.0
    quiet_since_s: float | None = None
    ended_at_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now.

    Attributes:
        stand: where the shedding stands afterwards.
        climbed: the rungs to carry out, in order.
        cause: why the engine is ended, where it is.
        calmed: shedding is over.
    """

    stand: Stand
    climbed: tuple[Rung, ...] = ()
    cause: Cause | None = None
    calmed: bool = False


def decide(stand: Stand, seen: Situation, limits: Limits) -> Decision:
    """The next step of the shedding; changes nothing by itself."""
    stand = replace(stand, ended_at_s=_counting(stand.ended_at_s, seen.at_s, limits))
    cause = _cause(seen, limits) if seen.serving else None
    if cause is not None:
        ended = replace(stand, rung=Rung.END, since_s=seen.at_s, quiet_since_s=None)
        climbed = tuple(rung for rung in Rung if rung > min(stand.rung, Rung.MODELS))
        return Decision(replace(ended, ended_at_s=(*stand.ended_at_s, seen.at_s)), climbed, cause)
    if seen.available >= limits.soft:
        return _quiet(stand, seen, limits)
    stand = replace(stand, quiet_since_s=None)
    waited = seen.serving and stand.rung < Rung.MODELS and seen.at_s - stand.since_s >= limits.rung_s
    if stand.rung == Rung.CALM or waited:
        climbed_to = Rung(stand.rung + 1)
        return Decision(replace(stand, rung=climbed_to, since_s=seen.at_s), (climbed_to,))
    return Decision(stand)


def _cause(seen: Situation, limits: Limits) -> Cause | None:
    if seen.available < limits.hard:
        return "room"
    # A load that keeps its word ends above the floor, however fast it goes.
    as_declared = seen.declared is not None and seen.available - seen.declared >= limits.hard
    if not as_declared and seconds_left(seen.available, seen.fall) < limits.least_s:
        return "speed"
    if seen.stalled_share >= limits.stall_share and seen.available < 2 * limits.soft:
        return "stall"
    if seen.silent_s >= limits.silence_s:
        return "silence"
    return None


def _quiet(stand: Stand, seen: Situation, limits: Limits) -> Decision:
    if stand.rung == Rung.CALM:
        return Decision(stand)
    if stand.quiet_since_s is None:
        return Decision(replace(stand, quiet_since_s=seen.at_s))
    if seen.at_s - stand.quiet_since_s < limits.calm_s:
        return Decision(stand)
    return Decision(replace(stand, rung=Rung.CALM, since_s=seen.at_s, quiet_since_s=None), calmed=True)


def _counting(ended: tuple[float, ...], now_s: float, limits: Limits) -> tuple[float, ...]:
    return tuple(at for at in ended if now_s - at < limits.ends_within_s)


def rests_for(stand: Stand, now_s: float, limits: Limits) -> float:
    """Seconds for which the breaker lets nothing be loaded; 0 when it is closed."""
    counting = _counting(stand.ended_at_s, now_s, limits)
    if len(counting) < limits.ends:
        return 0.0
    return counting[-1] + limits.ends_within_s - now_s
