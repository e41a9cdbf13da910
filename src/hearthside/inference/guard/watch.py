"""The guard's judgement between readings: trend, ledger and shedding together, without any input or output of its own.

The process drives it with real readings, tests and the benchmark with written ones; so what is measured is what runs.
"""

from __future__ import annotations

from collections import deque

from hearthside.inference.guard.admission import Answer, Ledger
from hearthside.inference.guard.forecast import Trend, seconds_left
from hearthside.inference.guard.policy import Decision, Limits, Rung, Situation, Stand, decide, rests_for
from hearthside.inference.guard.readings import Reading

IDLE_S, CALM_S, TENSE_S = 1.0, 0.05, 0.02
"""Seconds between readings: nothing to guard; all well (20 Hz); a load, little room or a fall under way (50 Hz)."""

LATE_S = 1.0
"""A reading that comes so much later than planned is told: the machine, or the guard, stood still."""

_TENSE_LEFT_S = 30.0


class Watch:
    """What the guard knows and decides."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.ledger = Ledger()
        self.stand = Stand()
        self.late_s = 0.0
        self._trend = Trend()
        self._stalls: deque[tuple[float, float]] = deque()  # monotonic seconds, seconds stood still since the start
        self._last: Reading | None = None
        self._planned_s = IDLE_S
        self._running, self._progress, self._sign_s = 0, -1, 0.0

    @property
    def fall(self) -> float:
        """Bytes a second by which memory falls."""
        return self._trend.fall()

    def see(self, reading: Reading, *, serving: bool) -> Decision:
        """Take a reading and decide; `serving`: an engine runs that has not been told to end."""
        last = self._last
        gap = reading.at_s - last.at_s if last is not None else 0.0
        self.late_s = gap if gap > self._planned_s + LATE_S else 0.0
        self._last = reading
        self._trend.add(reading)
        if not serving:  # the silence of an engine that is gone is not that of the next
            self._running, self._progress, self._sign_s = 0, -1, reading.at_s
        seen = Situation(
            reading.at_s,
            reading.available,
            self.fall,
            self.ledger.declared(reading.available),
            serving,
            self._stalled_share(reading),
            reading.at_s - self._sign_s if self._running else 0.0,
        )
        decision = decide(self.stand, seen, self.limits)
        self.stand = decision.stand
        if decision.cause is not None:
            self._running = 0  # whatever was under way ends with the engine
        self._planned_s = self._period(reading, seen.fall, serving)
        return decision

    def period(self) -> float:
        """Seconds until the next reading."""
        return self._planned_s

    def beat(self, running: int, progress: int, at_s: float) -> None:
        """The station tells how many answers are under way, and a number that grows with every token of any."""
        if running == 0 or self._running == 0 or progress != self._progress:
            self._sign_s = at_s
        self._running, self._progress = running, progress

    def ask(self, lease: str, need: int, reading: Reading, *, grows: bool = False) -> Answer:
        """Admit a load of so many bytes, or say why not; `grows`: it comes on top of what this lease covers."""
        rests_s = rests_for(self.stand, reading.at_s, self.limits)
        if rests_s > 0:
            return Answer("rests", rests_s=rests_s)
        if self.stand.rung > Rung.CALM:
            return Answer("pressed", max(0, reading.available - self.ledger.owed() - self.limits.soft))
        admit = self.ledger.grow if grows else self.ledger.ask
        return admit(lease, need, reading.available, reading.total, self.limits.soft)

    def loaded(self, lease: str) -> None:
        """A load is over. If it kept its word, its fall must not be taken for the beginning of another."""
        holder = self.ledger.leases.get(lease)
        under_way = holder is not None and holder.loading
        if under_way and self._last is not None and self.ledger.declared(self._last.available) is not None:
            self._trend.forget()
        self.ledger.loaded(lease)

    def _stalled_share(self, reading: Reading) -> float:
        if reading.stalled_s is None:
            return 0.0
        self._stalls.append((reading.at_s, reading.stalled_s))
        while len(self._stalls) > 1 and self._stalls[1][0] <= reading.at_s - self.limits.stall_s:
            self._stalls.popleft()
        began_s, before_s = self._stalls[0]
        past_s = reading.at_s - began_s
        return (reading.stalled_s - before_s) / past_s if past_s >= self.limits.stall_s else 0.0

    def _period(self, reading: Reading, fall: float, serving: bool) -> float:
        loading = any(lease.loading for lease in self.ledger.leases.values())
        if not serving and not loading and self.stand.rung == Rung.CALM:
            return IDLE_S
        roomy = reading.available >= 2 * self.limits.soft and seconds_left(reading.available, fall) > _TENSE_LEFT_S
        return CALM_S if roomy and not loading and self.stand.rung == Rung.CALM else TENSE_S
