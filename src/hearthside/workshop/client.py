"""The home's side of a training: offer, verdict, sealed upload, progress, sealed result, deletion with a receipt.

Nothing is sealed or sent without a `Verdict` that the caller accepted. While no hardware attests a workshop, only
one on this machine is used.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import orjson
from pydantic import TypeAdapter, ValidationError

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import Json
from hearthside.workshop.attestation import FRESH_MS, Evidence, JobKey, Verdict, verify
from hearthside.workshop.job import SAMPLES_PATH, Job, JobManifest
from hearthside.workshop.receipts import DeletionReceipt, ResultStatement, Signed, signed_from_json
from hearthside.workshop.receipts import verify as verify_statement
from hearthside.workshop.sealing import (
    CHUNK_BYTES,
    RESULT_INFO,
    TAG_BYTES,
    KeyPair,
    SealedFile,
    cut,
    new_data_key,
    new_key_pair,
    open_file,
    open_key,
    seal_file,
    seal_key,
)

PURPOSE = "workshop-training"
ADAPTER_GGUF = "adapter.gguf"
_FILES = {ADAPTER_GGUF, "adapter_model.safetensors", "adapter_config.json"}
_ATTEMPTS = 5
_TIMEOUT_S = 60.0
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Sender(Protocol):
    """What is used of `hearthside.egress.Egress`."""

    def request(
        self,
        purpose: str,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        data_class: str,
        timeout_s: float,
        consent: str = "",
        attested: str = "no",
    ) -> httpx.Response:
        """Send one request, written in the ledger first."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training stands, for the terminal and the page.

    Attributes:
        phase: ``offer``, ``upload``, ``queued``, ``training``, ``fetch`` or ``delete``.
        step: of `steps`; chunks while uploading, optimizer steps while training.
        loss: of the last step in nats per token, or None.
    """

    phase: str
    step: int = 0
    steps: int = 0
    loss: float | None = None
    tokens_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class TrainedAdapter:
    """What came back, opened and checked.

    Attributes:
        gguf: the adapter for llama.cpp.
        peft: PEFT's files by name.
        receipt: what the workshop says it deleted; `signed_receipt` is its signed form, to keep.
        verdict: what was known of the workshop when the data left.
        curve: (step, loss in nats per supervised token).
    """

    gguf: bytes = field(repr=False)
    peft: dict[str, bytes] = field(repr=False)
    receipt: DeletionReceipt
    signed_receipt: Signed
    verdict: Verdict
    curve: list[tuple[int, float]]
    statement: ResultStatement


@dataclass(frozen=True, slots=True)
class Offer:
    """A workshop's answer to an offer: its keys for this job, and what the home thinks of them."""

    job_id: str
    manifest: JobManifest
    key: JobKey
    verdict: Verdict


class WorkshopClient:
    """Talks to one workshop.

    Args:
        sender: the egress gateway.
        base_url: ``http://127.0.0.1:PORT``.
        clock: UTC milliseconds.
        random_bytes: a cryptographic source, e.g. `secrets.token_bytes`.
        sleep: waits a number of seconds.
        consent: id of the journalled consent that the sending rests on.
        poll_s: seconds between looks at a running training.
    """

    def __init__(
        self,
        sender: Sender,
        base_url: str,
        *,
        clock: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        sleep: Callable[[float], None] = time.sleep,
        consent: str = "",
        poll_s: float = 2.0,
    ) -> None:
        self._sender = sender
        self._url = base_url.rstrip("/")
        self._clock = clock
        self._random_bytes = random_bytes
        self._sleep = sleep
        self._consent = consent
        self._poll_s = poll_s

    def train(
        self,
        job: Job,
        *,
        accept: Callable[[Verdict], bool],
        progress: Callable[[TrainingProgress], None],
        stop: Callable[[], bool],
    ) -> TrainedAdapter:
        """One whole training; whatever happens after the offer, the workshop is told to delete the job.

        Args:
            accept: decides on the verdict before anything personal leaves, and writes it down.
            stop: asked between requests.

        Raises:
            Refused: the verdict was not accepted, or something came back altered.
            RetryLater: stopped, unreachable, or the training failed.
        """
        home = new_key_pair()
        progress(TrainingProgress("offer"))
        offer = self.offer(job.manifest, home.public)
        fetched = False
        try:
            if not accept(offer.verdict):
                raise Refused("workshop-not-accepted", "The workshop was not accepted; no data left the house.")
            self._send(offer, offer.verdict, job, progress, stop)
            self._wait(offer, progress, stop)
            progress(TrainingProgress("fetch"))
            statement, files = self._fetch(offer, home)
            fetched = True
        finally:
            if not fetched:
                with suppress(HearthsideError):  # the first error is the one to tell; the deadline deletes anyway
                    self.delete(offer)
        progress(TrainingProgress("delete"))
        receipt, signed = self.delete(offer)
        _check_receipt(receipt, offer, statement)
        return TrainedAdapter(
            gguf=files[ADAPTER_GGUF],
            peft={path: content for path, content in files.items() if path != ADAPTER_GGUF},
            receipt=receipt,
            signed_receipt=signed,
            verdict=offer.verdict,
            curve=list(statement.curve),
            statement=statement,
        )

    def offer(self, manifest: JobManifest, home_public_key: bytes) -> Offer:
        """Show the manifest, get keys and evidence, and judge them; nothing personal is in the manifest but counts."""
        bound = manifest.for_home_key(home_public_key)
        nonce, asked_ms = self._random_bytes(32), self._clock()
        body = {"nonce": _text(nonce), "manifest": orjson.loads(bound.canonical()), "home_key": _text(home_public_key)}
        answer = self._ask("POST", "/offers", "job-manifest", orjson.dumps(body), attempts=1).json()
        try:
            evidence = TypeAdapter(Evidence).validate_json(orjson.dumps(answer["evidence"]), strict=True)
            key = JobKey.from_raw(base64.b64decode(answer["public_key"], validate=True))
            job_id = str(answer["job"])
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise _off_protocol() from error
        verdict = verify(evidence, key, nonce=nonce, job_hash=bound.job_hash, asked_ms=asked_ms, now_ms=self._clock())
        return Offer(job_id, bound, key, verdict)

    def delete(self, offer: Offer) -> tuple[DeletionReceipt, Signed]:
        """Have everything of the job deleted, and check the receipt's signature.

        Raises:
            Refused: the receipt is not signed by the key of the verdict, or speaks of another job.
        """
        signed = signed_from_json(self._ask("DELETE", f"/jobs/{offer.job_id}", "job-control").json())
        receipt = verify_statement(signed, offer.key.verifier(), DeletionReceipt)
        if receipt.job_hash != offer.verdict.job_hash or receipt.evidence_sha256 != offer.verdict.evidence_sha256:
            raise Refused("workshop-receipt-wrong", "The workshop's deletion receipt speaks of another job.")
        return receipt, signed

    def _send(
        self,
        offer: Offer,
        verdict: Verdict,
        job: Job,
        progress: Callable[[TrainingProgress], None],
        stop: Callable[[], bool],
    ) -> None:
        """Seal and upload; the only way by which samples leave."""
        self._check_verdict(offer, verdict)
        job_hash = offer.manifest.job_hash
        data_key = new_data_key()
        sealed = seal_file(data_key, job_hash, SAMPLES_PATH, job.payload)
        have = set(self._status(offer)["have"])
        for index, chunk in enumerate(sealed.chunks):
            _heed(stop)
            if index not in have:
                self._ask("PUT", f"/jobs/{offer.job_id}/chunks/{index}", "sealed-job", chunk, attested=verdict.kind)
            progress(TrainingProgress("upload", index + 1, len(sealed.chunks)))
        start = {
            "sealed_key": _text(seal_key(data_key, offer.key.sealing, job_hash)),
            "path": sealed.path,
            "file_id": sealed.file_id.hex(),
            "chunks": len(sealed.chunks),
        }
        body = orjson.dumps(start)
        self._ask("POST", f"/jobs/{offer.job_id}/start", "sealed-job", body, attested=verdict.kind)

    def _check_verdict(self, offer: Offer, verdict: Verdict) -> None:
        key_sha256 = hashlib.sha256(offer.key.raw()).hexdigest()
        same = verdict.public_key_sha256 == key_sha256 and verdict.job_hash == offer.manifest.job_hash.hex()
        if not verdict.bound or not same or not 0 <= self._clock() - verdict.issued_ms <= FRESH_MS:
            failed = ", ".join(check.name for check in verdict.checks if check.outcome == "failed") or "age or key"
            raise Refused(
                "workshop-not-bound", f"The workshop's evidence did not hold ({failed}). No data left the house."
            )
        if not verdict.attested and urlsplit(self._url).hostname not in _LOOPBACK:
            raise Refused(
                "workshop-not-attested",
                "Nothing vouches for the code of this workshop, and it is another machine. No data left the house; "
                "leave workshop_url empty to train on this machine.",
            )

    def _wait(self, offer: Offer, progress: Callable[[TrainingProgress], None], stop: Callable[[], bool]) -> None:
        while True:
            _heed(stop)
            status = self._status(offer)
            now = status["progress"] or {}
            if status["state"] == "done":
                return
            if status["state"] == "failed":
                error = status["error"]
                family = Refused if error["family"] == "refused" else RetryLater
                raise family(str(error["code"])[:80], str(error["message"])[:500])
            progress(
                TrainingProgress(
                    "training" if status["state"] == "training" else "queued",
                    now.get("step", 0),
                    now.get("steps", 0),
                    now.get("loss"),
                    now.get("tokens_per_s"),
                )
            )
            self._sleep(self._poll_s)

    def _fetch(self, offer: Offer, home: KeyPair) -> tuple[ResultStatement, dict[str, bytes]]:
        """The result, its signature checked, opened, and every file's digest compared with the signed one."""
        answer = self._ask("GET", f"/jobs/{offer.job_id}/result", "job-control").json()
        statement = verify_statement(signed_from_json(answer), offer.key.verifier(), ResultStatement)
        if (statement.job_hash, statement.evidence_sha256) != (offer.verdict.job_hash, offer.verdict.evidence_sha256):
            raise Refused("workshop-result-wrong", "The workshop returned the result of another job; it was not used.")
        try:
            data_key = open_key(base64.b64decode(answer["sealed_key"]), home, RESULT_INFO + offer.manifest.job_hash)
            table = {str(file["path"]): file for file in answer["files"]}
        except (KeyError, TypeError, ValueError) as error:
            raise _off_protocol() from error
        if set(table) != _FILES or set(statement.files) != _FILES:
            raise _off_protocol()
        files = {}
        for path, entry in table.items():
            blob = self._ask("GET", f"/jobs/{offer.job_id}/result/{path}", "job-control").content
            files[path] = open_file(data_key, offer.manifest.job_hash, _sealed_file(entry, blob))
            if hashlib.sha256(files[path]).hexdigest() != statement.files[path]:
                raise Refused(
                    "workshop-result-wrong", f"{path} is not the file that the workshop signed; it was not used."
                )
        return statement, files

    def _status(self, offer: Offer) -> dict[str, Json]:
        status = self._ask("GET", f"/jobs/{offer.job_id}", "job-control").json()
        if not isinstance(status, dict) or not {"state", "progress", "have", "error"} <= status.keys():
            raise _off_protocol()
        return status

    def _ask(
        self,
        method: str,
        path: str,
        data_class: str,
        content: bytes = b"",
        *,
        attempts: int = _ATTEMPTS,
        attested: str = "no",
    ) -> httpx.Response:
        """One request of the protocol; all but the offer may be repeated without harm."""
        kind = "application/json" if method == "POST" else "application/octet-stream"
        for attempt in range(1, attempts + 1):
            try:
                response = self._sender.request(
                    PURPOSE,
                    method,
                    self._url + path,
                    content=content,
                    headers={"content-type": kind},
                    data_class=data_class,
                    timeout_s=_TIMEOUT_S,
                    consent=self._consent,
                    attested=attested,
                )
                return _checked(response)
            except RetryLater:
                if attempt == attempts:
                    raise
                self._sleep(min(0.2 * 2**attempt, 5.0))
        raise AssertionError("unreachable")


class LocalWorkshop:
    """A workshop on this machine as a child process, for the length of a `with` block.

    The child ends with the thread that started it (Linux ties it to the thread), so use it within one thread.

    Args:
        bases: GGUF files it may train against.
        threads: processor threads of a training.
        python: interpreter that has the workshop extra.
    """

    def __init__(self, bases: Sequence[Path], threads: int, python: str = sys.executable) -> None:
        self._command = [python, "-P", "-m", "hearthside.workshop.server", "--child", "--threads", str(threads)]
        for base in bases:
            self._command += ["--base", str(base)]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        """Process id while it runs."""
        if self._process is None:
            raise RetryLater("workshop-not-running", "The workshop is not running.")
        return self._process.pid

    def __enter__(self) -> LocalWorkshop:
        """Start it and wait until it listens.

        Raises:
            RetryLater: it did not start; the message says why.
        """
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None  # asked for as a pipe
        try:
            ready = json.loads(self._process.stdout.readline() or b"{}")
        except ValueError:
            ready = {}
        if not ready.get("ready"):
            self.__exit__()
            reason = ready.get("message", "it ended before it was ready; is the workshop extra installed?")
            raise RetryLater("workshop-not-started", f"The training workshop did not start: {reason}")
        self.url = f"http://127.0.0.1:{ready['port']}"
        return self

    def __exit__(self, *_: object) -> None:
        """Close its input, which ends it and deletes its jobs; after ten seconds it is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()  # type: ignore[union-attr]


def _checked(response: httpx.Response) -> httpx.Response:
    """The response, or the workshop's error in our own tree."""
    if response.status_code < 300:
        return response
    try:
        document = response.json()
        code, message = str(document["code"])[:80], str(document["message"])[:500]
    except (ValueError, KeyError, TypeError) as error:
        raise RetryLater(
            "workshop-answer", f"The workshop answered with HTTP {response.status_code} and no reason. Try again later."
        ) from error
    family = RetryLater if response.status_code >= 500 else Refused
    raise family(code, message)


def _check_receipt(receipt: DeletionReceipt, offer: Offer, statement: ResultStatement) -> None:
    manifest = offer.manifest
    expected = (
        manifest.data_sha256,
        statement.files[ADAPTER_GGUF],
        offer.verdict.kind,
        offer.verdict.public_key_sha256,
    )
    if (receipt.data_sha256, receipt.adapter_sha256, receipt.attestation, receipt.public_key_sha256) != expected:
        raise Refused("workshop-receipt-wrong", "The workshop's deletion receipt does not name this data and adapter.")


def _sealed_file(entry: Mapping[str, Json], blob: bytes) -> SealedFile:
    try:
        sizes = [int(size) for size in entry["sizes"]]
        file_id = bytes.fromhex(entry["file_id"])
    except (KeyError, TypeError, ValueError) as error:
        raise _off_protocol() from error
    if sum(sizes) != len(blob) or any(not TAG_BYTES <= size <= CHUNK_BYTES + TAG_BYTES for size in sizes):
        raise _off_protocol()
    return SealedFile(str(entry["path"]), file_id, cut(blob, sizes))


def _heed(stop: Callable[[], bool]) -> None:
    if stop():
        raise RetryLater(
            "training-stopped", "The training was stopped on request; the workshop was told to delete the job."
        )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _off_protocol() -> Refused:
    return Refused("workshop-protocol", "The workshop's answer is not in the protocol workshop/1; it was not used.")
