"""The job book of a workshop: offers, sealed chunks, one training at a time, sealed results, deletion with a receipt.

All of it lives in memory: a workshop that ends has forgotten every job, and the home sends it again. This process never
sees plaintext; each training has a worker process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import DAY_MS, HOUR_MS, Json
from hearthside.logs import logger
from hearthside.workshop.attestation import NONCE_BYTES, Evidence, JobKey, simulated_evidence
from hearthside.workshop.child_process import MAX_HEADER_BYTES, child_environment, frame
from hearthside.workshop.job import JobManifest
from hearthside.workshop.receipts import DELETED, DeletionReceipt, ResultStatement, Signed, sign
from hearthside.workshop.recipes import check_recipe
from hearthside.workshop.sealing import CHUNK_BYTES, TAG_BYTES, KeyPair, cut, new_key_pair, open_key

State: TypeAlias = Literal["receiving", "queued", "training", "done", "failed"]

MAX_OPEN_JOBS = 32
MAX_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
_LONGEST_KEEP_MS = 7 * DAY_MS
_LONGEST_UPLOAD_MS = HOUR_MS
_log = logger("workshop")


@dataclass(frozen=True, slots=True)
class SealedResult:
    """A finished training, sealed to the home.

    Attributes:
        signed: the signed ResultStatement.
        sealed_key: the result's data key under the home's public key.
        files: path, file_id (hex) and chunk sizes of each file.
        blobs: all chunks of a file in a row, by path.
    """

    signed: Signed
    sealed_key: str
    files: list[dict[str, Json]]
    blobs: dict[str, bytes] = field(repr=False)


@dataclass(slots=True)
class _Job:
    """One job and everything that must be deleted with it."""

    id: str
    manifest: JobManifest
    home_key: bytes
    pair: KeyPair
    signing: Ed25519PrivateKey
    evidence: Evidence
    started_ms: int
    state: State = "receiving"
    chunks: dict[int, bytes] = field(default_factory=dict)
    header: dict[str, Json] = field(default_factory=dict)
    progress: dict[str, Json] = field(default_factory=dict)
    curve: list[tuple[int, float]] = field(default_factory=list)
    result: SealedResult | None = None
    adapter_sha256: str = ""
    error: dict[str, str] | None = None
    process: asyncio.subprocess.Process | None = None

    @property
    def key(self) -> JobKey:
        return JobKey(self.pair.public, self.signing.public_key().public_bytes_raw())


class Workshop:
    """The workshop without its HTTP skin; used from one event loop.

    Args:
        bases: GGUF files by the hex SHA-256 of their content.
        threads: processor threads of a training.
        clock: UTC milliseconds.
        python: interpreter that has the workshop extra.
    """

    def __init__(self, bases: Mapping[str, Path], threads: int, clock: Callable[[], int], python: str) -> None:
        self._bases = bases
        self._threads = threads
        self._clock = clock
        self._python = python
        self._jobs: dict[str, _Job] = {}
        self._receipts: dict[str, Signed] = {}
        self._queue: deque[str] = deque()
        self._wake = asyncio.Event()

    def offer(self, nonce: bytes, manifest: JobManifest, home_key: bytes) -> tuple[str, Evidence, JobKey]:
        """Take a job on and make keys and evidence for it.

        Returns:
            The job's id (unguessable: who knows it may act on the job), the evidence, and the keys it binds.

        Raises:
            Refused: unknown base or recipe, or an offer that breaks the protocol.
            RetryLater: too many open jobs.
        """
        self._check_offer(nonce, manifest, home_key)
        pair, signing = new_key_pair(), Ed25519PrivateKey.generate()
        key = JobKey(pair.public, signing.public_key().public_bytes_raw())
        evidence = simulated_evidence(key, nonce, manifest.job_hash)
        job = _Job(secrets.token_hex(16), manifest, home_key, pair, signing, evidence, self._clock())
        self._jobs[job.id] = job
        _log.info("job %s offered: %d samples, %d bytes", job.id[:8], manifest.sample_count, manifest.byte_count)
        return job.id, evidence, key

    def put_chunk(self, job_id: str, index: int, chunk: bytes) -> None:
        """Keep one sealed chunk; sending it again changes nothing.

        Raises:
            Refused: another content under the same index, too large, or the upload is over.
        """
        job = self._job(job_id)
        if job.chunks.get(index) == chunk:
            return
        most = -(-job.manifest.byte_count // CHUNK_BYTES)
        if job.state != "receiving" or index in job.chunks or not 0 <= index < most or len(chunk) > MAX_CHUNK_BYTES:
            raise Refused("job-chunk", f"Chunk {index} does not belong to this upload; it was not kept.")
        job.chunks[index] = chunk

    def start(self, job_id: str, sealed_key: bytes, path: str, file_id: str, count: int) -> None:
        """Open the data key and put the job in the queue; starting again changes nothing.

        Raises:
            Refused: chunks are missing, or the data key is not sealed to this job.
        """
        job = self._job(job_id)
        if job.state != "receiving":
            return
        if sorted(job.chunks) != list(range(count)):
            raise Refused(
                "job-chunks-missing", f"{len(job.chunks)} of {count} chunks arrived; send the missing ones first."
            )
        data_key = open_key(sealed_key, job.pair, job.manifest.job_hash)
        job.header = {"data_key": base64.b64encode(data_key).decode(), "path": path, "file_id": file_id}
        job.state = "queued"
        self._queue.append(job.id)
        self._wake.set()

    def status(self, job_id: str) -> dict[str, Json]:
        """State, progress and the chunks that are here."""
        job = self._job(job_id)
        ahead = self._queue.index(job.id) if job.id in self._queue else 0
        return {
            "state": job.state,
            "progress": job.progress,
            "have": sorted(job.chunks),
            "jobs_ahead": ahead,
            "error": job.error,
            "attestation": job.evidence.kind,
        }

    def result(self, job_id: str) -> SealedResult:
        """The sealed result.

        Raises:
            RetryLater: not finished.
        """
        job = self._job(job_id)
        if job.result is None:
            raise RetryLater("job-not-done", "The training is not finished.")
        return job.result

    async def delete(self, job_id: str) -> Signed:
        """Stop the job if it runs, destroy everything of it and sign a receipt; asked again, the same receipt."""
        if job_id in self._receipts:
            return self._receipts[job_id]
        job = self._jobs.pop(self._job(job_id).id)
        if job.id in self._queue:
            self._queue.remove(job.id)
        if job.process is not None:
            if job.process.returncode is None:
                job.process.kill()
            await job.process.wait()
        receipt = DeletionReceipt(
            job_hash=job.manifest.job_hash.hex(),
            evidence_sha256=job.evidence.sha256(),
            public_key_sha256=job.evidence.public_key_sha256,
            data_sha256=job.manifest.data_sha256,
            started_ms=job.started_ms,
            ended_ms=self._clock(),
            adapter_sha256=job.adapter_sha256,
            deleted=DELETED,
            attestation=job.evidence.kind,
        )
        signed = sign(receipt, job.signing)
        self._receipts[job.id] = signed  # hashes and times only; the job's own key is gone with the job
        _log.info("job %s deleted", job.id[:8])
        return signed

    async def delete_overdue(self) -> None:
        """Delete jobs past their deadline, and offers whose upload never came to its end."""
        now = self._clock()
        overdue = [
            job.id
            for job in self._jobs.values()
            if now >= job.manifest.delete_by_ms
            or (job.state == "receiving" and now - job.started_ms >= _LONGEST_UPLOAD_MS)
        ]
        for job_id in overdue:
            await self.delete(job_id)

    async def train_queued(self) -> None:
        """Train one queued job after the other, for ever."""
        while True:
            await self._wake.wait()
            if not self._queue:
                self._wake.clear()
                continue
            job = self._jobs[self._queue.popleft()]
            job.state = "training"
            try:
                await self._train(job)
            except (
                HearthsideError,
                EOFError,
                OSError,
                ValueError,
                KeyError,
            ) as error:  # IncompleteReadError is EOFError
                self._fail(job, error)
            finally:
                job.chunks, job.header = {}, {}  # what was uploaded is not needed any more

    async def close(self) -> None:
        """Delete every job."""
        for job_id in list(self._jobs):
            await self.delete(job_id)

    def _job(self, job_id: str) -> _Job:
        if job_id not in self._jobs:
            raise Refused("job-unknown", "The workshop does not know this job; it may have restarted. Send it again.")
        return self._jobs[job_id]

    def _check_offer(self, nonce: bytes, manifest: JobManifest, home_key: bytes) -> None:
        check_recipe(manifest.recipe)
        now = self._clock()
        if manifest.base_sha256 not in self._bases:
            raise Refused(
                "workshop-base-unknown",
                f"The workshop does not have the base model {manifest.base_name[:80]}, so nothing was sent. "
                "Start it with --base and the very file that the home serves.",
            )
        if len(nonce) != NONCE_BYTES or hashlib.sha256(home_key).hexdigest() != manifest.home_key_sha256:
            raise Refused("workshop-offer", "The offer lacks its nonce, or its key is not the one in the manifest.")
        if not now < manifest.delete_by_ms <= now + _LONGEST_KEEP_MS:
            raise Refused("workshop-deadline", "A job must be deleted within seven days; its deadline is another.")
        if len(self._jobs) >= MAX_OPEN_JOBS:
            raise RetryLater("workshop-full", "The workshop has too many open jobs; try again later.")

    async def _train(self, job: _Job) -> None:
        chunks = [job.chunks[index] for index in sorted(job.chunks)]
        header = job.header | {
            "manifest": asdict(job.manifest),
            "base": str(self._bases[job.manifest.base_sha256]),
            "threads": self._threads,
            "home_key": base64.b64encode(job.home_key).decode(),
            "sizes": [len(chunk) for chunk in chunks],
        }
        job.process = await asyncio.create_subprocess_exec(
            self._python,
            "-P",  # nothing of the folder it is started in
            "-m",
            "hearthside.workshop.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # libraries may quote content there
            env=child_environment(dict(os.environ), self._threads),
        )
        if job.id not in self._jobs:  # deleted while the process was starting
            job.process.kill()
            return
        stdin, stdout = job.process.stdin, job.process.stdout
        assert stdin is not None and stdout is not None  # both were asked for as pipes
        stdin.write(frame(header, b"".join(chunks)))
        await stdin.drain()
        while job.state == "training":
            self._take(job, *await _read_frame(stdout))
        stdin.close()
        await job.process.wait()

    def _take(self, job: _Job, header: dict[str, Json], blob: bytes) -> None:
        """One frame of the worker."""
        if header["type"] == "progress":
            job.progress = {name: header[name] for name in ("step", "steps", "loss", "tokens_per_s")}
            job.curve.append((header["step"], header["loss"]))
        elif header["type"] == "error":
            error = RetryLater if header["family"] == "retry" else Refused
            raise error(header["code"], header["message"])
        else:
            job.result = _sealed_result(job, header, blob)
            job.adapter_sha256 = next(file["sha256"] for file in header["files"] if file["path"].endswith(".gguf"))
            job.state = "done"

    def _fail(self, job: _Job, error: Exception) -> None:
        known = error if isinstance(error, HearthsideError) else _ended()
        family = "retry" if isinstance(known, RetryLater) else "refused"
        job.state, job.error = "failed", {"family": family, "code": known.code, "message": known.message}
        if job.process is not None and job.process.returncode is None:
            job.process.kill()
        _log.warning("job %s failed: %s", job.id[:8], known.code)


def _ended() -> RetryLater:
    return RetryLater(
        "training-ended", "The training process ended early. The old adapter stays; it can be tried again."
    )


def _sealed_result(job: _Job, header: dict[str, Json], blob: bytes) -> SealedResult:
    statement = ResultStatement(
        job_hash=job.manifest.job_hash.hex(),
        evidence_sha256=job.evidence.sha256(),
        files={file["path"]: file["sha256"] for file in header["files"]},
        curve=tuple(job.curve),
        supervised_tokens=header["supervised_tokens"],
        cut_tokens=header["cut_tokens"],
        tokens_per_s=header["tokens_per_s"],
    )
    blobs = cut(blob, [sum(file["sizes"]) for file in header["files"]])
    files = [{name: file[name] for name in ("path", "file_id", "sizes")} for file in header["files"]]
    named = {file["path"]: piece for file, piece in zip(files, blobs, strict=True)}
    return SealedResult(sign(statement, job.signing), header["sealed_key"], files, named)


async def _read_frame(stream: asyncio.StreamReader) -> tuple[dict[str, Json], bytes]:
    """One frame of `child_process`; raises EOFError or IncompleteReadError where the process ended."""
    length = int.from_bytes(await stream.readexactly(4), "little")
    if length > MAX_HEADER_BYTES:
        raise EOFError("not a frame")
    header = orjson.loads(await stream.readexactly(length))
    return header, await stream.readexactly(int.from_bytes(await stream.readexactly(8), "little"))
