"""Rows made into records again, with the keys as they are now, also while somebody forgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import orjson
from cryptography.exceptions import InvalidTag

from hearthside.errors import NeedsPerson
from hearthside.events import Json, Record, record_from_body
from hearthside.journal.bodies import Body, read_body, read_leniently
from hearthside.journal.in_force import InForce
from hearthside.journal.keyring import KEY_MISSING, Keyring
from hearthside.journal.sealing import BODY_AT, NONCE_BYTES, Opened, unseal


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as the journal holds it.

    Attributes:
        seq: position in the journal, from 1.
        received_ms: arrival time, UTC milliseconds.
    """

    seq: int
    id: bytes
    record: Record
    received_ms: int


class Unsealing:
    """Opens the rows of one journal. Safe to use from many threads.

    A row, as `queries.READ` gives it, may have been sealed anew or emptied since it was read; then it is looked at
    again, and what was forgotten is left out.
    """

    def __init__(self, files: InForce, keyring: Keyring) -> None:
        self._files, self._keyring = files, keyring

    def records(self, rows: Iterable[Json]) -> Iterator[Stored]:
        """The records of rows."""
        for _, identity, seq, key_id, sealed in rows:
            opened = self.opened(seq, key_id, sealed)
            if opened is not None:
                yield Stored(seq, identity, record_from_body(orjson.loads(opened.raw)), opened.received_ms)

    def bodies(self, rows: Iterable[Json]) -> Iterator[tuple[bytes, int, Body]]:
        """Id, position and body of rows."""
        key_of, read = self._keyring.by_id, read_body  # this reads very many, so everything is at hand
        for _, identity, seq, key_id, sealed in rows:
            try:
                # Asked for each row, so that what is forgotten meanwhile is not given from a key kept here.
                cipher = key_of(key_id).cipher
                body = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], seq.to_bytes(8, "big"))[BODY_AT:]
            except (NeedsPerson, InvalidTag, TypeError, ValueError):  # sealed anew or emptied meanwhile, or damaged
                opened = self.opened(seq, key_id, sealed)
                if opened is None:
                    continue
                body = opened.raw
            try:
                yield identity, seq, read(body)
            except msgspec.ValidationError:  # a whole number that was written as 5.0
                yield identity, seq, read_leniently(body)

    def opened(self, seq: int, key_id: int | None, sealed: bytes | None) -> Opened | None:
        """What is in one row, or None when it was forgotten.

        Raises:
            NeedsPerson: the keyring lacks its key though it was not forgotten, or it does not open.
        """
        while key_id is not None and sealed is not None:
            try:
                return unseal(self._keyring.by_id(key_id).cipher, seq, sealed)
            except NeedsPerson as error:
                if error.code != KEY_MISSING:
                    raise
                # Forgetting may have sealed it anew, or emptied it, since the row was read.
                now = self._key_and_sealed(seq)
                if now[0] == key_id:
                    raise
                key_id, sealed = now
        return None

    def _key_and_sealed(self, seq: int) -> tuple[int | None, bytes | None]:
        for file in self._files.now():
            for row in self._files.answer(file, lambda f: list(f.whole_rows(seq, seq))):
                return row.key, row.sealed
        return None, None
