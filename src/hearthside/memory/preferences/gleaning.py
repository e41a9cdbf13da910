"""Counting what the person turned to in one chunk: a table of kinds, and the gleaner that applies it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from hearthside.alignment.columns import ORIGINS, EventColumns
from hearthside.events import Json, Origin
from hearthside.memory.gleanings import Given, Row
from hearthside.memory.preferences.languages import language_of

NAME = "preferences"
VERSION = 1

_LONGEST = 120  # characters of a name; longer ones are cut
_NOT_THE_PERSON = frozenset({Origin.AI, Origin.AI_ACCEPTED, Origin.AI_EDITED})
_NOBODY = frozenset({"", "unknown", "me", "you"})


@dataclass(frozen=True, slots=True)
class Counted:
    """One kind of preference and where it is counted.

    Attributes:
        kind: its name; title: what a person calls it.
        life_kind: kind of event it is counted in.
        unit: what its weights are: ``times`` or ``seconds``.
        of_columns: what and how much from the columns of event i; cheap.
        of_payload: the same from the payload, where columns do not hold it; None: `of_columns` is enough.
    """

    kind: str
    title: str
    life_kind: str
    unit: str
    of_columns: Callable[[EventColumns, int], Iterable[tuple[str, float]]] | None = None
    of_payload: Callable[[Mapping[str, Json]], Iterable[tuple[str, float]]] | None = None


def _before_dash(columns: EventColumns, i: int) -> Iterator[tuple[str, float]]:
    name, dash, _ = columns.text[i].partition(" – ")
    if dash:
        yield name, 1.0


def _whole_text(columns: EventColumns, i: int) -> Iterator[tuple[str, float]]:
    yield columns.text[i], 1.0


def _seconds_of_text(columns: EventColumns, i: int) -> Iterator[tuple[str, float]]:
    yield columns.text[i], _seconds(columns, i)


def _seconds_of_note(columns: EventColumns, i: int) -> Iterator[tuple[str, float]]:
    yield columns.note[i].partition(" · ")[0], _seconds(columns, i)


def _partner(columns: EventColumns, i: int) -> Iterator[tuple[str, float]]:
    name = columns.note[i].partition(" · ")[0]
    if name.casefold() not in _NOBODY:
        yield name, 1.0


def _speaker(columns: EventColumns, i: int) -> Iterator[tuple[str, float]]:
    if ORIGINS[columns.origin[i]] is Origin.PERSON:
        yield from _partner(columns, i)


def _language(columns: EventColumns, i: int) -> Iterator[tuple[str, float]]:
    if ORIGINS[columns.origin[i]] is Origin.SELF:
        yield language_of(columns.text[i]), 1.0


def _query(columns: EventColumns, i: int) -> Iterator[tuple[str, float]]:
    yield columns.text[i].casefold(), 1.0


def _seconds(columns: EventColumns, i: int) -> float:
    amount = float(columns.amount[i])
    return 0.0 if math.isnan(amount) else amount


def _activity(payload: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    yield str(payload.get("activity") or ""), 1.0


def _objects(payload: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    for thing in payload.get("objects") or []:
        yield str(thing), 1.0


def _channel(payload: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    for subtitle in payload.get("subtitles") or []:
        if isinstance(subtitle, dict):
            yield str(subtitle.get("name") or ""), 1.0


def _site(payload: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    address = str(payload.get("url") or payload.get("titleUrl") or "")
    yield (urlsplit(address).hostname or "").removeprefix("www."), 1.0


def _shop(payload: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    yield str(payload.get("merchant") or payload.get("item") or ""), 1.0


def _items(level: str) -> Callable[[Mapping[str, Json]], Iterator[tuple[str, float]]]:
    """Named seconds of a day at one level of detail."""

    def items(payload: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
        if payload.get("kind") == level:
            for name, seconds in payload.get("items") or []:
                yield str(name), float(seconds)

    return items


def _languages(payload: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    for language in payload.get("languages") or []:
        yield str(language[0]), float(language[1])


COUNTED = (
    Counted("artist", "Music", "listen", "times", _before_dash),
    Counted("song", "Songs", "listen", "times", _whole_text),
    Counted("podcast", "Podcasts", "podcast", "times", _before_dash),
    Counted("channel", "Videos watched", "watch", "times", of_payload=_channel),
    Counted("site", "Pages read", "page_visit", "times", of_payload=_site),
    Counted("search", "Searches", "search", "times", _query),
    Counted("dwelt", "Looked at for long", "dwell", "seconds", _seconds_of_text),
    Counted("seen", "Things around you", "caption", "times", of_payload=_objects),
    Counted("app", "Apps", "app_use", "seconds", _seconds_of_note),
    Counted("category", "Computer use", "app_time_day", "seconds", of_payload=_items("top-overview")),
    Counted("activity", "Computer use in detail", "app_time_day", "seconds", of_payload=_items("top-categories")),
    Counted("language", "Programming languages", "coding_time_day", "seconds", of_payload=_languages),
    Counted("sport", "Exercise", "workout", "times", of_payload=_activity),
    Counted("purchase", "Bought", "purchase", "times", of_payload=_shop),
    Counted("writes_with", "People you write with", "message", "times", _partner),
    Counted("talks_with", "People you talk with", "utterance", "times", _speaker),
    *(
        Counted("writes_in", "Languages you write", kind, "times", _language)
        for kind in ("message", "utterance", "post")
    ),
)
"""What is counted in single chunks; places, meals and what was said are added from visits, episodes and own words."""

KINDS = frozenset(counted.life_kind for counted in COUNTED)
TITLES = {counted.kind: counted.title for counted in COUNTED} | {
    "place": "Places", "meal": "Meals", "said": "Said to like",
}  # fmt: skip
UNITS = {counted.kind: counted.unit for counted in COUNTED} | {"place": "hours", "meal": "times", "said": "times"}


def glean(given: Given) -> list[Row]:
    """Rows ``[kind, what, local day, weight, start ms of the last time, id of the last time as hex]``."""
    columns = given.columns
    found: dict[tuple[str, str, int], list[Json]] = {}
    wanted = [counted for counted in COUNTED if counted.life_kind == columns.kind]
    ids = [columns.identity(i) for i in range(len(columns))]
    needed = any(counted.of_payload for counted in wanted)
    payloads = given.payloads(ids) if needed else {}
    for i, identity in enumerate(ids):
        if ORIGINS[columns.origin[i]] in _NOT_THE_PERSON:
            continue
        for counted in wanted:
            for what, weight in _said(counted, columns, i, payloads.get(identity, {})):
                key = (counted.kind, what, int(given.days[i]))
                row = found.setdefault(key, [*key, 0.0, 0, ""])
                row[3] += weight
                row[4], row[5] = int(columns.start_ms[i]), identity.hex()
    return list(found.values())


def _said(counted: Counted, columns: EventColumns, i: int, payload: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    said: Iterable[tuple[str, float]] = ()
    if counted.of_payload is not None:
        said = counted.of_payload(payload)
    elif counted.of_columns is not None:
        said = counted.of_columns(columns, i)
    for what, weight in said:
        name = " ".join(what.split())[:_LONGEST]
        if name and weight > 0:
            yield name, weight
