"""Which document of the index has a vector of which embedding model, kept in step with the stores that hold them.

A vector belongs to a row of the index, and rows mean something only in the index file that gave them. So each index has
a generation, drawn when it is made or cleared, and the vectors lie under the model's name with it: vectors of a former
index are never taken for those of this one. The index says of each row whether it has a vector; with their number and a
sum over them it is known at once whether a store holds just these. What a power cut, a killed process or damage took
comes back from the journal; what should not be there goes.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import apsw
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.alignment.store import memory_of, remember, writing
from hearthside.events import Event, Json
from hearthside.journal import Journal
from hearthside.logs import logger
from hearthside.memory.vectors import VectorStore

SCHEMA = """
CREATE TABLE IF NOT EXISTS model (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, dim INTEGER NOT NULL,
    held INTEGER NOT NULL, digest INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS vector (
    model INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (model, row)
) STRICT, WITHOUT ROWID;
"""
TABLES = ("model", "vector")
KIND = "embedding"

_AT_ONCE = 65_536  # vectors given to a store at a time: large enough for whole segments, 50 MB
_FIRST_BACK = 1024  # vectors taken from the journal first, as a power cut takes the last few; then ever more at a time
_GENERATION = "generation"
_log = logger("memory")

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Model:
    """An embedding model whose vectors the index has.

    Attributes:
        dim: dimensions of its vectors.
        held: how many rows have one; digest: `digest_of` these rows.
    """

    number: int
    name: str
    dim: int
    held: int
    digest: int


class Changes:
    """What one transaction does to vectors: rows whose document went, and new vectors by model and row."""

    def __init__(self) -> None:
        self.gone: set[int] = set()
        self.added: dict[str, dict[int, Halves]] = {}

    def drop(self, row: int) -> None:
        """The document in this row goes, and every vector it has."""
        self.gone.add(row)
        for vectors in self.added.values():
            vectors.pop(row, None)

    def add(self, model: str, row: int, vector: Halves) -> None:
        """The document in this row gets a vector, (dim,)."""
        self.added.setdefault(model, {})[row] = vector

    def clear(self) -> None:
        """Everything was written."""
        self.gone.clear()
        self.added.clear()

    def __len__(self) -> int:
        return sum(map(len, self.added.values()))


class Embeddings:
    """The vectors of one index. Safe to use from many threads; whoever changes them holds the index's write lock.

    Args:
        folder: the folder in which the index lies; the stores are in ``vectors/`` in it.
        key: 32 bytes, of the stores.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._key = folder, key
        self._stores: dict[str, VectorStore] = {}
        self._lock = threading.Lock()

    # -- the life of a generation --------------------------------------------------------------------------------------

    def begin(self, connection: apsw.Connection) -> None:
        """See that the index has a generation, and drop what lies here under another one or another key."""
        VectorStore.drop_unless_it_opens(self._folder, self._key)
        if not memory_of(connection, _GENERATION):
            remember(connection, _GENERATION, secrets.token_hex(8))
        VectorStore.drop_others(self._folder, {self._name(connection, model) for model in self.models(connection)})

    def start_anew(self, connection: apsw.Connection) -> None:
        """Let go of every vector, of every model; from now on it is another generation."""
        self.keep_only(connection, "")
        remember(connection, _GENERATION, secrets.token_hex(8))

    def keep_only(self, connection: apsw.Connection, name: str) -> None:
        """Let go of all vectors of other models than this one."""
        for model in self.models(connection):
            if model.name != name:
                self._store(connection, model).drop(self._name(connection, model))
                connection.execute("DELETE FROM vector WHERE model = ?", (model.number,))
                connection.execute("DELETE FROM model WHERE number = ?", (model.number,))

    def settle(self, connection: apsw.Connection) -> None:
        """Put every vector on the disk, and nothing of those that were removed."""
        for model in self.models(connection):
            self._store(connection, model).settle()

    def use_key(self, key: bytes) -> None:
        """Go on under another key, in whatever the index's file now says."""
        with self._lock:
            self._key = key
            self._stores.clear()

    # -- reading -------------------------------------------------------------------------------------------------------

    def models(self, connection: apsw.Connection) -> list[Model]:
        """The models whose vectors the index has."""
        rows = connection.execute("SELECT number, name, dim, held, digest FROM model ORDER BY number")
        return [Model(int(n), str(name), int(dim), int(held), int(digest)) for n, name, dim, held, digest in rows]

    def nearest(
        self,
        connection: apsw.Connection,
        query: Floats,
        name: str,
        count: int,
        *,
        first: int | None = None,
        last: int | None = None,
        allowed: Rows | None = None,
    ) -> tuple[Rows, Floats]:
        """Rows and cosines of the nearest documents, best first, of equals the newest; see `VectorStore.search`.

        Args:
            query: unit vector, (dim,); nothing is near one of other dimensions than the model's.
        """
        model = self._model(connection, name)
        if model is None or query.shape != (model.dim,):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        store = self._store(connection, model)
        rows, scores = store.search(query, count, first=first, last=last, allowed=allowed)
        claimed = np.isin(rows, _claimed(connection, model, rows))  # not what another process is about to add or remove
        return rows[claimed], scores[claimed]

    def vectors(self, connection: apsw.Connection, name: str, rows: Rows) -> Halves:
        """The vectors of rows that have one, (n, dim); zeros for those that have none."""
        model = self._model(connection, name)
        if model is None:
            return np.zeros((len(rows), 0), dtype=np.float16)
        return self._store(connection, model).vectors(rows)[0]

    # -- writing, under the index's write lock -------------------------------------------------------------------------

    def take(self, connection: apsw.Connection, payload: Mapping[str, Json], changes: Changes) -> None:
        """Take vectors from a journal record; what was forgotten or replaced has no document, and its vector waits."""
        ids, matrix = _decoded(payload)
        places, rows = _rows_of(connection, ids)
        if not len(rows):
            return
        name = str(payload["model"])
        model = self._model(connection, name) or self._new_model(connection, name, matrix.shape[1])
        if model.dim != matrix.shape[1]:
            _log.warning("%d vectors have other dimensions than their model and are left out", len(rows))
            return
        for place, row in zip(places.tolist(), rows.tolist(), strict=True):
            changes.add(name, row, matrix[place])
        if len(changes) >= _AT_ONCE:
            self.write(connection, changes)

    def write(self, connection: apsw.Connection, changes: Changes) -> None:
        """Do what was noted, in the index's file and in the stores: these first, so that the index never says too much.

        When the transaction then fails, the stores hold something else than the index says, and `mend` sees it.
        """
        if not changes.gone and not len(changes):
            return
        gone = np.array(sorted(changes.gone), dtype=np.int64)
        for model in self.models(connection):
            new = changes.added.get(model.name, {})
            rows, store = np.array(list(new), dtype=np.int64), self._store(connection, model)
            if len(gone):
                store.remove(np.setdiff1d(gone, rows))
            if new:
                store.add(rows, np.stack(list(new.values())))
            self._note(connection, model, _unclaim(connection, model, gone), _claim(connection, model, rows))
        changes.clear()

    # -- mending -------------------------------------------------------------------------------------------------------

    def in_step(self, connection: apsw.Connection) -> bool:
        """Whether the stores hold just the vectors they should; no for a moment too while somebody writes."""
        return all(self._in_step(connection, model) for model in self.models(connection))

    def mend(self, connection: apsw.Connection, journal: Journal) -> None:
        """See that the stores hold just the vectors they should; what is missing comes from the journal."""
        for model in self.models(connection):
            if not self._in_step(connection, model):
                self._mend(connection, journal, model.name)

    def _in_step(self, connection: apsw.Connection, model: Model) -> bool:
        rows = self._store(connection, model).rows()
        return (model.held, model.digest) == (len(rows), digest_of(rows))

    def _mend(self, connection: apsw.Connection, journal: Journal, name: str) -> None:
        with writing(connection):  # nobody is in the midst of changing them now
            missing = self._cleared(connection, name)
        if missing is None:
            return
        _log.warning("vectors and index differ; %d vectors come from the journal again", len(missing))
        for ids, matrix in _journalled(journal, name) if len(missing) else ():
            with writing(connection):
                missing = np.setdiff1d(missing, self._put_back(connection, name, ids, matrix))
            if not len(missing):
                break
        with writing(connection):
            self._give_up(connection, name, missing)
        self.settle(connection)

    def _cleared(self, connection: apsw.Connection, name: str) -> Rows | None:
        """Remove what should not be there or is there twice.

        Returns:
            What should be there and is not; None when nothing is amiss.
        """
        model = self._model(connection, name)
        if model is None or self._in_step(connection, model):
            return None
        store = self._store(connection, model)
        claimed = _all_claimed(connection, model)
        held, times = np.unique(store.rows(), return_counts=True)
        store.remove(held[(times > 1) | ~np.isin(held, claimed)])
        return np.setdiff1d(claimed, store.rows())

    def _put_back(self, connection: apsw.Connection, name: str, ids: list[str], matrix: Halves) -> Rows:
        """Add those vectors that should be there and are not; returns their rows."""
        model, (places, rows) = self._model(connection, name), _rows_of(connection, ids)
        if model is None or model.dim != matrix.shape[1]:
            return rows[:0]
        store = self._store(connection, model)
        rows, first = np.unique(rows, return_index=True)
        wanted = np.isin(rows, _claimed(connection, model, rows)) & ~store.has(rows)
        store.add(rows[wanted], matrix[places[first[wanted]]])
        return rows[wanted]

    def _give_up(self, connection: apsw.Connection, name: str, missing: Rows) -> None:
        """What the journal does not have either waits for a vector again."""
        model = self._model(connection, name)
        if model is not None and len(missing):
            lost = missing[~self._store(connection, model).has(missing)]
            self._note(connection, model, _unclaim(connection, model, lost), lost[:0])

    # -- inside --------------------------------------------------------------------------------------------------------

    def _model(self, connection: apsw.Connection, name: str) -> Model | None:
        return next((model for model in self.models(connection) if model.name == name), None)

    def _new_model(self, connection: apsw.Connection, name: str, dim: int) -> Model:
        sql = "INSERT INTO model (name, dim, held, digest) VALUES (?, ?, 0, 0)"
        connection.execute(sql, (name, dim))
        return Model(connection.last_insert_rowid(), name, dim, 0, 0)

    def _note(self, connection: apsw.Connection, model: Model, gone: Rows, new: Rows) -> None:
        """Count what was taken from a model's rows and what came to them."""
        digest = (model.digest - digest_of(gone) + digest_of(new) + (1 << 63)) % (1 << 64) - (1 << 63)
        values = (model.held + len(new) - len(gone), digest, model.number)
        connection.execute("UPDATE model SET held = ?, digest = ? WHERE number = ?", values)

    def _name(self, connection: apsw.Connection, model: Model) -> str:
        return f"{memory_of(connection, _GENERATION)}/{model.name}"

    def _store(self, connection: apsw.Connection, model: Model) -> VectorStore:
        name = self._name(connection, model)
        with self._lock:
            store = self._stores.get(name)
            if store is None:
                generation = name.split("/", 1)[0]
                self._stores = {known: held for known, held in self._stores.items() if known.startswith(generation)}
                store = self._stores[name] = VectorStore(self._folder, self._key, name, model.dim)
        return store


def digest_of(rows: Rows) -> int:
    """A sum over rows that other rows have once in 2^64: each is mixed first, as SplitMix64 does (Steele et al. 2014).

    Sums over parts add up to the sum over the whole.
    """
    mixed = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return int(mixed.sum(dtype=np.uint64).view(np.int64))


def _decoded(payload: Mapping[str, Json]) -> tuple[list[str], Halves]:
    """Ids and vectors, (n, dim), of a journal record; none of what cannot be one."""
    try:
        ids = [str(identity) for identity in payload["ids"]]
        flat = np.frombuffer(base64.b64decode(payload["vectors"]), dtype="<f2")
        matrix = flat.reshape(len(ids), int(payload["dim"])).astype(np.float16, copy=False)
    except (KeyError, ValueError, TypeError, binascii.Error):
        _log.warning("a record of vectors cannot be read and is left out")
        return [], np.zeros((0, 0), dtype=np.float16)
    sound = np.flatnonzero(np.isfinite(matrix).all(axis=1))
    return [ids[place] for place in sound.tolist()], matrix[sound]


def _journalled(journal: Journal, name: str) -> Iterator[tuple[list[str], Halves]]:
    """All vectors of a model that the journal has, newest first, ever more at a time."""
    ids, parts, enough = list[str](), list[Halves](), _FIRST_BACK
    for item in journal.read(kinds=[KIND], newest_first=True):
        if not isinstance(item.record, Event) or item.record.payload.get("model") != name:
            continue
        some, matrix = _decoded(item.record.payload)
        if some and (not parts or matrix.shape[1] == parts[0].shape[1]):
            ids += some
            parts.append(matrix)
        if len(ids) >= enough:
            yield ids, np.concatenate(parts)
            ids, parts, enough = [], [], min(2 * enough, _AT_ONCE)
    if ids:
        yield ids, np.concatenate(parts)


def _rows_of(connection: apsw.Connection, ids: list[str]) -> tuple[npt.NDArray[np.int64], Rows]:
    """Of records by hex id, those whose documents should have a vector: their places in the list, and rows."""
    sql = (
        "SELECT asked.key, doc.row FROM json_each(?) AS asked CROSS JOIN doc ON doc.id = unhex(asked.value)"
        " WHERE doc.embed = 1"
    )
    found = np.array(list(connection.execute(sql, (orjson.dumps(ids).decode(),))), dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _claimed(connection: apsw.Connection, model: Model, rows: Rows) -> Rows:
    """Those of some rows that have a vector."""
    sql = "SELECT row FROM carray(?2) AS asked CROSS JOIN vector ON row = asked.value WHERE model = ?1"
    return _rows(connection, sql, model, rows)


def _all_claimed(connection: apsw.Connection, model: Model) -> Rows:
    found = connection.execute("SELECT row FROM vector WHERE model = ? ORDER BY row", (model.number,))
    return np.fromiter((row[0] for row in found), dtype=np.int64)


def _claim(connection: apsw.Connection, model: Model, rows: Rows) -> Rows:
    """Note that these rows have a vector; returns those that had none."""
    sql = "INSERT OR IGNORE INTO vector SELECT ?1, value FROM carray(?2) WHERE true RETURNING row"
    return _rows(connection, sql, model, rows)


def _unclaim(connection: apsw.Connection, model: Model, rows: Rows) -> Rows:
    """Note that these rows have no vector; returns those that had one."""
    sql = "DELETE FROM vector WHERE model = ?1 AND row IN (SELECT value FROM carray(?2)) RETURNING row"
    return _rows(connection, sql, model, rows)


def _rows(connection: apsw.Connection, sql: str, model: Model, rows: Rows) -> Rows:
    if not len(rows):  # SQLite takes no empty array
        return np.zeros(0, dtype=np.int64)
    values = (model.number, apsw.carray(np.ascontiguousarray(rows, dtype=np.int64)))
    return np.fromiter((row[0] for row in connection.execute(sql, values)), dtype=np.int64)
