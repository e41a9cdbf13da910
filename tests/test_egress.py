"""The door: named purposes only, a ledger row before the first byte, no redirects, errors by what to do next."""

from __future__ import annotations

import hashlib
import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest
from websockets.sync.server import ServerConnection, serve

from hearthside.egress import PURPOSES, Egress, LedgerRow, Purpose
from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater

NOW_MS = 1_700_000_000_000


@dataclass
class Wire:
    """A real TCP server that keeps every byte it was sent and answers each connection with fixed bytes."""

    answer: bytes
    received: list[bytes] = field(default_factory=list)
    port: int = 0
    _done: threading.Event = field(default_factory=threading.Event)

    def run(self, listener: socket.socket) -> None:
        while not self._done.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                data = b""
                while not _complete(data) and (chunk := connection.recv(65536)):
                    data += chunk
                self.received.append(data)
                connection.sendall(self.answer)


def _complete(data: bytes) -> bool:
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(body) >= (int(lengths[0]) if lengths else 0)


def _http(status: str, body: bytes = b"", *extra: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *extra]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def wire() -> Iterator[Wire]:
    server = Wire(_http("200 OK", b"hello"))
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, args=(listener,))
    thread.start()
    yield server
    server._done.set()
    socket.create_connection(("127.0.0.1", server.port)).close()
    thread.join()
    listener.close()


@pytest.fixture
def rows() -> list[LedgerRow]:
    return []


@pytest.fixture
def egress(rows: list[LedgerRow]) -> Iterator[Egress]:
    door = Egress(rows.append, lambda: NOW_MS)
    yield door
    door.close()


def _post(egress: Egress, port: int, content: bytes = b"sealed", purpose: str = Purpose.WORKSHOP_TRAINING) -> bytes:
    response = egress.request(
        purpose,
        "POST",
        f"http://127.0.0.1:{port}/jobs?part=1",
        content=content,
        headers={"X-Key": "abc"},
        data_class="sealed-job",
        timeout_s=5,
        consent="c0ffee",
        attested="simulated",
    )
    return response.content


def test_the_ledger_row_accounts_for_every_byte(egress: Egress, wire: Wire, rows: list[LedgerRow]) -> None:
    assert _post(egress, wire.port) == b"hello"
    assert rows == [
        LedgerRow(
            at_ms=NOW_MS,
            purpose="workshop-training",
            destination=f"http://127.0.0.1:{wire.port}",
            data_class="sealed-job",
            bytes_out=len(wire.received[0]),
            sha256=hashlib.sha256(b"sealed").hexdigest(),
            consent="c0ffee",
            attested="simulated",
        )
    ]
    assert wire.received[0].endswith(b"sealed")


def test_a_ledger_that_cannot_write_keeps_everything_inside(wire: Wire) -> None:
    def full_disk(row: LedgerRow) -> None:
        raise RetryLater("journal-write-failed", "disk full")

    door = Egress(full_disk, lambda: NOW_MS)
    with pytest.raises(RetryLater, match="disk full"):
        _post(door, wire.port)
    with pytest.raises(RetryLater, match="disk full"):
        door.open_websocket(Purpose.HOME_ASSISTANT, f"ws://127.0.0.1:{wire.port}", data_class="x", timeout_s=5)
    door.close()
    assert wire.received == []


def test_the_row_is_written_before_the_first_byte_leaves(wire: Wire) -> None:
    seen: list[int] = []
    door = Egress(lambda row: seen.append(len(wire.received)), lambda: NOW_MS)
    _post(door, wire.port)
    _post(door, wire.port)
    door.close()
    assert seen == [0, 1]


def test_an_unnamed_purpose_is_refused_and_writes_nothing(egress: Egress, wire: Wire, rows: list[LedgerRow]) -> None:
    with pytest.raises(Refused) as caught:
        _post(egress, wire.port, purpose="telemetry")
    assert caught.value.code == "egress-purpose-unknown"
    with pytest.raises(Refused):
        egress.open_websocket("telemetry", f"ws://127.0.0.1:{wire.port}", data_class="x", timeout_s=1)
    assert (rows, wire.received) == ([], [])


def test_every_purpose_is_explained() -> None:
    assert set(PURPOSES) == set(Purpose)


@pytest.mark.parametrize("location", ["http://elsewhere.example/", "/login"])
def test_redirects_are_not_followed(egress: Egress, wire: Wire, location: str) -> None:
    wire.answer = _http("302 Found", b"", f"Location: {location}")
    with pytest.raises(Refused) as caught:
        _post(egress, wire.port)
    assert caught.value.code == "egress-redirected"
    assert len(wire.received) == 1


def test_a_redirect_is_handed_out_to_who_asks_for_it(egress: Egress, wire: Wire, rows: list[LedgerRow]) -> None:
    wire.answer = _http("302 Found", b"", "Location: http://elsewhere.example/")
    url = f"http://127.0.0.1:{wire.port}/model.gguf"
    with egress.stream(
        Purpose.MODEL_DOWNLOAD, "GET", url, data_class="model-request", timeout_s=5, redirects=True
    ) as response:
        assert response.headers["Location"] == "http://elsewhere.example/"
    assert len(wire.received) == len(rows) == 1


def test_a_websocket_redirect_is_not_followed(egress: Egress, wire: Wire) -> None:
    wire.answer = _http("302 Found", b"", f"Location: ws://127.0.0.1:{wire.port}/other")
    with pytest.raises(Refused) as caught:
        egress.open_websocket(Purpose.HOME_ASSISTANT, f"ws://127.0.0.1:{wire.port}", data_class="x", timeout_s=5)
    assert caught.value.code == "egress-redirected"
    assert len(wire.received) == 1


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_wrong_credentials_need_the_person(egress: Egress, wire: Wire, status: str) -> None:
    wire.answer = _http(status)
    with pytest.raises(NeedsPerson) as caught:
        _post(egress, wire.port)
    assert caught.value.code == "egress-not-allowed"
    with pytest.raises(NeedsPerson):
        egress.open_websocket(Purpose.HOME_ASSISTANT, f"ws://127.0.0.1:{wire.port}", data_class="x", timeout_s=5)


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error"])
def test_other_answers_are_the_callers_business(egress: Egress, wire: Wire, status: str) -> None:
    wire.answer = _http(status, b"why")
    assert _post(egress, wire.port) == b"why"


@pytest.mark.parametrize(
    "answer",
    [
        b"",  # hangs up without a word
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal",  # breaks off
        b"\x00\x01 no http at all\r\n\r\n",
    ],
)
def test_a_broken_answer_can_be_tried_later(egress: Egress, wire: Wire, answer: bytes) -> None:
    wire.answer = answer
    with pytest.raises(RetryLater) as caught:
        _post(egress, wire.port)
    assert caught.value.code == "egress-unreachable"


def test_nobody_there_can_be_tried_later(egress: Egress) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RetryLater):
        _post(egress, port)
    with pytest.raises(RetryLater):
        egress.open_websocket(Purpose.HOME_ASSISTANT, f"ws://127.0.0.1:{port}", data_class="x", timeout_s=5)


def test_a_silent_receiver_runs_into_the_time_limit(egress: Egress) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts in the backlog, never answers
        port = listener.getsockname()[1]
        with pytest.raises(RetryLater):
            egress.request(
                Purpose.MODEL_DOWNLOAD, "GET", f"http://127.0.0.1:{port}", data_class="model-request", timeout_s=0.1
            )
        with pytest.raises(RetryLater):
            egress.open_websocket(Purpose.HOME_ASSISTANT, f"ws://127.0.0.1:{port}", data_class="x", timeout_s=0.1)


@pytest.mark.parametrize(
    "url", ["", "ftp://host/", "homeassistant.local:8123", "http://", "http://[::1", "http://h:99999"]
)
def test_a_wrong_address_is_a_wrong_setting(egress: Egress, rows: list[LedgerRow], url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        egress.request(Purpose.HOME_ASSISTANT, "GET", url, data_class="x", timeout_s=1)
    assert caught.value.code == "egress-address-wrong"
    assert rows == []


def test_the_environment_cannot_bend_the_way_out(
    egress: Egress, wire: Wire, rows: list[LedgerRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    door = Egress(rows.append, lambda: NOW_MS)
    assert _post(door, wire.port) == b"hello"
    door.close()


def test_a_download_is_read_piece_by_piece_and_its_break_is_told(egress: Egress, wire: Wire) -> None:
    wire.answer = _http("200 OK", b"x" * 300_000)
    url = f"http://127.0.0.1:{wire.port}/model.gguf"
    with egress.stream(Purpose.MODEL_DOWNLOAD, "GET", url, data_class="model-request", timeout_s=5) as response:
        assert sum(len(piece) for piece in response.iter_bytes(65536)) == 300_000
    wire.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 1000
    with (
        pytest.raises(RetryLater),
        egress.stream(Purpose.MODEL_DOWNLOAD, "GET", url, data_class="model-request", timeout_s=5) as response,
    ):
        response.read()


@pytest.fixture
def echo() -> Iterator[int]:
    """A real websocket server that sends every message back, and hangs up on `bye`."""

    def handle(connection: ServerConnection) -> None:
        for message in connection:
            if message == "bye":
                return
            connection.send(message)

    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield cast(int, server.socket.getsockname()[1])
        server.shutdown()
        thread.join()


def test_each_websocket_message_has_its_row(egress: Egress, rows: list[LedgerRow], echo: int) -> None:
    channel = egress.open_websocket(
        Purpose.HOME_ASSISTANT, f"ws://127.0.0.1:{echo}/api", data_class="home-connect", timeout_s=5
    )
    channel.send("light on, é", "home-action")
    assert channel.receive(5) == "light on, é"
    assert channel.receive(0.01) is None
    channel.close()
    assert [(row.data_class, row.bytes_out) for row in rows] == [("home-connect", 0), ("home-action", 12)]
    assert rows[1].sha256 == hashlib.sha256("light on, é".encode()).hexdigest()
    assert rows[1].destination == f"ws://127.0.0.1:{echo}"


def test_a_lost_websocket_is_told(egress: Egress, echo: int) -> None:
    channel = egress.open_websocket(Purpose.HOME_ASSISTANT, f"ws://127.0.0.1:{echo}", data_class="x", timeout_s=5)
    channel.send("bye", "x")
    with pytest.raises(HearthsideError) as caught:
        channel.receive(5)
    assert isinstance(caught.value, RetryLater)
    with pytest.raises(RetryLater):
        channel.send("again", "x")
    channel.close()


def test_logs_hold_no_content(egress: Egress, wire: Wire, echo: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _post(egress, wire.port, b"my secret words")
    channel = egress.open_websocket(
        Purpose.HOME_ASSISTANT,
        f"ws://127.0.0.1:{echo}",
        headers={"Authorization": "Bearer hush"},
        data_class="x",
        timeout_s=5,
    )
    channel.send("my secret message", "x")
    channel.receive(5)
    channel.close()
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name != "websockets.server")
    assert "bytes of sealed-job" in ours
    assert "secret" not in ours
    assert "hush" not in ours
