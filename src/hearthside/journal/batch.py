"""Writing a batch of prepared records inside one transaction: the hot loop of the journal."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

import apsw

from hearthside.journal.keyring import DayKey
from hearthside.journal.sealing import NONCE_BYTES, SALT_BYTES, Prepared, time_bytes
from hearthside.journal.writer import Job
from hearthside.journal.year_file import Head

_INSERT = "INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
_NOISE = SALT_BYTES + NONCE_BYTES


class Batch:
    """One transaction's worth of records.

    Args:
        connection: inside the transaction.
        head: the end of the chain before it.
        keys: for each (source, local day) the key to seal under.
        now_ms: when these records arrived.
    """

    def __init__(
        self, connection: apsw.Connection, head: Head, keys: Mapping[tuple[str, int], DayKey], now_ms: int
    ) -> None:
        self._connection, self._keys = connection, keys
        self._seq, self._chain = head.seq, head.chain
        self._received = time_bytes(now_ms)

    def insert(self, jobs: Sequence[Job], elsewhere: Callable[[Sequence[Prepared]], list[bool]] | None) -> int:
        """Insert what is new and tell each job which of its records were.

        Args:
            elsewhere: of records, whether another file has them already; None when there is none to look in.

        Returns:
            The position of the last record.
        """
        first = self._seq
        alone = len(jobs) == 1 and len(jobs[0].records) == 1
        for job in jobs:
            records = job.records
            if elsewhere is not None:
                known = elsewhere(records)
                records = [p for p, there in zip(records, known, strict=True) if not there]
            flags: list[bool] = []
            # The rows are made while SQLite takes them: whether one was new is known when the next is asked for.
            self._connection.executemany(_INSERT, self._rows(records, flags, alone))
            if elsewhere is not None:
                left = iter(flags)
                flags = [not there and next(left) for there in known]
            job.new.extend(flags)
        # Only the last row of a transaction keeps the chain; the others' follows from their commitments.
        if self._seq > first and not alone:
            self._connection.execute("UPDATE record SET chain = ? WHERE seq = ?", (self._chain, self._seq))
        return self._seq

    def _rows(self, records: Sequence[Prepared], flags: list[bool], alone: bool) -> Iterator[tuple[object, ...]]:
        """The rows of records; one that is alone in its transaction carries the chain at once."""
        connection, keys, sha256, received = self._connection, self._keys, hashlib.sha256, self._received
        noise = os.urandom(_NOISE * len(records))
        at = 0
        known = False
        for p in records:
            # After one that is known the next one mostly is too: look before sealing it.
            if known and connection.execute("SELECT 1 FROM record WHERE id = ?", (p.id,)).fetchone() is not None:
                flags.append(False)
                continue
            salt, nonce = noise[at : at + SALT_BYTES], noise[at + SALT_BYTES : at + _NOISE]
            at += _NOISE
            seq, raw = self._seq + 1, p.raw
            key = keys[p.source, p.day]
            inside = salt + received + raw
            commitment = sha256(inside).digest()
            sealed = nonce + key.cipher.encrypt(nonce, inside, seq.to_bytes(8, "big"))
            linked = sha256(self._chain + commitment).digest()
            yield (
                seq, p.id, p.source, p.kind, p.start_ms, p.end_ms, p.offset_min, key.id, sealed, commitment,
                linked if alone else None,
            )  # fmt: skip
            known = connection.changes() == 0
            flags.append(not known)
            if not known:
                self._seq, self._chain = seq, linked
