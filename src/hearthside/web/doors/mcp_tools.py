"""The four tools of the MCP door, as plain functions of a house: search, query, day and remember.

Nothing here knows the protocol (`mcp_protocol` does). Every result is an object with a ``notice``: the texts in it are
data, many of them other people's words, and no instruction to whoever reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hearthside.errors import Refused
from hearthside.events import Json, Layer, Origin
from hearthside.identity.tokens import READ, WRITE, Token
from hearthside.memory.hits import Filters, Hit
from hearthside.web.doors.day_words import day_in_words
from hearthside.web.doors.notice import NOTICE
from hearthside.web.house import House

_MOST_HITS = 50
_LONGEST_NOTE = 4000  # characters
_LONGEST_TEXT = 1000  # of one hit


class _Arguments(BaseModel):
    """Strict: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SearchArguments(_Arguments):
    """What `search` takes."""

    text: Annotated[str, Field(min_length=1, max_length=500, description="Words, or what it was about.")]
    since: Annotated[date | None, Field(alias="from", description="First local day, ISO, inclusive.")] = None
    until: Annotated[date | None, Field(alias="to", description="Last local day, ISO, inclusive.")] = None
    layers: Annotated[list[Layer], Field(description="Only these layers of the life; empty for all.")] = []
    limit: Annotated[int, Field(ge=1, le=_MOST_HITS)] = 10


class DayArguments(_Arguments):
    """What `day` takes."""

    day: Annotated[date, Field(alias="date", description="The person's local day, ISO.")]


class RememberArguments(_Arguments):
    """What `remember` takes."""

    text: Annotated[str, Field(min_length=1, max_length=_LONGEST_NOTE, description="The note, as it is to be kept.")]


@dataclass(frozen=True, slots=True)
class DoorTool:
    """One tool.

    Attributes:
        scope: what a token needs to call it, or to be told of it.
        schema: JSON Schema of its arguments.
        run: the tool itself; blocks, and raises HearthsideError with a sentence.
        reads_only: it changes nothing.
    """

    name: str
    title: str
    description: str
    scope: str
    schema: Callable[[], dict[str, Json]]
    run: Callable[[House, Token, Mapping[str, Json]], dict[str, Json]]
    reads_only: bool = True


def call_tool(tool: DoorTool, house: House, token: Token, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """What a tool gives, with the notice.

    Raises:
        Refused: ``tool-arguments-wrong``, ``token-scope``; or what the tool itself raises.
    """
    if tool.scope not in token.scopes:
        raise Refused("token-scope", f"The token {token.id} does not open {tool.scope}.")
    return {"notice": NOTICE, **tool.run(house, token, arguments)}


def _read(model: type[_Arguments], arguments: Mapping[str, Json]) -> Any:
    try:
        return model.model_validate_json(_json(arguments))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors()[:8])
        raise Refused("tool-arguments-wrong", f"These arguments do not fit. {problems}. Nothing was done.") from error


def _json(value: Mapping[str, Json]) -> bytes:
    """Arguments as JSON bytes.

    Raises:
        Refused: ``tool-arguments-wrong``: a number that no machine holds, or half a character.
    """
    try:
        return orjson.dumps(dict(value))
    except TypeError as error:
        raise Refused(
            "tool-arguments-wrong", "These arguments hold a number or a character that cannot be. Nothing was done."
        ) from error


def _search(house: House, token: Token, arguments: Mapping[str, Json]) -> dict[str, Json]:
    asked = _read(SearchArguments, arguments)
    start_ms = house.day(asked.since.isoformat()).start_ms if asked.since else None
    end_ms = house.day(asked.until.isoformat()).end_ms if asked.until else None
    filters = Filters(start_ms=start_ms, end_ms=end_ms, layers=frozenset(asked.layers) or None)
    hits = [hit for hit in house.search(asked.text, filters, asked.limit) if hit.origin is not Origin.AI]
    notes = house.doors.kept_notes(asked.text, start_ms, end_ms, asked.limit) if not asked.layers else []
    return {"hits": [_hit(hit) for hit in hits], "kept_notes": [asdict(note) for note in notes]}


def _hit(hit: Hit) -> dict[str, Json]:
    return {
        "id": hit.id,
        "at_ms": hit.start_ms,
        "end_ms": hit.end_ms,
        "local": hit.local,
        "text": hit.text[:_LONGEST_TEXT],
        "note": hit.note,
        "source": hit.source,
        "kind": hit.kind,
        "layer": hit.layer.value,
        "origin": hit.origin.value,
        "found_by": hit.why,
    }


def _query(house: House, token: Token, arguments: Mapping[str, Json]) -> dict[str, Json]:
    query = arguments.get("query")
    if not isinstance(query, dict) or set(arguments) != {"query"}:
        raise Refused("tool-arguments-wrong", "The one argument is “query”, an object. Nothing was asked.")
    return {"answer": house.doors.query(_json(query))}


def _query_schema() -> dict[str, Json]:
    """The schema of a query as that of the one argument; definitions stand at the root, where references look."""
    from hearthside.memory.asking import json_schema  # a tenth of a second that only MCP clients need

    schema = json_schema()
    definitions = schema.pop("$defs", {})
    return _object({"query": schema}, ["query"]) | {"$defs": definitions}


def _object(properties: dict[str, Json], required: list[str]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _day(house: House, token: Token, arguments: Mapping[str, Json]) -> dict[str, Json]:
    asked = _read(DayArguments, arguments)
    return day_in_words(house.day(asked.day.isoformat()))


def _remember(house: House, token: Token, arguments: Mapping[str, Json]) -> dict[str, Json]:
    asked = _read(RememberArguments, arguments)
    note = house.doors.remember(asked.text, token.id, token.name)
    told = f"Kept, marked as written by an AI and “{note.kept_by}”. It never counts as a fact about the person."
    return {"kept": asdict(note), "in_words": told}


TOOLS: dict[str, DoorTool] = {
    tool.name: tool
    for tool in (
        DoorTool(
            "search",
            "Search the life",
            "Finds records of the person's life by words and meaning: messages, captions, songs, places, states of the "
            "home. Each hit has its id and time as evidence, and says who it is from (origin). Notes that programs "
            "kept come apart, as kept_notes.",
            READ, SearchArguments.model_json_schema, _search,
        ),
        DoorTool(
            "query",
            "Compute over the life",
            "Computes counts, sums, means, first and last times, shares of time, gaps and lists over the life stream. "
            "Plain code computes; the answer holds value, groups, rows, the ids it rests on, and how much of the "
            "period anybody listened. Times are the person's own local ones.",
            READ, _query_schema, _query,
        ),
        DoorTool(
            "day",
            "One day",
            "What is known of one local day: episodes, visits, records by layer, what sources say of the whole day.",
            READ, DayArguments.model_json_schema, _day,
        ),
        DoorTool(
            "remember",
            "Keep a note",
            "Keeps a note at the person's wish. It is journalled as written by an AI, with the name of this token; "
            "`search` finds it among kept_notes, and it never becomes a fact. Call it only when the person asks.",
            WRITE, RememberArguments.model_json_schema, _remember, reads_only=False,
        ),
    )
}  # fmt: skip


def tools_of(token: Token) -> list[DoorTool]:
    """The tools a token opens; it is not told of others."""
    return [tool for tool in TOOLS.values() if tool.scope in token.scopes]
