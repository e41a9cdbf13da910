"""Small lives for tests: records of every shape, and a vault's journal with its life stream."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import numpy as np

from hearthside.alignment.stream import LifeStream
from hearthside.events import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Event,
    Json,
    Layer,
    Origin,
    Precision,
    Record,
    Series,
    Trust,
    day_start_ms,
    ms_of,
)
from hearthside.journal import Journal

KEY = b"\1" * 32
DAY = "2026-05-04"
START = day_start_ms(DAY)

_LAYERS = {
    "message": Layer.TEXT, "caption": Layer.VISUAL, "utterance": Layer.AUDITORY, "listen": Layer.AUDITORY,
    "position": Layer.ENVIRONMENTAL, "region_enter": Layer.ENVIRONMENTAL, "state": Layer.RESIDENTIAL,
}  # fmt: skip


def at(clock: str, zone: tzinfo = UTC) -> int:
    """UTC milliseconds of a clock time such as ``2026-05-04 08:30``."""
    return ms_of(datetime.fromisoformat(clock).replace(tzinfo=zone))


def event(kind: str, start_ms: int, end_ms: int | None = None, text: str = "", **fields: Json) -> Event:
    """An event in the layer of its kind; fields of Event, or else of its payload."""
    known = {
        name: fields.pop(name) for name in ("source", "offset_min", "key", "precision", "origin") if name in fields
    }
    return Event(
        source=known.pop("source", "test"), kind=kind, layer=_LAYERS.get(kind, Layer.BEHAVIOURAL), start_ms=start_ms,
        origin=known.pop("origin", Origin.DEVICE), trust=Trust.OWN, payload=fields, clock="test", end_ms=end_ms,
        text=text, **known,
    )  # fmt: skip


def series(
    start_ms: int, values: Sequence[float], measure: str = "met", step_ms: int = MINUTE_MS, **fields: Json
) -> Series:
    """Regular samples."""
    array = np.array(values, dtype=np.float64)
    return Series(
        fields.pop("source", "test"), measure, Layer.BEHAVIOURAL, start_ms, step_ms, array, "1", "test", **fields
    )


def many_records(seed: int) -> list[Record]:
    """About sixty records over two weeks: every shape that can go wrong, no two revisions of the same."""
    rng = random.Random(seed)
    records: list[Record] = []
    for _ in range(36):
        start = START + rng.randrange(14 * DAY_MS)
        kind = rng.choice(["message", "listen", "utterance", "position", "state", "app_use", "sleep", "caption"])
        length = rng.choice([None, 0, MINUTE_MS, 7 * HOUR_MS, 20 * HOUR_MS])
        end = None if length is None else start // MINUTE_MS * MINUTE_MS + length if length else start
        if end is not None:
            end = max(end, start)
        offset = rng.choice([None, None, None, 120, -300])
        records.append(event(kind, start, end, text=f"{kind} {start}", entity=rng.choice("ab"), offset_min=offset))
    for day in range(0, 14, 3):
        records.append(event("activity_day", START + day * DAY_MS, precision=Precision.DAY, steps=day * 1000))
        midnight = START + day * DAY_MS
        records.append(
            event("sleep", midnight - HOUR_MS, midnight + 6 * HOUR_MS, key=f"night {seed}/{day}", offset_min=60)
        )
        values = [float("nan") if rng.random() < 0.3 else rng.random() for _ in range(1440)]
        records.append(series(midnight + 4 * HOUR_MS, values, key=f"met {seed}/{day}"))
    records.append(event("workout", START + DAY_MS, START + 4 * DAY_MS, text="a walk over three days"))
    records.append(series(START + 2 * DAY_MS, [60.0] * 700, "heart_rate", step_ms=5 * MINUTE_MS, offset_min=540))
    records.append(event("offer", START + 6 * DAY_MS, offset_min=-600))  # of the house, but it carries an offset
    rng.shuffle(records)
    return records


@dataclass
class Vault:
    """A journal and its life stream; `zone` may be set anew."""

    journal: Journal
    stream: LifeStream
    folder: Path
    zones: list[tzinfo] = field(default_factory=lambda: [UTC])

    def take(self, *records: Record) -> None:
        """Journal records and bring the life stream up to date."""
        self.journal.append(records)
        self.stream.update()

    def rebuilt(self) -> str:
        """The fingerprint of a life stream made anew from the same journal, which must not differ."""
        before = self.stream.fingerprint()
        self.stream.rebuild()
        assert self.stream.fingerprint() == before
        return before


def open_vault(folder: Path, clock: Callable[[], int] = lambda: START) -> Vault:
    """A journal and life stream under a folder."""
    journal = Journal(folder, KEY, clock)
    zones: list[tzinfo] = [UTC]
    return Vault(journal, LifeStream(folder, KEY, journal, lambda: zones[-1]), folder, zones)
