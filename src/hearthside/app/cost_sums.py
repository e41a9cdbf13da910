"""Sums of what answers and other work cost, by quarter of an hour; derived from the journal, kept encrypted beside it.

A quarter of an hour, because local days begin at one in every zone. Everything is summed in whole numbers, so that the
order in which events are read makes no difference: made anew, the sums are the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import apsw
import orjson

from hearthside.errors import NeedsPerson
from hearthside.events import MINUTE_MS, Json
from hearthside.identity.database import open_database
from hearthside.journal import Journal
from hearthside.journal.bodies import Body
from hearthside.web.costs_views import Spending

_Answer = TypeVar("_Answer")

KIND = "cost"
ANSWER, NIGHT, OTHER, PROBE = "answer", "night", "other", "probe"
SLOT_MS = 15 * MINUTE_MS
_FILE = "costs.db"
_VERSION = "1"
_FEW = 20_000  # records that came since the last look; more are not read one by one, but those of two kinds alone
_KINDS = (KIND, "answer")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS spent (
    slot INTEGER NOT NULL, work TEXT NOT NULL, pieces INTEGER NOT NULL, completions INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_cached INTEGER NOT NULL, tokens_out INTEGER NOT NULL, ms INTEGER NOT NULL,
    measured INTEGER NOT NULL, mj INTEGER NOT NULL, PRIMARY KEY (slot, work)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answered (
    slot INTEGER PRIMARY KEY, answers INTEGER NOT NULL, worded INTEGER NOT NULL
) STRICT;
"""
_ADD_SPENT = (
    "INSERT INTO spent VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET pieces = pieces + 1,"
    " completions = completions + excluded.completions, tokens_in = tokens_in + excluded.tokens_in,"
    " tokens_cached = tokens_cached + excluded.tokens_cached, tokens_out = tokens_out + excluded.tokens_out,"
    " ms = ms + excluded.ms, measured = measured + excluded.measured, mj = mj + excluded.mj"
)
_ADD_ANSWERED = (
    "INSERT INTO answered VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET answers = answers + 1,"
    " worded = worded + excluded.worded"
)
_SUM_SPENT = (
    "SELECT work, sum(pieces), sum(completions), sum(tokens_in), sum(tokens_cached), sum(tokens_out), sum(ms),"
    " sum(measured), sum(mj) FROM spent WHERE slot >= ? AND slot < ? GROUP BY work"
)
_SUM_ANSWERED = "SELECT coalesce(sum(answers), 0), coalesce(sum(worded), 0) FROM answered WHERE slot >= ? AND slot < ?"
_BOUNDS = (
    "SELECT min(first), max(last) FROM (SELECT min(slot) AS first, max(slot) AS last FROM spent"
    " UNION ALL SELECT min(slot), max(slot) FROM answered)"
)


@dataclass(frozen=True, slots=True)
class Sums:
    """What a stretch of time cost.

    Attributes:
        answers: how many were given.
        worded: how many of them a model worded; costs of those before costs were kept are not known.
        by_work: what was spent, by sort of work.
    """

    answers: int
    worded: int
    by_work: Mapping[str, Spending]


class CostSums:
    """The sums of one vault. Safe to use from many threads and processes.

    Args:
        folder: the vault's folder.
        key: 32 bytes, `vault.key("costs")`; a file that another key made is made anew.
    """

    def __init__(self, folder: Path, key: bytes, journal: Journal) -> None:
        self._path, self._key, self._journal = folder / _FILE, key, journal
        self._lock = threading.Lock()

    def look(self) -> None:
        """Take in what came since the last look, and drop what was forgotten meanwhile."""
        self._asked(lambda connection: None)

    def rebuild(self) -> None:
        """Make everything anew from the journal."""
        with self._lock:
            self._remove()
        self.look()

    def bounds(self) -> tuple[int, int] | None:
        """Start of the first and of the last quarter of an hour of which anything is known, UTC ms."""
        [first, last] = self._asked(lambda connection: _row(connection, _BOUNDS))
        return None if first is None else (first * SLOT_MS, last * SLOT_MS)

    def between(self, moments: Iterable[tuple[int, int]]) -> list[Sums]:
        """The sums of stretches [start, end), UTC ms at quarters of an hour."""
        slots = [(start // SLOT_MS, -(-end // SLOT_MS)) for start, end in moments]
        return self._asked(lambda connection: [_sums(connection, first, end) for first, end in slots])

    # -- keeping in step ---------------------------------------------------------------------------------------------

    def _asked(self, question: Callable[[apsw.Connection], _Answer]) -> _Answer:
        """What the file answers, in step with the journal; made anew where it is of former keys, or damaged."""
        with self._lock:
            try:
                return self._answer(question)
            except (NeedsPerson, apsw.CorruptError):
                self._remove()
                return self._answer(question)

    def _answer(self, question: Callable[[apsw.Connection], _Answer]) -> _Answer:
        with closing(self._open()) as connection:
            self._update(connection)
            return question(connection)

    def _open(self) -> apsw.Connection:
        connection = open_database(self._path, self._key)
        connection.pragma("synchronous", "normal")  # derived: losing the last commits costs a look, never a record
        connection.pragma("secure_delete", "on")
        return connection

    def _remove(self) -> None:
        for suffix in ("-wal", "-shm", ""):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _update(self, connection: apsw.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._take_in(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _take_in(self, connection: apsw.Connection) -> None:
        connection.execute(_SCHEMA)
        journal = self._journal
        forgotten = {str(year): journal.changed_upto(year) for year, _, _ in journal.years()}
        state = {str(name): str(value) for name, value in connection.execute("SELECT name, value FROM meta")}
        upto, head = int(state.get("seq", 0)), journal.head().seq
        if state.get("version") != _VERSION or head < upto or _changed(orjson.loads(state["forgotten"]), forgotten):
            for table in ("spent", "answered", "meta"):
                connection.execute(f"DELETE FROM {table}")
            upto = 0
        for _, seq, body in self._since(upto, head):
            head = max(head, seq)
            _add(connection, body)
        values = {"version": _VERSION, "forgotten": orjson.dumps(forgotten).decode(), "seq": str(head)}
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def _since(self, upto: int, head: int) -> Iterable[tuple[bytes, int, Body]]:
        """Answers and costs after a position."""
        if upto and head - upto <= _FEW:
            found = self._journal.bodies_since(upto, _FEW + 1)
            return (item for item in found if item[2].kind in _KINDS)
        return (item for item in self._journal.bodies(kinds=_KINDS) if item[1] > upto)


def _changed(before: Mapping[str, int], now: Mapping[str, int]) -> bool:
    """Whether anything was forgotten since: counts of forgotten rows, by year."""
    years = before.keys() | now.keys()
    return any(before.get(year, 0) != now.get(year, 0) for year in years)


def _add(connection: apsw.Connection, body: Body) -> None:
    end_ms = body.start_ms if body.end_ms is None else body.end_ms
    slot, said = end_ms // SLOT_MS, body.payload
    if body.kind == "answer":
        connection.execute(_ADD_ANSWERED, (slot, int(bool(said.get("worded_by")))))
        return
    joules = said["joules"]
    values = (
        slot, said["work"], said["completions"], said["prompt_tokens"], said["cached_tokens"],
        said["completion_tokens"], round(1000 * said["seconds"]), int(joules is not None), round(1000 * (joules or 0)),
    )  # fmt: skip
    connection.execute(_ADD_SPENT, values)


def _sums(connection: apsw.Connection, first: int, end: int) -> Sums:
    """Of the quarters of an hour [first, end)."""
    [answers, worded] = _row(connection, _SUM_ANSWERED, first, end)
    by_work = dict[str, Spending]()
    for work, *counts in connection.execute(_SUM_SPENT, (first, end)):
        pieces, completions, tokens_in, tokens_cached, tokens_out, ms, measured, mj = (int(str(one)) for one in counts)
        by_work[str(work)] = Spending(
            pieces, completions, tokens_in, tokens_cached, tokens_out, ms / 1000, measured,
            mj / 1000 if measured else None,
        )  # fmt: skip
    return Sums(answers, worded, by_work)


def _row(connection: apsw.Connection, sql: str, *values: int) -> list[Json]:
    """The one row that a query gives."""
    return list(connection.execute(sql, values).fetchall()[0])
