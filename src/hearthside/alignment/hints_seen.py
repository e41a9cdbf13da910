"""Names of places met on a day, kept beside its chunks: of regions, and of what the glasses saw."""

from __future__ import annotations

import apsw
import orjson

from hearthside.alignment.columns import EventColumns
from hearthside.alignment.place_names import Hint
from hearthside.alignment.store import next_version
from hearthside.events import MINUTE_MS

KINDS = frozenset({"region_enter", "caption"})
_AGAIN_MS = 10 * MINUTE_MS  # the same name is noted again after this long


def pack_hints(own: EventColumns) -> bytes:
    """The names met in a chunk as bytes; none gives no bytes."""
    region = own.kind == "region_enter"
    rows, said = [], dict[str, int]()
    for i, (name, start) in enumerate(zip(own.text if region else own.note, own.start_ms.tolist(), strict=True)):
        if name and start - said.get(name, start - _AGAIN_MS) >= _AGAIN_MS:
            said[name] = start
            rows.append([start, name, *(_number(own, field, i) if region else None for field in ("lat", "lon"))])
    return orjson.dumps(rows) if rows else b""


def note_hints(connection: apsw.Connection, number: int, day: int, body: bytes) -> None:
    """Keep the names met in one stream on one day."""
    sql = "SELECT body FROM hint WHERE day = ? AND stream = ?"
    before = connection.execute(sql, (day, number)).fetchone()
    if (b"" if before is None else before[0]) == body:
        return
    next_version(connection, "hints")
    if body:
        connection.execute("INSERT OR REPLACE INTO hint VALUES (?, ?, ?)", (day, number, body))
    else:
        connection.execute("DELETE FROM hint WHERE day = ? AND stream = ?", (day, number))


def read_hints(connection: apsw.Connection) -> list[Hint]:
    """Every name met, in order of time."""
    sql = "SELECT kind, body FROM hint JOIN stream ON stream.id = hint.stream"
    found = [
        Hint(start, name, str(kind), lat, lon)
        for kind, body in connection.execute(sql)
        for start, name, lat, lon in orjson.loads(body)
    ]
    return sorted(found, key=lambda hint: (hint.start_ms, hint.name, hint.kind))


def _number(own: EventColumns, field: str, index: int) -> float | None:
    value = float(own.numbers[field][index])
    return None if value != value else value
