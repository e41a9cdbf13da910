"""Rows as a backup carries them: framed in order of position, in pieces of some megabytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from hearthside.errors import Refused
from hearthside.journal.sealing import SealedRow

MAX_ROWS = 20_000
MAX_BYTES = 8 * 1024 * 1024

_MAGIC = b"hearthside rows 1\n"
_COUNT = struct.Struct(">I")
_ROW = struct.Struct(">QqI32s")  # position, key (-1: none), bytes sealed, commitment


def encode(rows: Iterable[SealedRow]) -> bytes:
    """Rows as one content."""
    parts = [
        _ROW.pack(row.seq, -1 if row.key_id is None else row.key_id, len(row.sealed or b""), row.commitment)
        + (row.sealed or b"")
        for row in rows
    ]
    return b"".join([_MAGIC, _COUNT.pack(len(parts)), *parts])


def decode(content: bytes, name: str) -> list[SealedRow]:
    """The rows of a content that was proved genuine.

    Raises:
        Refused: it has another format.
    """
    start = len(_MAGIC) + _COUNT.size
    try:
        if not content.startswith(_MAGIC):
            raise ValueError("another format")
        (count,) = _COUNT.unpack(content[len(_MAGIC) : start])
        rows = list(_decoded(content, start))
        if len(rows) != count:
            raise ValueError("another number of rows")
    except (ValueError, struct.error) as error:
        raise Refused(
            "backup-format", f"The backup's {name} has a format that this Hearthside does not know. Update Hearthside."
        ) from error
    return rows


def pieces(rows: Iterable[SealedRow]) -> Iterator[list[SealedRow]]:
    """Rows in groups that fit an object; where they are cut depends on the rows alone."""
    group: list[SealedRow] = []
    size = 0
    for row in rows:
        if group and (len(group) == MAX_ROWS or size >= MAX_BYTES):
            yield group
            group, size = [], 0
        group.append(row)
        size += _ROW.size + len(row.sealed or b"")
    if group:
        yield group


def is_full(rows: int, size: int) -> bool:
    """Whether an object of so many rows and bytes is as large as `pieces` makes them."""
    return rows >= MAX_ROWS or size >= MAX_BYTES


def _decoded(content: bytes, at: int) -> Iterator[SealedRow]:
    while at < len(content):
        seq, key_id, length, commitment = _ROW.unpack_from(content, at)
        at += _ROW.size
        if at + length > len(content):
            raise ValueError("cut short")
        sealed = content[at : at + length] if key_id >= 0 else None
        yield SealedRow(seq, None if key_id < 0 else key_id, sealed, commitment)
        at += length
