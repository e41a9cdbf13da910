"""MIT PlaceLab houses: five lines for each activity the resident noted, with the sensors that fired during it.

E. Munguia Tapia, S. Intille, K. Larson: Activity Recognition in the Home Using Simple and Ubiquitous Sensors, Pervasive
2004. The names of the sensors stand in the file itself; their rooms stand only in `sensors.csv`, which is not needed:
what an import gives must not depend on which other file lay beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from functools import partial
from typing import TypeAlias

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Rejected, Trust, ms_of
from hearthside.sources.reading import Opened, Sample

NAME = "mit_house"
TITLE = "MIT PlaceLab house"
_CLOCK = "export:mit_house"  # the home's clock, in the home's zone
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})")  # without leading zeros: 21:5:23
_IDS = re.compile(r"\d{1,6}(,\d{1,6})*")
_LIKE_TIME = re.compile(r"\d+[:/]\d+[:/]\d+")
_LINES = 4  # ids, names, times on, times off
_WRITTEN_MS = 1000  # times are written in whole seconds

_Parse: TypeAlias = Callable[[int, dict[str, Json]], Iterable[Record]]


@dataclass(slots=True)
class _Block:
    """One activity: its heading and the lines below it, of which more than belong there are only counted."""

    number: int
    heading: str
    first: int = 0  # number of the first line below
    below: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, number: int, line: str) -> None:
        """One more line below the heading."""
        self.first = self.first or number
        self.count += 1
        if len(self.below) <= _LINES:
            self.below.append(line)


def recognise(sample: Sample) -> float:
    """A heading with label, date and two times, and below it a line of ids, one of names and two of times."""
    lines = [line.split(",") for line in sample.lines(40)]
    return 0.9 if any(_is_block(lines[at : at + 5]) for at in range(len(lines) - _LINES)) else 0.0


def _is_block(lines: list[list[str]]) -> bool:
    heading, ids, names, on, off = lines
    if not (len(heading) == 4 and _is_heading(",".join(heading)) and _DATE.fullmatch(heading[1])):
        return False
    times = all(_TIME.fullmatch(cell) for cell in on + off)
    return bool(_IDS.fullmatch(",".join(ids))) and times and len(ids) == len(names) == len(on) == len(off)


def _is_heading(line: str) -> bool:
    """A label in words, followed by something like a date or a time; no other line has both."""
    first, *others = line.split(",")
    return bool(re.search(r"[^\W\d]", first)) and any(_LIKE_TIME.fullmatch(cell.strip()) for cell in others)


def read(opened: Opened) -> Iterator[Item]:
    """One `activity` interval for each activity, and one `state` interval for each firing of a sensor.

    A firing that two activities share is the same event both times. Firings have no date of their own: theirs is the
    activity's. Times are read in the zone of the reading: sensors do not travel. `record` counts activities and
    firings.
    """
    record = 0
    for block in _blocks(opened):
        if isinstance(block, Rejected):
            record += 1
            yield replace(block, record=record)
            continue
        for parse, raw, line in _parts(block, opened.reading.zone):
            record += 1
            yield from opened.guarded(record, {}, parse, raw, f"line {line}")


def _blocks(opened: Opened) -> Iterator[_Block | Rejected]:
    """Headings with their lines; always from the beginning, since a line means nothing without its heading."""
    block: _Block | None = None
    for item in replace(opened, trail=None).lines():
        if isinstance(item, Rejected):
            yield item
            continue
        number, line = item[0], _decoded(item[1])
        if _is_heading(line):
            if block is not None:
                yield block
            block = _Block(number, line)
        elif block is None:
            yield opened.reject("this line stands before the first activity and belongs to none", item[1], number)
        else:
            block.add(number, line)
    if block is not None:
        yield block


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _parts(block: _Block, zone: tzinfo) -> Iterator[tuple[_Parse, bytes, int]]:
    """What a block holds: how to read each part, as it stood, and the number of its line."""
    day = _day(block.heading)
    if day is None:
        shown = block.heading.split(",")[1].strip()
        lost = f"; its {block.count} lines of sensors have no other date" if block.count else ""
        raw = "\n".join([block.heading, *block.below]).encode()
        yield partial(_refuse, f"{shown!r} is no date (month/day/year){lost}"), raw, block.number
        return
    ids = [cell.strip() for cell in block.below[0].split(",")] if block.below else []
    sensors = [int(cell) for cell in ids if re.fullmatch(r"\d{1,6}", cell)]
    yield partial(_activity, day, zone, block.heading, sensors), block.heading.encode(), block.number
    if block.below:
        yield from _firings(block, day, zone)


def _refuse(reason: str, number: int, _value: dict[str, Json]) -> Iterable[Record]:
    raise ValueError(reason)


def _day(heading: str) -> date | None:
    match = _DATE.fullmatch(heading.split(",")[1].strip())
    try:
        return date(int(match[3]), int(match[1]), int(match[2])) if match else None
    except ValueError:
        return None


def _activity(
    day: date, zone: tzinfo, heading: str, sensors: list[int], number: int, _value: dict[str, Json]
) -> Iterable[Record]:
    cells = [cell.strip() for cell in heading.split(",")]
    if len(cells) != 4:
        raise ValueError(f"the heading of the activity has {len(cells)} cells where 4 belong")
    start_ms, end_ms, doubt_ms = _span(day, cells[2], cells[3], zone)
    yield Event(
        source=NAME,
        kind="activity",
        layer=Layer.BEHAVIOURAL,
        start_ms=start_ms,
        end_ms=end_ms if end_ms > start_ms else None,
        origin=Origin.SELF,
        trust=Trust.OWN,
        payload={"activity": cells[0], "sensors": sensors},
        clock=_CLOCK,
        text=cells[0],
        uncertainty_ms=doubt_ms,
        record=number,
    )


def _firings(block: _Block, day: date, zone: tzinfo) -> Iterator[tuple[_Parse, bytes, int]]:
    """The firings of a block; lines that do not fit together are refused together, since no cell can be trusted."""
    rows = [[cell.strip() for cell in line.split(",")] for line in block.below]
    reason = ""
    if block.count != _LINES:
        reason = f"an activity has {_LINES} lines of sensors, this one has {block.count}"
    elif len({len(row) for row in rows}) > 1:
        counts = ", ".join(str(len(row)) for row in rows)
        reason = f"the lines of sensors have {counts} cells, and should have as many each"
    if reason:
        yield partial(_refuse, reason), "\n".join(block.below).encode(), block.first
        return
    for cells in zip(*rows, strict=True):
        yield partial(_firing, day, zone, cells), ",".join(cells).encode(), block.first


def _firing(day: date, zone: tzinfo, cells: tuple[str, ...], number: int, _value: dict[str, Json]) -> Iterable[Record]:
    sensor, name, on, off = cells
    if not re.fullmatch(r"\d{1,6}", sensor) or not name:
        raise ValueError(f"the sensor {sensor!r} has no number or no name")
    start_ms, end_ms, doubt_ms = _span(day, on, off, zone)
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    yield Event(
        source=NAME,
        kind="state",
        layer=Layer.RESIDENTIAL,
        start_ms=start_ms,
        end_ms=end_ms if end_ms > start_ms else None,
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload={
            "entity": f"binary_sensor.{words}_{int(sensor)}",
            "state": "on",
            "attributes": {},
            "friendly_name": name,
            "sensor": int(sensor),
        },
        clock=_CLOCK,
        text=f"{name} on",
        uncertainty_ms=doubt_ms,
        record=number,
    )


def _span(day: date, start: str, end: str, zone: tzinfo) -> tuple[int, int, int]:
    """Start and end in UTC ms, and how far they may lie from the truth.

    Raises:
        ValueError: one of them is no time, or the end lies before the start; a second date is never written.
    """
    (first, later), (end_first, end_later) = _places(day, start, zone), _places(day, end, zone)
    doubt_ms = _WRITTEN_MS + max(abs(later - first), abs(end_later - end_first))
    if end_first < first:  # the clocks were put back in between
        end_first = end_later
    if end_first < first:
        raise ValueError(f"it ends ({end}) before it starts ({start}) on {day.isoformat()}")
    return first, end_first, doubt_ms


def _places(day: date, text: str, zone: tzinfo) -> tuple[int, int]:
    """UTC ms of a local time read as the first and as the second pass of an hour; the same but for two hours a year.

    The doubled hour is taken for its first pass, a time in the missing hour as if the clock had not been put forward.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time of day such as 21:5:23")
    try:
        local = datetime(day.year, day.month, day.day, int(match[1]), int(match[2]), int(match[3]), tzinfo=zone)
    except ValueError as error:
        raise ValueError(f"there is no time {text}: {error}") from error
    return ms_of(local.replace(fold=0)), ms_of(local.replace(fold=1))
