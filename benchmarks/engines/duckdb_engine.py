"""DuckDB on the generated streams: ASOF joins, group-by with lists, unnested ranges; into a table in memory."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from benchmarks.streams import COLUMNS, LISTED, MINUTE_MS, START_MS, TOLERANCE_MS, Columns, Lists

Tables = duckdb.DuckDBPyConnection


def load(folder: Path, minutes: int) -> Tables:
    """The streams as tables in memory."""
    tables = duckdb.connect(":memory:")
    for name in (*TOLERANCE_MS, "app"):
        tables.execute(f"CREATE TABLE {name} AS FROM '{folder / name}.parquet'")
    tables.execute(
        f"CREATE TABLE slices AS SELECT range AS slice, {START_MS} + (range + 1) * {MINUTE_MS} - 1 AS ending"
        f" FROM range({minutes})"
    )
    return tables


def join(tables: Tables) -> Tables:
    """All columns of all slices, as the table ``joined``."""
    tables.execute("DROP TABLE IF EXISTS joined")
    tables.execute(f"CREATE TABLE joined AS {_query()}")
    return tables


def _query() -> str:
    more = {"sensor": ", avg(v) AS mean"} | {name: ", list(id) AS ids" for name in LISTED}
    parts = [
        f"{name}_in AS (SELECT (t - {START_MS}) // {MINUTE_MS} AS slice, count(*) AS n{more.get(name, '')}"
        f" FROM {name} GROUP BY 1)"
        for name in TOLERANCE_MS
    ]
    begin = f"({START_MS} + slice * {MINUTE_MS})"
    parts.append(
        f"app_in AS (SELECT slice, count(*) AS n, list(id) AS ids,"
        f" sum(least(e, {begin} + {MINUTE_MS}) - greatest(s, {begin}))::BIGINT AS ms"
        f" FROM (SELECT s, e, id, unnest(range((s - {START_MS}) // {MINUTE_MS},"
        f" (e - 1 - {START_MS}) // {MINUTE_MS} + 1)) AS slice FROM app) GROUP BY 1)"
    )
    joins = [f"ASOF LEFT JOIN {name} ON slices.ending >= {name}.t" for name in TOLERANCE_MS]
    joins += [f"LEFT JOIN {name}_in ON {name}_in.slice = slices.slice" for name in (*TOLERANCE_MS, "app")]
    chosen = ", ".join(f"{_wanted(column)} AS {column}" for column in COLUMNS)
    return f"WITH {', '.join(parts)} SELECT {chosen} FROM slices {' '.join(joins)}"


def _wanted(column: str) -> str:
    """The expression of an output column."""
    name, _, field = column.partition("_")
    if column == "slice":
        return "slices.slice"
    if field in {"n", "ms"}:
        return f"coalesce({name}_in.{field}, 0)"
    if field in {"mean", "ids"}:
        return f"{name}_in.{field}"
    age = f"slices.ending - {name}.t"
    value = age if field == "age" else f"{name}.{ {'sensor': 'v', 'gps': field}.get(name, 'id') }"
    return f"CASE WHEN {age} <= {TOLERANCE_MS[name]} THEN {value} END"


def columns(result: Tables) -> Columns:
    """The result in the form of all engines; its lists come in no order of their own."""
    chosen = [f"list_sort(coalesce({name}, [])) AS {name}" if name.endswith("_ids") else name for name in COLUMNS]
    found = result.sql(f"SELECT {', '.join(chosen)} FROM joined ORDER BY slice").to_arrow_table()
    out: Columns = {}
    for name in COLUMNS:
        column = found[name].combine_chunks()
        if name.endswith("_ids"):
            out[name] = Lists(column.offsets.to_numpy().astype(np.int64), column.values.to_numpy())
        else:
            floating = str(column.type) == "double"
            out[name] = column.fill_null(np.nan if floating else -1).to_numpy(zero_copy_only=False)
    return out
