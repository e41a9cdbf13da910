"""How a life of the compute node ended, as the process that started it heard."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from hearthside.events import Json

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


def said_by(line: bytes) -> dict[str, Json]:
    """A line of the node's; empty when it ended, or broke off in the middle of one."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def last_words(said: dict[str, Json]) -> NodeEnd:
    """What a node said before it ended; nothing when it did not end by itself."""
    leaving = said.get("leaving", "")
    if leaving in _FORGETS:
        return NodeEnd(_FORGETS[leaving], served=True, planned=True)
    return NodeEnd("The language model ended unexpectedly.", served=True)
