"""Making the journal of an empty vault from rows that were kept elsewhere: a backup, or a person's own export.

The chain, positions and commitments are the same as before. What was forgotten since stays forgotten: a row whose key
is no longer in the keyring is taken as forgotten, and its commitment alone goes on carrying the chain.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import apsw
import orjson

from hearthside.errors import NeedsPerson, Refused
from hearthside.events import id_before_format_2
from hearthside.identity.durable import sync_folder, write_private
from hearthside.journal import files
from hearthside.journal.keyring import Keyring
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.rewriting import insert_rows
from hearthside.journal.sealing import Opened, SealedRow, commitments, link, prepare_body, seal, unseal
from hearthside.journal.year_file import Head, Row, YearFile, genesis

_ROWS_AT_ONCE = 1000


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
        unfinished = (self._folder / files.RESTORING).exists()
        if (files.year_files(self._folder) and not unfinished) or (vault / "journal.db").exists():
            raise Refused("restore-not-empty", f"{vault} holds a journal already; nothing was changed.")
        for path in [path for paths in files.revisions(self._folder).values() for _, path in paths]:
            files.remove_database(path)  # what a cut-off run left
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if snapshot is not None:
            Keyring.restore(self._folder, keyring_keys([key])[0], snapshot, vfs)
        self.keyring = Keyring(self._folder, keyring_keys([key]), vfs)
        self._there = self.keyring.ids()
        self._head = genesis()
        self._written: list[Path] = []

    def add_sealed(self, year: int, rows: Iterable[SealedRow]) -> Head:
        """Write the file of a year from sealed rows, in order and without a gap; years in order too.

        Raises:
            NeedsPerson: a row does not open although its key is there; it is damaged.
        """
        return self._write(year, (self._row(row) for row in rows))

    def add_opened(self, year: int, rows: Iterable[tuple[int, bytes, Opened | None]]) -> Head:
        """Write the file of a year from (position, commitment, what is inside), and seal it under new keys."""
        return self._write(year, (self._sealed(*row) for row in rows))

    def finish(self, chain: bytes) -> Head:
        """Put everything in force when the chain is the one that was promised.

        Raises:
            NeedsPerson: it is another chain: rows are missing or altered. Nothing was restored.
        """
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
        return self._head

    def _write(self, year: int, rows: Iterator[Row]) -> Head:
        path = self._folder / f"{year:04d}-00.db"
        new = YearFile.begin(path, year_keys([self._key])[0], self._head, self._vfs, old_ids=True)
        batch: list[Row] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _ROWS_AT_ONCE:
                self._insert(new, batch)
        self._insert(new, batch)
        new.close()
        self._written.append(path)
        return self._head

    def _insert(self, connection: apsw.Connection, batch: list[Row]) -> None:
        with connection:
            insert_rows(connection, batch)
            if batch:
                connection.execute("UPDATE record SET chain = ? WHERE seq = ?", (self._head.chain, self._head.seq))
        batch.clear()

    def _row(self, row: SealedRow) -> Row:
        if row.sealed is None or row.key_id is None or row.key_id not in self._there:
            return self._whole(row.seq, row.commitment, None, None, None)
        inside = unseal(self.keyring.by_id(row.key_id).cipher, row.seq, row.sealed)
        return self._whole(row.seq, row.commitment, inside, row.key_id, row.sealed)

    def _sealed(self, seq: int, commitment: bytes, inside: Opened | None) -> Row:
        if inside is None:
            return self._whole(seq, commitment, None, None, None)
        p = prepare_body(orjson.loads(inside.raw), inside.raw)
        key = self.keyring.current([(p.source, p.day)])[p.source, p.day]
        sealed = seal(key.cipher, seq, inside.salt, inside.received_ms, inside.raw)
        return self._whole(seq, commitment, inside, key.id, sealed)

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
        p = prepare_body(orjson.loads(inside.raw), inside.raw)
        # Records from before format 2 keep the ids they had: other records name them by these.
        old = commitment == commitments(inside)[1]
        identity = id_before_format_2(p.raw) if old else p.id
        return Row(
            seq, identity, p.source, p.kind, p.start_ms, p.end_ms, p.offset_min, key_id, sealed, commitment, None
        )
