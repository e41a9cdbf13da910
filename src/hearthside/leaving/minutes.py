"""The life stream as one row a minute: what each lane covered, and for each stream how much and its last word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from hearthside.alignment.block import COVERED, LAYERS, SILENT, UNKNOWN, DayBlock, SampleColumn, StreamColumns
from hearthside.alignment.kinds import shown_text
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, MINUTE_MS
from hearthside.leaving.parquet import Column, Constant, ParquetFile, Picked, Values

_MINUTES = 1440
_STATES = {UNKNOWN: "unknown", SILENT: "silent", COVERED: "covered"}
Name: TypeAlias = "tuple[str, str, str]"

_FIXED = (
    Column("minute", "time", "start of the minute, UTC"),
    Column("local_minute", "local time", "the same on the person's own clock"),
    Column("offset_min", "whole", "the person's UTC offset, minutes"),
    Column("offset_known", "yes/no", "whether a source carried that offset; otherwise it is the home zone's"),
    *(
        Column(f"{layer.value}_coverage", "text",
               f"{layer.value} lane: covered, silent (heard before and after, not now) or unknown (nobody listened)")
        for layer in LAYERS
    ),
)  # fmt: skip


@dataclass(slots=True)
class Lanes:
    """What the life stream has: every (layer, source, kind) and every (layer, source, measure) with its unit.

    Attributes:
        days: how many days it has.
    """

    streams: dict[Name, int] = field(default_factory=dict)
    samples: dict[Name, str] = field(default_factory=dict)
    days: int = 0

    def columns(self) -> list[Column]:
        """The columns of the table, in order; the fixed ones first."""
        found = list(_FIXED)
        for name in self.streams:
            title = ".".join(name)
            found += [
                Column(f"{title}.count", "whole", "events in or overlapping this minute"),
                Column(f"{title}.last", "text", "words of the latest event that still holds", always=False),
                Column(f"{title}.last_id", "text", "id of that event", always=False),
            ]
        for name, unit in self.samples.items():
            found.append(
                Column(".".join(name), "number", f"the sample that holds, in {unit or 'no unit'}", always=False)
            )
        return _unique(found)


def survey(stream: LifeStream) -> Lanes:
    """Which lanes there are; reads every day once."""
    lanes = Lanes()
    for block in stream.blocks():
        lanes.days += 1
        for one in block.streams:
            lanes.streams[_name(one)] = 0
        for sample in block.samples:
            lanes.samples[_name(sample)] = sample.unit
    lanes.streams = {name: number for number, name in enumerate(sorted(lanes.streams))}
    lanes.samples = dict(sorted(lanes.samples.items()))
    return lanes


def add_days(file: ParquetFile, stream: LifeStream, lanes: Lanes) -> Iterator[int]:
    """Write every day; gives 1 after each. Lanes that came after the survey are left out."""
    words: dict[bytes, str] = {}
    for block in stream.blocks():
        held = _held(block)
        # What held yesterday often holds today: only what is new is looked up.
        words = {identity: words.get(identity) or _words(stream, identity) for identity in held}
        text_bytes = _MINUTES * sum(64 for name in lanes.streams)
        file.add_block(_MINUTES, _day(block, lanes, words), text_bytes)
        yield 1


def _day(block: DayBlock, lanes: Lanes, words: dict[bytes, str]) -> list[Values]:
    minutes = block.day * DAY_MS + np.arange(_MINUTES, dtype=np.int64) * MINUTE_MS
    offsets = block.offset_min.astype(np.int64)
    states = [_STATES[code] for code in sorted(_STATES)]
    columns: list[Values] = [minutes, minutes + offsets * MINUTE_MS, offsets, block.offset_known]
    columns += [Picked(states, block.coverage[index].astype(np.int32)) for index in range(len(LAYERS))]
    streams = {_name(one): one for one in block.streams}
    for name in lanes.streams:
        columns += _stream_columns(streams.get(name), words)
    samples = {_name(one): one for one in block.samples}
    for name in lanes.samples:
        sample = samples.get(name)
        columns.append(Constant(None) if sample is None else sample.values)
    return columns


def _stream_columns(one: StreamColumns | None, words: dict[bytes, str]) -> Sequence[Values]:
    if one is None:
        return Constant(0), Constant(None), Constant(None)
    return (
        one.count.astype(np.int64),
        Picked([words.get(identity, "") for identity in one.ids], one.last),
        Picked([identity.hex() for identity in one.ids], one.last),
    )


def _held(block: DayBlock) -> set[bytes]:
    """The events that are the last word of some minute."""
    return {one.ids[index] for one in block.streams for index in set(one.last.tolist()) if index >= 0}


def _words(stream: LifeStream, identity: bytes) -> str:
    found = stream.get(identity)
    return "" if found is None else shown_text(found.kind, found.text, found.amount)


def _name(one: StreamColumns | SampleColumn) -> Name:
    return one.layer.value, one.source, one.measure if isinstance(one, SampleColumn) else one.kind


def _unique(columns: list[Column]) -> list[Column]:
    """Names that dots in a source's name made equal are told apart by a number."""
    seen: dict[str, int] = {}
    found = []
    for column in columns:
        seen[column.name] = seen.get(column.name, 0) + 1
        times = seen[column.name]
        name = column.name if times == 1 else f"{column.name}#{times}"
        found.append(Column(name, column.type, column.meaning, column.always))
    return found
