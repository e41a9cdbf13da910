"""The shared records: the same content always has the same id, bodies survive their JSON, times have their zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.events import (
    DAY_MS,
    Event,
    Layer,
    Origin,
    Precision,
    Series,
    Trust,
    canonical,
    day_number,
    day_start_ms,
    id_before_format_2,
    iso_day,
    local_datetime,
    ms_of,
    record_from_body,
)

_MS = st.integers(-(2**41), 2**43)
_TEXT = st.text(max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_EVENTS = st.builds(
    Event, source=_TEXT, kind=_TEXT, layer=st.sampled_from(Layer), start_ms=_MS, origin=st.sampled_from(Origin),
    trust=st.sampled_from(Trust), payload=st.dictionaries(_TEXT, _JSON, max_size=4), clock=_TEXT,
    end_ms=st.none() | _MS, text=_TEXT, offset_min=st.none() | st.integers(-1080, 1080),
    uncertainty_ms=st.integers(0, DAY_MS), precision=st.sampled_from(Precision), key=_TEXT, record=st.integers(0, 99),
)  # fmt: skip
_SERIES = st.builds(
    Series, source=_TEXT, measure=_TEXT, layer=st.sampled_from(Layer), start_ms=_MS, step_ms=st.integers(1, DAY_MS),
    values=st.lists(st.floats(allow_infinity=False), max_size=8).map(lambda v: np.array(v, dtype=np.float64)),
    unit=_TEXT, clock=_TEXT, offset_min=st.none() | st.integers(-1080, 1080), key=_TEXT, record=st.integers(0, 99),
)  # fmt: skip


@given(event=_EVENTS)
def test_an_event_survives_its_json(event: Event) -> None:
    back = record_from_body(orjson.loads(orjson.dumps(event.body())))
    assert isinstance(back, Event)
    assert back == event  # the place in the file is no part of what it is
    assert back.id == event.id
    assert len(event.id) == 16


@given(series=_SERIES)
def test_a_series_survives_its_json(series: Series) -> None:
    back = record_from_body(orjson.loads(orjson.dumps(series.body())))
    assert isinstance(back, Series)
    np.testing.assert_array_equal(back.values, series.values)
    assert back.body() == series.body()
    assert back.id == series.id
    assert (back.kind, back.end_ms) == (series.measure, series.start_ms + series.step_ms * len(series.values))


def _event() -> Event:
    return Event(
        "notes", "message", Layer.TEXT, 1_700_000_000_000, Origin.SELF, Trust.OWN, {"b": 1, "a": [2, None]}, "phone",
        text="hello",
    )  # fmt: skip


def test_ids_are_those_of_every_version() -> None:
    """A changed id would double every vault that exists; these are written down."""
    series = Series("ring", "met", Layer.BEHAVIOURAL, 0, 60_000, np.array([1.0, np.nan]), "MET", "ring")
    format_1 = [id_before_format_2(canonical(record.body())).hex() for record in (_event(), series)]
    assert format_1 == ["7400bcc7823d0987e5bd20a40383e60d", "fbb89d1457bfffadb26f4087705e1461"]
    assert _event().id.hex() == "81b0551573b57e554ca17ed1d9f93458"
    assert series.id.hex() == "8000000037e7b0f69602a1db1d14f54b"


def test_ids_lie_in_order_of_time() -> None:
    times = [-(10**15), -60_000, 0, 60_000, 1_700_000_000_000, 10**15]
    ids = [replace(_event(), start_ms=ms).id for ms in times]
    assert ids == sorted(ids)
    assert len({len(identity) for identity in ids}) == 1


def test_the_order_of_fields_and_the_place_in_the_file_make_no_difference() -> None:
    assert replace(_event(), payload={"a": [2, None], "b": 1}, record=7).id == _event().id


@pytest.mark.parametrize(
    "change",
    [{"text": "Hello"}, {"start_ms": 1}, {"end_ms": 0}, {"origin": Origin.PERSON}, {"key": "1"}, {"offset_min": 0},
     {"trust": Trust.KNOWN}, {"precision": Precision.DAY}, {"payload": {"b": 1}}, {"uncertainty_ms": 1}],
)  # fmt: skip
def test_other_content_has_another_id(change: dict[str, object]) -> None:
    assert replace(_event(), **change).id != _event().id  # type: ignore[arg-type]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        ms_of(datetime(2026, 3, 1, 12))  # noqa: DTZ001 - that is the point


@given(ms=st.integers(-(2**41), 2**43), offset=st.integers(-1080, 1080))
def test_times_survive_the_way_there_and_back(ms: int, offset: int) -> None:
    local = local_datetime(ms, offset)
    assert ms_of(local) == ms
    assert ms_of(local.astimezone(UTC)) == ms
    assert local.utcoffset() == timedelta(minutes=offset)


@given(day=st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_days_survive_the_way_there_and_back(day: date) -> None:
    iso = day.isoformat()
    assert iso_day(day_number(iso)) == iso
    assert day_start_ms(iso) == ms_of(datetime(day.year, day.month, day.day, tzinfo=UTC))


def test_the_local_day_of_an_event() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-8)))
    event = replace(_event(), start_ms=ms_of(late), offset_min=-480)
    assert event.local_day == "2026-03-01"
    assert replace(event, offset_min=None).local_day == "2026-03-02"
    by_day = replace(event, start_ms=day_start_ms("2026-03-01"), precision=Precision.DAY)
    assert by_day.local_day == "2026-03-01"  # whatever the offset: the source named the date itself
