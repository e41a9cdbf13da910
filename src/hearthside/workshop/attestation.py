"""Attestation: what a workshop shows of itself before any data leave, and the verdict the home keeps of it.

One kind of evidence exists so far: `simulated`. Its binding (this key, this job, this moment) is checked for real, but
no hardware vouches for the code behind it, so its verdict is `attested=False` and lists what nobody checked.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hearthside.errors import Refused
from hearthside.workshop.job import PROTOCOL
from hearthside.workshop.sealing import PUBLIC_KEY_BYTES, SUITE_IDS

NONCE_BYTES = 32
FRESH_MS = 10 * 60_000  # an offer older than this is asked for again

Outcome: TypeAlias = Literal["passed", "failed", "absent"]

_HARDWARE_CHECKS = {
    "hardware-chain": "no hardware signed this evidence",
    "revocation": "no certificate to look up",
    "tcb-floor": "no firmware version is reported",
    "debug-policy": "no policy is reported",
    "platform": "the machine is not identified",
    "measurement-log": "the workshop's code is not measured",
    "gpu-evidence": "no accelerator is attested",
}


@dataclass(frozen=True, slots=True)
class JobKey:
    """The workshop's keys for one job.

    Attributes:
        sealing: X-Wing public key, 1216 bytes.
        signing: Ed25519 public key, 32 bytes.
    """

    sealing: bytes
    signing: bytes

    def raw(self) -> bytes:
        """Both keys in one row; the evidence binds its SHA-256."""
        return self.sealing + self.signing

    @classmethod
    def from_raw(cls, raw: bytes) -> JobKey:
        """The keys from their row.

        Raises:
            Refused: wrong length.
        """
        if len(raw) != PUBLIC_KEY_BYTES + 32:
            raise Refused("attestation-key-wrong", "The workshop's key has the wrong length; nothing was sent.")
        return cls(raw[:PUBLIC_KEY_BYTES], raw[PUBLIC_KEY_BYTES:])

    def verifier(self) -> Ed25519PublicKey:
        """The key that checks the workshop's signatures."""
        return Ed25519PublicKey.from_public_bytes(self.signing)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the workshop shows; all values in hex.

    Attributes:
        kind: ``simulated``.
        report_data: SHA-512(protocol || suite ids || nonce || job hash || SHA-256(job key)).
    """

    kind: str
    public_key_sha256: str
    nonce: str
    job_hash: str
    report_data: str

    def sha256(self) -> str:
        """Hex digest of the canonical JSON."""
        return hashlib.sha256(orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes:
        outcome: ``absent`` means that the evidence holds nothing to check.
        detail: one plain sentence part.
    """

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every check of one workshop for one job, kept in the ledger and shown to the person.

    Attributes:
        kind: kind of the evidence.
        attested: whether hardware vouches for the code; never true for ``simulated``.
        checks: all checks, in the order of reference 2.4.
        issued_ms: when it was made, UTC ms; it holds for FRESH_MS.
    """

    kind: str
    attested: bool
    checks: tuple[Check, ...]
    evidence_sha256: str
    public_key_sha256: str
    job_hash: str
    issued_ms: int

    @property
    def bound(self) -> bool:
        """Whether key, job and nonce belong together; without this nothing is ever sent."""
        return bool(self.checks) and all(check.outcome != "failed" for check in self.checks)

    def body(self) -> dict[str, object]:
        """As a JSON object."""
        return asdict(self)


def simulated_evidence(key: JobKey, nonce: bytes, job_hash: bytes) -> Evidence:
    """What a workshop without confidential hardware shows."""
    return Evidence(
        kind="simulated",
        public_key_sha256=hashlib.sha256(key.raw()).hexdigest(),
        nonce=nonce.hex(),
        job_hash=job_hash.hex(),
        report_data=_report_data(key, nonce, job_hash).hex(),
    )


def verify(evidence: Evidence, key: JobKey, *, nonce: bytes, job_hash: bytes, asked_ms: int, now_ms: int) -> Verdict:
    """Check evidence against the key it came with, the home's own nonce and its job.

    Args:
        nonce: the 32 random bytes the home sent with this offer and never before.
        asked_ms: when the home sent them; evidence that took longer than FRESH_MS is stale.
    """
    digest = hashlib.sha256(key.raw()).hexdigest()
    known = evidence.kind == "simulated"
    checks = [Check("kind", _outcome(known), f"evidence of kind “{evidence.kind[:40]}”")]
    checks += [Check(name, "absent", detail) for name, detail in _HARDWARE_CHECKS.items()]
    checks += [
        Check("key", _outcome(_same(evidence.public_key_sha256, digest)), "the key is the one in the evidence"),
        Check("nonce", _outcome(_same(evidence.nonce, nonce.hex())), "made for this request"),
        Check("freshness", _outcome(0 <= now_ms - asked_ms <= FRESH_MS), "made within the last ten minutes"),
        Check("job", _outcome(_same(evidence.job_hash, job_hash.hex())), "made for this job"),
        Check(
            "binding",
            _outcome(_same(evidence.report_data, _report_data(key, nonce, job_hash).hex())),
            "key, nonce, job and cipher suite are bound together",
        ),
    ]
    return Verdict(
        kind=evidence.kind,
        attested=False,
        checks=tuple(checks),
        evidence_sha256=evidence.sha256(),
        public_key_sha256=digest,
        job_hash=job_hash.hex(),
        issued_ms=now_ms,
    )


def _report_data(key: JobKey, nonce: bytes, job_hash: bytes) -> bytes:
    parts = (PROTOCOL.encode(), SUITE_IDS, nonce, job_hash, hashlib.sha256(key.raw()).digest())
    return hashlib.sha512(b"".join(parts)).digest()


def _outcome(holds: bool) -> Outcome:
    return "passed" if holds else "failed"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
