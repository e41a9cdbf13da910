"""The derived, encrypted search index: keywords in FTS5, meaning in vectors, which the journal has too."""

from __future__ import annotations

import base64
import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import apsw
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.alignment.kinds import is_life, note_of
from hearthside.alignment.revisions import revision_name
from hearthside.alignment.store import memory_of, remember, writing
from hearthside.errors import NeedsPerson
from hearthside.events import MINUTE_MS, Event, Layer, Origin, Trust
from hearthside.identity.database import open_database, settle, take_place
from hearthside.journal import Journal, Stored
from hearthside.memory import embeddings
from hearthside.memory.documents import Document, around, names_said, searched_fields
from hearthside.memory.embeddings import Changes, Embeddings
from hearthside.memory.filtering import allowed_rows, conditions, row_bounds
from hearthside.memory.hits import Filters
from hearthside.memory.vectors import VectorStore
from hearthside.memory.words import indexed_text, match_any

_VERSION = "5"  # of the derived format: another one means indexing again from the journal
_BATCH = 5000
_VECTORS = 1000  # records of vectors that are taken at a time: 70 MB

# Kinds whose words are worth a vector; songs, app titles and switches are found by their words.
EMBEDDED_KINDS = frozenset(
    {"message", "search", "watch", "post", "like", "caption", "utterance", "question", "podcast", "conversation"}
)

_META = "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
_SCHEMA = f"""
{_META}
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
CREATE INDEX IF NOT EXISTS doc_embed ON doc (embed) WHERE embed = 1;
CREATE INDEX IF NOT EXISTS doc_kind ON doc (layer, source, kind);
CREATE TABLE IF NOT EXISTS total (
    one INTEGER PRIMARY KEY CHECK (one = 1), documents INTEGER NOT NULL, terms INTEGER NOT NULL, embed INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO total VALUES (1, 0, 0, 0);
CREATE TABLE IF NOT EXISTS known_as (
    name TEXT NOT NULL, thread TEXT NOT NULL, speaker TEXT NOT NULL, id BLOB NOT NULL, PRIMARY KEY (name, thread, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS known_as_id ON known_as (id);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    body, content='', contentless_delete=1, tokenize='porter unicode61 remove_diacritics 2'
);
{embeddings.SCHEMA}
"""
_TABLES = ("meta", "doc", "words", "total", "known_as", *embeddings.TABLES)
_LISTED = 20_000  # rows that a filter lets through are listed at once, 5 ms; more only where nothing else helps


class Index:
    """The search index of one vault, kept in step with the journal.

    A document's row number is ``minute << 20 | n``, so that a time range is a range of rows. Of a record with several
    revisions only the last is held.

    Args:
        folder: the vault's folder; words lie in ``index.db`` in it, vectors in ``vectors/``.
        key: 32 bytes, `vault.key("index")`.
        vectors_key: 32 bytes, `vault.key("vectors")`; without it the stores derive their keys from the other one.
    """

    def __init__(self, folder: Path, key: bytes, journal: Journal, vectors_key: bytes | None = None) -> None:
        self._folder, self._path, self._key, self._journal = folder, folder / "index.db", key, journal
        self._local = threading.local()
        self._updating = threading.Lock()
        self._embeddings = Embeddings(folder, vectors_key or key)
        connection = self._connection()
        with writing(connection):
            connection.execute(_META)
            former = memory_of(connection, "version", _VERSION) != _VERSION
            for table in _TABLES if former else ():
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(_SCHEMA)
            self._embeddings.begin(connection)
        if former:
            with suppress(apsw.BusyError):  # somebody else writes: then the room is used again, not given back
                connection.execute("VACUUM")

    # -- keeping in step ---------------------------------------------------------------------------------------------

    def update(
        self, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Take in what is new in the journal; returns how many records were looked at."""
        with self._updating:
            return self._update(progress, stop)

    def pending(self) -> bool:
        """Whether records wait to be indexed, or a store does not hold just the vectors it should; see `update`."""
        connection = self._connection()
        behind = int(self._meta("seq", "0")) < self._journal.head().seq
        return behind or not self._embeddings.in_step(connection)

    def rebuild(
        self, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Forget the index and make it again from the journal; vectors come from the journal, no model is called."""
        with self._updating:
            self._clear()
            return self._update(progress, stop)

    def settle(self) -> None:
        """Put everything on the disk, nothing in the write-ahead log: after this a power cut changes nothing."""
        self._embeddings.settle(self._connection())
        settle(self._connection())

    def use_key(self, key: bytes, vectors_key: bytes | None = None) -> None:
        """Go on with the files that another process put in their place under these keys."""
        self._key = key
        self._embeddings.use_key(vectors_key or key)
        with suppress(NeedsPerson):  # the other process is not that far: whoever opens the index next sees to it
            connection = self._connection()
            with writing(connection):
                self._embeddings.begin(connection)

    def move_to(
        self, key: bytes, progress: Callable[[int, int], None] | None = None, vectors_key: bytes | None = None
    ) -> None:
        """Make the index anew under other keys, beside the present one, and then take its place."""
        with self._updating, tempfile.TemporaryDirectory(dir=self._folder, prefix="moving-") as folder:
            new = Index(Path(folder), key, self._journal, vectors_key)
            new.update(progress)
            new.settle()
            # The vectors first: they are of a generation that the file in force does not know, and disturb nobody.
            VectorStore.take_in(self._folder, Path(folder))
            take_place(new._connection(), new._path, self._path)
            self.use_key(key, vectors_key)

    def _clear(self) -> None:
        connection = self._connection()
        with writing(connection):
            self._embeddings.start_anew(connection)
            for table in ("doc", "known_as"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute("UPDATE total SET documents = 0, terms = 0, embed = 0")
            connection.execute("DELETE FROM meta WHERE name IN ('seq', 'model', 'embedded_ms')")
            connection.execute("INSERT INTO words(words) VALUES ('delete-all')")

    def _update(self, progress: Callable[[int, int], None] | None, stop: Callable[[], bool]) -> int:
        connection = self._connection()
        self._embeddings.mend(connection, self._journal)
        seq, looked = int(self._meta("seq", "0")), 0
        total = self._journal.head().seq - seq
        while not stop():
            batch = self._next(seq)
            if not batch:
                self._let_former_go(connection)
                break
            with writing(connection):
                remember(connection, "version", _VERSION)
                if int(self._meta("seq", "0")) != seq:  # another process has taken this batch in the meantime
                    seq = int(self._meta("seq", "0"))
                    continue
                self._take_all(connection, batch)
                seq = batch[-1].seq
                remember(connection, "seq", str(seq))
            looked += len(batch)
            if progress is not None:
                progress(looked, total)
        return looked

    def _next(self, seq: int) -> list[Stored]:
        """What comes after a position in the journal, so much as memory bears."""
        batch, vectors = list[Stored](), 0
        for item in self._journal.since(seq, _BATCH):
            batch.append(item)
            vectors += isinstance(item.record, Event) and item.record.kind == embeddings.KIND
            if vectors >= _VECTORS:
                break
        return batch

    def _take_all(self, connection: apsw.Connection, batch: Iterable[Stored]) -> None:
        changes = Changes()
        for item in batch:
            self._take(connection, item, changes)
        self._embeddings.write(connection, changes)

    def _take(self, connection: apsw.Connection, item: Stored, changes: Changes) -> None:
        event = item.record
        if not isinstance(event, Event):
            return
        if event.kind == embeddings.KIND:
            self._embeddings.take(connection, event.payload, changes)
            # By the time of embedding: forgetting writes older records of vectors again, of former models too.
            if event.start_ms >= int(self._meta("embedded_ms", str(event.start_ms))):
                remember(connection, "embedded_ms", str(event.start_ms))
                remember(connection, "model", str(event.payload.get("model", "")))
        elif is_life(event.kind):
            revision = revision_name(event.source, event.kind, event.key)
            if revision is not None:
                earlier = connection.execute("SELECT id FROM doc WHERE revision = ?", (revision,)).fetchone()
                if earlier is not None:
                    self._drop(connection, bytes(earlier[0]), changes)
            if event.text:
                self._insert(connection, item.id, event, revision)

    def _insert(self, connection: apsw.Connection, identity: bytes, event: Event, revision: bytes | None) -> None:
        base = (event.start_ms // MINUTE_MS) << 20
        taken = "SELECT coalesce(max(row) + 1, ?) FROM doc WHERE row >= ? AND row < ?"
        row = _number(connection, taken, base, base, base + (1 << 20))
        digest = hashlib.blake2b(event.text.encode(), digest_size=16).digest()
        fields = searched_fields(event)
        size, embed = len(fields[-1].split()), int(event.kind in EMBEDDED_KINDS)
        connection.execute(
            f"INSERT INTO doc VALUES ({','.join('?' * 16)})",
            (
                row, identity, event.layer.value, event.source, event.kind, event.start_ms, digest,
                embed, revision, *fields, size,
            ),
        )  # fmt: skip
        sql = "UPDATE total SET documents = documents + 1, terms = terms + ?, embed = embed + ?"
        connection.execute(sql, (size, embed))
        for name in names_said(event):
            known = (name, fields[0], fields[2], identity)
            connection.execute("INSERT OR IGNORE INTO known_as VALUES (?, ?, ?, ?)", known)
        body = indexed_text(f"{event.text}\n{note_of(event)}")
        connection.execute("INSERT INTO words(rowid, body) VALUES (?, ?)", (row, body))

    def remove(self, ids: Iterable[bytes]) -> None:
        """Take records out of the index at once (before or after forgetting)."""
        connection, changes = self._connection(), Changes()
        with writing(connection):
            for identity in ids:
                self._drop(connection, identity, changes)
            self._embeddings.write(connection, changes)

    def _drop(self, connection: apsw.Connection, identity: bytes, changes: Changes) -> None:
        found = connection.execute("SELECT row, size, embed FROM doc WHERE id = ?", (identity,)).fetchone()
        if found is None:
            return
        row, size, embed = (int(value) for value in found)
        connection.execute("DELETE FROM words WHERE rowid = ?", (row,))
        connection.execute("DELETE FROM doc WHERE row = ?", (row,))
        sql = "UPDATE total SET documents = documents - 1, terms = terms - ?, embed = embed - ?"
        connection.execute(sql, (size, embed))
        connection.execute("DELETE FROM known_as WHERE id = ?", (identity,))
        changes.drop(row)

    def _let_former_go(self, connection: apsw.Connection) -> None:
        """Once every record has a vector of the present model, those of others are let go of; the journal has them."""
        present, models = self._meta("model", ""), self._embeddings.models(connection)
        if len(models) > 1 and not self.sizes(present)["waiting"]:
            with writing(connection):
                if not self.sizes(present)["waiting"]:
                    self._embeddings.keep_only(connection, present)

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
        """Rows and cosine similarities of the nearest records that the filters let through, best first.

        Args:
            query: unit vector, shape (dim,).
            model: only vectors of this embedding model are compared.
        """
        connection, (first, last) = self._connection(), row_bounds(filters)
        allowed = allowed_rows(connection, filters, _LISTED + 1)
        if allowed is not None and len(allowed) > _LISTED:
            # It lets through much, so most likely enough of those that are nearest anyway.
            near, scores = self._embeddings.nearest(connection, query, model, 2 * limit, first=first, last=last)
            let_through = self.within(near.tolist(), filters)
            found = [one for one in zip(near.tolist(), scores.tolist(), strict=True) if one[0] in let_through]
            if len(found) >= limit:
                return found[:limit]
            allowed = allowed_rows(connection, filters)
        rows, scores = self._embeddings.nearest(
            connection, query, model, limit, first=first, last=last, allowed=allowed
        )
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

    def without_vector(self, limit: int, model: str, before: int | None = None) -> list[tuple[int, bytes]]:
        """Rows and ids of records that should have a vector of this model and have none, newest first.

        Args:
            before: only rows before this one.
        """
        sql = (
            "SELECT row, id FROM doc WHERE embed = 1 AND row < coalesce(?1, 9223372036854775807) AND NOT EXISTS"
            " (SELECT 1 FROM vector WHERE vector.row = doc.row AND"
            " vector.model = (SELECT number FROM model WHERE name = ?2)) ORDER BY row DESC LIMIT ?3"
        )
        rows = self._connection().execute(sql, (before, model, limit))
        return [(int(row), bytes(identity)) for row, identity in rows]

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
        held = {one.name: one.held for one in self._embeddings.models(connection)}
        with_any = sum(held.values())
        if len(held) > 1:
            with_any = _number(connection, "SELECT count(DISTINCT row) FROM vector")
        wanted = _number(connection, "SELECT embed FROM total")
        return {
            "documents": _number(connection, "SELECT documents FROM total"),
            "vectors": with_any,
            "waiting": wanted - (with_any if model is None else held.get(model, 0)),
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
        for identity, vector in self._present_vectors(connection):
            digest.update(identity + vector)
        for row in connection.execute("SELECT * FROM known_as ORDER BY name, thread, id"):
            digest.update(repr(row).encode())
        connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab(main, words, 'instance')")
        terms = "SELECT term, doc.id, terms.offset FROM temp.terms AS terms LEFT JOIN main.doc ON doc.row = terms.doc"
        for row in connection.execute(f"{terms} ORDER BY term, doc.id, terms.offset"):
            digest.update(repr(row).encode())
        return digest.hexdigest()

    def _present_vectors(self, connection: apsw.Connection) -> Iterator[tuple[bytes, bytes]]:
        """Ids of records and their vectors of the present model, in order of id."""
        present = self._meta("model", "")
        sql = (
            "SELECT doc.id, doc.row FROM model JOIN vector ON vector.model = model.number"
            " JOIN doc ON doc.row = vector.row WHERE model.name = ? ORDER BY doc.id"
        )
        found = connection.execute(sql, (present,))
        while some := list(islice(found, _BATCH)):
            rows = np.array([row for _, row in some], dtype=np.int64)
            vectors = self._embeddings.vectors(connection, present, rows)
            yield from ((bytes(some[n][0]), vectors[n].tobytes()) for n in range(len(some)))

    def _meta(self, name: str, default: str) -> str:
        return memory_of(self._connection(), name, default)

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


def _number(connection: apsw.Connection, sql: str, *values: int) -> int:
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
