"""llama.cpp in this process through xllamacpp, with its isolation faults closed and adapters that never touch a disk.

Faults of llama.cpp's server, all reproduced in tests/inference/backends/test_llama_cpp.py:
1. A request without a `lora` list runs with every loaded adapter at the scale it was loaded with. Here adapters are
   loaded at scale 0, the defaults are cleared right after the start, and every request carries the full list.
2. A request without a `lora` list reuses the prefix cache of another adapter. The full list closes it.
3. The prompt cache in RAM (`cache_ram_mib`) hands a slot the cache of another adapter even when every request has its
   full list. It is switched off.

Which slot a request takes is chosen here too (`slots.py`): llama.cpp's own choice looks neither at adapters nor at what
is lost. A slot that changes its adapter is emptied by llama.cpp, as each request has its full list.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import xllamacpp

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.backend import Finish, Generation, Message, Sampling, Token, Usage
from hearthside.inference.backends.slots import Marks, Slots, marks_of
from hearthside.inference.gguf_header import check_adapter, model_header

# Prompts are computed in pieces of this many tokens, so that a cancelled request stops within a piece.
_BATCH_TOKENS = 256


@dataclass(slots=True, eq=False)
class _Serving:
    """One xllamacpp server, the adapters it was loaded with, in the order of their llama.cpp ids, and its slots."""

    server: Any
    adapters: tuple[str, ...]
    slots: Slots
    running: int = 0
    retired: bool = False


@dataclass(slots=True)
class _Progress:
    """What the chunks of one completion have told so far."""

    started: float
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    finish: Finish = "cancelled"
    error: HearthsideError | None = field(default=None)

    def usage(self) -> Usage:
        seconds = time.monotonic() - self.started
        return Usage(self.prompt_tokens, self.cached_tokens, self.completion_tokens, seconds, self.finish)


class LlamaCpp:
    """See Backend. A new set of adapters is a new server beside the old one, which ends with its last completion."""

    def __init__(self, model: Path, sha256: str, *, threads: int, context_tokens: int, parallel: int) -> None:
        """Nothing is loaded yet.

        Args:
            model: GGUF file of the base.
            sha256: its hash, which adapters may name.
            threads: processor threads; llama.cpp spins them while it works.
            context_tokens: context of each completion.
            parallel: completions that may run at the same time; further ones wait.
        """
        self._model, self._sha256 = model, sha256
        self._threads, self._context, self._parallel = threads, context_tokens, parallel
        self._base = model_header(model)
        self._adapters: dict[str, bytes] = {}
        self._serving: _Serving | None = None
        self._lock = threading.Lock()  # guards _serving and its counts
        self._loading = threading.Lock()  # one change of the adapter set at a time

    @property
    def adapters(self) -> tuple[str, ...]:
        """Ids of the loaded adapters."""
        serving = self._serving
        return serving.adapters if serving else ()

    def start(self, adapters: Mapping[str, bytes]) -> dict[str, HearthsideError]:
        """See Backend."""
        refused: dict[str, HearthsideError] = {}
        accepted: dict[str, bytes] = {}
        for name, gguf in adapters.items():
            try:
                check_adapter(gguf, self._base, self._sha256)
                accepted[name] = gguf
            except Refused as error:
                refused[name] = error
        with self._loading:
            try:
                self._switch(accepted)
            except Refused as error:
                # The check and llama.cpp disagree: better the base alone than no model at all.
                refused |= dict.fromkeys(accepted, error)
                self._switch({})
        return refused

    def load_adapter(self, adapter: str, gguf: bytes) -> None:
        """See Backend."""
        check_adapter(gguf, self._base, self._sha256)
        with self._loading:
            if self._adapters.get(adapter) != gguf:
                self._switch({**self._adapters, adapter: gguf})

    def unload_adapter(self, adapter: str) -> None:
        """See Backend."""
        with self._loading:
            if adapter in self._adapters:
                self._switch({name: gguf for name, gguf in self._adapters.items() if name != adapter})

    def generate(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None,
        sampling: Sampling,
        on_usage: Callable[[Usage], None],
    ) -> Generation:
        """See Backend."""
        with self._lock:
            serving = self._serving
            if serving is None:
                raise RetryLater("compute-starting", "The language model is not loaded yet; ask again in a moment.")
            if adapter is not None and adapter not in serving.adapters:
                raise Refused("adapter-not-loaded", f"The adapter {adapter} is not loaded at the compute node.")
            serving.running += 1
        request = _request(messages, serving.adapters, adapter, sampling)
        generation, marks = Generation(), marks_of(adapter, messages)
        worker = threading.Thread(
            target=self._work, args=(serving, request, marks, generation, on_usage), name="completion", daemon=True
        )
        worker.start()
        return generation

    def close(self) -> None:
        """See Backend."""
        with self._loading:
            self._adapters = {}
            self._replace(None)

    def _switch(self, adapters: dict[str, bytes]) -> None:
        self._replace(_Serving(self._load(adapters), tuple(adapters), Slots(self._parallel)))
        self._adapters = adapters

    def _replace(self, serving: _Serving | None) -> None:
        with self._lock:
            old, self._serving = self._serving, serving
            if old is not None:
                old.retired = True
                if old.running == 0:
                    old.server = None

    def _load(self, adapters: Mapping[str, bytes]) -> Any:
        key = secrets.token_urlsafe(24)
        with ExitStack() as files:
            paths = [files.enter_context(_private_path(gguf)) for gguf in adapters.values()]
            try:
                server = xllamacpp.Server(self._params(paths, key))
            except RuntimeError as error:
                if adapters:
                    raise Refused("adapter-not-loadable", "llama.cpp cannot load this adapter.") from error
                raise NeedsPerson(
                    "model-not-loadable",
                    f"llama.cpp cannot load {self._model.name}: the file is damaged, of an unknown kind, or larger "
                    "than the free memory. Set another model_path.",
                ) from error
        _clear_defaults(server, key)
        return server

    def _params(self, adapter_paths: Sequence[str], key: str) -> Any:
        params = xllamacpp.CommonParams()
        params.model.path = str(self._model)
        params.n_ctx = self._context * self._parallel  # llama.cpp divides it among the slots
        params.n_batch = _BATCH_TOKENS
        params.n_parallel = self._parallel
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self._threads
        params.cache_ram_mib = 0  # fault 3
        params.lora_init_without_apply = True
        params.lora_adapters = [_lora(path) for path in adapter_paths]
        params.warmup = False
        params.verbosity = -1  # its log would hold prompts
        params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [key]
        params.ui = False
        return params

    def _work(
        self,
        serving: _Serving,
        request: dict[str, Json],
        marks: Marks,
        generation: Generation,
        on_usage: Callable[[Usage], None],
    ) -> None:
        progress = _Progress(time.monotonic())
        slot = serving.slots.take(marks if request["cache_prompt"] else (), lambda: generation.cancelled)
        try:
            if slot is not None:
                _complete(serving.server, {**request, "id_slot": slot}, generation, progress)
        finally:
            if slot is not None:
                serving.slots.leave(slot, () if progress.error else marks)
            self._leave(serving)
        usage = progress.usage()
        on_usage(usage)
        if progress.error is None:
            generation.put(Token("", usage))
        generation.end(progress.error)

    def _leave(self, serving: _Serving) -> None:
        with self._lock:
            serving.running -= 1
            if serving.retired and serving.running == 0:
                serving.server = None


def _complete(server: Any, request: dict[str, Json], generation: Generation, progress: _Progress) -> None:
    """Run one request to its end; what comes goes to `generation`, what it tells of itself into `progress`."""

    def take(chunk: Json) -> bool:  # True stops the model; an exception here would be swallowed by xllamacpp
        if not generation.cancelled:
            generation.put(_token(chunk, progress))
        return generation.cancelled

    try:
        server.handle_chat_completions(request, take)
    except RuntimeError:
        # its message may hold words of the prompt, so it goes nowhere
        progress.error = Refused("request-wrong", "The model server refused the form of this request.")


def _request(
    messages: Sequence[Message], loaded: Sequence[str], adapter: str | None, sampling: Sampling
) -> dict[str, Json]:
    request: dict[str, Json] = {
        "messages": [{"role": message["role"], "content": message["content"]} for message in messages],
        "lora": [{"id": number, "scale": float(name == adapter)} for number, name in enumerate(loaded)],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "stop": list(sampling.stop),
        "cache_prompt": sampling.seed is None,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }
    if sampling.seed is not None:
        request["seed"] = sampling.seed
    if sampling.grammar:
        request["grammar"] = sampling.grammar
    return request


def _token(chunk: Json, progress: _Progress) -> Token:
    """The text of one chunk; what it tells about tokens and errors goes into `progress`."""
    if "error" in chunk:
        progress.error = _error(chunk["error"])
        return Token("")
    if prompt := chunk.get("prompt_progress"):
        progress.prompt_tokens, progress.cached_tokens = prompt["total"], prompt["cache"]
    if usage := chunk.get("usage"):
        progress.prompt_tokens, progress.completion_tokens = usage["prompt_tokens"], usage["completion_tokens"]
        progress.cached_tokens = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    for choice in chunk.get("choices", []):
        if choice.get("finish_reason"):
            progress.finish = "length" if choice["finish_reason"] == "length" else "stop"
        if text := choice.get("delta", {}).get("content"):
            progress.completion_tokens += (
                1  # a chunk is a token, save where a character spans several; usage corrects it
            )
            return Token(text)
    return Token("")


def _error(error: Mapping[str, Json]) -> HearthsideError:
    if error.get("type") == "exceed_context_size_error":
        return Refused(
            "prompt-too-long",
            f"The request has {error.get('n_prompt_tokens')} tokens and the model reads at most {error.get('n_ctx')}.",
        )
    if int(error.get("code", 500)) < 500 and "grammar" in str(error.get("message")):
        return Refused("grammar-wrong", "The model server cannot read the grammar of this request; nothing was said.")
    if int(error.get("code", 500)) < 500:
        return Refused("request-wrong", "The model server refused the form of this request.")
    return RetryLater("completion-failed", "The model stopped in the middle of the answer; ask again.")


def _lora(path: str) -> Any:
    adapter = xllamacpp.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = path, 0.0
    return adapter


def _clear_defaults(server: Any, key: str) -> None:
    """Set the default scale of every adapter to 0, for requests that name none (fault 1)."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        address = f"{server.listening_address}/lora-adapters"
        client.post(address, content=json.dumps([]), headers={"Authorization": f"Bearer {key}"}).raise_for_status()


@contextmanager
def _private_path(content: bytes) -> Iterator[str]:
    """A path under which llama.cpp can open these bytes once, without their ever being on a disk.

    Linux: an anonymous file in memory. Elsewhere: a file in a folder of mode 700 that is removed right after loading.
    """
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("adapter", os.MFD_CLOEXEC), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "adapter.gguf"
        path.touch(mode=0o600)
        path.write_bytes(content)
        yield str(path)
