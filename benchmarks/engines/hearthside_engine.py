"""The product's own kernel on the generated streams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.streams import FIRST_MINUTE, LISTED, TOLERANCE_MS, Columns, Lists
from hearthside.alignment.kernel import IdLists, Instants, InstantSlices, Intervals, IntervalSlices, slices

Tables = tuple[int, dict[str, Instants | Intervals]]
Result = tuple[npt.NDArray[np.int64], dict[str, InstantSlices | IntervalSlices]]


def load(folder: Path, minutes: int) -> Tables:
    """The streams as NumPy columns."""

    def column(name: str) -> npt.NDArray[np.generic]:
        found: npt.NDArray[np.generic] = np.load(folder / f"{name}.npy")
        return found

    times = {name: np.load(folder / f"{name}.t.npy") for name in TOLERANCE_MS}
    where = {"lat": column("gps.lat"), "lon": column("gps.lon")}
    heat = np.load(folder / "sensor.v.npy")
    streams: dict[str, Instants | Intervals] = {
        "gps": Instants(times["gps"], TOLERANCE_MS["gps"], last=where, aged=True),
        "sensor": Instants(times["sensor"], TOLERANCE_MS["sensor"], last={"v": heat}, mean={"v": heat}),
    }
    for name in LISTED:
        ids = column(f"{name}.id")
        streams[name] = Instants(times[name], TOLERANCE_MS[name], last={"id": ids}, ids=ids)
    streams["app"] = Intervals(np.load(folder / "app.s.npy"), np.load(folder / "app.e.npy"), column("app.id"))
    return minutes, streams


def join(tables: Tables) -> Result:
    """All columns of all slices."""
    minutes, streams = tables
    return np.arange(minutes), slices(FIRST_MINUTE, minutes, streams)


def columns(result: Result) -> Columns:
    """The result in the form of all engines."""
    numbers, found = result
    out: Columns = {"slice": numbers}
    for name, part in found.items():
        out[f"{name}_n"] = part.count
        if isinstance(part, IntervalSlices):
            out[f"{name}_ms"] = part.overlap_ms
        else:
            last = {"v": f"{name}_last", "id": f"{name}_last"}
            out |= {last.get(field, f"{name}_{field}"): values for field, values in part.last.items()}
            out |= {f"{name}_mean": values for values in part.mean.values()}
            out |= {} if part.age_ms is None else {f"{name}_age": part.age_ms}
        if part.ids is not None:
            out[f"{name}_ids"] = _lists(part.ids)
    return out


def _lists(ids: IdLists) -> Lists:
    return Lists(ids.offsets.astype(np.int64), ids.values.astype(np.int64))
