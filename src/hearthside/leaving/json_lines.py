"""One record of the journal as one line of JSON, from which every byte that the chain covers comes back.

``{"seq": 1, "id": hex, "received": ISO, "received_ms": ms, "salt": hex, "commitment": hex, "body": {…}}``. The body
stands in the line as the journal keeps it: reading it as JSON and writing it compactly, names in the order they have
there, gives the same bytes. Where it would not, the bytes stand beside it in base64, as ``raw``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from hearthside.errors import HearthsideError
from hearthside.events import Json, canonical, id_before_format_2, id_of
from hearthside.journal.sealing import SALT_BYTES, Opened, SealedRow, commitments, time_bytes
from hearthside.leaving.manifest import Fault, iso_of

_COMMITMENT_BYTES = 32
_FAULTS_NAMED = 10


@dataclass(frozen=True, slots=True)
class Line:
    """A record of the export.

    Attributes:
        inside: None where the record was forgotten, or was damaged when it was exported.
    """

    seq: int
    commitment: bytes
    inside: Opened | None


class BadLine(ValueError):
    """A line that is no record of an export; says in a few words why."""


def line_of(row: SealedRow, inside: Opened, body: dict[str, Json], identity: bytes) -> bytes:
    """The line of a record, with its end.

    Args:
        body: what `inside.raw` says.
        identity: the record's id.
    """
    exact = is_exact(inside.raw, body)
    line: dict[str, Json] = {
        "seq": row.seq,
        "id": identity.hex(),
        "received": iso_of(inside.received_ms),
        "received_ms": inside.received_ms,
        "salt": inside.salt.hex(),
        "commitment": row.commitment.hex(),
    }
    if not exact:
        line["raw"] = base64.b64encode(inside.raw).decode()
    line["body"] = orjson.Fragment(inside.raw) if exact else body
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def line_without_content(seq: int, commitment: bytes, why: str) -> bytes:
    """The line of a record whose content is not there; `why`: ``forgotten`` or ``damaged``."""
    line = {"seq": seq, why: True, "commitment": commitment.hex()}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def identity_of(row: SealedRow, inside: Opened, body: dict[str, Json]) -> bytes:
    """The id the journal knows a record by; records from before format 2 keep the id they had.

    Raises:
        BadLine: the content is not what the chain was told.
    """
    now, before = commitments(inside)
    if row.commitment == now:
        return id_of(inside.raw, body["start_ms"])
    if row.commitment == before:
        return id_before_format_2(canonical(body))
    raise BadLine("its content is not what the chain was told")


def is_exact(raw: bytes, body: Json) -> bool:
    """Whether a body's bytes come back from its JSON."""
    try:
        return orjson.dumps(body) == raw
    except TypeError:  # nested deeper than can be written
        return False


def read_line(text: bytes) -> Line:
    """The record of a line.

    Raises:
        BadLine: it is none, or its content is not what its commitment says.
    """
    try:
        line = orjson.loads(text)
        seq, commitment = line["seq"], bytes.fromhex(line["commitment"])
        if type(seq) is not int or len(commitment) != _COMMITMENT_BYTES:
            raise ValueError("wrong fields")
        if line.get("forgotten") or line.get("damaged"):
            return Line(seq, commitment, None)
        raw = base64.b64decode(line["raw"], validate=True) if "raw" in line else orjson.dumps(line["body"])
        inside = Opened(bytes.fromhex(line["salt"]), line["received_ms"], raw)
        time_bytes(inside.received_ms)
        if len(inside.salt) != SALT_BYTES:
            raise ValueError("wrong salt")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise BadLine("it is not a record of an export") from error
    if commitment not in commitments(inside):
        raise BadLine("its content is not what its commitment says")
    return Line(seq, commitment, inside)


def read_lines(path: Path) -> Iterator[Line]:
    """The records of a file, in order.

    Raises:
        BadLine: see `read_line`; the file is not what was written.
    """
    with path.open("rb") as file:
        for text in file:
            yield read_line(text)


def damaged_lines(path: Path, name: str, first: int) -> list[Fault]:
    """Which lines of a file are not what was written; the first ten.

    Args:
        name: how the file is called in the fault.
        first: position of the record of line 1.
    """
    found: list[Fault] = []
    try:
        with path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                try:
                    what = "" if read_line(text).seq == first + number - 1 else "it is out of order"
                except BadLine as error:
                    what = str(error)
                if what:
                    found.append(Fault(name, number, what))
                if len(found) == _FAULTS_NAMED:
                    break
    except (OSError, HearthsideError):
        return found
    return found
