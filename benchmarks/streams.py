"""Six generated streams of a life, as the alignment benchmarks join them: fixed seed, the same on every machine.

Run: ``.venv/bin/python benchmarks/streams.py MINUTES FOLDER`` writes each stream as a Parquet file and its columns as
NumPy files.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
YEAR = 525_600
"""Minutes."""

FIRST_MINUTE = 1_700_000_000_000 // MINUTE_MS
START_MS = FIRST_MINUTE * MINUTE_MS

TOLERANCE_MS = {"gps": 600_000, "sensor": 300_000, "caption": 120_000, "utterance": 120_000, "message": 3_600_000}
"""How long the last event of each stream of instants holds."""

LISTED = ("caption", "utterance", "message")
"""The streams of which every slice lists the ids."""

COLUMNS = (
    "slice", "gps_lat", "gps_lon", "gps_age", "gps_n", "sensor_last", "sensor_n", "sensor_mean",
    *(f"{name}_{what}" for name in LISTED for what in ("last", "n", "ids")), "app_n", "app_ms", "app_ids",
)  # fmt: skip
"""What every engine makes of the streams, a row a minute."""

_RATES = {
    "gps": (1.0, 0.08),
    "sensor": (6.0, 0.0),
    "caption": (2.0, 0.35),
    "utterance": (0.5, 0.0),
    "message": (0.1, 0.0),
}
"""Events a minute, and the share of each day in which the device is off."""

_APPS_A_MINUTE, _APP_MEAN_MS = 0.2, 3 * MINUTE_MS

Table = dict[str, npt.NDArray[np.int64] | npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Lists:
    """A list for each minute: those of minute i are values[offsets[i]:offsets[i + 1]]."""

    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]


Columns = dict[str, npt.NDArray[np.generic] | Lists]
"""By the names in `COLUMNS`: nothing is NaN, or -1 in an age and a last id, or 0 in a count, or an empty list."""


def generate(minutes: int, seed: int = 7) -> dict[str, Table]:
    """The streams: instants with ``t``, app use with ``s`` and ``e`` (exclusive); times UTC ms, in order of time."""
    rng = np.random.default_rng(seed)
    tables: dict[str, Table] = {}
    for name, (rate, off) in _RATES.items():
        times = _times(minutes, rate, off, rng)
        tables[name] = {"t": times, **_values(name, len(times), rng)}
    start = _times(minutes, _APPS_A_MINUTE, 0, rng)
    length = np.maximum(1000, rng.exponential(_APP_MEAN_MS, len(start))).astype(np.int64)
    end = np.minimum(start + length, START_MS + minutes * MINUTE_MS)
    start, end = start[end > start], end[end > start]
    tables["app"] = {"s": start, "e": end, "id": np.arange(len(start), dtype=np.int64)}
    return tables


def _times(minutes: int, rate: float, off: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Often: nearly regular, each somewhere in its own step; seldom: anywhere."""
    count = int(minutes * rate)
    if rate >= 1:
        since = ((np.arange(count) + rng.uniform(0.05, 0.95, count)) * (MINUTE_MS / rate)).astype(np.int64)
    else:
        since = np.sort(rng.integers(0, minutes * MINUTE_MS, count))
    hour, day = since // HOUR_MS % 24, since // DAY_MS
    # Off for some hours of each day, which move from day to day.
    return np.unique(START_MS + since[(hour * 7 + day * 3) % 24 >= off * 24])


def _values(name: str, count: int, rng: np.random.Generator) -> Table:
    if name == "gps":
        return {axis: at + rng.normal(0, 0.05, count).cumsum() * 1e-4 for axis, at in (("lat", 52), ("lon", 4.3))}
    if name == "sensor":
        return {"v": 20 + rng.normal(0, 1, count)}
    return {"id": np.arange(count, dtype=np.int64)}


def write(minutes: int, folder: Path) -> int:
    """Both forms of every stream into a folder; returns how many events there are."""
    import pyarrow as pa  # here, because the engines import this module and are measured for their memory
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    tables = generate(minutes)
    for name, table in tables.items():
        pq.write_table(pa.table(table), folder / f"{name}.parquet", compression="zstd", row_group_size=1 << 20)
        for column, values in table.items():
            np.save(folder / f"{name}.{column}.npy", values)
    return sum(len(table["id" if name == "app" else "t"]) for name, table in tables.items())


if __name__ == "__main__":
    print(write(int(sys.argv[1]), Path(sys.argv[2])))
