"""Writing Parquet files row group by row group, in bounded memory; the one place that knows pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hearthside.leaving.folder import OutFile

_ROWS = 50_000  # of a row group, at most
_BYTES = 16 * 1024 * 1024  # of text in a row group, about
_GROWING = frozenset({"whole", "time", "local time"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file.

    Attributes:
        type: ``text``, ``whole``, ``number``, ``yes/no``, ``time`` (UTC, milliseconds) or ``local time`` (of the
            person's own clock, milliseconds, without a zone).
        meaning: for people, with the unit; it is in the file's schema and in the README.
        always: whether every row has a value.
    """

    name: str
    type: str
    meaning: str
    always: bool = True


@dataclass(frozen=True, slots=True)
class Picked:
    """A column that repeats a few values: `values[at[i]]` in row i, nothing where `at[i]` is -1."""

    values: Sequence[str]
    at: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Constant:
    """A column with the same value in every row."""

    value: str | int | None


Values: TypeAlias = "Sequence[Any] | npt.NDArray[Any] | Picked | Constant"


class ParquetFile:
    """A Parquet file while it is written: zstd, every column with its meaning.

    Args:
        file: where it goes; nothing is read back.
        columns: the columns, in order.
    """

    def __init__(self, file: OutFile, columns: Sequence[Column]) -> None:
        import pyarrow.parquet

        self._arrow = pyarrow
        types = {
            "text": pyarrow.string(), "whole": pyarrow.int64(), "number": pyarrow.float64(),
            "yes/no": pyarrow.bool_(), "time": pyarrow.timestamp("ms", tz="UTC"), "local time": pyarrow.timestamp("ms"),
        }  # fmt: skip
        fields = [
            pyarrow.field(c.name, types[c.type], nullable=not c.always, metadata={"meaning": c.meaning})
            for c in columns
        ]
        self._schema = pyarrow.schema(fields)
        # Times and positions mostly go up by a little: written as differences, samples take a third of the room.
        deltas = {c.name: "DELTA_BINARY_PACKED" for c in columns if c.type in _GROWING}
        repeated = [c.name for c in columns if c.name not in deltas and c.type != "yes/no"]
        self._writer = pyarrow.parquet.ParquetWriter(
            file, self._schema, compression="zstd", use_dictionary=repeated, column_encoding=deltas
        )
        self._rows: list[tuple[Any, ...]] = []
        self._blocks: list[Any] = []
        self._waiting = 0  # rows in blocks
        self._bytes = 0
        self.rows = 0

    def add(self, row: tuple[Any, ...], text_bytes: int = 0) -> None:
        """One row, a value for each column; a file takes either rows or blocks.

        Args:
            text_bytes: about how many bytes of text it has, so that long ones make shorter row groups.
        """
        self._rows.append(row)
        self._bytes += text_bytes
        self.rows += 1
        if len(self._rows) >= _ROWS or self._bytes >= _BYTES:
            self._flush()

    def add_block(self, rows: int, columns: Sequence[Values], text_bytes: int = 0) -> None:
        """Many rows, column by column."""
        arrays = [self._array(values, field.type, rows) for values, field in zip(columns, self._schema, strict=True)]
        self._blocks.append(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._bytes += text_bytes
        self._waiting += rows
        self.rows += rows
        if self._waiting >= _ROWS or self._bytes >= _BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the end of the file; the file itself stays open."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [
                self._arrow.array(values, type=field.type) for values, field in zip(columns, self._schema, strict=True)
            ]
            self._blocks.append(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        if self._blocks:
            table = self._arrow.concat_tables(self._blocks).combine_chunks()
            self._writer.write_table(table, row_group_size=max(len(table), 1))
        self._rows.clear()
        self._blocks.clear()
        self._bytes = self._waiting = 0

    def _array(self, values: Values, kind: Any, rows: int) -> Any:
        arrow = self._arrow
        if isinstance(values, Constant):
            if values.value is None:
                return arrow.nulls(rows, kind)
            return arrow.repeat(arrow.scalar(values.value, type=kind), rows)
        if isinstance(values, Picked):
            at = arrow.array(values.at, mask=values.at < 0)
            return arrow.array(list(values.values), type=kind).take(at)
        # In an array of numbers NaN is what says that there is none.
        return arrow.array(values, type=kind, from_pandas=isinstance(values, np.ndarray))
