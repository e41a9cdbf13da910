"""How a command ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from hearthside.events import Json


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    def json(self) -> Json:
        """What it printed."""
        return orjson.loads(self.out)


Run = Callable[..., Ended]
