"""What a live source sent, from JSON to an event or a series: strictly, and with the defaults of live capture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hearthside.events import DAY_MS, Event, Json, Layer, Origin, Precision, Record, Series, Trust

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
_EVENT_FIELDS = frozenset(field.name for field in fields(Event)) - {"record"} | {"type"}
_SERIES_FIELDS = frozenset(field.name for field in fields(Series)) - {"record"} | {"type"}
_LAYERS = {layer.value: layer for layer in Layer}
_ORIGINS = {origin.value: origin for origin in (Origin.SELF, Origin.PERSON, Origin.DEVICE, Origin.WEB)}  # never a model
_TRUSTS = {trust.value: trust for trust in Trust}
_PRECISIONS = {precision.value: precision for precision in Precision}
_MAX_LABEL = 256  # characters of a key or a clock
_LARGEST = 2**53  # beyond it other programs no longer read JSON integers exactly (RFC 8259 section 6)
_Word = TypeVar("_Word")


class Malformed(Exception):
    """Why a JSON value is no event; the message is for the person."""


def read_record(value: Json) -> Record:
    """The event or series that a client's JSON value is, with the defaults of live capture.

    Raises:
        Malformed: it is none, and why.
    """
    if not isinstance(value, dict):
        raise Malformed("it is not a JSON object")
    match value.get("type", "series" if "measure" in value else "event"):
        case "event":
            return _event(value)
        case "series":
            return _series(value)
    raise Malformed("its type is neither event nor series")


def _event(value: dict[str, Json]) -> Event:
    _only(value, _EVENT_FIELDS)
    source = _name(value, "source")
    event = Event(
        source=source,
        kind=_name(value, "kind"),
        layer=_one_of(value, "layer", _LAYERS, None),
        start_ms=_integer(value, "start_ms"),
        origin=_one_of(value, "origin", _ORIGINS, Origin.DEVICE),
        trust=_one_of(value, "trust", _TRUSTS, Trust.OWN),
        payload=_payload(value),
        clock=_label(value, "clock") or f"device:{source}",
        end_ms=None if value.get("end_ms") is None else _integer(value, "end_ms"),
        text=_string(value, "text"),
        offset_min=None if value.get("offset_min") is None else _integer(value, "offset_min"),
        uncertainty_ms=_uncertainty(value),
        precision=_one_of(value, "precision", _PRECISIONS, Precision.INSTANT),
        key=_label(value, "key"),
    )
    if event.precision is Precision.DAY and event.start_ms % DAY_MS:
        raise Malformed("only its day is known, but its start_ms is not midnight UTC")
    return event


def _series(value: dict[str, Json]) -> Series:
    _only(value, _SERIES_FIELDS)
    source = _name(value, "source")
    return Series(
        source=source,
        measure=_name(value, "measure"),
        layer=_one_of(value, "layer", _LAYERS, None),
        start_ms=_integer(value, "start_ms"),
        step_ms=_integer(value, "step_ms"),
        values=_samples(value),
        unit=_label(value, "unit"),
        clock=_label(value, "clock") or f"device:{source}",
        offset_min=None if value.get("offset_min") is None else _integer(value, "offset_min"),
        uncertainty_ms=_uncertainty(value),
        key=_label(value, "key"),
    )


def _only(value: dict[str, Json], allowed: frozenset[str]) -> None:
    """What is not understood is not silently dropped."""
    if not value.keys() <= allowed:
        unknown = min(value.keys() - allowed)
        raise Malformed(f"it has the unknown field {unknown[:40]!r}")


def _name(value: dict[str, Json], field: str) -> str:
    given = value.get(field)
    if not isinstance(given, str) or _NAME.fullmatch(given) is None:
        raise Malformed(f"its {field} is missing or is not a name of 1 to 64 lower-case letters, digits, _ . and -")
    return given


def _string(value: dict[str, Json], field: str) -> str:
    given = value.get(field)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Malformed(f"its {field} is not a string")
    return given


def _label(value: dict[str, Json], field: str) -> str:
    given = _string(value, field)
    if len(given) > _MAX_LABEL:
        raise Malformed(f"its {field} is longer than {_MAX_LABEL} characters")
    return given


def _integer(value: dict[str, Json], field: str) -> int:
    given = value.get(field)
    if type(given) is not int or abs(given) > _LARGEST:  # bool is a subclass of int
        raise Malformed(f"its {field} is missing or is not an integer")
    return given


def _uncertainty(value: dict[str, Json]) -> int:
    given = 0 if value.get("uncertainty_ms") is None else _integer(value, "uncertainty_ms")
    if given < 0:
        raise Malformed("its uncertainty_ms is negative")
    return given


def _payload(value: dict[str, Json]) -> dict[str, Json]:
    given = value.get("payload")
    if not isinstance(given, dict):
        raise Malformed("its payload is missing or is not an object")
    return given


def _samples(value: dict[str, Json]) -> npt.NDArray[np.float64]:
    given = value.get("values")
    if not isinstance(given, list) or not all(item is None or type(item) in (int, float) for item in given):
        raise Malformed("its values are missing or are not numbers and nulls")
    return np.array([np.nan if item is None else item for item in given], dtype=np.float64)


def _one_of(value: dict[str, Json], field: str, words: Mapping[str, _Word], default: _Word | None) -> _Word:
    """The word that a field holds, out of those allowed, or the default where it is absent."""
    given = value.get(field)
    found = default if given is None else words.get(given) if isinstance(given, str) else None
    if found is None:
        raise Malformed(f"its {field} is none of {', '.join(words)}")
    return found
