"""The guard's process: reads memory 20 to 50 times a second, answers the station, and acts.

Started by `keeper.py` as ``python -m hearthside.inference.guard.process FD`` with one end of a socket pair. It writes
nothing to a disk, asks for no time of day, opens what it reads at the start, and needs nothing from the engine to end
it. It ends when its station does, and ends the engine first.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hearthside.errors import NeedsPerson
from hearthside.inference.guard.acting import Engine, take_on
from hearthside.inference.guard.cgroups import Group, Headroom, find_place, sweep
from hearthside.inference.guard.device import DeviceWatch
from hearthside.inference.guard.messages import Lines, Message, encode
from hearthside.inference.guard.policy import Decision, Limits, Rung, Stand, limits_for
from hearthside.inference.guard.protection import Protection, protect
from hearthside.inference.guard.readings import Growth, MemoryReader, held_by_all, name_of
from hearthside.inference.guard.watch import Watch

_STATE_S, _LOOK_S, _LATE_AGAIN_S = 1.0, 5.0, 60.0
_STUCK_S, _FAREWELL_S = 2.0, 10.0
_DEVICE_S = 2.0  # what a driver gets for its first answer; a later one is taken as well
_UNATTACHED_S = 60.0  # a lease that nobody takes up lapses


class Guard:
    """One station's guard. `clock` gives monotonic seconds."""

    def __init__(self, link: socket.socket, hello: Message, clock: Callable[[], float]) -> None:
        """Opens what it reads.

        Raises:
            NeedsPerson: `memory-not-readable`.
        """
        self._link, self._clock = link, clock
        self._owner = int(hello["owner"])
        self._place = find_place()
        self._reader = MemoryReader(Headroom(self._place) if self._place else None, Path(hello["proc"]))
        self._device = DeviceWatch()
        self._device.wait(_DEVICE_S)
        self._unified = self._on_unified()
        self._reading = self._reader.read(clock())
        self._hello = hello
        self._watch = Watch(self._limits())
        self._taken: list[Protection] = []
        self._engines: dict[str, Engine] = {}
        self._asked_s: dict[str, float] = {}
        self._granted = 0  # number of the last question that was answered with yes
        self._emptying: list[Group] = []  # of engines that are gone; a group can be removed a moment after its process
        self._growth, self._looked = Growth(), (self._reading, 0)
        self._late_s = -_LATE_AGAIN_S
        self._told_s = self._looked_s = self._shed_s = clock()
        self._resume(hello)
        sweep(self._place)

    def _limits(self) -> Limits:
        """Those of this machine, unless the station says others."""
        hello, limits = self._hello, limits_for(self._reading.total, self._unified)
        if hello["soft"]:
            limits = replace(limits, soft=int(hello["soft"]), hard=int(hello["hard"]))
        return replace(limits, calm_s=float(hello["calm_s"])) if hello["calm_s"] else limits

    def _on_unified(self) -> bool:
        return self._device.latest is not None and self._device.latest.unified

    def _resume(self, hello: Message) -> None:
        """Go on where an earlier guard of this station ended."""
        now = self._clock()
        ended = tuple(sorted(now - float(ago) for ago in hello["ended_s_ago"]))
        self._watch.stand = Stand(ended_at_s=ended)
        for held in hello["leases"]:
            lease, need = str(held["lease"]), int(held["need"])
            self._watch.ledger.take_over(lease, need, int(held["load"]), self._reading.available, bool(held["loading"]))
            if held["pid"]:
                self._take_on(lease, int(held["pid"]))
            else:
                self._asked_s[lease] = now

    def run(self) -> None:
        """Watch until the station is gone, then end what is guarded."""
        self._taken = protect()
        self._tell_ready()
        self._growth.remember()
        lines = Lines()
        next_s = self._clock()
        while True:
            if select.select([self._link], [], [], max(0.0, next_s - self._clock()))[0]:
                piece = self._receive()
                if not piece:
                    break
                for message in lines.feed(piece):
                    self._hear(message)
                next_s = self._clock()  # what was heard can be the reason to look more often
            if self._clock() >= next_s:
                self._look()
                next_s = self._clock() + self._watch.period()
        self._farewell()

    # -- watching ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        now = self._clock()
        with suppress(OSError, ValueError):  # a reading that fails once is made up for by the next, 20 ms later
            self._reading = self._reader.read(now)
        if not self._unified and self._on_unified():  # the driver answered late
            self._unified = True
            self._watch.limits = self._limits()
            self._tell_ready()
        self._count_holders()
        alive = [engine for engine in self._engines.values() if engine.ending_since_s is None]
        decision = self._watch.see(self._reading, serving=bool(alive))
        self._act(decision, alive, now)
        if self._watch.late_s and now - self._late_s >= _LATE_AGAIN_S:
            self._late_s = now
            self._say("late", seconds=round(self._watch.late_s, 3))
        self._bury(now)
        if now - self._told_s >= _STATE_S or decision.climbed or decision.calmed:
            self._told_s = now
            self._tell_state()
            for lease in self._engines:
                self._limit_anew(lease)  # where it could not be lowered at once
        if self._engines and now - self._looked_s >= _LOOK_S and self._watch.stand.rung == Rung.CALM:
            self._looked_s, self._looked = now, (self._reading, self._own())
            self._growth.remember()

    def _act(self, decision: Decision, alive: list[Engine], now: float) -> None:
        if decision.climbed and decision.climbed[0] == Rung.REFUSE:
            self._shed_s = now
        if decision.cause is not None:
            for engine in alive:
                engine.end(now)
            self._tell_ended(decision, alive)
        for rung in decision.climbed:
            blame = self._blame() if rung == Rung.REFUSE and decision.cause is None else {}
            self._say("shed", rung=int(rung), available=self._reading.available, **blame)
        if decision.calmed:
            self._say("calm", available=self._reading.available, seconds=round(now - self._shed_s, 3))

    def _tell_ended(self, decision: Decision, ended: list[Engine]) -> None:
        """What happened, in figures; made after the kill, so that counting delays nothing."""
        blame = self._blame()
        for engine in ended:
            self._say(
                "ended",
                lease=engine.lease,
                cause=decision.cause,
                available=self._reading.available,
                fall=int(self._watch.fall),
                **blame,
            )

    def _blame(self) -> dict[str, object]:
        """Who took what since all was well; nobody is looked for while nothing is guarded."""
        if not self._engines:
            return {}
        before, own_before = self._looked
        other, other_grew = self._growth.most({os.getpid(), *(engine.pid for engine in self._engines.values())})
        return {
            "fell": before.available - self._reading.available,
            "grew": self._own() - own_before,
            "other": name_of(other) if other else "",
            "other_grew": other_grew,
        }

    def _count_holders(self) -> None:
        for lease, engine in self._engines.items():
            held = held_by_all(engine.pid)
            if held is not None:
                self._watch.ledger.seen(lease, held.own + self._on_device(engine.pid))

    def _own(self) -> int:
        """Bytes that all engines hold."""
        return sum(self._watch.ledger.leases[lease].held for lease in self._engines)

    def _on_device(self, pid: int) -> int:
        """Unified memory that a process holds through the driver, which its own size does not show."""
        device = self._device.latest
        return device.by_pid.get(pid, 0) if device is not None and device.unified else 0

    def _bury(self, now: float) -> None:
        """Forget holders that are gone; a lease ends with its holder."""
        for lease, engine in list(self._engines.items()):
            if engine.gone():
                self._drop(lease)
                self._say("left", lease=lease)
            elif engine.ending_since_s is not None and now - engine.ending_since_s > _STUCK_S:
                self._say("stuck", lease=lease, seconds=_STUCK_S)
                engine.end(now)
        for lease, asked_s in list(self._asked_s.items()):
            if now - asked_s > _UNATTACHED_S:
                self._drop(lease)
        self._emptying = [group for group in self._emptying if not group.remove()]

    def _drop(self, lease: str) -> None:
        if (engine := self._engines.pop(lease, None)) is not None:
            engine.close()
            if engine.group is not None and not engine.group.remove():
                self._emptying.append(engine.group)
        self._asked_s.pop(lease, None)
        self._watch.ledger.release(lease)

    # -- the station ---------------------------------------------------------------------------------------------

    def _hear(self, message: Message) -> None:
        lease, now = str(message.get("lease", "")), self._clock()
        match message["kind"]:
            case "ask":
                self._answer(message, now)
            case "grow":
                self._answer(message, now, grows=True)
            case "withdraw" if message["number"] == self._granted:
                self._watch.ledger.withdraw(lease)
                self._limit_anew(lease)
            case "shrink":
                self._watch.ledger.shrink(lease, int(message["less"]))
                self._limit_anew(lease)
            case "attach":
                engine = self._take_on(lease, int(message["pid"]))
                self._say("attached", lease=lease, limits=engine.limits if engine else [], gone=engine is None)
            case "loaded":
                self._watch.loaded(lease)
            case "release":
                self._drop(lease)
            case "beat":
                self._watch.beat(int(message["running"]), int(message["progress"]), now)

    def _answer(self, asked: Message, now: float, *, grows: bool = False) -> None:
        """A reading of this very moment decides; without one nothing is admitted."""
        lease, number = str(asked["lease"]), int(asked["number"])
        try:
            self._reading = self._reader.read(now)
        except (OSError, ValueError):
            self._say("answer", number=number, why="short", largest=0, rests_s=0.0)
            return
        self._count_holders()
        answer = self._watch.ask(lease, int(asked["need"]), self._reading, grows=grows)
        if answer.why is None:
            self._granted = number
            if grows:
                self._limit_anew(lease)
            else:
                self._asked_s[lease] = now
        self._say("answer", number=number, why=answer.why or "", largest=answer.largest, rests_s=answer.rests_s)

    def _take_on(self, lease: str, pid: int) -> Engine | None:
        """Guard a process under a lease it has; None when it is gone or has no lease."""
        self._asked_s.pop(lease, None)
        if lease not in self._watch.ledger.leases:
            return None
        need = self._watch.ledger.leases[lease].promised
        engine = take_on(pid, lease, need, self._place, self._owner, unified=self._unified)
        if engine is None:
            self._drop(lease)
            return None
        self._engines[lease] = engine
        return engine

    def _limit_anew(self, lease: str) -> None:
        """Set the kernel's limit to what the holder is promised now."""
        if lease in self._engines and lease in self._watch.ledger.leases:
            self._engines[lease].limit(self._watch.ledger.leases[lease].promised)

    def _tell_ready(self) -> None:
        limits = self._watch.limits
        self._say(
            "ready",
            taken=self._taken,
            total=self._reading.total,
            soft=limits.soft,
            hard=limits.hard,
            unified=self._unified,
        )

    def _tell_state(self) -> None:
        self._say(
            "state",
            rung=int(self._watch.stand.rung),
            available=self._reading.available,
            fall=int(self._watch.fall),
            owed=self._watch.ledger.owed(),
            every_s=self._watch.period(),
        )

    def _say(self, kind: str, **values: object) -> None:
        """Never waits: a station that does not listen must not hold up the guard."""
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            self._link.send(encode(kind, **values), socket.MSG_DONTWAIT)

    def _receive(self) -> bytes:
        try:
            return self._link.recv(65536)
        except ConnectionResetError:
            return b""

    def _farewell(self) -> None:
        """The station is gone: end what it started, and take the groups away."""
        until_s = self._clock() + _FAREWELL_S
        for engine in self._engines.values():
            engine.end(self._clock())
        while (self._engines or self._emptying) and self._clock() < until_s:
            self._bury(self._clock())
            time.sleep(0.02)


def _hello(link: socket.socket) -> Message | None:
    """The first message; None when the station goes before it has said it."""
    lines = Lines()
    while piece := link.recv(65536):
        for message in lines.feed(piece):
            if message["kind"] == "hello":
                return message
    return None


def main() -> None:
    """Guard until the station is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal reaches us too; the station decides
    link = socket.socket(fileno=int(sys.argv[1]))
    hello = _hello(link)
    if hello is None:
        return
    try:
        guard = Guard(link, hello, time.monotonic)
    except NeedsPerson:
        link.send(encode("unwatched"))
        return
    guard.run()


if __name__ == "__main__":
    main()
