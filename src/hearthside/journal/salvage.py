"""Looking at one year file on its own, and reading what can still be read of a damaged one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw
import orjson

from hearthside.errors import HearthsideError, NeedsPerson
from hearthside.events import canonical, id_before_format_2
from hearthside.journal import files
from hearthside.journal.keyring import Keyring
from hearthside.journal.pages import wrong_in_pages
from hearthside.journal.sealing import Opened, commitments, link, prepare_body, unseal
from hearthside.journal.stamp import stamp_is_right
from hearthside.journal.year_file import Head, Row, YearFile

_ROWS_AT_ONCE = 256
_COLUMNS = "seq, id, source, kind, start_ms, end_ms, offset_min, key, sealed, commitment, chain"
# The table itself, and indexes that hold positions too: one of them mostly leads to the last row.
_LAST_ROW = (
    "SELECT max(seq) FROM record",
    "SELECT max(seq) FROM record INDEXED BY record_by_time WHERE start_ms > -9e18",
    "SELECT max(seq) FROM record INDEXED BY record_by_key WHERE key > 0",
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a year file found.

    Attributes:
        head: the end of the chain as its rows make it.
        sound: every page, row and link is what was written, but for keys that are missing.
        keyless: positions of rows whose key is missing.
    """

    head: Head
    sound: bool
    keyless: tuple[int, ...] = ()


def look_at(path: Path, keys: Sequence[bytes], vfs: str | None, before: Head, keyring: Keyring) -> Look:
    """Whether a file is as it was written, and continues a chain."""
    try:
        file = YearFile(path, keys, vfs)
    except (apsw.Error, KeyError, ValueError):
        return Look(before, False)
    except NeedsPerson as error:
        if error.code == "journal-newer":
            raise
        return Look(before, False)
    try:
        return look(file, keyring) if file.before == before else Look(before, False)
    finally:
        file.close()


def look(file: YearFile, keyring: Keyring) -> Look:
    """Whether a file is as it was written, apart from what it continues."""
    head = file.before
    keyless: list[int] = []
    try:
        file.checkpoint()
        with file.fresh() as connection:
            if wrong_in_pages(connection) or not stamp_is_right(connection):
                return Look(head, False)
        if file.wrong_at_opening or files.wrong_in_header(file.path, file.meta().get("salt", "")):
            return Look(head, False)
        keys = keyring.ids()
        for row in file.whole_rows(0, 2**62):
            chain = link(head.chain, row.commitment)
            if row.seq != head.seq + 1 or row.chain not in (None, chain):
                return Look(head, False)
            if row.sealed is not None and row.key not in keys:
                keyless.append(row.seq)
            elif not is_right(row, keyring):
                return Look(head, False)
            head = Head(row.seq, chain)
    except (apsw.Error, HearthsideError):
        return Look(head, False)
    return Look(head, True, tuple(keyless))


def is_right(row: Row, keyring: Keyring) -> bool:
    """Whether a row's content, columns and id are those its commitment was made for; an empty row is."""
    if row.sealed is None:
        return True
    inside = opened(row, keyring)
    if inside is None:
        return False
    right = row_of(row.seq, row.commitment, inside, row.key, row.sealed, row.id)
    return (right.id, right.values()[2:7]) == (row.id, row.values()[2:7])


def opened(row: Row, keyring: Keyring) -> Opened | None:
    """What a row seals, or None when it is not what its commitment was made for."""
    if row.sealed is None or row.key is None:
        return None
    try:
        inside = unseal(keyring.by_id(row.key).cipher, row.seq, row.sealed)
    except HearthsideError:
        return None
    return inside if row.commitment in commitments(inside) else None


def row_of(seq: int, commitment: bytes, inside: Opened, key: int | None, sealed: bytes | None, identity: bytes) -> Row:
    """A whole row, its columns made from its content; `identity` is kept where it is one the content had."""
    body = orjson.loads(inside.raw)
    p = prepare_body(body, inside.raw)
    old = id_before_format_2(canonical(body))
    if identity not in (p.id, old):
        identity = old if commitment == commitments(inside)[1] else p.id
    return Row(seq, identity, p.source, p.kind, p.start_ms, p.end_ms, p.offset_min, key, sealed, commitment, None)


def readable_rows(connection: apsw.Connection, first: int, last: int) -> Iterator[Row]:
    """Rows by position, in order, without those that lie on bad pages."""
    for start in range(first, last + 1, _ROWS_AT_ONCE):
        yield from _halved(connection, start, min(start + _ROWS_AT_ONCE - 1, last))


def last_row(connection: apsw.Connection) -> tuple[int, bool]:
    """The highest position that can be found, 0 when none can; and whether it is surely the last."""
    highest = 0
    for sql in _LAST_ROW:
        found = table_of(connection, sql)
        if found:
            highest = max(highest, int(str(found[0][0] or 0)))
            if sql == _LAST_ROW[0]:
                return highest, True
    return highest, False


def table_of(connection: apsw.Connection, sql: str) -> list[tuple[object, ...]] | None:
    """All rows of a small table, or None when it cannot be read to its end."""
    try:
        return [tuple(row) for row in connection.execute(sql)]
    except apsw.Error:
        return None


def _halved(connection: apsw.Connection, first: int, last: int) -> Iterator[Row]:
    rows = table_of(connection, f"SELECT {_COLUMNS} FROM record WHERE seq BETWEEN {first} AND {last} ORDER BY seq")
    if rows is not None:
        for row in rows:
            yield Row(*row)  # type: ignore[arg-type]
    elif first < last:
        middle = (first + last) // 2
        yield from _halved(connection, first, middle)
        yield from _halved(connection, middle + 1, last)
