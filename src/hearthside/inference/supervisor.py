"""Keeps the compute node alive: starts it, notices its death or silence, starts it again with its adapter.

A node that was used and then left alone ends by itself, so that nothing of what was said to it stays in its memory
(`inference/traces.py`); it is started again at once, and that is no outage.

One thread does all of it, and is the only one that starts processes: on Linux the node is tied to the life of the
thread that started it. Between heartbeats it waits in the kernel; an idle house costs no tokens.
"""

from __future__ import annotations

import base64
import logging
import os
import secrets
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

import orjson

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.inference.adapters import AdapterRegistry
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.client import ComputeNode
from hearthside.inference.fitting import memory_needed, parameters, server_client_needed
from hearthside.inference.gguf_header import model_header
from hearthside.inference.guard.keeper import GuardView, Keeper, KeeperOptions
from hearthside.inference.guard.policy import Rung
from hearthside.inference.lines import LoopbackLine, loopback_client
from hearthside.inference.meter import Spent
from hearthside.inference.node_end import NodeEnd, NodeLines, last_words
from hearthside.inference.remote.lan_door import LanDoor
from hearthside.inference.shelf import ModelFile, parts_of
from hearthside.inference.side_models import SideConfig, Task
from hearthside.inference.side_room import KeptLease
from hearthside.inference.side_room import answer as answer_node
from hearthside.inference.wire import NodeConfig, error_of
from hearthside.logs import logger

Phase: TypeAlias = Literal["starting", "ready", "down"]

_BACKOFF_FIRST_S, _BACKOFF_LAST_S = 0.2, 5.0  # doubled after each life that did not get as far as answering
_MISSED_HEARTBEATS = 3
_STOP_S = 5.0
_GUARD_TELLS_S = 0.3  # between the death of a node and the guard's word that it was the cause
_LEAST_CONTEXT = 512
_LOOKED_FOR = "It is looked for again by itself."
_AGAIN = "It is being started again; everything else works meanwhile."
_log = logger("inference")


@dataclass(frozen=True, slots=True)
class NodeState:
    """Where the compute node stands.

    Attributes:
        since_ms: since when, UTC milliseconds.
        sentence: the same in plain words, for the page.
    """

    phase: Phase
    since_ms: int
    sentence: str


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """How to run the node.

    Attributes:
        threads: processor threads for the model; it spins them while it works.
        context_tokens: context of one completion.
        parallel: completions at the same time.
        heartbeat_s: seconds between heartbeats.
        heartbeat_timeout_s: seconds a heartbeat may take; three late ones in a row end the node.
        heads_folder: where the node remembers the heads of journals, outside every vault.
        guard: how the memory guard beside the node works.
        server: a model server that answers in place of a model of the node's own; None loads the model.
        erase_after_s: idle seconds after which a node that was used is started anew, without its memory; 0: never.
        door: how a paired home reaches it over the network; None: loopback only.
        side: what side models are told.
    """

    threads: int = 1
    context_tokens: int = 2048
    parallel: int = 2
    heartbeat_s: float = 5.0
    heartbeat_timeout_s: float = 10.0
    heads_folder: Path | None = None
    guard: KeeperOptions = field(default_factory=KeeperOptions)
    server: ServerAddress | None = None
    erase_after_s: float = 900.0
    door: LanDoor | None = None
    side: SideConfig = field(default_factory=SideConfig)

    def smaller(self, steps: int) -> NodeOptions:
        """So many sizes smaller: one completion at a time, and half the context for each step, but 512 tokens."""
        if steps <= 0 or self.server is not None:
            return self
        context = max(min(_LEAST_CONTEXT, self.context_tokens), self.context_tokens >> steps)
        return replace(self, parallel=1, context_tokens=context)


@dataclass(frozen=True, slots=True)
class _Running:
    """A started node.

    Attributes:
        lease: its memory; grows while it runs side models.
        server: which model server answers, and with which model, "" for the node's own.
    """

    process: subprocess.Popen[bytes]
    endpoint: LoopbackLine
    lease: KeptLease
    server: str = ""


class Supervisor:
    """Owner of the node's process; `node` is what the other rooms use."""

    def __init__(
        self,
        model: ModelFile,
        options: NodeOptions,
        clock: Callable[[], int],
        adapters: AdapterRegistry | None = None,
        on_state: Callable[[NodeState], None] | None = None,
        keeper: Keeper | None = None,
        on_usage: Callable[[Spent], None] = lambda spent: None,
    ) -> None:
        """Nothing is started yet.

        Args:
            model: the base to serve; without a hash it is not known which file a model server serves.
            clock: UTC milliseconds.
            adapters: where the active adapter comes from; None serves the base alone.
            on_state: told each change, once, from the supervisor's thread; must be quick and must not raise.
            keeper: of another node, whose guard admits this one too; None makes one of its own.
            on_usage: told what each completion and probe took; must be quick and must not raise.
        """
        self._model, self._options, self._clock, self._adapters = model, options, clock, adapters
        self._on_state = on_state
        self._state = NodeState("starting", clock(), "The language model is not started yet.")
        self._lock = threading.Lock()  # guards _process, _endpoint and _stopping
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: LoopbackLine | None = None
        self._http = loopback_client()
        self._thread: threading.Thread | None = None
        self._own_keeper = keeper is None
        self._keeper = keeper or Keeper(clock, options.guard, self.shed)
        self.node = ComputeNode(
            self._current_endpoint,
            clock,
            fetch_adapter=self._adapter_bytes,
            pressed=lambda: self._keeper.refuses,
            on_usage=lambda spent: on_usage(replace(spent, model=model.name)),
        )

    def start(self) -> None:
        """Start the guard and the node in the background; returns at once."""
        if self._own_keeper:
            self._keeper.start()
        self._thread = threading.Thread(target=self._run, name="compute-node supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the node and wait for it; answers under way break off."""
        with self._lock:
            self._stopping.set()
            if self._process is not None:
                self._process.kill()  # it keeps nothing that would need a farewell
        if self._own_keeper:
            self._keeper.stop()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        self._http.close()
        self._state = NodeState("down", self._clock(), "The language model is stopped.")

    def state(self) -> NodeState:
        """Where the node stands now."""
        return self._state

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the node is ready; False when it was not in time."""
        return self._ready.wait(timeout_s)

    @property
    def pid(self) -> int | None:
        """Process id of the node, for the health page; None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def tell(self, on_state: Callable[[NodeState], None]) -> None:
        """Tell this listener each change, in place of the one before; see `__init__`."""
        self._on_state = on_state

    @property
    def base_sha256(self) -> str:
        """Hash of the model that is served; empty where it is not known."""
        return self._model.sha256

    @property
    def model_name(self) -> str:
        """What is served."""
        return self._model.name

    @property
    def model_bytes(self) -> int:
        """Size of its file; 0 where that is not known."""
        return self._model.bytes

    def side(self, task: Task) -> ComputeNode:
        """See `hearthside.inference.compute.Compute`."""
        return self.node

    @property
    def keeper(self) -> Keeper:
        """Whom everything asks that loads beside the node."""
        return self._keeper

    def guard(self) -> GuardView:
        """What the memory guard beside the node does and did."""
        return self._keeper.view()

    def sync_adapters(self) -> None:
        """Make the node hold the active adapter and no other; called after a promotion or a roll-back.

        Conversations under way end with the adapter they began with. Does nothing while the node is away: it starts
        with the active adapter anyway.

        Raises:
            Refused: the active adapter does not fit the base.
        """
        if self._adapters is None or self._endpoint is None:
            return
        active = self._adapters.active()
        wanted = active.id if active else None
        loaded = self.node.health().adapters
        if wanted is not None and wanted not in loaded:
            self.node.load_adapter(wanted, self._adapter_bytes(wanted))
        for adapter in loaded:
            if adapter != wanted:
                self.node.unload_adapter(adapter)

    def _run(self) -> None:
        delay = _BACKOFF_FIRST_S
        self._note("starting", "The language model is being started.")
        while not self._stopping.is_set():
            end = self._live_once()
            if self._stopping.is_set():
                break
            if end.served:
                delay = _BACKOFF_FIRST_S
            self._note("starting" if end.planned else "down", end.sentence)
            if not end.planned:
                self._stopping.wait(delay)
                delay = min(2 * delay, _BACKOFF_LAST_S)

    def _live_once(self) -> NodeEnd:
        """One life of the node, from its start to its end."""
        if away := self._server_away():
            return NodeEnd(away)
        lease, options = secrets.token_hex(8), self._options.smaller(self._keeper.smaller)
        try:
            self._keeper.admit(lease, self._need(options))
        except HearthsideError as error:
            return NodeEnd(f"{error.message} Everything else works meanwhile.")
        process, served = None, False
        try:
            process = self._spawn()
            if process is None:
                return NodeEnd("")
            self._keeper.attach(lease, process.pid)  # before it loads: it waits for its configuration
            running = self._become_ready(process, options, KeptLease(self._keeper, lease))
            if self._options.door is not None:
                self._options.door.open()
            self._keeper.loaded(lease)
            self._endpoint = running.endpoint
            self.node.probe(running.endpoint)
            self._note("ready", self._ready_sentence(options, running.server))
            served = True
            end = self._watch(running)
            return end if end.planned else replace(end, sentence=self._said(lease, end.sentence, _GUARD_TELLS_S))
        except HearthsideError as error:
            return NodeEnd(self._said(lease, error.message), served)
        except OSError as error:  # no memory for a process, or no more of them allowed
            return NodeEnd(f"The language model could not be started ({type(error).__name__}). {_AGAIN}")
        except Exception as error:  # noqa: BLE001 - whatever a node says, or a machine lacks, it is started again
            _log.error("life of the compute node: %s", type(error).__name__)
            return NodeEnd(f"The language model could not be looked after ({type(error).__name__}). {_AGAIN}", served)
        finally:
            self._ready.clear()
            self._endpoint = None
            if process is not None:
                self._bury(process)
            self._keeper.release(lease)

    def _said(self, lease: str, otherwise: str, wait_s: float = 0.0) -> str:
        return f"{self._keeper.why_ended(lease, wait_s) or otherwise} {_AGAIN}"

    def _need(self, options: NodeOptions) -> int:
        """Bytes that the node takes at most; raises NeedsPerson when the model's file cannot be read."""
        if self._options.server is not None:
            return server_client_needed()
        header, more = model_header(self._model.path), self._more_bytes()
        return memory_needed(header, options.context_tokens, parallel=options.parallel, more_weights=more).total

    def _more_bytes(self) -> int:
        """Bytes in further files of a model that was split."""
        path = self._model.path
        return sum(part.stat().st_size for part in parts_of(path) if part != path and part.is_file())

    def _server_away(self) -> str:
        away = self._options.server.away() if self._options.server is not None else ""
        return f"{away} {_LOOKED_FOR}" if away else ""

    def _ready_sentence(self, options: NodeOptions, server: str) -> str:
        if self._options.server is not None:
            return f"The model server at {self._options.server.place} answers ({server})."
        ready = f"The language model {self._model.name} is ready"
        if options == self._options:
            return f"{ready}."
        return f"{ready}, with a context of {options.context_tokens:,} tokens, as it took too much memory before."

    def shed(self, rung: Rung) -> None:
        """Let the node give back what it can make again; in a thread of its own, as the guard does not wait for it."""
        if rung in (Rung.CACHES, Rung.MODELS) and self._endpoint is not None:
            with suppress(RuntimeError):  # there may be no memory left for a thread
                threading.Thread(target=self._ask_to_shed, args=(rung,), name="shedding", daemon=True).start()

    def _ask_to_shed(self, rung: Rung) -> None:
        try:
            self.node.shed(models=rung == Rung.MODELS)
        except HearthsideError as error:  # the next rung does not ask
            _log.warning("the compute node did not give memory back: %s", error.code)

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        with self._lock:  # so that stop() either sees the process or prevents it
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hearthside.inference.node"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=() if self._options.door is None else (self._options.door.listener.fileno(),),
            )
            return self._process

    def _become_ready(self, process: subprocess.Popen[bytes], options: NodeOptions, lease: KeptLease) -> _Running:
        assert process.stdin is not None and process.stdout is not None
        token = secrets.token_urlsafe(32)
        try:
            remaining = memoryview(self._config(token, options).line())
            while remaining:
                remaining = remaining[process.stdin.write(remaining) :]
            answer = orjson.loads(process.stdout.readline())
        except (BrokenPipeError, orjson.JSONDecodeError) as error:
            raise RetryLater("compute-gone", "The language model ended while it was starting.") from error
        if "error" in answer:
            raise error_of(answer["error"])
        for adapter, reason in answer["refused"].items():
            _log.warning("adapter %s was not loaded: %s", adapter, reason["code"])
        line = LoopbackLine(f"http://127.0.0.1:{answer['port']}", token, self._http)
        return _Running(process, line, lease, answer["server"])

    def _config(self, token: str, options: NodeOptions) -> NodeConfig:
        server, speech, file = self._options.server, self._options.side, self._model if self._model.sha256 else None
        config = NodeConfig(
            model_path=str(file.path) if file is not None else "",
            model_name=self._model.name,
            model_sha256=self._model.sha256,
            threads=options.threads,
            context_tokens=options.context_tokens,
            parallel=options.parallel,
            token=token,
            parent_pid=os.getpid(),
            adapters=self._adapters_at_start(),
            heads_folder=str(self._options.heads_folder or ""),
            server_url=server.url if server is not None else "",
            server_model=server.model if server is not None else "",
            server_key=server.key if server is not None else "",
            model_bytes=file.path.stat().st_size + self._more_bytes() if file is not None else 0,
            parameters=parameters(model_header(file.path)) if file is not None else 0,
            erase_after_s=self._options.erase_after_s,
            speech_url=speech.speech_url,
            speech_model=speech.speech_model,
            speech_key=speech.speech_key,
        )
        door = self._options.door
        if door is None:
            return config
        return replace(
            config,
            lan_socket=door.listener.fileno(),
            lan_key=door.identity.key.decode(),
            lan_certificate=door.identity.certificate.decode(),
            lan_home=door.identity.home.decode(),
        )

    def _adapters_at_start(self) -> dict[str, str]:
        """The active adapter; previous and staged ones are sent when a request names them."""
        active = self._adapters.active() if self._adapters else None
        if active is None:
            return {}
        try:
            return {active.id: base64.b64encode(self._adapter_bytes(active.id)).decode()}
        except HearthsideError as error:
            _log.warning("adapter %s is not served: %s", active.id, error.code)
            return {}

    def _adapter_bytes(self, adapter: str) -> bytes:
        if self._adapters is None:
            raise Refused("adapter-unknown", f"There is no adapter {adapter}.")
        entry = self._adapters.entry(adapter)
        if entry.base_sha256 != self._model.sha256:
            raise Refused("adapter-base-differs", f"The adapter {adapter} was trained for another base model.")
        return self._adapters.bytes_of(adapter)

    def _watch(self, running: _Running) -> NodeEnd:
        """Wait for the node's end, and answer it; standard output ends with the process, so no polling is needed."""
        stdin, stdout = running.process.stdin, running.process.stdout
        assert stdin is not None and stdout is not None
        missed, away, lines = 0, "", NodeLines(stdout)
        due_s = time.monotonic() + self._options.heartbeat_s
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while missed < _MISSED_HEARTBEATS:
                if selector.select(max(0.0, due_s - time.monotonic())):
                    for said in lines.come():
                        if not answer_node(said, running.lease, stdin):
                            return last_words(said)
                if time.monotonic() < due_s:
                    continue
                due_s = time.monotonic() + self._options.heartbeat_s
                try:
                    health = self.node.health(self._options.heartbeat_timeout_s)
                    self._keeper.beat(health.running, health.progress)
                    missed = 0
                    if away and not self._server_away():
                        return NodeEnd(
                            "The model server is back.", served=True
                        )  # perhaps with another model: it is looked at anew
                    away = self._note_away()
                except RetryLater:
                    missed += 1
        return NodeEnd("The language model did not answer any more and was ended.", served=True)

    def _note_away(self) -> str:
        """Say that the model server is away; the node stays, for it finds texts by meaning."""
        if away := self._server_away():
            self._ready.clear()
            self._note("down", away)
        return away

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        if self._options.door is not None:
            self._options.door.shut()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _note(self, phase: Phase, sentence: str) -> None:
        """A change of phase, said once: an outage when it begins and when it ends, not at each attempt between."""
        before = self._state
        since = before.since_ms if phase == before.phase else self._clock()
        self._state = NodeState(phase, since, sentence)
        if phase == "ready":
            self._ready.set()
        if phase != before.phase:
            _log.log(logging.WARNING if phase == "down" else logging.INFO, "compute node is %s", phase)
            if self._on_state is not None:
                self._on_state(self._state)

    def _current_endpoint(self) -> LoopbackLine:
        endpoint = self._endpoint
        if endpoint is not None:
            return endpoint
        code = "compute-starting" if self._state.phase == "starting" else "compute-gone"
        raise RetryLater(code, self._state.sentence)
