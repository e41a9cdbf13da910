"""The whole protocol with real processes: offer, verdict, sealed upload, training, sealed result, receipt, deletion."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from hearthside.egress import Egress, LedgerRow
from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import HOUR_MS
from hearthside.workshop.adapter_gguf import base_shape, import_gguf
from hearthside.workshop.attestation import Check, Verdict
from hearthside.workshop.client import LocalWorkshop, Offer, TrainedAdapter, TrainingProgress, WorkshopClient
from hearthside.workshop.job import Job, LoraSftParameters, make_job
from hearthside.workshop.receipts import DELETED, DeletionReceipt, verify
from hearthside.workshop.sealing import new_data_key, new_key_pair, seal_file, seal_key
from tests.workshop.invented_chat import as_samples, invented_chat
from tests.workshop.tiny_base import sha256_of, write_tiny_base

_QUICK = LoraSftParameters(rank=4, epochs=2, learning_rate=5e-3)
_ENDLESS = replace(_QUICK, epochs=100)


def _now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_base(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture(scope="module")
def workshop(base: Path) -> Iterator[LocalWorkshop]:
    with LocalWorkshop([base], threads=1) as running:
        yield running


@pytest.fixture
def ledger() -> list[LedgerRow]:
    return []


@pytest.fixture
def egress(ledger: list[LedgerRow]) -> Iterator[Egress]:
    gateway = Egress(ledger.append, _now)
    yield gateway
    gateway.close()


def _job(base: Path, parameters: LoraSftParameters = _QUICK, **changed: Any) -> Job:
    given: dict[str, Any] = {
        "base_sha256": sha256_of(base),
        "base_name": "tiny",
        "data_from": "2024-05-01",
        "data_to": "2024-05-30",
        "delete_by_ms": _now() + HOUR_MS,
    }
    return make_job(as_samples(invented_chat(30, seed=1)), parameters=parameters, **(given | changed))


def _client(sender: Any, url: str) -> WorkshopClient:
    return WorkshopClient(
        sender,
        url,
        clock=_now,
        random_bytes=secrets.token_bytes,
        sleep=lambda seconds: time.sleep(min(seconds, 0.1)),
        poll_s=0.1,
    )


def _train(
    client: WorkshopClient,
    job: Job,
    accept: Callable[[Verdict], bool] = lambda verdict: True,
    progress: Callable[[TrainingProgress], None] = lambda now: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainedAdapter:
    return client.train(job, accept=accept, progress=progress, stop=stop)


def test_a_whole_training(workshop: LocalWorkshop, base: Path, egress: Egress, ledger: list[LedgerRow]) -> None:
    from safetensors.numpy import load

    job = _job(base)
    verdicts: list[Verdict] = []
    seen: list[TrainingProgress] = []

    def accept(verdict: Verdict) -> bool:
        verdicts.append(verdict)
        assert not any(row.data_class == "sealed-job" for row in ledger), "data left before the verdict was accepted"
        return True

    trained = _train(_client(egress, workshop.url), job, accept, seen.append)

    assert verdicts == [trained.verdict]
    assert trained.verdict.bound
    assert not trained.verdict.attested
    assert trained.receipt.attestation == "simulated"
    assert trained.receipt.deleted == DELETED
    assert trained.receipt.data_sha256 == job.manifest.data_sha256
    assert trained.receipt.started_ms <= trained.receipt.ended_ms

    tensors, _ = import_gguf(trained.gguf, base_shape(base))
    assert tensors.keys() == load(trained.peft["adapter_model.safetensors"]).keys()
    assert orjson.loads(trained.peft["adapter_config.json"])["r"] == 4
    assert trained.curve[-1][1] < trained.curve[0][1]
    assert seen[0].phase == "offer"
    assert {"upload", "fetch", "delete"} <= {now.phase for now in seen}

    sealed = [row for row in ledger if row.data_class == "sealed-job"]
    assert {row.attested for row in sealed} == {"simulated"}
    assert {row.purpose for row in ledger} == {"workshop-training"}


def test_what_travels_holds_no_plaintext(workshop: LocalWorkshop, base: Path, egress: Egress) -> None:
    sent: list[bytes] = []

    class Listening:
        def request(self, *args: Any, content: bytes = b"", **named: Any) -> httpx.Response:
            response = egress.request(*args, content=content, **named)
            sent.extend((content, response.content))
            return response

    trained = _train(_client(Listening(), workshop.url), _job(base))
    wire = b"".join(sent)
    assert len(wire) > len(trained.gguf)
    for secret in (b"allotment", b"lora_a", b"GGUF", trained.gguf[200:232]):
        assert secret not in wire


def test_after_deletion_the_job_is_unknown_and_the_receipt_stays(
    workshop: LocalWorkshop, base: Path, egress: Egress
) -> None:
    client = _client(egress, workshop.url)
    offer = client.offer(_job(base).manifest, new_key_pair().public)
    receipt, signed = client.delete(offer)
    again, _ = client.delete(offer)
    assert receipt == again == verify(signed, offer.key.verifier(), DeletionReceipt)
    assert receipt.adapter_sha256 == ""
    assert httpx.get(f"{workshop.url}/jobs/{offer.job_id}").status_code == 404
    assert httpx.get(f"{workshop.url}/jobs/{offer.job_id}/result").status_code == 404


def test_an_unaccepted_verdict_sends_nothing(
    workshop: LocalWorkshop, base: Path, egress: Egress, ledger: list[LedgerRow]
) -> None:
    with pytest.raises(Refused) as refused:
        _train(_client(egress, workshop.url), _job(base), accept=lambda verdict: False)
    assert refused.value.code == "workshop-not-accepted"
    assert {row.data_class for row in ledger} == {"job-manifest", "job-control"}


def test_a_stop_deletes_the_job_while_it_trains(workshop: LocalWorkshop, base: Path, egress: Egress) -> None:
    seen: list[TrainingProgress] = []
    offers: list[str] = []

    class Watching:
        def request(self, purpose: str, method: str, url: str, **named: Any) -> httpx.Response:
            response = egress.request(purpose, method, url, **named)
            if url.endswith("/offers"):
                offers.append(response.json()["job"])
            return response

    with pytest.raises(RetryLater) as stopped:
        _train(
            _client(Watching(), workshop.url),
            _job(base, _ENDLESS),
            progress=seen.append,
            stop=lambda: any(now.phase == "training" and now.step > 0 for now in seen),
        )
    assert stopped.value.code == "training-stopped"
    assert 0 < seen[-1].step < seen[-1].steps
    assert httpx.get(f"{workshop.url}/jobs/{offers[0]}").status_code == 404


def test_an_interrupted_upload_goes_on_where_it_was(workshop: LocalWorkshop, base: Path, egress: Egress) -> None:
    """Every request but the offer fails twice, before and after the workshop got it; nothing is done twice."""
    tries: Counter[tuple[str, str]] = Counter()

    class Breaking:
        def request(self, purpose: str, method: str, url: str, **named: Any) -> httpx.Response:
            tries[method, url] += 0 if url.endswith("/offers") else 1
            if tries[method, url] == 1:
                raise RetryLater("egress-unreachable", "no connection")
            response = egress.request(purpose, method, url, **named)
            if tries[method, url] == 2:
                raise RetryLater("egress-unreachable", "the answer was lost")
            return response

    assert _train(_client(Breaking(), workshop.url), _job(base)).curve
    repeated = {method for (method, _), times in tries.items() if times >= 3}
    assert repeated == {"PUT", "POST", "GET", "DELETE"}


def _offer(url: str, egress: Egress, job: Job) -> tuple[Offer, bytes]:
    offer = _client(egress, url).offer(job.manifest, new_key_pair().public)
    return offer, new_data_key()


def _wait_failed(url: str, offer: Offer) -> dict[str, Any]:
    for _ in range(600):
        status: dict[str, Any] = httpx.get(f"{url}/jobs/{offer.job_id}").json()
        if status["state"] in ("failed", "done"):
            return status
        time.sleep(0.1)
    raise AssertionError("the job did not end")


@pytest.mark.parametrize("how", ["chunk", "content", "key"])
def test_altered_or_wrong_sealed_data_are_never_trained(
    workshop: LocalWorkshop, base: Path, egress: Egress, how: str
) -> None:
    job = _job(base)
    offer, data_key = _offer(workshop.url, egress, job)
    payload = job.payload.replace(b"allotment", b"ALLOTMENT") if how == "content" else job.payload
    sealed = seal_file(data_key, offer.manifest.job_hash, "samples.json", payload)
    chunk = bytearray(sealed.chunks[0])
    chunk[100] ^= how == "chunk"
    info = bytes(32) if how == "key" else offer.manifest.job_hash
    body = {
        "sealed_key": _b64(seal_key(data_key, offer.key.sealing, info)),
        "path": sealed.path,
        "file_id": sealed.file_id.hex(),
        "chunks": 1,
    }
    with httpx.Client(base_url=workshop.url) as http:
        assert http.put(f"/jobs/{offer.job_id}/chunks/0", content=bytes(chunk)).status_code == 204
        started = http.post(f"/jobs/{offer.job_id}/start", json=body)
    if how == "key":
        assert started.status_code == 409
        assert started.json()["code"] == "seal-broken"
    else:
        status = _wait_failed(workshop.url, offer)
        assert status["state"] == "failed"
        assert status["error"]["code"] == {"chunk": "seal-broken", "content": "job-not-as-manifest"}[how]
        assert "allotment" not in str(status).lower()
    _client(egress, workshop.url).delete(offer)


def _b64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def test_chunks_are_idempotent_and_start_needs_all(workshop: LocalWorkshop, base: Path, egress: Egress) -> None:
    offer, _ = _offer(workshop.url, egress, _job(base))
    start = {"sealed_key": "", "path": "samples.json", "file_id": "", "chunks": 1}
    path = f"/jobs/{offer.job_id}"
    with httpx.Client(base_url=workshop.url) as http:
        assert http.post(f"{path}/start", json=start).json()["code"] == "job-chunks-missing"
        assert http.get(path).json()["have"] == []
        assert [http.put(f"{path}/chunks/0", content=b"same").status_code for _ in range(2)] == [204, 204]
        assert http.put(f"{path}/chunks/0", content=b"other").json()["code"] == "job-chunk"
        assert http.put(f"{path}/chunks/1", content=b"too far").json()["code"] == "job-chunk"
        assert http.put(f"{path}/chunks/0", content=bytes(2**20 + 17)).status_code == 413
        assert http.get(path).json()["have"] == [0]
    _client(egress, workshop.url).delete(offer)


def _no_such_base(job: Job) -> Job:
    return replace(job, manifest=replace(job.manifest, base_sha256="00" * 32))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_no_such_base, "workshop-base-unknown"),
        (lambda job: replace(job, manifest=replace(job.manifest, recipe="shell")), "recipe-unknown"),
        (lambda job: replace(job, manifest=replace(job.manifest, delete_by_ms=_now() - 1)), "workshop-deadline"),
        (lambda job: replace(job, manifest=replace(job.manifest, delete_by_ms=_now() + 10**10)), "workshop-deadline"),
    ],
)
def test_offers_that_it_cannot_keep_are_refused(
    workshop: LocalWorkshop, base: Path, egress: Egress, change: Callable[[Job], Job], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        _train(_client(egress, workshop.url), change(_job(base)))
    assert refused.value.code == code


def test_a_web_page_cannot_use_it(workshop: LocalWorkshop) -> None:
    port = workshop.url.rpartition(":")[2]
    assert httpx.get(f"{workshop.url}/jobs/x", headers={"host": f"evil.example:{port}"}).status_code == 400
    plain = httpx.post(f"{workshop.url}/offers", content=b"{}", headers={"content-type": "text/plain"})
    assert plain.status_code == 415


class Altering:
    """Stands between client and workshop and changes answers, as a dishonest workshop would."""

    def __init__(self, egress: Egress, path: str, change: Callable[[bytes], bytes]) -> None:
        self._egress, self._path, self._change = egress, path, change
        self.sent_after_offer = 0

    def request(self, purpose: str, method: str, url: str, **named: Any) -> httpx.Response:
        self.sent_after_offer += named["data_class"] == "sealed-job"
        response = self._egress.request(purpose, method, url, **named)
        if f"{method} {url}".endswith(self._path) or (self._path == "DELETE" == method):
            return httpx.Response(response.status_code, content=self._change(response.content))
        return response


def _flip_json(*keys: str) -> Callable[[bytes], bytes]:
    """Change the first letter of one value."""

    def change(content: bytes) -> bytes:
        document = orjson.loads(content)
        place = document
        for key in keys[:-1]:
            place = place[key]
        value = place[keys[-1]]
        place[keys[-1]] = ("A" if value[0] != "A" else "B") + value[1:]
        return orjson.dumps(document)

    return change


@pytest.mark.parametrize(
    "keys",
    [
        ("public_key",),
        ("evidence", "kind"),
        ("evidence", "nonce"),
        ("evidence", "job_hash"),
        ("evidence", "public_key_sha256"),
        ("evidence", "report_data"),
    ],
)
def test_altered_evidence_gets_no_data(
    workshop: LocalWorkshop, base: Path, egress: Egress, keys: tuple[str, ...]
) -> None:
    sender = Altering(egress, "/offers", _flip_json(*keys))
    with pytest.raises(Refused) as refused:
        _train(_client(sender, workshop.url), _job(base))
    assert refused.value.code == "workshop-not-bound"
    assert sender.sent_after_offer == 0


def _flip_byte(content: bytes) -> bytes:
    return content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/result", _flip_json("statement")),
        ("/result", _flip_json("signature")),
        ("/result", _flip_json("sealed_key")),
        ("/result/adapter.gguf", _flip_byte),
        ("/result/adapter_model.safetensors", _flip_byte),
        ("DELETE", _flip_json("statement")),
        ("DELETE", _flip_json("signature")),
    ],
)
def test_an_altered_result_or_receipt_is_never_used(
    trained_once: Callable[[Any], TrainedAdapter], egress: Egress, path: str, change: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(Refused):
        trained_once(Altering(egress, path, change))


@pytest.fixture(scope="module")
def trained_once(workshop: LocalWorkshop, base: Path) -> Iterator[Callable[[Any], TrainedAdapter]]:
    """Replays one real training's answers, so that altering each of them costs no training of its own."""
    gateway = Egress(lambda row: None, _now)
    tape: dict[tuple[str, str], httpx.Response] = {}
    keys = []

    class Recording:
        def request(self, purpose: str, method: str, url: str, **named: Any) -> httpx.Response:
            response = gateway.request(purpose, method, url, **named)
            tape[method, url] = response
            return response

    client, job, home = _client(Recording(), workshop.url), _job(base), new_key_pair()
    offer = client.offer(job.manifest, home.public)
    keys.append(offer)
    client._send(offer, offer.verdict, job, lambda now: None, lambda: False)
    client._wait(offer, lambda now: None, lambda: False)
    client._fetch(offer, home)
    client.delete(offer)

    def replay(altering: Altering) -> TrainedAdapter:
        class Tape:
            def request(self, purpose: str, method: str, url: str, **named: Any) -> httpx.Response:
                return tape[method, url]

        altering._egress = Tape()  # type: ignore[assignment]
        reader = _client(altering, workshop.url)
        statement, files = reader._fetch(offer, home)
        receipt, signed = reader.delete(offer)
        return TrainedAdapter(files["adapter.gguf"], files, receipt, signed, offer.verdict, [], statement)

    assert replay(Altering(gateway, "nothing", bytes)).gguf[:4] == b"GGUF"  # unaltered, the tape is good
    yield replay
    gateway.close()


def test_nothing_is_sent_without_a_bound_fresh_verdict_of_this_offer(
    workshop: LocalWorkshop, base: Path, egress: Egress, ledger: list[LedgerRow]
) -> None:
    client, job = _client(egress, workshop.url), _job(base)
    offer = client.offer(job.manifest, new_key_pair().public)
    good = offer.verdict
    wrong = [
        replace(good, checks=()),
        replace(good, checks=(*good.checks, Check("binding", "failed", ""))),
        replace(good, job_hash="00" * 32),
        replace(good, public_key_sha256="00" * 32),
        replace(good, issued_ms=good.issued_ms - HOUR_MS),
    ]
    for verdict in wrong:
        with pytest.raises(Refused) as refused:
            client._send(offer, verdict, job, lambda now: None, lambda: False)
        assert refused.value.code == "workshop-not-bound"
    elsewhere = _client(egress, "http://workshop.example:9")
    with pytest.raises(Refused) as refused:
        elsewhere._send(offer, good, job, lambda now: None, lambda: False)
    assert refused.value.code == "workshop-not-attested"
    assert not any(row.data_class == "sealed-job" for row in ledger)
    client.delete(offer)


def test_a_workshop_without_its_base_says_so(tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match=r"missing\.gguf"), LocalWorkshop([tmp_path / "missing.gguf"], threads=1):
        pass


def test_nothing_touches_the_disk_and_no_process_stays(base: Path, tmp_path: Path, egress: Egress) -> None:
    """Killed while training: temporary, cache and home folder are empty, and the worker has ended with its workshop."""
    environment = {name: str(tmp_path / name) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    for folder in environment.values():
        Path(folder).mkdir()
    command = [sys.executable, "-m", "hearthside.workshop.server", "--child", "--threads", "1", "--base", str(base)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, env=dict(os.environ) | environment
    )
    assert process.stdin is not None and process.stdout is not None
    port = orjson.loads(process.stdout.readline())["port"]
    seen: list[TrainingProgress] = []

    def killed_while_training() -> bool:
        if any(now.phase == "training" and now.step > 0 for now in seen) and process.poll() is None:
            assert _children(process.pid)
            process.kill()
            process.wait()
        return False

    with pytest.raises(HearthsideError):
        client = _client(egress, f"http://127.0.0.1:{port}")
        _train(client, _job(base, _ENDLESS), progress=seen.append, stop=killed_while_training)
    for pipe in (process.stdin, process.stdout):
        pipe.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == []
    deadline = time.monotonic() + 30
    while any(str(base) in line or "workshop.worker" in line for line in _orphans(process.pid)):
        assert time.monotonic() < deadline, "the worker outlived its workshop"
        time.sleep(0.1)


def _children(pid: int) -> list[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    found = [int(line) for line in done.stdout.split()]
    _WORKERS.extend(found)
    return found


_WORKERS: list[int] = []


def _orphans(pid: int) -> list[str]:
    """Command lines of the workers that were seen under the workshop and still run."""
    lines = []
    for worker in _WORKERS:
        status = Path(f"/proc/{worker}/cmdline")
        if status.exists():
            lines.append(status.read_bytes().replace(b"\0", b" ").decode())
    return lines
