"""What a request to the compute node must hold; anything else is refused before a model sees it."""

from __future__ import annotations

import orjson
from starlette.requests import Request

from hearthside.errors import Refused
from hearthside.events import Json
from hearthside.inference.backend import Message, Sampling
from hearthside.inference.side_models import too_large

_ROLES = {"system", "user", "assistant"}
_LONGEST_GRAMMAR = 65_536  # characters; ours have a few thousand


async def json_of(request: Request) -> dict[str, Json]:
    """The body, which must be a JSON object."""
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise Refused("request-wrong", "The body must be a JSON object.")
    return body


async def file_of(request: Request, most: int) -> bytes:
    """The body, a file of at most so many bytes; what is longer is given up as soon as that shows."""
    whole = bytearray()
    async for piece in request.stream():
        whole += piece
        if len(whole) > most:
            raise too_large(most)
    return bytes(whole)


def messages_of(body: dict[str, Json]) -> list[Message]:
    """The turns of the conversation."""
    messages = body.get("messages")
    well_formed = (
        isinstance(messages, list)
        and messages
        and all(isinstance(m, dict) and m.get("role") in _ROLES and isinstance(m.get("content"), str) for m in messages)
    )
    if not well_formed:
        raise Refused("request-wrong", "`messages` must be a list of turns with a role and a text.")
    return list(messages or [])


def sampling_of(body: dict[str, Json]) -> Sampling:
    """How tokens are to be chosen."""
    try:
        seed = body.get("seed")
        return Sampling(
            max_tokens=max(1, int(body.get("max_tokens", 256))),
            temperature=max(0.0, float(body.get("temperature", 0.0))),
            seed=None if seed is None else int(seed) & 0xFFFF_FFFF,
            stop=tuple(str(text) for text in body.get("stop", ())),
            grammar=_grammar_of(body),
        )
    except (TypeError, ValueError) as error:
        raise Refused("request-wrong", "The sampling settings of this request are not numbers.") from error


def _grammar_of(body: dict[str, Json]) -> str:
    grammar = body.get("grammar", "")
    if not isinstance(grammar, str) or len(grammar) > _LONGEST_GRAMMAR:
        raise Refused("request-wrong", f"`grammar` must be a text of at most {_LONGEST_GRAMMAR:,} characters.")
    return grammar
