"""A body read at once is the record's own, field by field."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from hearthside.events import Event, Layer, Origin, Precision, Record, Series, Trust, canonical
from hearthside.journal.bodies import body_of, read_leniently

_EVENT = Event(
    "phone", "message", Layer.TEXT, -5, Origin.PERSON, Trust.KNOWN,
    {"text": "안녕", "n": 2**53 + 1, "deep": [{"x": None}, 0.1, True]}, "device:phone", end_ms=7, text="안녕",
    offset_min=-570, uncertainty_ms=3, precision=Precision.DAY, key="k",
)  # fmt: skip
_SERIES = Series("ring", "met", Layer.BEHAVIOURAL, 9, 60_000, np.array([1.5, np.nan, 2.0]), "MET", "device:ring", 60, 1)


@pytest.mark.parametrize("record", [_EVENT, _SERIES])
def test_every_field_of_a_record_is_there(record: Record) -> None:
    read = msgspec.structs.asdict(body_of(record))
    assert {name: read[name] for name in record.body()} == record.body()


@pytest.mark.parametrize("record", [_EVENT, _SERIES])
def test_what_only_the_other_sort_has_is_empty(record: Record) -> None:
    read = msgspec.structs.asdict(body_of(record))
    assert not any(read[name] for name in read.keys() - record.body().keys())


@pytest.mark.parametrize("record", [_EVENT, _SERIES])
def test_whole_numbers_written_with_a_point_are_read_too(record: Record) -> None:
    body = record.body()
    odd = {name: float(value) if type(value) is int else value for name, value in body.items()}
    assert read_leniently(canonical(odd)) == body_of(record)
