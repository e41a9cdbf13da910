"""`hearthside compute` as a person runs it: paired by its code, used, left alone, stolen, restarted, paired anew."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from hearthside.cli.compute import _kept
from hearthside.identity.home_ca import HomeCa, load_chain
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.remote.node_identity import FILE
from hearthside.inference.remote.pairing import PairedNode
from hearthside.inference.side_models import SideConfig
from hearthside.inference.supervisor import NodeOptions
from tests.cli.ended import Run
from tests.cli.memory_scan import family, forms_of, found_in_files, found_in_memory
from tests.inference.adapter_files import random_adapter
from tests.inference.remote.homes import listener, made_home, pair, paired
from tests.inference.side_files import picture_of
from tests.until import until

_CODE = re.compile(r"((?:[0-9A-Z] ){3}[0-9A-Z])   ((?:[0-9A-Z] ){3}[0-9A-Z])   ((?:[0-9A-Z] ){3}[0-9A-Z])")
_IDLE_S = 8.0  # longer than a busy machine keeps a test waiting between two requests
_PROMPTS, _TEXTS = 40, 58  # and one in a picture, one in an adapter


class _Service:
    """A compute node on "another machine": its own home, temporary folder and working folder."""

    def __init__(self, machine: Path) -> None:
        self.machine = machine
        self.folders = [machine / name for name in ("node", "home", "tmp", "work")]
        for folder in self.folders:
            folder.mkdir()
        with listener() as free:
            self.port = int(free.getsockname()[1])
        self.said = ""

    def start(self, *more: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTHSIDE_")}
        node, home, temporary, work = (str(folder) for folder in self.folders)
        command = [sys.executable, "-P", "-m", "hearthside.cli", "compute", "--folder", node, "--listen", "127.0.0.1"]
        self.said = ""
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), "--no-announce", "--erase-after", str(_IDLE_S), *more],
            env={**kept, "HOME": home, "TMPDIR": temporary, "COLUMNS": "100"},
            cwd=work,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.said += line

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        self._reader.join(30)
        return code

    def code(self) -> str:
        until(lambda: _CODE.search(self.said), "a pairing code")
        found = _CODE.search(self.said)
        assert found is not None
        return found[0]

    def child(self) -> int:
        members = family(self.process.pid)
        return next((pid for pid, line in members.items() if "hearthside.inference.node" in line), 0)


class _Home:
    """What the station knows: its authority, the node, and a way to ask it."""

    def __init__(self, folder: Path) -> None:
        self.ca: HomeCa = made_home(folder)
        self.node: PairedNode | None = None

    def pair(self, service: _Service) -> None:
        self.node = pair(service.port, service.code(), self.ca)
        self.context = self.ca.client_context(self.node.pin)

    def ask(self, method: str, path: str, **body: object) -> httpx.Response:
        """One request, sent again while the node is starting."""
        assert self.node is not None
        end = time.monotonic() + 90
        while True:
            try:
                with httpx.Client(verify=self.context, trust_env=False, timeout=60) as client:
                    answer = client.request(method, f"https://127.0.0.1:{self.node.port}{path}", **body)  # type: ignore[arg-type]
                if answer.status_code != 503:
                    return answer
            except httpx.HTTPError:
                assert time.monotonic() < end, "the node does not answer"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Service]:
    made = _Service(tmp_path_factory.mktemp("other-machine"))
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()
        made._reader.join(30)


@pytest.fixture(scope="module")
def home(service: _Service, tmp_path_factory: pytest.TempPathFactory) -> _Home:
    """Paired with the service, by the code on its terminal."""
    made = _Home(tmp_path_factory.mktemp("home"))
    service.start()
    code = service.code()
    assert f"hearthside nodes pair 127.0.0.1:{service.port}" in service.said
    assert not (service.folders[0] / FILE).exists()
    made.pair(service)
    assert code.replace(" ", "") not in (service.folders[0] / FILE).read_text()
    return made


def _strangers(home: _Home, folder: Path) -> dict[str, ssl.SSLContext | None]:
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    other = made_home(folder).client_context("")
    other.verify_mode, other.sslsocket_class = ssl.CERT_NONE, ssl.SSLSocket
    node = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    node.check_hostname, node.verify_mode = False, ssl.CERT_NONE
    identity = paired(home.ca)
    load_chain(node, identity.certificate, identity.key)
    return {"plain": None, "no certificate": blind, "another home": other, "another node": node}


def _read(port: int, context: ssl.SSLContext | None) -> bytes:
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as raw, suppress(OSError):
        connection = raw if context is None else context.wrap_socket(raw, server_hostname="node")
        with connection, suppress(OSError):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")
            while piece := connection.recv(4096):
                got += piece
    return got


def test_the_home_is_served_and_nobody_else(service: _Service, home: _Home, tmp_path: Path) -> None:
    health = home.ask("GET", "/health").json()
    assert health["model"].startswith("SmolLM2") and len(health["start"]) == 16
    assert health["bytes"] > 90_000_000 and health["parameters"] > 130_000_000 and health["context_tokens"] == 2048
    probed = home.ask("POST", "/probe", json={"tokens": 8}).json()
    assert 1 <= probed["tokens"] <= 8 and probed["seconds"] > 0
    assert home.ask("POST", "/probe").json()["tokens"] == 1
    assert home.ask("POST", "/probe", json={"tokens": 17}).status_code == 422
    assert home.ask("POST", "/shed", json={}).status_code == 404
    answers = {name: _read(service.port, context) for name, context in _strangers(home, tmp_path).items()}
    assert answers.pop("plain")[:1] in (b"", b"\x15")  # at most an alert of TLS
    assert set(answers.values()) == {b""}


@pytest.mark.skipif(sys.platform != "linux", reason="memory of other processes is read through /proc")
def test_a_stolen_node_tells_nothing(service: _Service, home: _Home) -> None:
    stem = f"kite{secrets.token_hex(4)}"
    canaries = [f"{stem}{number:02d}" for number in range(_PROMPTS + _TEXTS + 2)]
    forms = forms_of(stem)  # part of all hundred
    adapter = random_adapter(7) + canaries[-1].encode()
    name, digest = secrets.token_hex(12), hashlib.sha256(adapter)
    weights = {"weights": adapter[len(adapter) // 2 :][:64]}
    start = home.ask("GET", "/health").json()["start"]

    assert home.ask("PUT", f"/adapters/{name}", content=adapter).json() == {"adapters": [name]}
    for first in range(0, _PROMPTS, 8):
        prompt = "Note these: " + ", ".join(canaries[:_PROMPTS][first : first + 8])
        said = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 1, "adapter": name}
        assert b"usage" in home.ask("POST", "/complete", json=said).content
    texts = canaries[_PROMPTS:-2]
    assert home.ask("POST", "/embed", json={"texts": texts}).json()["model"]
    assert home.ask("POST", "/complete", json={"messages": texts}).status_code == 422  # refused, and read all the same
    read = home.ask("POST", "/read_picture", content=picture_of("SAID", canaries[-2])).json()
    assert [line["text"] for line in read["lines"]] == ["SAID"]
    assert home.ask("GET", "/health").json()["start"] == start

    child = service.child()
    os.kill(child, signal.SIGSTOP)  # so that it does not forget while it is looked at
    try:
        held = found_in_memory(child, forms | weights)
    finally:
        os.kill(child, signal.SIGCONT)
    assert held["plain"] > 0 and held["weights"] > 0, "the scan must be able to find them"

    until(lambda: service.child() not in (0, child), "the child is started anew")
    again = home.ask("GET", "/health").json()
    assert again["start"] != start and again["adapters"] == []
    assert "it starts anew and keeps nothing" in service.said
    members = family(service.process.pid)
    assert len(members) == 3, members  # the command, its memory guard, the model
    everything = forms | weights | forms_of(name) | forms_of(digest.hexdigest()) | {"digest": digest.digest()}
    for pid, line in members.items():
        found = found_in_memory(pid, everything)
        assert set(found.values()) == {0}, (line, found)
    assert found_in_files(service.folders, everything) == []
    assert stem not in service.said


def test_it_forgets_when_it_is_asked(service: _Service, home: _Home) -> None:
    start = home.ask("GET", "/health").json()["start"]
    child = service.child()
    assert home.ask("POST", "/forget").status_code == 204
    until(lambda: service.child() not in (0, child), "the child is started anew")
    assert home.ask("GET", "/health").json()["start"] != start
    assert "was asked to forget" in service.said


def test_one_folder_is_served_once(service: _Service, home: _Home, run: Run) -> None:
    ended = run("compute", "--folder", service.folders[0], "--listen", "127.0.0.1", "--port", "0", "--no-announce")
    assert ended.status == 4 and "compute-runs-already" in ended.err


def test_a_restart_keeps_the_pairing_and_pair_ends_it(service: _Service, home: _Home, tmp_path: Path) -> None:
    assert service.stop() == 0 and "Ended." in service.said
    service.start()
    assert home.ask("GET", "/health").status_code == 200
    assert _CODE.search(service.said) is None
    assert service.stop() == 0

    service.start("--pair")
    service.code()
    assert home.node is not None and not (service.folders[0] / FILE).exists()
    with pytest.raises(ssl.SSLCertVerificationError):  # what answers is not the node that was paired
        raw = socket.create_connection(("127.0.0.1", service.port), timeout=20)
        with raw:
            home.context.wrap_socket(raw, server_hostname="node").close()
    other = _Home(tmp_path)
    other.pair(service)
    until(lambda: "Paired" in service.said, "paired")
    assert other.node is not None and other.node.id != home.node.id
    assert other.ask("GET", "/health").status_code == 200
    stale = home.ca.client_context(other.node.pin)
    stale.verify_mode = ssl.CERT_NONE
    assert _read(service.port, stale) == b""
    assert service.stop() == 0


def test_a_model_that_cannot_be_served_is_said_before_anybody_pairs(run: Run, tmp_path: Path) -> None:
    where = ("--folder", tmp_path / "node", "--listen", "127.0.0.1", "--port", "0", "--no-announce")
    missing = run("compute", *where, "--model", tmp_path / "none.gguf")
    assert missing.status == 4 and "model-file-missing" in missing.err
    (tmp_path / "no.gguf").write_bytes(b"no model")
    wrong = run("compute", *where, "--model", tmp_path / "no.gguf")
    assert wrong.status == 4 and "pairing code" not in wrong.out
    elsewhere = run("compute", *where, "--model-server", "http://192.0.2.77:8080")
    assert elsewhere.status == 5 and "pairing code" not in elsewhere.out


def test_who_starts_it_reads_where_what_it_is_told_goes() -> None:
    model, speech = ServerAddress("http://127.0.0.1:8080"), SideConfig("http://127.0.0.1:9000/v1")
    assert _kept(NodeOptions()) == "It keeps nothing of what it is told."
    told = _kept(NodeOptions(server=model))
    assert told == "What it is told goes to the model server at 127.0.0.1:8080, whose memory Hearthside cannot empty."
    heard = "Recordings go to the speech server at 127.0.0.1:9000, whose memory Hearthside cannot empty."
    assert _kept(NodeOptions(side=speech)) == f"It keeps nothing of what it is told. {heard}"
    assert _kept(NodeOptions(server=model, side=speech)) == f"{told} {heard}"
