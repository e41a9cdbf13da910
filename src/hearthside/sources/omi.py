"""Omi: the conversations of a pendant ("memory created" bodies), with one utterance for each transcript segment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from hearthside.events import DAY_MS, Event, Item, Json, Layer, Origin, Record, Rejected, Trust, ms_of
from hearthside.sources.reading import Opened, Sample, words

NAME = "omi"
TITLE = "Omi conversations"
_CLOCK = "device:omi"
_DOCUMENT = re.compile(r"\s*(?:\[\s*)?\{")
_NO_NAME = re.compile(r"speaker[\s_]*\d*", re.IGNORECASE)  # what Omi calls a voice it cannot name


class _Span(NamedTuple):
    """When a conversation was: UTC ms, and the person's UTC offset in minutes where it is carried."""

    start_ms: int
    end_ms: int | None
    offset_min: int | None


def recognise(sample: Sample) -> float:
    """Objects with transcript segments and a start."""
    text = sample.text
    named = '"transcript_segments"' in text and '"started_at"' in text
    if not _DOCUMENT.match(text):
        return 0.0
    return 0.95 if named and '"is_user"' in text else 0.7 if named else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `conversation` for each body and one `utterance` for each of its segments; `record` counts both.

    A bad segment is rejected alone. A conversation that Omi itself discarded is rejected whole, with its content.
    """
    document = opened.json_document()
    if isinstance(document, Rejected):
        yield document
        return
    number = 0
    for place, body in enumerate(document if isinstance(document, list) else [document], start=1):
        number += 1
        where = f"conversation {place}"
        items = list(opened.guarded(number, body, _conversation, where=where))
        yield from items
        if any(isinstance(item, Rejected) for item in items):
            continue
        for index, segment in enumerate(body["transcript_segments"]):
            number += 1
            parse = partial(_utterance, body, index)
            yield from opened.guarded(number, segment, parse, where=f"{where}, segment {index + 1}")


def _conversation(number: int, body: Json) -> Iterable[Record]:
    if not isinstance(body, dict):
        raise ValueError("this conversation is not a JSON object")
    if body.get("discarded") is True:
        raise ValueError("Omi discarded this conversation as holding nothing worth keeping")
    segments = body["transcript_segments"]
    if not isinstance(segments, list):
        raise ValueError("the transcript segments are not a list")
    span = _span(body)
    yield Event(
        source=NAME,
        kind="conversation",
        layer=Layer.AUDITORY,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        # Title and overview are words of Omi's model: kept for provenance, never searched or believed.
        payload={**{name: value for name, value in body.items() if name != "transcript_segments"}, "words_of_ai": True},
        clock=_CLOCK,
        offset_min=span.offset_min,
        key=_key(body),
        record=number,
    )


def _utterance(body: dict[str, Json], index: int, number: int, segment: Json) -> Iterable[Record]:
    if not isinstance(segment, dict):
        raise ValueError("this segment is not a JSON object")
    text = words(segment, "text").strip()
    if not text:
        raise ValueError("the segment holds no words")
    span = _span(body)
    start, end = _seconds(segment, "start"), _seconds(segment, "end")
    if end < start:
        raise ValueError("the segment ends before it starts")
    own = segment.get("is_user") is True
    name = _speaker(segment)
    known = _NO_NAME.fullmatch(name) is None
    payload = {**segment, "speaker": name, "is_self": own, "conversation": _key(body), "text": text}
    yield Event(
        source=NAME,
        kind="utterance",
        layer=Layer.AUDITORY,
        start_ms=span.start_ms + round(start * 1000),
        end_ms=span.start_ms + round(end * 1000) if end > start else None,
        origin=Origin.SELF if own else Origin.PERSON,
        trust=Trust.OWN if own else Trust.KNOWN if known else Trust.UNKNOWN,
        payload=payload,
        clock=_CLOCK,
        text=text,
        offset_min=span.offset_min,
        key=f"{_key(body)}:{index}",
        record=number,
    )


def _speaker(segment: dict[str, Json]) -> str:
    """The speaker's name, or the label of a voice without one."""
    names = (segment.get("speaker_name"), segment.get("speaker"))
    return next((name for name in names if isinstance(name, str) and name.strip()), "speaker")


def _span(body: dict[str, Json]) -> _Span:
    """Start and end of a conversation.

    Raises:
        ValueError: there is no start, or the end lies before it.
    """
    if not body.get("started_at"):
        raise ValueError("the conversation carries no start (started_at)")
    start = _moment(body["started_at"])
    offset = start.utcoffset()
    minutes = int(offset.total_seconds()) // 60 if offset else None  # +00:00 is Omi's server, not the person
    if not body.get("finished_at"):
        return _Span(ms_of(start), None, minutes)
    start_ms, end_ms = ms_of(start), ms_of(_moment(body["finished_at"]))
    if end_ms < start_ms:
        raise ValueError("the conversation ends before it starts")
    return _Span(start_ms, end_ms if end_ms > start_ms else None, minutes)


def _moment(value: Json) -> datetime:
    """A time of Omi; naive ones are UTC, and naive and aware ones stand in one body."""
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(segment: dict[str, Json], name: str) -> float:
    value = segment[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value * 1000 <= DAY_MS:
        raise ValueError(f"{name} is not a number of seconds within a day of the conversation's start")
    return value


def _key(body: dict[str, Json]) -> str:
    return str(body.get("id") or "")
