"""Reads what a side model answered; a node may be of another version, or not be one at all."""

from __future__ import annotations

from hearthside.events import Json
from hearthside.inference.side_models import PictureText, Segment, TextLine, Transcript


def transcript_of(body: dict[str, Json]) -> Transcript:
    """What a recording says; KeyError, TypeError, ValueError or AttributeError for what is no such answer."""
    segments = tuple(
        Segment(int(one["start_ms"]), int(one["end_ms"]), _text(one["text"]), _share(one.get("confidence")))
        for one in body["segments"]
    )
    return Transcript(_text(body["model"]), _text(body["language"]), int(body["duration_ms"]), segments)


def picture_text_of(body: dict[str, Json]) -> PictureText:
    """The text in a picture; raises as `transcript_of` does."""
    lines = tuple(TextLine(_text(one["text"]), _box(one["box"]), float(one["confidence"])) for one in body["lines"])
    return PictureText(_text(body["model"]), int(body["width"]), int(body["height"]), lines)


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def _share(value: Json) -> float | None:
    return None if value is None else float(value)


def _box(value: Json) -> tuple[int, int, int, int]:
    left, top, right, bottom = (int(edge) for edge in value)
    return left, top, right, bottom
