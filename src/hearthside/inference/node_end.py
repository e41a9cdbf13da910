"""How a life of the compute node ended, as the process that started it heard."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO

import orjson

from hearthside.events import Json

_AT_ONCE, _LONGEST = 1 << 16, 1 << 16  # bytes
_FORGETS = {
    "idle": "Nobody has talked to the language model for a while; it starts anew and keeps nothing of what was said.",
    "asked": "The language model was asked to forget what was said to it, and starts anew.",
}


@dataclass(frozen=True, slots=True)
class NodeEnd:
    """How a life of the node ended.

    Attributes:
        sentence: the same in plain words.
        served: it had become ready.
        planned: it ended to forget what was said to it.
    """

    sentence: str
    served: bool = False
    planned: bool = False


class NodeLines:
    """What a node writes, put together to lines; it is read only where something has come, so nobody waits for it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._rest = pipe, b""

    def come(self) -> list[dict[str, Json]]:
        """The lines that are whole now; the last is empty at the end of the process, or where it writes no lines."""
        piece = os.read(self._pipe.fileno(), _AT_ONCE)
        *whole, self._rest = (self._rest + piece).split(b"\n")
        ended = not piece or len(self._rest) > _LONGEST
        return [_said(line) for line in whole] + ([{}] if ended else [])


def _said(line: bytes) -> dict[str, Json]:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def last_words(said: dict[str, Json]) -> NodeEnd:
    """What a node said before it ended; nothing when it did not end by itself."""
    leaving = said.get("leaving")
    if isinstance(leaving, str) and leaving in _FORGETS:
        return NodeEnd(_FORGETS[leaving], served=True, planned=True)
    if isinstance(why := said.get("ended"), str):
        return NodeEnd(why)
    return NodeEnd("The language model ended unexpectedly.", served=True)
