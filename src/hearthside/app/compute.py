"""The compute node as the companion sees it: a language model that speaks with the active adapter."""

from __future__ import annotations

from collections.abc import Iterator

from hearthside.inference.adapters import AdapterRegistry
from hearthside.inference.supervisor import Supervisor


class NodeLanguageModel:
    """Completions by whichever adapter is active at the moment of asking; every request names it."""

    def __init__(self, supervisor: Supervisor, registry: AdapterRegistry, model_name: str) -> None:
        self._supervisor, self._registry, self._model_name = supervisor, registry, model_name

    @property
    def name(self) -> str:
        """Model and, where one is active, adapter."""
        active = self._registry.active()
        return f"{self._model_name} + your adapter {active.id[:8]}" if active else self._model_name

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        """Pieces of text, the likeliest each time."""
        active = self._registry.active()
        yield from self._supervisor.node.complete(
            messages, adapter=active.id if active else None, max_tokens=max_tokens, temperature=0.0
        )
