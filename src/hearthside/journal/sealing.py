"""How one record lies on the disk: sealed under the key of its source and day, and committed to with a salt.

A sealed record is ``nonce (12) | AES-256-GCM(salt (16) | arrival time (8) | body)`` with its position as associated
data, so that no sealed record passes for another. The commitment, SHA-256 over what is sealed, is what the chain runs
over: without the salt and the key it says nothing about the body.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hearthside.errors import NeedsPerson
from hearthside.events import DAY_MS, MINUTE_MS, Json, Record, canonical, id_of

_ID_ZERO = int.from_bytes(id_of(b"", 0)[:4], "big")  # what the ids of records of the first minute of 1970 begin with
_ID_BYTES, _ID_LAST = 16, 2**32 - 1
GENESIS = hashlib.sha256(b"hearthside journal 1").digest()
NONCE_BYTES, SALT_BYTES, _TIME_BYTES = 12, 16, 8
BODY_AT = SALT_BYTES + _TIME_BYTES


@dataclass(slots=True)  # not frozen: that would make each cost three times as much, and an import makes millions
class Prepared:
    """A record ready to be written; `day` is the local day it belongs to, days since 1970."""

    id: bytes
    source: str
    kind: str
    start_ms: int
    end_ms: int | None
    offset_min: int | None
    day: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A record as backups and exports carry it.

    Attributes:
        seq: position in the journal, from 1.
        key_id: which key of the keyring opens it; None when it was forgotten.
        sealed: the sealed record; None when it was forgotten.
        commitment: SHA-256 over salt, arrival time and body.
    """

    seq: int
    key_id: int | None
    sealed: bytes | None
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """The inside of a sealed record; `received_ms` is when it arrived, UTC milliseconds."""

    salt: bytes
    received_ms: int
    raw: bytes


def prepare(record: Record) -> Prepared:
    """Everything about a record that can be worked out before it gets its place.

    Raises:
        TypeError: it holds something JSON cannot hold, or a number beyond 64 bits.
    """
    return prepare_body(record.body())


def prepare_body(body: dict[str, Json], raw: bytes | None = None) -> Prepared:
    """Like `prepare`, of a journal body; `raw` when its bytes are known already."""
    if raw is None:
        raw = canonical(body)
    start, offset = body["start_ms"], body["offset_min"]
    if body["type"] == "event":
        kind, end = body["kind"], body["end_ms"]
    else:
        kind, end = body["measure"], start + body["step_ms"] * len(body["values"])
    day = (start + (offset or 0) * MINUTE_MS) // DAY_MS
    return Prepared(id_of(raw, start), body["source"], kind, start, end, offset, day, raw)


def commitments(inside: Opened) -> tuple[bytes, bytes]:
    """What may stand in the chain for a record: the commitment, and the one of format 1, without the arrival time."""
    now = hashlib.sha256(inside.salt + time_bytes(inside.received_ms) + inside.raw).digest()
    return now, hashlib.sha256(inside.salt + inside.raw).digest()


def minute_of(identity: bytes) -> int | None:
    """UTC milliseconds of the minute in which a record starts, from its id; None when an id does not say it."""
    number = int.from_bytes(identity[:4], "big")
    if len(identity) != _ID_BYTES or number in (0, _ID_LAST):  # all that is earlier or later has these
        return None
    return (number - _ID_ZERO) * MINUTE_MS


def link(chain: bytes, commitment: bytes) -> bytes:
    """The chain after one more record."""
    return hashlib.sha256(chain + commitment).digest()


def time_bytes(ms: int) -> bytes:
    """A time as it is sealed with a record."""
    return ms.to_bytes(_TIME_BYTES, "big", signed=True)


def seal(cipher: AESGCM, seq: int, salt: bytes, received_ms: int, raw: bytes) -> bytes:
    """A sealed record."""
    nonce = os.urandom(NONCE_BYTES)
    inside = salt + time_bytes(received_ms) + raw
    return nonce + cipher.encrypt(nonce, inside, seq.to_bytes(8, "big"))


def unseal(cipher: AESGCM, seq: int, sealed: bytes) -> Opened:
    """What was sealed.

    Raises:
        NeedsPerson: it was altered, or sealed under another key or for another place.
    """
    try:
        inside = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], seq.to_bytes(8, "big"))
    except (InvalidTag, ValueError) as error:
        raise damaged(seq) from error
    received = int.from_bytes(inside[SALT_BYTES : SALT_BYTES + _TIME_BYTES], "big", signed=True)
    return Opened(inside[:SALT_BYTES], received, inside[SALT_BYTES + _TIME_BYTES :])


def damaged(seq: int) -> NeedsPerson:
    """What the person hears when a record cannot be opened."""
    return NeedsPerson(
        "journal-damaged",
        f"Record {seq:,} of the journal is damaged on the disk; nothing was changed."
        " `hearthside verify` says how much is, and `hearthside repair` puts it back from a backup.",
    )
