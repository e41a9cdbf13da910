"""The compute node of a house: what it serves by the settings, who stands by, and how the companion sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hearthside.app.rooms import Rooms
from hearthside.config import Settings
from hearthside.errors import ConfigError, NeedsPerson, Refused
from hearthside.inference.adapters import AdapterRegistry
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.client import Completion
from hearthside.inference.shelf import ModelFile, embedded_model, embedded_path, model_file
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


def compute_of(rooms: Rooms, server: ServerAddress | None) -> tuple[Supervisor, ModelFile]:
    """The compute node of a house, not started yet, and the model it serves."""
    settings = rooms.settings
    model = model_of(settings)
    options = NodeOptions(
        threads=settings.model_threads,
        context_tokens=settings.context_tokens,
        heads_folder=settings.heads_folder,
        server=server,
    )
    return Supervisor(model, options, rooms.clock, rooms.registry), model


def standby_of(rooms: Rooms, compute: Supervisor, model: ModelFile) -> Standby | None:
    """Who answers small talk while the node is away; None where the node serves that small model itself."""
    try:
        if model.sha256 and model.path.resolve() == embedded_path().resolve() and not rooms.settings.model_server:
            return None
        return Standby(compute, embedded_model(), rooms.clock)
    except NeedsPerson:  # the small model is not installed
        return None


class NodeLanguageModel:
    """Completions by whichever adapter is active at the moment of asking; every request names it.

    An adapter of another base, or one that the model server does not take, leaves the answer to the base.
    """

    def __init__(self, supervisor: Supervisor, registry: AdapterRegistry, model_name: str) -> None:
        self._supervisor, self._registry, self._model_name = supervisor, registry, model_name
        self._not_taken = ""

    @property
    def name(self) -> str:
        """Model and, where one speaks, adapter."""
        adapter = self._adapter()
        return f"{self._model_name} + your adapter {adapter[:8]}" if adapter else self._model_name

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        """Pieces of text, the likeliest each time."""
        adapter = self._adapter()
        try:
            answer = self._begin(messages, adapter, max_tokens)
        except Refused as error:
            if adapter is None or not error.code.startswith("adapter"):
                raise
            self._not_taken = adapter
            answer = self._begin(messages, None, max_tokens)
        yield from answer

    def _begin(self, messages: list[dict[str, str]], adapter: str | None, max_tokens: int) -> Completion:
        return self._supervisor.node.complete(messages, adapter=adapter, max_tokens=max_tokens, temperature=0.0)

    def _adapter(self) -> str | None:
        active = self._registry.active()
        fits = active is not None and active.base_sha256 == self._supervisor.base_sha256
        return active.id if active is not None and fits and active.id != self._not_taken else None
