"""Making the journal of an empty vault from rows that were kept elsewhere: a backup, or a person's own export.

The chain, positions and commitments are the same as before. What was forgotten since stays forgotten: a row whose key
is no longer in the keyring is taken as forgotten, and its commitment alone goes on carrying the chain.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import apsw
import orjson

from hearthside.errors import NeedsPerson, Refused
from hearthside.events import canonical, id_before_format_2
from hearthside.identity.durable import make_folder, sync_folder, write_private
from hearthside.journal import files
from hearthside.journal.keyring import Keyring
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.rewriting import insert_rows
from hearthside.journal.sealing import Opened, SealedRow, commitments, link, prepare_body, seal, unseal
from hearthside.journal.year_file import Head, Row, YearFile, genesis

_ROWS_AT_ONCE = 1000
_Row = TypeVar("_Row")


class Restoring:
    """A journal that is being made; nothing of it is in force before `finish`.

    Args:
        vault: folder of a vault without a journal.
        key: 32 bytes, `vault.key("journal")`.
        snapshot: `Keyring.snapshot()` of the journal the sealed rows come from; None where rows come opened.

    Raises:
        Refused: the vault has a journal already.
    """

    def __init__(self, vault: Path, key: bytes, snapshot: bytes | None = None, vfs: str | None = None) -> None:
        self._folder, self._key, self._vfs = vault / "journal", key, vfs
        make_folder(self._folder)
        # Until it is finished or given up nobody else makes or sweeps files here.
        self._alone = ExitStack()
        self._alone.enter_context(files.rewriting(self._folder))
        with self._giving_up_on_failure():
            self._begin(vault, snapshot)

    def _begin(self, vault: Path, snapshot: bytes | None) -> None:
        key, vfs = self._key, self._vfs
        unfinished = (self._folder / files.RESTORING).exists()
        if (files.year_files(self._folder) and not unfinished) or (vault / "journal.db").exists():
            raise Refused("restore-not-empty", f"{vault} holds a journal already; nothing was changed.")
        for path in [path for paths in files.revisions(self._folder).values() for _, path in paths]:
            files.remove_database(path)  # what a cut-off run left
        if snapshot is not None:
            Keyring.restore(self._folder, keyring_keys([key])[0], snapshot, vfs)
        self.keyring = Keyring(self._folder, keyring_keys([key]), vfs)
        self._there = self.keyring.ids()
        self._head = genesis()
        self._has_old_ids = False
        self._written: list[Path] = []

    @contextmanager
    def _giving_up_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._alone.close()
            raise

    def add_sealed(self, year: int, rows: Iterable[SealedRow]) -> Head:
        """Write the file of a year from sealed rows, in order and without a gap; years in order too.

        Raises:
            NeedsPerson: a row does not open although its key is there; it is damaged.
        """
        return self._write(year, ([self._row(row) for row in some] for some in _chunks(rows)))

    def add_opened(self, year: int, rows: Iterable[tuple[int, bytes, Opened | None]]) -> Head:
        """Write the file of a year from (position, commitment, what is inside), and seal it under new keys."""
        return self._write(year, (self._all_sealed(some) for some in _chunks(rows)))

    def finish(self, chain: bytes) -> Head:
        """Put everything in force when the chain is the one that was promised.

        Raises:
            NeedsPerson: it is another chain: rows are missing or altered. Nothing was restored.
        """
        with self._giving_up_on_failure():
            if self._head.chain != chain:
                raise NeedsPerson(
                    "restore-chain-differs",
                    f"The {self._head.seq:,} records do not make the chain that was signed; nothing was restored."
                    " Use another copy.",
                )
            self.keyring.close()
            # While the mark is there nobody opens what may be half of it.
            write_private(self._folder / files.RESTORING, b"")
            for path in self._written:
                files.put_in_force(path)
            (self._folder / files.RESTORING).unlink()
            sync_folder(self._folder)
        self._alone.close()
        return self._head

    def _write(self, year: int, chunks: Iterator[list[Row]]) -> Head:
        path = self._folder / f"{year:04d}-00.db"
        with self._giving_up_on_failure(), files.removed_on_failure(path):
            self._has_old_ids = False
            new = YearFile.begin(path, year_keys([self._key])[0], self._head, self._vfs)
            try:
                for rows in chunks:
                    self._insert(new, rows)
                YearFile.close_whole(new, old_ids=self._has_old_ids)
            finally:
                new.close()
        self._written.append(path)
        return self._head

    def _insert(self, connection: apsw.Connection, rows: list[Row]) -> None:
        with connection:
            insert_rows(connection, rows)
            connection.execute("UPDATE record SET chain = ? WHERE seq = ?", (self._head.chain, self._head.seq))

    def _row(self, row: SealedRow) -> Row:
        if row.sealed is None or row.key_id is None or row.key_id not in self._there:
            return self._whole(row.seq, row.commitment, None, None, None)
        inside = unseal(self.keyring.by_id(row.key_id).cipher, row.seq, row.sealed)
        return self._whole(row.seq, row.commitment, inside, row.key_id, row.sealed)

    def _all_sealed(self, rows: list[tuple[int, bytes, Opened | None]]) -> list[Row]:
        prepared = [prepare_body(orjson.loads(inside.raw), inside.raw) if inside else None for _, _, inside in rows]
        keys = self.keyring.current((p.source, p.day) for p in prepared if p is not None)
        made = []
        for (seq, commitment, inside), p in zip(rows, prepared, strict=True):
            if inside is None or p is None:
                made.append(self._whole(seq, commitment, None, None, None))
                continue
            key = keys[p.source, p.day]
            sealed = seal(key.cipher, seq, inside.salt, inside.received_ms, inside.raw)
            made.append(self._whole(seq, commitment, inside, key.id, sealed))
        return made

    def _whole(
        self, seq: int, commitment: bytes, inside: Opened | None, key_id: int | None, sealed: bytes | None
    ) -> Row:
        if seq != self._head.seq + 1:
            raise NeedsPerson(
                "restore-gap", f"Record {self._head.seq + 1:,} is missing from this copy; nothing was restored."
            )
        self._head = Head(seq, link(self._head.chain, commitment))
        if inside is None:
            return Row(seq, os.urandom(16), "", "forgotten", 0, None, None, None, None, commitment, None)
        if commitment not in commitments(inside):
            raise NeedsPerson(
                "restore-altered", f"Record {seq:,} of this copy is not what was written; nothing was restored."
            )
        body = orjson.loads(inside.raw)
        p = prepare_body(body, inside.raw)
        identity = p.id
        if commitment == commitments(inside)[1]:
            # Records from before format 2 keep the ids they had: other records name them by these. Their bodies were
            # kept as they came, their ids made from the names in order.
            identity, self._has_old_ids = id_before_format_2(canonical(body)), True
        return Row(
            seq, identity, p.source, p.kind, p.start_ms, p.end_ms, p.offset_min, key_id, sealed, commitment, None
        )


def _chunks(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    left = iter(rows)
    while some := list(islice(left, _ROWS_AT_ONCE)):
        yield some
