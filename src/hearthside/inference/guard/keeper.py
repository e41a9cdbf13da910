"""The station's side of the guard: starts it, starts it again, asks it before a load, and keeps what it said.

While the guard is away no load is admitted; what runs goes on, and is handed over to the next guard. Ends of the engine
are remembered here, so that the breaker outlives a guard.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal, TypeAlias

from hearthside.errors import RetryLater
from hearthside.inference.guard import refusals, words
from hearthside.inference.guard.ends import Ends
from hearthside.inference.guard.holders import Holders
from hearthside.inference.guard.loader_lock import LoaderLock
from hearthside.inference.guard.messages import Lines, Message, encode
from hearthside.inference.guard.policy import Rung
from hearthside.logs import logger

Phase: TypeAlias = Literal["starting", "watching", "away", "unwatched"]

_SILENT_S = 5.0  # a guard that says nothing for so long is killed and started again
_AGAIN_S, _AGAIN_MOST_S = 0.2, 10.0  # doubled each time a guard ends before it watches
_BROKEN = 6  # so many guards in a row that end by themselves before they watch: it cannot run here
_EXIT_S = 1.0  # what a guard whose stream ended gets to be gone
_TOLD = 20
_log = logger("inference")


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing the guard did or saw; `at_ms` in UTC milliseconds."""

    at_ms: int
    sentence: str


@dataclass(frozen=True, slots=True)
class GuardView:
    """What the page shows.

    Attributes:
        since_ms: since when it does, UTC milliseconds.
        sentence: what the guard does now.
        available: room left when it last said so, bytes; None when it has said nothing.
        deeds: what it did, newest first.
        protections: how guard and engine are set up.
    """

    phase: Phase
    since_ms: int
    sentence: str
    available: int | None
    deeds: tuple[Deed, ...]
    protections: str


@dataclass(frozen=True, slots=True)
class KeeperOptions:
    """How to guard.

    Attributes:
        soft, hard: levels in bytes; 0 takes those that fit the machine.
        proc: where the kernel tells about memory; tests write their own.
        lock: folder of the lock on loading; None takes that of the machine.
        lock_wait_s: seconds to wait for another loader.
        answer_s: seconds to wait for the guard's answer, or for a guard that is being started.
        calm_s: seconds of quiet that end shedding; 0 takes the usual five.
    """

    soft: int = 0
    hard: int = 0
    proc: Path = Path("/proc")
    lock: Path | None = None
    lock_wait_s: float = 20.0
    answer_s: float = 5.0
    calm_s: float = 0.0


@dataclass(slots=True)
class _Heard:
    """What the guard of the moment has said; all under the keeper's condition."""

    ready: Message | None = None
    state: Message | None = None
    answers: dict[int, Message] = field(default_factory=dict)  # by the number of the question
    attached: dict[str, Message] = field(default_factory=dict)


class Keeper:
    """Owner of the guard's process; calls may come from several threads."""

    def __init__(
        self,
        clock: Callable[[], int],
        options: KeeperOptions | None = None,
        on_shed: Callable[[Rung], None] | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            clock: UTC milliseconds, for what is shown only; time spans are measured by a clock that cannot jump.
            on_shed: told each rung that is climbed, from the keeper's thread; must not wait for the engine.
        """
        self._clock, self._options, self._on_shed = clock, options or KeeperOptions(), on_shed
        self._lock = LoaderLock(self._options.lock)
        self._changed = threading.Condition()
        self._phase: Phase = "starting"
        self._since_ms = clock()
        self._heard = _Heard()
        self._link: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._holders = Holders()
        self._numbers = count(1)  # of questions
        self._ended: dict[str, Message] = {}  # why, by lease
        self._ends = Ends()
        self._unwatched = words.UNWATCHED  # why, where it is so
        self._deeds: deque[Deed] = deque(maxlen=_TOLD)
        self._engine_limits: list[str] = []
        self._stopping = False
        self._thread: threading.Thread | None = None

    # -- what the supervisor asks ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the guard in the background; returns at once."""
        self._thread = threading.Thread(target=self._run, name="memory guard keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the guard, which ends what it still guards; waits for it."""
        with self._changed:
            self._stopping = True
            if self._link is not None:
                self._link.shutdown(socket.SHUT_RDWR)
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def admit(self, lease: str, need: int) -> None:
        """Ask for memory before a load, and take the lock on loading.

        Args:
            lease: a new name.
            need: bytes at most.

        Raises:
            RetryLater: `memory-short`, `memory-rests`, `loader-busy`, `guard-away`; nothing was loaded.
            NeedsPerson: `model-too-large`; it can never be loaded here.
        """
        self._ask_alone("ask", lease, need)

    def grow(self, lease: str, more: int) -> None:
        """Ask for memory for another load of a holder that has loaded, as for a model that runs beside its own.

        If it is given, `loaded` must follow once, when the load is over or was given up, and `shrink` when the memory
        is back; the end of the holder does both. If it raises, neither may follow.

        Args:
            more: bytes at most, on top of what it has.

        Raises:
            RetryLater: as `admit`, or `compute-gone` when there is no such holder any more; what it has it keeps.
            NeedsPerson: as `admit`.
        """
        self._ask_alone("grow", lease, more)

    def shrink(self, lease: str, less: int) -> None:
        """The holder has given so many bytes back that it had asked for with `grow`; call it when they are back.

        Safe to call for a holder that is gone; what it was admitted with is never undercut.
        """
        with self._changed:
            if given := self._holders.shrink(lease, less):
                self._send_if_there("shrink", lease=lease, less=given)

    def _ask_alone(self, kind: str, lease: str, need: int) -> None:
        """Ask as the only loader of this machine; the lock is kept when the answer is yes."""
        if not self._lock.acquire(lease, self._options.lock_wait_s, lambda: self._stopping):
            raise refusals.busy(beside=kind == "grow")
        try:
            self._ask(kind, lease, need)
        except BaseException:
            self._lock.release(lease)
            raise

    def _ask(self, kind: str, lease: str, need: int) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._phase in ("watching", "unwatched") or self._stopping, self._options.answer_s
            )
            if self._phase == "unwatched":
                self._hold(kind, lease, need)
                return
            heard, number = self._heard, next(self._numbers)
            self._send(kind, lease=lease, need=need, number=number)
            self._changed.wait_for(
                lambda: number in heard.answers or self._heard is not heard or self._stopping, self._options.answer_s
            )
            answer = heard.answers.pop(number, None)
            if answer is None or heard.ready is None or self._heard is not heard:
                # A yes may be on its way, then it is taken back; the next guard knows nothing of it.
                self._send_if_there("release" if kind == "ask" else "withdraw", lease=lease, number=number)
                raise refusals.away()
            if not answer["why"]:
                self._hold(kind, lease, need)
                return
            raise refusals.refusal(answer, need, heard.ready, beside=kind == "grow")

    def _hold(self, kind: str, lease: str, need: int) -> None:
        """Remember what was admitted, for the next guard."""
        if kind == "ask":
            self._holders.admit(lease, need)
        elif not self._holders.grow(lease, need):  # released while it asked
            raise refusals.gone()

    def attach(self, lease: str, pid: int) -> None:
        """Hand over the process that will load, before it does; it is under the guard when this returns.

        Raises:
            RetryLater: `guard-away`, or `compute-gone` when it has ended already; end the process and ask again.
        """
        with self._changed:
            self._holders.attach(lease, pid)
            if self._phase == "unwatched":
                return
            heard = self._heard
            self._send("attach", lease=lease, pid=pid)
            self._changed.wait_for(
                lambda: lease in heard.attached or self._heard is not heard or self._stopping, self._options.answer_s
            )
            attached = heard.attached.pop(lease, None)
            if attached is None:
                raise refusals.away()
            if attached["gone"]:
                raise RetryLater("compute-gone", "The language model ended before it was loaded.")
            self._engine_limits = list(attached["limits"])

    def loaded(self, lease: str) -> None:
        """The load is over; the next may begin."""
        with self._changed:
            self._holders.loaded(lease)
            self._send_if_there("loaded", lease=lease)
        self._lock.release(lease)  # last: the guard must know it before the next asks

    def release(self, lease: str) -> None:
        """The holder is gone; safe to call for one that was never admitted."""
        with self._changed:
            if self._holders.release(lease):
                self._send_if_there("release", lease=lease)
        self._lock.release(lease)

    def beat(self, running: int, progress: int) -> None:
        """Tell how many answers are under way, and a number that grows with each token of any."""
        with self._changed:
            self._send_if_there("beat", running=running, progress=progress)

    def why_ended(self, lease: str, wait_s: float = 0.0) -> str:
        """Why the guard ended the holder of this lease, as a sentence; empty when it did not."""
        with self._changed:
            self._changed.wait_for(lambda: lease in self._ended, wait_s)
            told = self._ended.pop(lease, None)
        return words.ended(told) if told is not None else ""

    @property
    def refuses(self) -> str:
        """Why new work should wait, as a sentence; empty when it need not."""
        with self._changed:
            state = self._heard.state
            pressed = state is not None and state["rung"] >= Rung.REFUSE
            return words.PRESSED if pressed else ""

    @property
    def smaller(self) -> int:
        """How many sizes smaller the engine should start: how often its own growth ended it within the last hour."""
        with self._changed:
            return self._ends.own_lately()

    @property
    def unified(self) -> bool:
        """Whether the graphics chip takes its memory from the same pool, as far as the guard has said."""
        with self._changed:
            return bool(self._heard.ready and self._heard.ready["unified"])

    @property
    def pid(self) -> int | None:
        """Process id of the guard; None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def wait_watching(self, timeout_s: float) -> bool:
        """Wait until the guard watches; False when it did not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._phase == "watching", timeout_s)

    def view(self) -> GuardView:
        """What the page shows now."""
        with self._changed:
            ready, state = self._heard.ready, self._heard.state
            available = int(state["available"]) if state else None
            return GuardView(
                self._phase,
                self._since_ms,
                self._unwatched if self._phase == "unwatched" else _sentence(self._phase, ready, state),
                available,
                tuple(reversed(self._deeds)),
                words.protections(ready["taken"], self._engine_limits) if ready else "",
            )

    # -- the guard's process ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        if sys.platform != "linux":
            with self._changed:
                self._take({"kind": "unwatched"})
                self._changed.notify_all()
            return
        early = broken = 0  # ends before the guard watched, in a row; those of them that were its own
        while not self._stopping:
            try:
                said = self._live_once()
            except OSError:  # there is no memory or no process left to start one
                said = "cannot be started"
            with self._changed:
                if self._stopping or self._phase == "unwatched":
                    return
                if self._phase == "watching":
                    self._note(words.AWAY)
                    early = broken = 0
                else:
                    early, broken = early + 1, broken + 1 if said == "broken" else 0
                _log.warning("memory guard ended: %s", said)
                self._heard, self._link = _Heard(), None
                if broken == _BROKEN:
                    self._take({"kind": "unwatched", "why": words.BROKEN})
                    self._changed.notify_all()
                    return
                self._enter("away")
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopping, min(_AGAIN_MOST_S, _AGAIN_S * 2**early))

    def _live_once(self) -> str:
        """One life of the guard; returns how it ended: "broken" when it ended by itself, not by a kill from outside."""
        said = "gone"
        ours, theirs = socket.socketpair(socket.AF_UNIX, _KIND)
        with ours:
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "hearthside.inference.guard.process", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )
            try:
                with self._changed:
                    self._process, self._link = process, ours
                    if self._stopping:
                        return "stopped"
                    ours.send(self._hello())
                said = self._listen(ours)
            except (OSError, ValueError):
                said = "gone"
            finally:
                with self._changed:
                    self._link = None
                self._bury(process, ours, said)
        # A system short of memory kills the guard: then no model may be loaded, however often that happens.
        return "broken" if said == "gone" and process.returncode != -signal.SIGKILL else said

    def _bury(self, process: subprocess.Popen[bytes], link: socket.socket, said: str) -> None:
        """When we stop, the guard ends what it holds and goes. Else it is killed first, so that its engine goes on."""
        if not self._stopping:
            with suppress(subprocess.TimeoutExpired):  # one that goes by itself shows by its exit that it did
                process.wait(_EXIT_S if said == "gone" else 0)
            process.kill()
        link.close()
        try:
            process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _hello(self) -> bytes:
        return encode(
            "hello",
            owner=os.getpid(),
            soft=self._options.soft,
            hard=self._options.hard,
            calm_s=self._options.calm_s,
            proc=str(self._options.proc),
            ended_s_ago=self._ends.s_ago(),
            leases=self._holders.told(),
        )

    def _listen(self, link: socket.socket) -> str:
        lines = Lines()
        link.settimeout(_SILENT_S)
        while True:
            try:
                piece = link.recv(65536)
            except TimeoutError:
                return "silent"
            if not piece:
                return "gone"
            for message in lines.feed(piece):
                self._hear(message)
                if message["kind"] == "unwatched":
                    return "unwatched"

    def _hear(self, message: Message) -> None:
        with self._changed:
            self._take(message)
            self._changed.notify_all()
        if message["kind"] == "shed" and self._on_shed is not None:
            self._on_shed(Rung(message["rung"]))

    def _take(self, message: Message) -> None:
        match message["kind"]:
            case "ready":
                self._enter("watching")
                self._heard.ready = message
            case "unwatched":
                self._enter("unwatched")
                self._unwatched = str(message.get("why", words.UNWATCHED))
                self._note(self._unwatched)
            case "state":
                self._heard.state = message
            case "answer":
                self._heard.answers[message["number"]] = message
            case "attached":
                self._heard.attached[message["lease"]] = message
            case "ended":
                self._ended[message["lease"]] = message
                if self._ends.add(message):
                    self._note(words.ended(message))
                    _log.warning("memory guard ended the engine: %s", message["cause"])
            case "shed" if message["rung"] < Rung.END:
                self._note(words.shed(message))
            case "shed":  # the last word of a decision that ended something
                self._ends.all_told()
            case "calm":
                self._note(words.calmed(message))
            case "late":
                self._note(words.late(message))
            case "stuck":
                self._note(words.stuck(message))

    def _enter(self, phase: Phase) -> None:
        if phase != self._phase:
            self._phase, self._since_ms = phase, self._clock()

    def _note(self, sentence: str) -> None:
        if not self._deeds or self._deeds[-1].sentence != sentence:  # what goes on is said once
            self._deeds.append(Deed(self._clock(), sentence))

    def _send(self, kind: str, **values: object) -> None:
        if self._link is None or self._phase != "watching":
            raise refusals.away()
        self._send_if_there(kind, **values)

    def _send_if_there(self, kind: str, **values: object) -> None:
        """A guard that is gone, or does not read, is noticed by the thread that listens."""
        if self._link is not None:
            try:
                self._link.send(encode(kind, **values))
            except OSError:
                _log.warning("the memory guard does not listen")


_FAREWELL_S = 15.0
# Whole messages or none, so that a full buffer never cuts one; only Linux has it, and only there the guard runs.
_KIND = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_STREAM)


def _sentence(phase: Phase, ready: Message | None, state: Message | None) -> str:
    if phase == "away":
        return words.AWAY
    if ready is None or state is None:
        return "The memory guard is being started."
    return words.watching(int(ready["soft"]), int(ready["hard"]), int(state["available"]), float(state["every_s"]))
