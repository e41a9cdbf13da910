"""The compute node of a house: what it serves by the settings, who stands by, and how the companion sees it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol, TypeAlias

from hearthside.app.nodes import NodeBook
from hearthside.app.rooms import Rooms
from hearthside.config import Settings
from hearthside.errors import ConfigError, NeedsPerson, Refused, RetryLater
from hearthside.identity.home_ca import HomeCa
from hearthside.inference.adapters import AdapterRegistry
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.client import PATIENCE_S, Completion
from hearthside.inference.guard.keeper import Keeper
from hearthside.inference.meter import Spent
from hearthside.inference.pool import NodePool, Serving
from hearthside.inference.remote.link import HomeReach, NodeLink
from hearthside.inference.remote.pairing import PairedNode
from hearthside.inference.shelf import ModelFile, embedded_model, model_file
from hearthside.inference.side_models import SideConfig
from hearthside.inference.standby import Standby
from hearthside.inference.supervisor import NodeOptions, Supervisor

REWORD_S = 8.0
"""Seconds in which the model may word what plain code has found out; after that it is said as plain code has it."""

HASH_DIGITS = 12
"""Of a model's hash in its identity."""


Carried: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]


class Answering(Protocol):
    """Who answers, as the companion sees it; `NodePool` is such."""

    def snapshot(self) -> Serving:
        """Who answers now, with the model that it serves, read at once."""
        ...


def model_of(settings: Settings) -> ModelFile:
    """The model that is served; without a hash where a model server answers and model_path does not say which file.

    Raises:
        NeedsPerson: there is no such file, or no embedded model.
    """
    if settings.model_path:
        return model_file(settings.model_path)
    if settings.model_server:
        place = ServerAddress(settings.model_server).place
        return ModelFile(Path(), settings.model_server_model or f"the model server at {place}", "", 0)
    return embedded_model()


def server_of(settings: Settings) -> ServerAddress | None:
    """The model server that is to answer, or None; nothing is sent.

    Raises:
        ConfigError: the address is wrong, or its key cannot be read.
        Refused: it is not on this machine.
    """
    if not settings.model_server:
        return None
    key = _key_in(settings.model_server_key_file, "model server")
    address = ServerAddress(settings.model_server, settings.model_server_model, key)
    address.root()
    return address


def side_of(settings: Settings) -> SideConfig:
    """What side models are told; raises as `server_of`."""
    if not settings.speech_server:
        return SideConfig()
    key = _key_in(settings.speech_server_key_file, "speech server")
    ServerAddress(settings.speech_server).root()
    return SideConfig(settings.speech_server, settings.speech_server_model, key)


def _key_in(file: Path | None, whose: str) -> str:
    """The API key in a file; "" without one."""
    if file is None:
        return ""
    try:
        key = file.read_text(encoding="utf-8-sig").strip()
        key.encode("ascii")  # it goes into a header
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            "model-server-key-unreadable",
            f"{file}, which should hold the key of the {whose}, cannot be read; nothing was started.",
        ) from error
    return key


def pool_of(
    rooms: Callable[[], Rooms],
    server: ServerAddress | None,
    on_usage: Callable[[Spent], None],
    clock: Callable[[], int],
) -> NodePool:
    """The compute of a house, not started yet: the nodes that were paired, or a child process while there are none.

    Args:
        rooms: gives the rooms as they are now; new keys put others in their place.
        server: the model server that answers in the child's place.
        on_usage: told what each answer and probe cost.
        clock: UTC milliseconds of this machine, for certificates: the life's clock may be elsewhere.

    Raises:
        NeedsPerson: no node is paired, and there is no model to serve here.
    """
    first, book = rooms(), NodeBook(rooms)
    settings, life_clock, registry = first.settings, first.clock, first.registry
    options = NodeOptions(
        threads=settings.model_threads,
        context_tokens=settings.context_tokens,
        heads_folder=settings.heads_folder,
        server=server,
        erase_after_s=settings.erase_after_s,
        side=side_of(settings),
    )
    model = cache(lambda: model_of(settings))  # its hash is over the whole file

    def local(keeper: Keeper) -> Supervisor:
        return Supervisor(model(), options, life_clock, registry, keeper=keeper, on_usage=on_usage)

    reach = HomeReach(first.egress, lambda: HomeCa.open(rooms().vault))

    def link(paired: PairedNode, on_change: Callable[[], None]) -> NodeLink:
        return NodeLink(
            paired, reach, life_clock, adapters=registry, on_change=on_change, on_moved=book.moved, on_usage=on_usage
        )

    paired = book.paired()
    if not paired:
        model()
    pool = NodePool(local, link, life_clock, registry)
    pool.use(paired)
    return pool


def standby_of(rooms: Rooms, pool: NodePool, on_usage: Callable[[Spent], None]) -> Standby | None:
    """Who answers small talk while the node is away; None where the small model is not installed.

    It has nothing to do where the child process serves that small model itself.
    """
    settings = rooms.settings
    try:
        small = embedded_model()
    except NeedsPerson:
        return None
    served = settings.model_path is None and not settings.model_server
    served = served or (not settings.model_server and _same_file(settings.model_path, small.path))
    return Standby(
        pool, small, rooms.clock, needed=lambda: pool.elsewhere or not served, on_usage=on_usage
    )  # fmt: skip


def _same_file(one: Path | None, other: Path) -> bool:
    return one is not None and one.resolve() == other.resolve()


class NodeLanguageModel:
    """The language model of a house; `now` gives whoever answers at that moment, None in a house without compute."""

    def __init__(
        self, compute: Answering | None, registry: AdapterRegistry, carried: Carried = lambda deed: deed
    ) -> None:
        """`carried`: has a deed in another thread counted as if this one did it (`Costs.carried`)."""
        self._compute, self._registry, self._carried = compute, registry, carried
        self._not_taken: set[tuple[str, str, str]] = set()  # adapter, node and hash of its model

    def now(self, steady: bool = False, patience_s: float | None = None) -> Speaker | None:
        """Whoever answers now.

        Args:
            steady: what was found out about it holds for each of its words.
            patience_s: seconds after which an answer is given up, whole or not; None: it may take its time.
        """
        if self._compute is None:
            return None
        return Speaker(self._compute, self._registry, self._not_taken, steady, patience_s, carried=self._carried)

    def hurried(self) -> Speaker | None:
        """Whoever answers now, for the wording of what is found out already."""
        return self.now(patience_s=REWORD_S)


class Speaker:
    """Completions by the node, model and adapter of one moment; every request names the adapter.

    An adapter of another base, or one that the model server does not take, leaves the answer to the base. A node that
    goes before it has said anything leaves it to the next one. A steady speaker does neither, unless the next one has
    the same model: it speaks as what it was judged as, or not at all. `name` is of who spoke last.
    """

    def __init__(
        self,
        compute: Answering,
        registry: AdapterRegistry,
        not_taken: set[tuple[str, str, str]],
        steady: bool,
        patience_s: float | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        carried: Carried = lambda deed: deed,
    ) -> None:
        """See `NodeLanguageModel.now`; `not_taken` is kept for all speakers."""
        self._patience_s, self._monotonic_s, self._carried = patience_s, monotonic_s, carried
        self._compute, self._registry, self._not_taken, self._steady = compute, registry, not_taken, steady
        self._serving = compute.snapshot()
        self._adapter = self._fitting()

    @property
    def name(self) -> str:
        """Model and, where one speaks, adapter."""
        name = self._serving.model or "the language model"
        return f"{name} + your adapter {self._adapter[:8]}" if self._adapter else name

    @property
    def identity(self) -> str:
        """The name with the hash of the model; "" where that is not known."""
        return f"{self.name}#{self._serving.sha256[:HASH_DIGITS]}" if self._serving.sha256 else ""

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        """Pieces of text, the likeliest each time; RetryLater also when the patience is over."""
        if self._patience_s is None:
            return self._pieces(messages, max_tokens, math.inf)
        until_s = self._monotonic_s() + self._patience_s
        pieces = self._pieces(messages, max_tokens, until_s)
        return _in_time(pieces, lambda: self._left_s(until_s), self._carried)

    def _pieces(self, messages: list[dict[str, str]], max_tokens: int, until_s: float) -> Generator[str]:
        try:
            first, rest = self._begin(messages, max_tokens, until_s)
        except RetryLater:
            if not self._passed_on():
                raise
            first, rest = self._begin(messages, max_tokens, until_s)
        with rest:
            yield from first
            yield from rest

    def _left_s(self, until_s: float) -> float:
        """Seconds of patience that are left."""
        left_s = until_s - self._monotonic_s()
        if left_s <= 0:
            raise _slow()
        return left_s

    def _passed_on(self) -> bool:
        """Whether another node is to be asked, which is the one that speaks from now on."""
        gone, other = self._serving, self._compute.snapshot()
        same = other.sha256 == gone.sha256 != "" and other.model == gone.model
        if other.node is gone.node or (self._steady and not same):
            return False
        self._serving = other
        return True

    def _begin(self, messages: list[dict[str, str]], max_tokens: int, until_s: float) -> tuple[list[str], Completion]:
        """The first piece, if there is any, and what follows."""
        patience_s = min(self._left_s(until_s), PATIENCE_S)
        node, adapter = self._serving.asked(), self._fitting()
        if self._steady and adapter != self._adapter:
            raise RetryLater("adapter-changed", "Another adapter is in service now; ask again.")
        self._adapter = adapter
        try:
            answer = node.complete(messages, adapter=adapter, max_tokens=max_tokens, patience_s=patience_s)
        except Refused as error:
            if adapter is None or not error.code.startswith("adapter"):
                raise
            if error.code != "adapter-base-differs":  # that passes: the node serves another model for a moment
                self._not_taken.add((adapter, self._serving.id, self._serving.sha256))
            if self._steady:
                raise RetryLater("adapter-changed", "The base model answers without the adapter; ask again.") from error
            self._adapter = None
            answer = node.complete(messages, adapter=None, max_tokens=max_tokens, patience_s=patience_s)
        return list(islice(answer, 1)), answer

    def _fitting(self) -> str | None:
        """The active adapter, where this node speaks with it."""
        active, serving = self._registry.active(), self._serving
        if active is None or active.base_sha256 != serving.sha256:
            return None
        return None if (active.id, serving.id, serving.sha256) in self._not_taken else active.id


def _in_time(pieces: Generator[str], left_s: Callable[[], float], carried: Carried) -> Iterator[str]:
    """What comes before the patience is over, however long one wait for the node is.

    A wait for bytes cannot be cut short from outside, so a thread of its own waits; once nobody reads any more, it
    stops the model with the next piece, or as soon as the node says anything else.

    Args:
        left_s: seconds that are left; raises RetryLater when there are none.
        carried: has another thread count what it costs as this one would.
    """
    came: SimpleQueue[str | Exception | None] = SimpleQueue()
    over = threading.Event()

    def read() -> None:
        try:
            for piece in pieces:
                came.put(piece)
                if over.is_set():
                    return
            came.put(None)
        except Exception as error:  # noqa: BLE001 - raised again where it is read
            came.put(error)
        finally:
            pieces.close()

    threading.Thread(target=carried(read), name="hurried", daemon=True).start()
    try:
        while True:
            try:
                one = came.get(timeout=left_s())
            except Empty:
                raise _slow() from None
            if one is None:
                return
            if isinstance(one, Exception):
                raise one
            yield one
    finally:
        over.set()


def _slow() -> RetryLater:
    return RetryLater("compute-slow", "The language model is slow just now; ask again in a moment.")
