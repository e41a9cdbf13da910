"""The derived, encrypted search index: keywords in FTS5, meaning in vectors that the journal holds."""

from __future__ import annotations

import base64
import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import apsw
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.alignment.kinds import is_life, note_of
from hearthside.alignment.revisions import revision_name
from hearthside.events import MINUTE_MS, Event, Json, Layer, Origin, Trust
from hearthside.identity.database import open_database, settle, take_place
from hearthside.journal import Journal, Stored
from hearthside.memory.documents import Document, around, names_said, searched_fields
from hearthside.memory.filtering import allowed_rows, conditions, row_bounds
from hearthside.memory.hits import Filters
from hearthside.memory.vector_cache import VectorCache
from hearthside.memory.words import indexed_text, match_any

_VERSION = "4"  # of the derived format: another one means indexing again from the journal
_BATCH = 5000

# Kinds whose words are worth a vector; songs, app titles and switches are found by their words.
EMBEDDED_KINDS = frozenset(
    {"message", "search", "watch", "post", "like", "caption", "utterance", "question", "podcast", "conversation"}
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS doc (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    layer TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    digest BLOB NOT NULL,
    embed INTEGER NOT NULL,
    revision BLOB UNIQUE,
    thread TEXT NOT NULL,
    conversation TEXT NOT NULL,
    speaker TEXT NOT NULL,
    length INTEGER NOT NULL,
    statements REAL NOT NULL,
    terms TEXT NOT NULL,
    size INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS doc_thread ON doc (thread, row) WHERE thread <> '';
CREATE INDEX IF NOT EXISTS doc_conversation ON doc (conversation, row) WHERE conversation <> '';
CREATE TABLE IF NOT EXISTS total (one INTEGER PRIMARY KEY CHECK (one = 1), documents INTEGER, terms INTEGER) STRICT;
INSERT OR IGNORE INTO total VALUES (1, 0, 0);
CREATE TABLE IF NOT EXISTS known_as (
    name TEXT NOT NULL, thread TEXT NOT NULL, speaker TEXT NOT NULL, id BLOB NOT NULL, PRIMARY KEY (name, thread, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS known_as_id ON known_as (id);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    body, content='', contentless_delete=1, tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TABLE IF NOT EXISTS vector (
    id BLOB NOT NULL, model TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (id, model)
) STRICT, WITHOUT ROWID;
"""
_WAITING = (
    "doc WHERE embed AND NOT EXISTS"
    " (SELECT 1 FROM vector WHERE vector.id = doc.id AND vector.model = coalesce(?1, vector.model))"
)
"""Documents that should have a vector, of a model or (None) of any, and have none."""

_TABLES = ("meta", "doc", "words", "vector", "total", "known_as")


class Index:
    """The search index of one vault, kept in step with the journal.

    A document's row number is ``minute << 20 | n``, so that a time range is a range of rows. Of a record with several
    revisions only the last is held.
    """

    def __init__(self, folder: Path, key: bytes, journal: Journal) -> None:
        self._path, self._key, self._journal = folder / "index.db", key, journal
        self._local = threading.local()
        self._updating = threading.Lock()
        self._vectors: VectorCache | None = None
        connection = self._connection()
        with connection:
            connection.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
            if self._meta("version", _VERSION) != _VERSION:
                for table in _TABLES:
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(_SCHEMA)

    # -- keeping in step ---------------------------------------------------------------------------------------------

    def update(
        self, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Take in what is new in the journal; returns how many records were looked at."""
        with self._updating:
            return self._update(progress, stop)

    def rebuild(
        self, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Forget the index and make it again from the journal; vectors come from the journal, no model is called."""
        with self._updating:
            self._clear()
            return self._update(progress, stop)

    def settle(self) -> None:
        """Put everything on the disk, nothing in the write-ahead log: after this a power cut changes nothing."""
        settle(self._connection())

    def use_key(self, key: bytes) -> None:
        """Go on with the file that another process put in its place under this key."""
        self._key = key

    def move_to(self, key: bytes, progress: Callable[[int, int], None] | None = None) -> None:
        """Make the index anew under another key, beside the present one, and then take its place."""
        with tempfile.TemporaryDirectory(dir=self._path.parent, prefix="moving-") as folder:
            new = Index(Path(folder), key, self._journal)
            new.update(progress)
            take_place(new._connection(), new._path, self._path)
        self._key, self._vectors = key, None

    def _clear(self) -> None:
        connection = self._connection()
        with connection:
            self._vectors_changed(connection)
            for table in ("doc", "vector", "known_as"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute("UPDATE total SET documents = 0, terms = 0")
            connection.execute("DELETE FROM meta WHERE name IN ('seq', 'model')")
            connection.execute("INSERT INTO words(words) VALUES ('delete-all')")

    def _update(self, progress: Callable[[int, int], None] | None, stop: Callable[[], bool]) -> int:
        seq, looked = int(self._meta("seq", "0")), 0
        total = self._journal.head().seq - seq
        connection = self._connection()
        while not stop():
            batch = list(self._journal.since(seq, _BATCH))
            if not batch:
                break
            with connection:
                # The write lock first: another process may have taken this batch in the meantime.
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (_VERSION,))
                if int(self._meta("seq", "0")) != seq:
                    seq = int(self._meta("seq", "0"))
                    continue
                for item in batch:
                    self._take(connection, item)
                seq = batch[-1].seq
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('seq', ?)", (str(seq),))
            looked += len(batch)
            if progress is not None:
                progress(looked, total)
        return looked

    def _take(self, connection: apsw.Connection, item: Stored) -> None:
        event = item.record
        if not isinstance(event, Event):
            return
        if event.kind == "embedding":
            self._take_vectors(connection, event.payload)
        elif is_life(event.kind):
            revision = revision_name(event.source, event.kind, event.key)
            if revision is not None:
                earlier = connection.execute("SELECT id FROM doc WHERE revision = ?", (revision,)).fetchone()
                if earlier is not None:
                    self._drop(connection, bytes(earlier[0]))
            if event.text:
                self._insert(connection, item.id, event, revision)

    def _insert(self, connection: apsw.Connection, identity: bytes, event: Event, revision: bytes | None) -> None:
        base = (event.start_ms // MINUTE_MS) << 20
        taken = "SELECT coalesce(max(row) + 1, ?) FROM doc WHERE row >= ? AND row < ?"
        row = _number(connection, taken, base, base, base + (1 << 20))
        digest = hashlib.blake2b(event.text.encode(), digest_size=16).digest()
        fields = searched_fields(event)
        size = len(fields[-1].split())
        connection.execute(
            f"INSERT INTO doc VALUES ({','.join('?' * 16)})",
            (
                row, identity, event.layer.value, event.source, event.kind, event.start_ms, digest,
                int(event.kind in EMBEDDED_KINDS), revision, *fields, size,
            ),
        )  # fmt: skip
        connection.execute("UPDATE total SET documents = documents + 1, terms = terms + ?", (size,))
        for name in names_said(event):
            known = (name, fields[0], fields[2], identity)
            connection.execute("INSERT OR IGNORE INTO known_as VALUES (?, ?, ?, ?)", known)
        body = indexed_text(f"{event.text}\n{note_of(event)}")
        connection.execute("INSERT INTO words(rowid, body) VALUES (?, ?)", (row, body))

    def _take_vectors(self, connection: apsw.Connection, payload: Mapping[str, Json]) -> None:
        matrix = np.frombuffer(base64.b64decode(payload["vectors"]), dtype=np.float16).reshape(-1, int(payload["dim"]))
        for text, vector in zip(payload["ids"], matrix, strict=True):
            identity = bytes.fromhex(text)
            # What was forgotten or replaced has no document, and its vector is not wanted either.
            if connection.execute("SELECT 1 FROM doc WHERE id = ?", (identity,)).fetchone() is not None:
                row = (identity, payload["model"], vector.tobytes())
                connection.execute("INSERT OR REPLACE INTO vector VALUES (?, ?, ?)", row)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('model', ?)", (payload["model"],))
        self._vectors_changed(connection)

    def remove(self, ids: Iterable[bytes]) -> None:
        """Take records out of the index at once (before or after forgetting)."""
        connection = self._connection()
        with connection:
            self._vectors_changed(connection)
            for identity in ids:
                self._drop(connection, identity)

    def _drop(self, connection: apsw.Connection, identity: bytes) -> None:
        row = connection.execute("SELECT row, size FROM doc WHERE id = ?", (identity,)).fetchone()
        if row is not None:
            connection.execute("DELETE FROM words WHERE rowid = ?", row[:1])
            connection.execute("DELETE FROM doc WHERE row = ?", row[:1])
            connection.execute("UPDATE total SET documents = documents - 1, terms = terms - ?", row[1:])
            connection.execute("DELETE FROM known_as WHERE id = ?", (identity,))
        connection.execute("DELETE FROM vector WHERE id = ?", (identity,))
        if connection.changes():
            self._vectors_changed(connection)

    def _vectors_changed(self, connection: apsw.Connection) -> None:
        """Count the change, so that every thread and process loads the vectors again before it next compares them."""
        connection.execute(
            "INSERT INTO meta VALUES ('vectors', '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1"
        )

    # -- searching ---------------------------------------------------------------------------------------------------

    def by_words(self, words: list[str], filters: Filters, limit: int) -> list[int]:
        """Rows of records that hold any of the words, best first (FTS5's BM25), of equals the newest."""
        if not words:
            return []
        where, values = conditions(filters)
        sql = (
            f"SELECT doc.row FROM words JOIN doc ON doc.row = words.rowid WHERE words MATCH ? AND {where}"
            " ORDER BY bm25(words), doc.row DESC LIMIT ?"
        )
        rows = self._connection().execute(sql, (match_any(words), *values, limit))
        return [int(row[0]) for row in rows]

    def by_meaning(
        self, query: npt.NDArray[np.float32], model: str, filters: Filters, limit: int
    ) -> list[tuple[int, float]]:
        """Rows and cosine similarities of the nearest records, best first; exact, over every vector in the filter.

        Args:
            query: unit vector, shape (dim,).
            model: only vectors of this embedding model are compared.
        """
        first, last = row_bounds(filters)
        allowed = allowed_rows(self._connection(), filters)
        rows, scores = self._cache(model).search(query, limit, first=first, last=last, allowed=allowed)
        return list(zip(rows.tolist(), scores.tolist(), strict=True))

    def newest(self, filters: Filters, limit: int) -> list[bytes]:
        """Ids of the newest records with words that the filters let through, newest first."""
        where, values = conditions(filters)
        sql = f"SELECT doc.id FROM doc WHERE {where} ORDER BY doc.row DESC LIMIT ?"
        return [bytes(row[0]) for row in self._connection().execute(sql, (*values, limit))]

    def ids(self, rows: Iterable[int]) -> list[bytes]:
        """Ids of the records in these rows, in the same order; rows that are gone are left out."""
        found = (self._connection().execute("SELECT id FROM doc WHERE row = ?", (row,)).fetchone() for row in rows)
        return [bytes(row[0]) for row in found if row is not None]

    def around(self, rows: Iterable[int], reach: int) -> list[list[Document]]:
        """Documents of these rows and their neighbours, see `documents.around`."""
        return around(self._connection(), rows, reach)

    def within(self, rows: Iterable[int], filters: Filters) -> set[int]:
        """Those of these rows that the filters let through."""
        where, values = conditions(filters)
        sql = f"SELECT doc.row FROM json_each(?) AS asked CROSS JOIN doc ON doc.row = asked.value WHERE {where}"
        found = self._connection().execute(sql, (orjson.dumps(list(rows)).decode(), *values))
        return {int(row[0]) for row in found}

    def frequencies(self, stems: Iterable[str]) -> tuple[dict[str, int], int, float]:
        """In how many documents each stem stands; how many documents there are; how many terms one has on average."""
        connection = self._connection()
        connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.frequency USING fts5vocab(main, words, 'row')")
        found = {}
        for stem in stems:
            row = connection.execute("SELECT doc FROM temp.frequency WHERE term = ?", (stem,)).fetchone()
            found[stem] = 0 if row is None else int(row[0])
        row = connection.execute("SELECT documents, terms FROM total").fetchone()
        documents, terms = (0, 0) if row is None else (int(row[0]), int(row[1]))
        return found, documents, terms / documents if documents else 0.0

    def known_as(self, names: Iterable[str]) -> dict[str, set[tuple[str, str]]]:
        """Who introduced themselves by these casefolded names: (thread, speaker) by name."""
        connection, found = self._connection(), dict[str, set[tuple[str, str]]]()
        for name in names:
            rows = list(connection.execute("SELECT DISTINCT thread, speaker FROM known_as WHERE name = ?", (name,)))
            if rows:
                found[name] = {(str(thread), str(speaker)) for thread, speaker in rows}
        return found

    def without_vector(self, limit: int, model: str | None = None) -> list[bytes]:
        """Ids of records that should have a vector (of this model, or of any) and have none, newest first."""
        rows = self._connection().execute(f"SELECT id FROM {_WAITING} ORDER BY row DESC LIMIT ?", (model, limit))
        return [bytes(row[0]) for row in rows]

    def drop_former_vectors(self, model: str) -> None:
        """Let go of other models' vectors once every record has one of this model; the journal still holds them."""
        connection = self._connection()
        with connection:
            if not _number(connection, f"SELECT count(*) FROM {_WAITING}", model):
                connection.execute("DELETE FROM vector WHERE model <> ?", (model,))
                if connection.changes():
                    self._vectors_changed(connection)

    def all_ids(self, batch: int) -> Iterator[list[bytes]]:
        """Ids of all documents, in batches."""
        last = -(1 << 63)
        while True:
            rows = list(
                self._connection().execute("SELECT row, id FROM doc WHERE row > ? ORDER BY row LIMIT ?", (last, batch))
            )
            if not rows:
                return
            last = rows[-1][0]
            yield [bytes(row[1]) for row in rows]

    def duplicates(self) -> int:
        """How many documents repeat the words of another from the same source at the same time."""
        return _number(
            self._connection(),
            "SELECT coalesce(sum(n - 1), 0) FROM"
            " (SELECT count(*) AS n FROM doc GROUP BY source, start_ms, digest HAVING n > 1)",
        )

    def sizes(self, model: str | None = None) -> dict[str, int]:
        """How many documents, vectors, and documents still waiting for a vector (of this model, or of any)."""
        connection = self._connection()
        return {
            "documents": _number(connection, "SELECT count(*) FROM doc"),
            "vectors": _number(connection, "SELECT count(DISTINCT id) FROM vector"),
            "waiting": _number(connection, f"SELECT count(*) FROM {_WAITING}", model),
        }

    def fingerprint(self) -> str:
        """A hash over documents, their words and vectors: equal indexes have equal fingerprints.

        Vectors of former models are left out: they only bridge the time until those of the present one are complete.
        """
        digest = hashlib.sha256()
        connection = self._connection()
        # Row numbers stay out: they only say in which order the documents of one minute came and went.
        columns = (
            "doc.id, layer, source, kind, start_ms, digest, embed, revision, thread, speaker, length, statements, terms"
        )
        for row in connection.execute(f"SELECT {columns} FROM doc ORDER BY id"):
            digest.update(repr(row).encode())
        present = (self._meta("model", ""),)
        for row in connection.execute("SELECT id, model, body FROM vector WHERE model = ? ORDER BY id", present):
            digest.update(repr(row).encode())
        for row in connection.execute("SELECT * FROM known_as ORDER BY name, thread, id"):
            digest.update(repr(row).encode())
        connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab(main, words, 'instance')")
        terms = "SELECT term, doc.id, terms.offset FROM temp.terms AS terms LEFT JOIN main.doc ON doc.row = terms.doc"
        for row in connection.execute(f"{terms} ORDER BY term, doc.id, terms.offset"):
            digest.update(repr(row).encode())
        return digest.hexdigest()

    def _cache(self, model: str) -> VectorCache:
        cache, state = self._vectors, self._meta("vectors", "0")
        if cache is None or (cache.model, cache.state) != (model, state):
            sql = (
                "SELECT doc.row, vector.body FROM vector JOIN doc ON doc.id = vector.id"
                " WHERE vector.model = ? ORDER BY doc.row"
            )
            rows = list(self._connection().execute(sql, (model,)))
            cache = VectorCache(model, state, [int(row[0]) for row in rows], [bytes(row[1]) for row in rows])
            self._vectors = cache
        return cache

    def _meta(self, name: str, default: str) -> str:
        row = self._connection().execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row[0])

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is not None and self._local.key != self._key:  # the file was written anew under another key
            connection.close()
            connection = None
        if connection is None:
            connection = open_database(self._path, self._key)
            connection.pragma("synchronous", "normal")  # derived: rebuilt when lost
            self._local.connection, self._local.key = connection, self._key
        return connection


def _number(connection: apsw.Connection, sql: str, *values: int | str | None) -> int:
    """The one number that a query gives."""
    row = connection.execute(sql, values).fetchone()
    return 0 if row is None else int(row[0])


def embedding_event(model: str, ids: list[bytes], vectors: npt.NDArray[np.float32], at_ms: int) -> Event:
    """A journal record of vectors, (n, dim): a model's output, with the spans it rests on and the model's name."""
    matrix = vectors.astype(np.float16)
    payload = {
        "model": model,
        "dim": int(matrix.shape[1]),
        "ids": [identity.hex() for identity in ids],
        "vectors": base64.b64encode(matrix.tobytes()).decode(),
    }
    return Event("memory", "embedding", Layer.TEXT, at_ms, Origin.AI, Trust.OWN, payload, clock="station")
