"""The compute node's base model, held to a grammar: it points at words and writes queries, and says nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from hearthside.companion.context import harmless
from hearthside.inference.backend import Message, Usage

_HASH = 12  # hex digits of the model's hash in its name


class Answering(Protocol):
    """A running answer; `hearthside.inference.client.Completion` is one."""

    @property
    def usage(self) -> Usage | None:
        """Known after the last piece."""
        ...

    def __iter__(self) -> Iterator[str]: ...


class Completing(Protocol):
    """The compute node, as far as it is used here (`hearthside.inference.client.ComputeNode`)."""

    def complete(
        self, messages: Sequence[Message], *, adapter: str | None, max_tokens: int, temperature: float, grammar: str
    ) -> Answering:
        """Begin an answer."""
        ...


class NodeHeldModel:
    """See `hearthside.memory.held_model.HeldModel`.

    The base is asked, never the person's adapter: what is read must not depend on what the last night trained.
    """

    def __init__(self, node: Callable[[], Completing], name: str, sha256: str) -> None:
        """`node` gives the compute node; name and hash are those of the model file it serves."""
        self._node = node
        self.model = f"{name}#{sha256[:_HASH]}"

    def say(self, messages: Sequence[tuple[str, str]], grammar: str, max_tokens: int) -> str:
        """See `HeldModel`; no text can open or close a turn of the prompt."""
        turns: list[Message] = [{"role": role, "content": harmless(text)} for role, text in messages]
        answer = self._node().complete(turns, adapter=None, max_tokens=max_tokens, temperature=0.0, grammar=grammar)
        said = "".join(answer)
        return said if answer.usage is not None and answer.usage.finish == "stop" else ""
