"""Polars on the generated streams: as-of joins, group-by and explode, in the quickest of the forms tried.

Tried: the streaming engine, which `collect` chooses of itself (three times slower); `group_by_dynamic`, and group-by
that does not keep the order (a little slower); data frames instead of lazy frames (the same).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.streams import COLUMNS, LISTED, MINUTE_MS, START_MS, TOLERANCE_MS, Columns, Lists

Tables = dict[str, pl.DataFrame]


def load(folder: Path, minutes: int) -> Tables:
    """The streams as data frames that know they are sorted."""
    tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in (*TOLERANCE_MS, "app")}
    for name in TOLERANCE_MS:
        tables[name] = tables[name].with_columns(pl.col("t").set_sorted())
    number = pl.int_range(minutes, dtype=pl.Int64, eager=True).alias("slice").set_sorted()
    end = (START_MS + (number + 1) * MINUTE_MS - 1).alias("end").set_sorted()
    return tables | {"slices": pl.DataFrame([number, end])}


def join(tables: Tables) -> pl.DataFrame:
    """All columns of all slices."""
    out = tables["slices"].lazy()
    for name, tolerance in TOLERANCE_MS.items():
        events = tables[name].lazy()
        found = events.rename({column: f"{name}_{column}" for column in tables[name].columns})
        out = out.join_asof(
            found, left_on="end", right_on=f"{name}_t", strategy="backward", tolerance=tolerance, coalesce=False
        )
        out = out.join(_in_each(name, events), on="slice", how="left", maintain_order="left")
    out = out.join(_apps(tables["app"].lazy()), on="slice", how="left", maintain_order="left")
    out = out.with_columns(gps_age=pl.col("end") - pl.col("gps_t"))
    last = {"sensor_v": "sensor_last"} | {f"{name}_id": f"{name}_last" for name in LISTED}
    return out.rename(last).select(COLUMNS).collect(engine="in-memory")


def _in_each(name: str, events: pl.LazyFrame) -> pl.LazyFrame:
    """What lies within each minute in which there is something."""
    wanted = [pl.len().alias(f"{name}_n")]
    if name == "sensor":
        wanted.append(pl.col("v").mean().alias("sensor_mean"))
    if name in LISTED:
        wanted.append(pl.col("id").alias(f"{name}_ids"))
    numbered = events.with_columns(slice=(pl.col("t") - START_MS) // MINUTE_MS).set_sorted("slice")
    return numbered.group_by("slice", maintain_order=True).agg(wanted).set_sorted("slice")


def _apps(apps: pl.LazyFrame) -> pl.LazyFrame:
    """An interval in every minute that it touches."""
    first, final = (pl.col("s") - START_MS) // MINUTE_MS, (pl.col("e") - 1 - START_MS) // MINUTE_MS
    each = apps.with_columns(slice=pl.int_ranges(first, final + 1)).explode("slice")
    begin = START_MS + pl.col("slice") * MINUTE_MS
    overlap = pl.min_horizontal("e", begin + MINUTE_MS) - pl.max_horizontal("s", begin)
    grouped = each.with_columns(overlap=overlap).group_by("slice")
    return grouped.agg(pl.len().alias("app_n"), pl.col("overlap").sum().alias("app_ms"), pl.col("id").alias("app_ids"))


def columns(result: pl.DataFrame) -> Columns:
    """The result in the form of all engines."""
    out: Columns = {}
    for name in COLUMNS:
        column = result[name]
        if name.endswith("_ids"):
            size = column.list.len().fill_null(0).to_numpy()
            values = column.explode(empty_as_null=False, keep_nulls=False).to_numpy()
            out[name] = Lists(np.concatenate(([0], np.cumsum(size, dtype=np.int64))), values)
        elif column.dtype == pl.Float64:
            out[name] = column.fill_null(np.nan).to_numpy()
        else:
            out[name] = column.fill_null(0 if name.endswith(("_n", "_ms")) else -1).cast(pl.Int64).to_numpy()
    return out
