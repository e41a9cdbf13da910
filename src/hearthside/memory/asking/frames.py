"""Rows or groups of a query as an Arrow table, for Parquet, CSV, pandas and Polars.

The whole life stream as Parquet is `hearthside export`; this is for the part that a query asks for.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from hearthside.errors import ConfigError, NeedsPerson, Refused
from hearthside.events import MINUTE_MS
from hearthside.memory.asking.conditions import check_fields
from hearthside.memory.asking.query import CLOCKS, Query, canonical, checked
from hearthside.memory.asking.reading import Heard
from hearthside.memory.asking.result import Answer
from hearthside.memory.asking.rows import Rows, Words
from hearthside.memory.asking.run import ask, field_values, needed_of
from hearthside.memory.asking.selecting import Needed, select_rows
from hearthside.memory.asking.source import LifeSource
from hearthside.memory.asking.written import written

Table = Any
"""A `pyarrow.Table`; pyarrow has no type information."""


def frame(life: LifeSource, query: Query, now_ms: int) -> Table:
    """The groups of a query, or without groups every row that matches, as a `pyarrow.Table`.

    Times are UTC timestamps in ms; `local_start` is the person's own clock, without a zone; `id` is the journal id,
    hex. The schema's metadata hold the query (``query``, JSON) and its sentence.

    Raises:
        Refused: as `ask`.
    """
    if query.by:
        return _groups_table(ask(life, query, now_ms, evidence_limit=0))
    check_fields(checked(query).select)
    base = needed_of(query)
    needed = Needed(base.words | {"text", "note"}, base.numbers, base.as_time)
    return _rows_table(life, query, select_rows(life, query.select, Heard(), needed).rows)


def to_pandas(table: Table) -> Any:
    """The table as a pandas DataFrame.

    Raises:
        ConfigError: ``library-absent``.
    """
    _library("pandas")
    return table.to_pandas()


def to_polars(table: Table) -> Any:
    """The table as a Polars DataFrame.

    Raises:
        ConfigError: ``library-absent``.
    """
    return _library("polars").from_arrow(table)


def save(table: Table, path: Path) -> None:
    """Write a new file, Parquet (zstd) or by its ending ``.csv`` CSV; all of it or nothing.

    Raises:
        Refused: ``file-exists``: there is a file of that name.
        NeedsPerson: ``file-not-written``: the folder cannot be written to, or the disk failed.
    """
    try:
        path.open("xb").close()  # the name is ours from here on
    except FileExistsError as error:
        raise Refused("file-exists", f"{path} exists already and was left as it is. Choose another name.") from error
    except OSError as error:
        raise NeedsPerson("file-not-written", f"{path} cannot be made ({error.strerror}); nothing is there.") from error
    try:
        with TemporaryDirectory(dir=path.parent, prefix=".query-") as folder:
            beside = Path(folder) / path.name
            if path.suffix.lower() == ".csv":
                import_module("pyarrow.csv").write_csv(_for_csv(table), beside)
            else:
                import_module("pyarrow.parquet").write_table(table, beside, compression="zstd")
            beside.replace(path)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise NeedsPerson("file-not-written", f"{path} could not be written ({error}); nothing is there.") from error


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            "library-absent",
            f"{name} is not installed in this environment; Hearthside itself does not need it. Install {name}, or write"
            " a Parquet file and open it elsewhere.",
        ) from error


# -- tables ------------------------------------------------------------------------------------------------------------


def _table(columns: dict[str, Any], query: Query) -> Table:
    arrow = import_module("pyarrow")
    return arrow.table(columns).replace_schema_metadata({"query": canonical(query), "sentence": written(query)})


def _groups_table(answer: Answer) -> Table:
    arrow = import_module("pyarrow")
    columns: dict[str, Any] = {
        name: arrow.array([group.key[i] for group in answer.groups], arrow.string())
        for i, name in enumerate(answer.query.by)
    }
    columns["value"] = arrow.array([group.value for group in answer.groups], arrow.float64())
    columns["unit"] = arrow.array([answer.unit] * len(answer.groups), arrow.string())
    columns["at"] = arrow.array([group.at for group in answer.groups], arrow.string())
    for name in ("count", "days", "heard"):
        columns[name] = arrow.array([getattr(group, name) for group in answer.groups], arrow.int64())
    return _table(columns, answer.query)


def _rows_table(life: LifeSource, query: Query, rows: Rows) -> Table:
    arrow = import_module("pyarrow")
    moment, local = arrow.timestamp("ms", tz="UTC"), arrow.timestamp("ms")
    local_start = rows.start_ms + np.where(rows.by_day, 0, rows.offset_min * MINUTE_MS)
    layer, source, kind = (
        _picked([stream[i] for stream in rows.streams], rows.stream, rows.stream >= 0) for i in range(3)
    )
    clock = f"{query.field}_clock_min" if query.field in CLOCKS else ""
    numbers = {name: arrow.array(values, from_pandas=True) for name, values in rows.numbers.items()}
    columns = {
        "start": arrow.array(rows.start_ms, moment),
        "end": arrow.array(rows.end_ms, moment, mask=~rows.lasts),
        "local_start": arrow.array(local_start, local),
        "local_day": arrow.array(rows.day.astype("datetime64[D]")),
        "offset_min": arrow.array(rows.offset_min.astype(np.int16)),
        "only_day": arrow.array(rows.by_day),
        "layer": layer,
        "source": source,
        "kind": kind,
        "text": _words(rows.words["text"]),
        "note": _words(rows.words["note"]),
        "amount": arrow.array(rows.amount, from_pandas=True),
        "duration_s": arrow.array(rows.held_ms / 1000, mask=~rows.lasts),
        **({clock: arrow.array(field_values(life, query.field, rows), from_pandas=True)} if clock else {}),
        **numbers,
        "id": arrow.array([raw.hex() if any(raw := one.tobytes()) else None for one in rows.ids], arrow.string()),
    }
    return _table(columns, query)


def _words(words: Words) -> Any:
    return _picked(words.names, words.code, words.code >= 0)


def _picked(names: Any, code: npt.NDArray[np.int64], there: npt.NDArray[np.bool_]) -> Any:
    """Names by number, null for none; "" is none too."""
    arrow = import_module("pyarrow")
    found = arrow.array([name or None for name in names], arrow.string())
    return found.take(arrow.array(code, mask=~there))


def _for_csv(table: Table) -> Table:
    """Words that a spreadsheet would take for a formula get an apostrophe before them: many are strangers' words."""
    arrow, compute = import_module("pyarrow"), import_module("pyarrow.compute")
    columns = []
    for column in table.columns:
        if arrow.types.is_string(column.type):
            formula = compute.match_substring_regex(column, r"^[=+\-@\t\r]")
            column = compute.if_else(formula, compute.binary_join_element_wise("'", column, ""), column)
        columns.append(column)
    return arrow.table(columns, names=table.column_names)
