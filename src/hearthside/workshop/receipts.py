"""Signed statements of the workshop: what it trained, and that it deleted everything afterwards.

A receipt proves what the workshop's code promised, not physics: it is worth as much as the attestation it names.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, TypeVar

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import TypeAdapter, ValidationError

from hearthside.errors import Refused
from hearthside.events import Json

DELETED = ("sealed upload", "data key", "job key", "samples in memory", "optimizer state", "result", "worker process")

Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class ResultStatement:
    """What a training gave.

    Attributes:
        files: hex SHA-256 of each file before sealing, by path.
        curve: (step, loss in nats per supervised token) of every step.
        supervised_tokens: target tokens seen in one epoch; `cut_tokens` of them did not fit.
        tokens_per_s: all tokens / seconds of training.
    """

    job_hash: str
    evidence_sha256: str
    files: Mapping[str, str]
    curve: Curve
    supervised_tokens: int
    cut_tokens: int
    tokens_per_s: float
    kind: Literal["result"] = "result"


@dataclass(frozen=True, slots=True)
class DeletionReceipt:
    """What the workshop says it deleted.

    Attributes:
        job_hash: hex; evidence_sha256, public_key_sha256 likewise: of the attestation the job was sent under.
        data_sha256: digest of the samples, from the manifest.
        started_ms: when the offer came, UTC ms; ended_ms: when everything was deleted.
        adapter_sha256: hex digest of the GGUF adapter, or "" when none was made.
        deleted: what was destroyed, in plain words.
        attestation: kind of the evidence: the receipt is worth no more than that.
    """

    job_hash: str
    evidence_sha256: str
    public_key_sha256: str
    data_sha256: str
    started_ms: int
    ended_ms: int
    adapter_sha256: str
    deleted: tuple[str, ...]
    attestation: str
    kind: Literal["deletion"] = "deletion"


Statement = TypeVar("Statement", ResultStatement, DeletionReceipt)


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement in canonical JSON with its Ed25519 signature (64 bytes)."""

    statement: bytes
    signature: bytes

    def body(self) -> dict[str, str]:
        """As a JSON object, both parts in base64."""
        return {
            "statement": base64.b64encode(self.statement).decode(),
            "signature": base64.b64encode(self.signature).decode(),
        }


def sign(statement: ResultStatement | DeletionReceipt, key: Ed25519PrivateKey) -> Signed:
    """Sign a statement; its kind is part of what is signed, so one kind never passes for the other."""
    document = orjson.dumps(asdict(statement), option=orjson.OPT_SORT_KEYS)
    return Signed(document, key.sign(_signed_bytes(document)))


def signed_from_json(document: Json) -> Signed:
    """The signed statement from its JSON object.

    Raises:
        Refused: not of that form.
    """
    try:
        parts = [base64.b64decode(document[name], validate=True) for name in ("statement", "signature")]
    except (KeyError, TypeError, ValueError) as error:
        raise _invalid() from error
    return Signed(parts[0], parts[1])


def verify(signed: Signed, key: Ed25519PublicKey, kind: type[Statement]) -> Statement:
    """The statement, when the signature is the key's and the form is right.

    Raises:
        Refused: altered, signed by somebody else, or a statement of another kind.
    """
    try:
        key.verify(signed.signature, _signed_bytes(signed.statement))
        statement: Statement = TypeAdapter(kind).validate_json(signed.statement, strict=True)
    except (InvalidSignature, ValidationError, ValueError) as error:
        raise _invalid() from error
    return statement


def _signed_bytes(document: bytes) -> bytes:
    return b"workshop/1 statement\x00" + document


def _invalid() -> Refused:
    return Refused(
        "workshop-signature-wrong",
        "A statement of the workshop is not signed by the key it showed before. It was not believed; "
        "the old adapter stays.",
    )
