"""What a model server must do for the compute node, and the stream of tokens it hands back."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from hearthside.errors import HearthsideError

Message: TypeAlias = Mapping[str, str]
"""One turn of a conversation: ``{"role": "system" | "user" | "assistant", "content": "..."}``."""

Finish: TypeAlias = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one completion cost.

    Attributes:
        prompt_tokens: tokens of the whole prompt.
        cached_tokens: those of them that were taken from the prefix cache.
        completion_tokens: tokens generated.
        seconds: from the request to the last token.
        finish: ``stop`` by itself, ``length`` at the limit, ``cancelled`` by the caller.
        joules: what the machine took meanwhile, shared with completions that ran at the same time; None where nothing
            measures it. Never an estimate.
        meter: by what, and what it covers; or why nothing was measured. "" where nobody looked.
        shared_s: the part of `seconds` that is this completion's when those at the same time have equal parts; None
            where nobody looked.
    """

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float
    finish: Finish
    joules: float | None = None
    meter: str = ""
    shared_s: float | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer; empty text is a sign of life. The last token of a stream carries the usage."""

    text: str
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen.

    Attributes:
        max_tokens: limit of the answer.
        temperature: 0 takes the likeliest token each time.
        seed: asks for repeatability: the same request gives the same answer. The prefix cache is left out then, for
            reusing it changes the rounding (measured: up to 0.05 in a log-probability). None allows the cache.
        stop: texts that end the answer; they are not part of it.
        grammar: GBNF (llama.cpp's notation of context-free grammars) with a rule ``root``; only tokens that keep the
            answer a beginning of one of its sentences are taken. An answer that ends by itself (finish ``stop``) is a
            whole sentence of it; one cut at `max_tokens` need not be. "": anything may be said.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = field(default_factory=tuple)
    grammar: str = ""


class Generation(Iterator[Token]):
    """A running completion, filled by a worker thread; iterate it, or close it to stop the model."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Token | HearthsideError | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._waker: Callable[[], None] | None = None

    def __next__(self) -> Token:
        item = self._items.get()
        if isinstance(item, Token):
            return item
        self._items.put(None)  # so that a second call ends too instead of waiting for ever
        if item is None:
            raise StopIteration
        raise item

    def wake(self, waker: Callable[[], None]) -> None:
        """Have this called, from the worker's thread, whenever `ready` has become true; it must not raise."""
        self._waker = waker
        if self.ready:
            waker()

    @property
    def ready(self) -> bool:
        """Whether the next piece, or the end, can be taken without waiting."""
        return not self._items.empty()

    def close(self) -> None:
        """Stop the model at its next token; safe to call twice and from another thread."""
        self._cancelled.set()
        self._hand(None)

    @property
    def cancelled(self) -> bool:
        """Whether the caller wants no more; asked by the worker at each token."""
        return self._cancelled.is_set()

    def put(self, token: Token) -> None:
        """Hand over the next piece (worker side)."""
        self._hand(token)

    def end(self, error: HearthsideError | None = None) -> None:
        """Nothing follows, or this error does (worker side)."""
        self._hand(error)

    def _hand(self, item: Token | HearthsideError | None) -> None:
        self._items.put(item)
        if (waker := self._waker) is not None:
            waker()


class Backend(Protocol):
    """A model server. Calls may come from several threads.

    Every request names its adapter, or None for the base; whatever ran before it must not show in the answer.
    """

    @property
    def adapters(self) -> tuple[str, ...]:
        """Ids of the loaded adapters."""
        ...

    def start(self, adapters: Mapping[str, bytes]) -> dict[str, HearthsideError]:
        """Load the model and these adapters (GGUF bytes by id); returns those that were refused, with the reason.

        Raises:
            NeedsPerson: the model itself cannot be loaded.
        """
        ...

    def load_adapter(self, adapter: str, gguf: bytes) -> None:
        """Add or replace an adapter while completions run; they end as they began.

        Raises:
            Refused: the adapter does not fit the base.
        """
        ...

    def unload_adapter(self, adapter: str) -> None:
        """Drop an adapter; completions that use it end first. An unknown id changes nothing."""
        ...

    def generate(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None,
        sampling: Sampling,
        on_usage: Callable[[Usage], None],
    ) -> Generation:
        """Begin a completion; `on_usage` is called once at its end, also when it was cancelled.

        Raises:
            Refused: `adapter-not-loaded`. Errors that show later (`prompt-too-long`, `grammar-wrong`) are raised by
                the iteration.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
