"""The compute node of a house: what it serves by the settings, who stands by, and how the companion sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from hearthside.app.nodes import NodeBook
from hearthside.app.rooms import Rooms
from hearthside.config import Settings
from hearthside.errors import ConfigError, NeedsPerson, Refused, RetryLater
from hearthside.identity.home_ca import HomeCa
from hearthside.inference.adapters import AdapterRegistry
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.client import Completion, ComputeNode
from hearthside.inference.compute import Compute
from hearthside.inference.guard.keeper import Keeper
from hearthside.inference.meter import Spent
from hearthside.inference.pool import NodePool
from hearthside.inference.remote.link import HomeReach, NodeLink
from hearthside.inference.remote.pairing import PairedNode
from hearthside.inference.shelf import ModelFile, embedded_model, model_file
from hearthside.inference.standby import Standby
from hearthside.inference.supervisor import NodeOptions, Supervisor


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
    file, key = settings.model_server_key_file, ""
    if file is not None:
        try:
            key = file.read_text(encoding="utf-8-sig").strip()
            key.encode("ascii")  # it goes into a header
        except (OSError, UnicodeError) as error:
            raise ConfigError(
                "model-server-key-unreadable",
                f"{file}, which should hold the key of the model server, cannot be read; nothing was started.",
            ) from error
    address = ServerAddress(settings.model_server, settings.model_server_model, key)
    address.root()
    return address


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
    )
    model = cache(lambda: model_of(settings))  # its hash is over the whole file

    def local(keeper: Keeper) -> Supervisor:
        return Supervisor(model(), options, life_clock, registry, keeper=keeper, on_usage=on_usage)

    reach = HomeReach(first.egress, lambda: HomeCa.open(rooms().vault), clock)

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
    """Completions by whichever node and adapter answer at the moment of asking; every request names the adapter.

    An adapter of another base, or one that the model server does not take, leaves the answer to the base. A node that
    goes before it has said anything leaves it to the next one.
    """

    def __init__(self, compute: Compute, registry: AdapterRegistry) -> None:
        self._compute, self._registry = compute, registry
        self._not_taken = ""

    @property
    def name(self) -> str:
        """Model and, where one speaks, adapter."""
        adapter, name = self._adapter(), self._compute.model_name or "the language model"
        return f"{name} + your adapter {adapter[:8]}" if adapter else name

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        """Pieces of text, the likeliest each time."""
        node = self._compute.node
        try:
            first, rest = self._begin(node, messages, max_tokens)
        except RetryLater:
            other = self._compute.node
            if other is node:
                raise
            first, rest = self._begin(other, messages, max_tokens)
        with rest:
            yield from first
            yield from rest

    def _begin(
        self, node: ComputeNode, messages: list[dict[str, str]], max_tokens: int
    ) -> tuple[list[str], Completion]:
        """The first piece, if there is any, and what follows."""
        adapter = self._adapter()
        try:
            answer = node.complete(messages, adapter=adapter, max_tokens=max_tokens, temperature=0.0)
        except Refused as error:
            if adapter is None or not error.code.startswith("adapter"):
                raise
            self._not_taken = adapter
            answer = node.complete(messages, adapter=None, max_tokens=max_tokens, temperature=0.0)
        return list(islice(answer, 1)), answer

    def _adapter(self) -> str | None:
        active = self._registry.active()
        fits = active is not None and active.base_sha256 == self._compute.base_sha256
        return active.id if active is not None and fits and active.id != self._not_taken else None
