"""How each model server takes a personal adapter, so that a request is answered with its own or not at all.

llama-server loads adapter files only when it starts. An adapter counts as loaded if a file that the server names holds
exactly its bytes; every request carries the full list, which closes faults 1 and 2 (`llama_cpp.py`). Fault 3, the
prompt cache in memory, is on by default there and cannot be switched off by a request, so beside adapters no prefix is
reused unless the person says that it is off.

vLLM loads and unloads adapters while it runs (`--enable-lora` and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True), from a folder
in PEFT's form that it can read, so on this machine only. Each content gets a name of its own: a cache that was filled
under one adapter cannot be met by the next of the same id.

Ollama and LM Studio take no adapter for a single request; they are refused.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from hearthside.errors import HearthsideError, Refused
from hearthside.events import Json
from hearthside.inference.backends.peft_folder import peft_folder
from hearthside.inference.backends.server_address import ServerAddress, on_this_machine
from hearthside.inference.gguf_header import GgufHeader, check_adapter

Base: TypeAlias = tuple[GgufHeader, str]
"""Header of the base's GGUF file, and the hash of that file."""

Call: TypeAlias = Callable[..., tuple[int, Json]]
"""Method, path and body to status and JSON."""


class Adapters(Protocol):
    """The adapters of one server."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Those that requests may name."""
        ...

    def load(self, adapter: str, gguf: bytes) -> None:
        """Add or replace one; raises Refused."""
        ...

    def unload(self, adapter: str) -> None:
        """Drop one; an unknown id changes nothing."""
        ...

    def forget(self, adapter: str) -> None:
        """The server dropped it by itself; nothing is sent."""
        ...

    def fields(self, adapter: str | None, may_reuse: bool) -> dict[str, Json]:
        """What a request must hold so that this adapter answers, and no other shows in it.

        Args:
            may_reuse: whether a prefix computed before may be reused at all.

        Raises:
            Refused: `adapter-not-loaded`.
        """
        ...

    def close(self) -> None:
        """Take away what was loaded."""
        ...


def adapters_of(flavour: str, model: str, address: ServerAddress, base: Base | None, call: Call) -> Adapters:
    """The adapters of a server of this kind."""
    if flavour == "llama-server":
        return LlamaServerAdapters(address, base, call)
    if flavour == "vLLM":
        return VllmAdapters(model, address, base, call)
    return NoAdapters(flavour)


class NoAdapters:
    """A server that takes none; see Adapters."""

    ids: tuple[str, ...] = ()

    def __init__(self, flavour: str) -> None:
        """`flavour` names the server."""
        self._name = flavour if flavour != "other" else "This model server"

    def load(self, adapter: str, gguf: bytes) -> None:
        """Refuses."""
        raise Refused(
            "adapters-unsupported",
            f"{self._name} takes no personal adapter for a request, so your adapter is not used there; answers come "
            "from the base model. llama-server, vLLM and the embedded model take one.",
        )

    def unload(self, adapter: str) -> None:
        """Nothing is loaded."""

    def forget(self, adapter: str) -> None:
        """Nothing is loaded."""

    def fields(self, adapter: str | None, may_reuse: bool) -> dict[str, Json]:
        """See Adapters."""
        if adapter is not None:
            raise _not_loaded(adapter)
        return {}

    def close(self) -> None:
        """Nothing is loaded."""


class LlamaServerAdapters:
    """The files that llama-server was started with; see Adapters."""

    def __init__(self, address: ServerAddress, base: Base | None, call: Call) -> None:
        """Reads which files it has, and sets their default scale to 0 for requests that name none (fault 1)."""
        self._base = base
        self._reuse = address.memory_prompt_cache_off
        status, listed = call("GET", "/lora-adapters")
        files = listed if status == 200 and isinstance(listed, list) else []
        self._count = len(files)
        self._number_of: dict[str, int] = {}  # by SHA-256 of the file
        if on_this_machine(urlsplit(address.url).hostname or ""):
            self._number_of = {_digest(Path(str(one.get("path")))): number for number, one in enumerate(files)}
        self._numbers: dict[str, int] = {}
        if files:
            call("POST", "/lora-adapters", [])

    @property
    def ids(self) -> tuple[str, ...]:
        """See Adapters."""
        return tuple(self._numbers)

    def load(self, adapter: str, gguf: bytes) -> None:
        """Find it among the server's files."""
        _check(gguf, self._base)
        number = self._number_of.get(hashlib.sha256(gguf).hexdigest())
        if number is None:
            raise Refused(
                "adapter-not-at-server",
                "llama-server loads adapters only when it starts, and it was not started with this one. Start it on "
                "this machine with --lora and the adapter's file, or let the embedded model serve adapters.",
            )
        self._numbers = {**self._numbers, adapter: number}

    def unload(self, adapter: str) -> None:
        """Requests may not name it any more; the file stays loaded at scale 0."""
        self._numbers = {name: number for name, number in self._numbers.items() if name != adapter}

    def forget(self, adapter: str) -> None:
        """See Adapters."""
        self.unload(adapter)

    def fields(self, adapter: str | None, may_reuse: bool) -> dict[str, Json]:
        """The full list of scales."""
        chosen = None
        if adapter is not None:
            chosen = self._numbers.get(adapter)
            if chosen is None:
                raise _not_loaded(adapter)
        return {
            "lora": [{"id": number, "scale": float(number == chosen)} for number in range(self._count)],
            "cache_prompt": may_reuse and (self._reuse or not self._count),
        }

    def close(self) -> None:
        """Nothing was loaded by us."""


class VllmAdapters:
    """Adapters loaded into vLLM while it runs; see Adapters."""

    def __init__(self, model: str, address: ServerAddress, base: Base | None, call: Call) -> None:
        """Nothing is loaded yet."""
        self._model, self._base, self._call = model, base, call
        self._here = on_this_machine(urlsplit(address.url).hostname or "")
        self._names: dict[str, str] = {}  # id -> name at the server
        self._loading = threading.Lock()

    @property
    def ids(self) -> tuple[str, ...]:
        """See Adapters."""
        return tuple(self._names)

    def load(self, adapter: str, gguf: bytes) -> None:
        """Load it under a name made from its content, then drop what had its id before."""
        header, _ = _check(gguf, self._base)
        if not self._here:
            raise Refused(
                "adapter-not-at-server",
                "vLLM reads an adapter from a folder of its own machine, so it must run on this one to use yours; "
                "answers come from the base model.",
            )
        name = f"{adapter}-{hashlib.sha256(gguf).hexdigest()[:16]}"
        with self._loading:
            if self._names.get(adapter) == name:
                return
            with peft_folder(gguf, header, self._model) as folder:
                status = self._put(name, folder)
                if status == 400:  # it may still list the name of one that it lost
                    self._drop(name)
                    status = self._put(name, folder)
            if status != 200:
                raise _vllm_refused(status)
            old, self._names = self._names.get(adapter), {**self._names, adapter: name}
            if old is not None:
                self._drop(old)

    def unload(self, adapter: str) -> None:
        """See Adapters."""
        with self._loading:
            name = self._names.get(adapter)
            self._names = {one: other for one, other in self._names.items() if one != adapter}
            if name is not None:
                self._drop(name)

    def forget(self, adapter: str) -> None:
        """See Adapters."""
        with self._loading:
            self._names = {one: other for one, other in self._names.items() if one != adapter}

    def fields(self, adapter: str | None, may_reuse: bool) -> dict[str, Json]:
        """An adapter is a model of its own there."""
        if adapter is None:
            return {}
        name = self._names.get(adapter)
        if name is None:
            raise _not_loaded(adapter)
        return {"model": name}

    def close(self) -> None:
        """Unload all of them, as far as the server still answers."""
        for adapter in self.ids:
            try:
                self.unload(adapter)
            except HearthsideError:
                return

    def _put(self, name: str, folder: Path) -> int:
        status, _ = self._call("POST", "/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})
        return status

    def _drop(self, name: str) -> None:
        self._call("POST", "/v1/unload_lora_adapter", {"lora_name": name})


def _check(gguf: bytes, base: Base | None) -> Base:
    if base is None:
        raise Refused(
            "adapter-base-unknown",
            "It is not known which model file this server serves, so no personal adapter is used there; answers come "
            "from the base model. Name the file in model_path.",
        )
    check_adapter(gguf, base[0], base[1])
    return base


def _vllm_refused(status: int) -> Refused:
    if status in (404, 405):
        return Refused(
            "adapters-unsupported",
            "This vLLM does not load adapters while it runs. Start it with --enable-lora and with "
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, on loopback only.",
        )
    return Refused(
        "adapter-not-loadable",
        "vLLM cannot load this adapter; its rank may be above --max-lora-rank. Answers come from the base model.",
    )


def _not_loaded(adapter: str) -> Refused:
    return Refused("adapter-not-loaded", f"The adapter {adapter} is not loaded at the compute node.")


def _digest(path: Path) -> str:
    """SHA-256 of a file, empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
