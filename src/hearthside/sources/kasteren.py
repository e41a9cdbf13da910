"""Kasteren smart home: firings of simple sensors, or activities their resident noted, in the authors' text files.

T. van Kasteren, A. Noulas, G. Englebienne, B. Kröse: Accurate Activity Recognition in a Home Setting, UbiComp 2008.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import partial

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Rejected, Trust, ms_of
from hearthside.sources.reading import Opened, Sample

NAME = "kasteren"
TITLE = "Kasteren smart home"
_CLOCK = "export:kasteren"  # the home's clock, in the home's zone
_HEADING = re.compile(r"Start time\s*\tEnd time\s*\tID\s*(\tVal\s*)?$")
_LISTED = re.compile(r"\s*\[?\s*(?P<id>\d{1,6})\s*(?:\]|:)\s*'(?P<name>[^']+)'\s*$")
_TIME = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d{1,2}):(\d{1,2}):(\d{1,2})")
_LENGTH = re.compile(r"Length:\s*(\d{1,9})\s*$")
_MONTHS = {
    name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)
}
_WRITTEN_MS = 1000  # times are written in whole seconds


@dataclass(slots=True)
class _Table:
    """What the preamble says, and how many rows there were."""

    zone: tzinfo
    names: dict[int, str] = field(default_factory=dict)
    columns: int = 0  # 0: the heading has not come yet
    rows: int = 0


def recognise(sample: Sample) -> float:
    """The heading over the rows, and a list of what the ids mean before it."""
    lines = sample.lines(200)
    headings = [number for number, line in enumerate(lines) if _HEADING.match(line)]
    return 0.9 if headings and any(_LISTED.match(line) for line in lines[: headings[0]]) else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `state` interval for each firing of a sensor, or one `activity` interval for each noted activity.

    Times are read in the zone of the reading: sensors do not travel. The file is always read from its beginning, since
    a row can only be understood by the list before it.
    """
    table = _Table(opened.reading.zone)
    for item in replace(opened, trail=None).lines():
        if isinstance(item, Rejected):
            yield item
            continue
        number, raw = item
        line = _decoded(raw)
        if not table.columns:
            _note_preamble(table, line)
        elif set(line) <= set("-\t "):
            continue
        elif length := _LENGTH.match(line):
            yield from _check_length(opened, table, int(length[1]), raw, number)
        else:
            table.rows += 1
            yield from opened.guarded(number, {}, partial(_row, table, line), raw)
    if not table.columns:
        yield opened.reject("the file has no heading 'Start time, End time, ID' over its rows", b"", 1, "start")


def _decoded(raw: bytes) -> str:
    """UTF-8, else Latin-1, which the authors wrote."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _note_preamble(table: _Table, line: str) -> None:
    if heading := _HEADING.match(line):
        table.columns = 4 if heading[1] else 3
    elif listed := _LISTED.match(line):
        table.names[int(listed["id"])] = " ".join(listed["name"].split())


def _check_length(opened: Opened, table: _Table, said: int, raw: bytes, number: int) -> Iterator[Item]:
    """The last line says how many rows there are: a file that lost some is told apart from a whole one."""
    if said != table.rows:
        yield opened.reject(f"the file says that it has {said} rows, and {table.rows} were found", raw, number)


def _row(table: _Table, line: str, number: int, _value: dict[str, Json]) -> Iterable[Record]:
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) != table.columns:
        raise ValueError(f"the row has {len(cells)} cells where {table.columns} belong")
    start_ms, end_ms, doubt_ms = _span(cells[0], cells[1], table.zone)
    name = table.names.get(int(cells[2])) if re.fullmatch(r"\d{1,6}", cells[2]) else None
    if name is None:
        raise ValueError(f"the id {cells[2]!r} is not in the list at the beginning of the file")
    activity = table.columns == 3
    payload: dict[str, Json] = {"id": int(cells[2])}
    if activity:
        payload |= {"activity": name}
    else:
        payload |= _state(name, cells[3])
    yield Event(
        source=NAME,
        kind="activity" if activity else "state",
        layer=Layer.BEHAVIOURAL if activity else Layer.RESIDENTIAL,
        start_ms=start_ms,
        end_ms=end_ms if end_ms > start_ms else None,
        origin=Origin.SELF if activity else Origin.DEVICE,
        trust=Trust.OWN,
        payload=payload,
        clock=_CLOCK,
        text=name if activity else f"{name} {payload['state']}",
        uncertainty_ms=doubt_ms,
        record=number,
    )


def _state(name: str, value: str) -> dict[str, Json]:
    """The fields of a state; a firing is written as 1."""
    if not re.fullmatch(r"\d{1,6}", value):
        raise ValueError(f"the value {value!r} is no number")
    entity = "binary_sensor." + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    state = "on" if int(value) else "off"
    return {"entity": entity, "state": state, "attributes": {}, "friendly_name": name, "value": int(value)}


def _span(start: str, end: str, zone: tzinfo) -> tuple[int, int, int]:
    """Start and end in UTC ms, and how far they may lie from the truth.

    Raises:
        ValueError: one of them is no time, or the end lies before the start.
    """
    (first, later), (end_first, end_later) = _places(start, zone), _places(end, zone)
    doubt_ms = _WRITTEN_MS + max(abs(later - first), abs(end_later - end_first))
    if end_first < first:  # the clocks were put back in between
        end_first = end_later
    if end_first < first:
        raise ValueError(f"it ends ({end}) before it starts ({start})")
    return first, end_first, doubt_ms


def _places(text: str, zone: tzinfo) -> tuple[int, int]:
    """UTC ms of a local time read as the first and as the second pass of an hour; the same but for two hours a year.

    The doubled hour is taken for its first pass, a time in the missing hour as if the clock had not been put forward.
    """
    match = _TIME.fullmatch(text)
    month = _MONTHS.get(match[2].lower()) if match else None
    if match is None or month is None:
        raise ValueError(f"{text!r} is no date and time such as 25-Feb-2008 00:22:46")
    day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError as error:
        raise ValueError(f"there is no {text}: {error}") from error
    return ms_of(local.replace(fold=0)), ms_of(local.replace(fold=1))
