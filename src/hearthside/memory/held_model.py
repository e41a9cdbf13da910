"""A language model that is held to a grammar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

KIND = "annotation"
"""Kind of what models read and how well they read, in the journal."""

SOURCE = "night"


class HeldModel(Protocol):
    """A model whose every answer is a sentence of a grammar."""

    @property
    def model(self) -> str:
        """Name and hash of the model file, kept with all it reads."""
        ...

    def say(self, messages: Sequence[tuple[str, str]], grammar: str, max_tokens: int) -> str:
        """Its likeliest answer under a GBNF grammar; "" when `max_tokens` were not enough for a whole one.

        Args:
            messages: turns as (role, text), role one of ``system``, ``user``, ``assistant``.

        Raises:
            RetryLater: the model is away.
            Refused: the prompt is too long.
        """
        ...
