"""pandas on the generated streams: merge_asof, group-by with lists, repeated rows."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.streams import COLUMNS, LISTED, MINUTE_MS, START_MS, TOLERANCE_MS, Columns, Lists

Tables = dict[str, pd.DataFrame]


def load(folder: Path, minutes: int) -> Tables:
    """The streams as data frames."""
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in (*TOLERANCE_MS, "app")}
    number = np.arange(minutes, dtype=np.int64)
    return tables | {"slices": pd.DataFrame({"slice": number, "end": START_MS + (number + 1) * MINUTE_MS - 1})}


def join(tables: Tables) -> pd.DataFrame:
    """All columns of all slices."""
    out = tables["slices"]
    for name, tolerance in TOLERANCE_MS.items():
        events = tables[name]
        found = events.rename(columns={column: f"{name}_{column}" for column in events.columns})
        out = pd.merge_asof(out, found, left_on="end", right_on=f"{name}_t", direction="backward", tolerance=tolerance)
        grouped = events.groupby((events["t"] - START_MS) // MINUTE_MS)
        out[f"{name}_n"] = grouped.size().reindex(out["slice"], fill_value=0).to_numpy()
        if name == "sensor":
            out["sensor_mean"] = grouped["v"].mean().reindex(out["slice"]).to_numpy()
        if name in LISTED:
            out[f"{name}_ids"] = grouped["id"].agg(list).reindex(out["slice"]).to_numpy()
    out["gps_age"] = out["end"] - out["gps_t"]
    _add_apps(out, tables["app"])
    last = {"sensor_v": "sensor_last"} | {f"{name}_id": f"{name}_last" for name in LISTED}
    return out.rename(columns=last)[list(COLUMNS)]


def _add_apps(out: pd.DataFrame, apps: pd.DataFrame) -> None:
    """An interval in every minute that it touches."""
    first, final = (apps["s"] - START_MS) // MINUTE_MS, (apps["e"] - 1 - START_MS) // MINUTE_MS
    each = apps.loc[apps.index.repeat(final - first + 1)].copy()
    each["slice"] = (each["s"] - START_MS) // MINUTE_MS + each.groupby(level=0).cumcount()
    begin = START_MS + each["slice"] * MINUTE_MS
    each["overlap"] = np.minimum(each["e"], begin + MINUTE_MS) - np.maximum(each["s"], begin)
    grouped = each.groupby("slice")
    out["app_n"] = grouped.size().reindex(out["slice"], fill_value=0).to_numpy()
    out["app_ms"] = grouped["overlap"].sum().reindex(out["slice"], fill_value=0).to_numpy()
    out["app_ids"] = grouped["id"].agg(list).reindex(out["slice"]).to_numpy()


def columns(result: pd.DataFrame) -> Columns:
    """The result in the form of all engines."""
    out: Columns = {}
    for name in COLUMNS:
        column = result[name]
        if name.endswith("_ids"):
            rows = [row if isinstance(row, list) else [] for row in column]
            size = np.fromiter((len(row) for row in rows), np.int64, len(rows))
            values = np.fromiter(chain.from_iterable(rows), np.int64, int(size.sum()))
            out[name] = Lists(np.concatenate(([0], np.cumsum(size))), values)
        elif name.endswith(("_last", "_age")) and name != "sensor_last":
            out[name] = column.fillna(-1).to_numpy(dtype=np.int64)  # a missing id or age makes the column floats
        else:
            out[name] = column.to_numpy()
    return out
