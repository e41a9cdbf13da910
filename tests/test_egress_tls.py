"""The door with certificates of our own: who is believed, one row for signs of life, and everything cut at once."""

from __future__ import annotations

import gzip
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hearthside.egress import Egress, LedgerRow, Purpose
from hearthside.egress.ways import Way
from hearthside.errors import Refused, RetryLater
from hearthside.identity.home_ca import HomeCa
from hearthside.inference.remote.lan_door import serving_context
from tests.inference.remote.homes import clock, listener, made_home, paired, pin_of
from tests.until import until

_SLOWLY = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
_PACKED = gzip.compress(b"hi")
_OTHERS = {
    b"/slow": _SLOWLY,
    b"/packed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_PACKED) + _PACKED,
    b"/long": b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + bytes(65537),
    b"/full": b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + bytes(65536),
}


@dataclass
class Receiver:
    """A real TLS server that asks for a certificate, keeps what it was sent, and never ends a slow answer."""

    context: ssl.SSLContext
    listening: socket.socket = field(default_factory=listener)
    reached: int = 0
    received: list[bytes] = field(default_factory=list)
    open: list[ssl.SSLSocket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.listening.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                raw, _ = self.listening.accept()
            except OSError:
                return
            self.reached += 1
            threading.Thread(target=self._speak, args=(raw,), daemon=True).start()

    def _speak(self, raw: socket.socket) -> None:
        with raw:
            try:
                with self.context.wrap_socket(raw, server_side=True) as connection:
                    while request := _request(connection):
                        self.received.append(request)
                        connection.sendall(_OTHERS.get(request.split()[1], _ANSWER))
            except OSError:
                return


def _request(connection: ssl.SSLSocket) -> bytes:
    """One whole request; empty when the other side went."""
    data = b""
    while not data.partition(b"\r\n\r\n")[1] or len(data.partition(b"\r\n\r\n")[2]) < _length(data):
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    return data


def _length(request: bytes) -> int:
    found = re.search(rb"(?i)content-length: (\d+)", request)
    return int(found[1]) if found else 0


@dataclass
class Home:
    """A home with its door, one node, and the ledger's rows."""

    ca: HomeCa
    receiver: Receiver
    pin: str
    rows: list[LedgerRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.egress = Egress(self.rows.append, clock)
        self.tls = self.ca.client_context(self.pin)

    def post(self, path: str, tls: ssl.SSLContext | None = None) -> bytes:
        return self.egress.request(
            Purpose.COMPUTE_NODE, "POST", self.receiver.url + path, content=b"words", data_class="prompt", timeout_s=30,
            connect_s=10, tls=tls or self.tls,
        ).content  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    ca = made_home(tmp_path)
    identity = paired(ca)
    receiver = Receiver(serving_context(identity))
    thread = threading.Thread(target=receiver.run, daemon=True)
    thread.start()
    made = Home(ca, receiver, pin_of(identity))
    yield made
    made.egress.close()
    receiver.listening.shutdown(socket.SHUT_RDWR)
    receiver.listening.close()
    thread.join()


def test_content_goes_to_the_pinned_node_with_its_row(home: Home) -> None:
    assert home.post("/complete") == b"hi" == home.post("/complete")
    assert [(row.purpose, row.destination, row.data_class) for row in home.rows] == [
        ("compute-node", home.receiver.url, "prompt")
    ] * 2
    assert home.rows[0].bytes_out == len(home.receiver.received[0])
    assert home.receiver.reached == 1  # one connection serves both


def test_nobody_else_gets_a_byte(home: Home, tmp_path: Path) -> None:
    another_node = home.ca.client_context("0" * 64)
    (tmp_path / "other").mkdir()
    another_home = made_home(tmp_path / "other").client_context(home.pin)
    for context in (another_node, another_home):
        with pytest.raises(RetryLater) as caught:
            home.post("/complete", context)
        assert caught.value.code == "egress-unreachable"
    with pytest.raises(RetryLater):  # the system's own trust knows neither
        home.egress.request(Purpose.COMPUTE_NODE, "GET", home.receiver.url, data_class="prompt", timeout_s=10)
    assert home.receiver.received == []


def test_without_a_row_not_even_a_connection_is_made(home: Home) -> None:
    def full(row: LedgerRow) -> None:
        raise RetryLater("journal-write-failed", "disk full")

    door = Egress(full, clock)
    with pytest.raises(RetryLater, match="disk full"):
        door.request(
            Purpose.COMPUTE_NODE, "POST", home.receiver.url, content=b"words", data_class="prompt", timeout_s=5,
            tls=home.tls,
        )  # fmt: skip
    with pytest.raises(RetryLater, match="disk full"):
        door.open_link(Purpose.COMPUTE_NODE, home.receiver.url, data_class="heartbeat", tls=home.tls)
    door.close()
    assert home.receiver.reached == 0


def test_signs_of_life_have_one_row_and_no_room_for_content(home: Home) -> None:
    link = home.egress.open_link(Purpose.COMPUTE_NODE, home.receiver.url, data_class="heartbeat", tls=home.tls)
    assert home.receiver.reached == 0
    for _ in range(5):
        assert link.ask("GET", "/health", timeout_s=10).content == b"hi"
    link.ask("POST", "/probe", b'{"tokens":8}', timeout_s=10)
    assert [(row.data_class, row.bytes_out) for row in home.rows] == [("heartbeat", 0)]
    received = len(home.receiver.received)
    for path, body in (("/health", b"x" * 65), ("/health?q=words", b""), ("/adapters/0f", b""), ("/Health", b"")):
        with pytest.raises(Refused) as caught:
            link.ask("POST", path, body, timeout_s=10)
        assert caught.value.code == "egress-sign-too-long"
    assert len(home.receiver.received) == received


@pytest.mark.parametrize("path", ["/packed", "/long"])
def test_an_answer_that_could_fill_the_memory_is_not_read(home: Home, path: str) -> None:
    """A stolen node holds its key: what it answers is bounded, and nothing of it is unpacked."""
    link = home.egress.open_link(Purpose.COMPUTE_NODE, home.receiver.url, data_class="heartbeat", tls=home.tls)
    for ask in (lambda: link.ask("GET", path, timeout_s=10), lambda: home.post(path)):
        with pytest.raises(RetryLater) as caught:
            ask()
        assert caught.value.code == "egress-unreachable"
    assert len(link.ask("GET", "/full", timeout_s=10).content) == len(home.post("/full")) == 65536
    assert all(b"accept-encoding: identity\r\n" in request.lower() for request in home.receiver.received)


def test_a_way_that_is_dropped_before_it_is_used_is_not_reached(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    used = Way.used

    def late(way: Way) -> AbstractContextManager[None]:
        home.egress.drop(home.tls)
        return used(way)

    monkeypatch.setattr(Way, "used", late)
    with pytest.raises(RetryLater) as caught:
        home.post("/complete")
    assert caught.value.code == "egress-unreachable" and home.receiver.reached == 0


def test_dropping_cuts_what_is_read_and_what_waits_and_lets_nothing_follow(home: Home) -> None:
    broken, cut_s = list[str](), list[float]()

    def read() -> None:
        try:
            home.post("/slow")
        except RetryLater as error:
            cut_s.append(time.monotonic())
            broken.append(error.code)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    until(lambda: len(home.receiver.received) == 3)
    begun = time.monotonic()
    home.egress.drop(home.tls)
    for reader in readers:
        reader.join(20)
    assert broken == ["egress-unreachable"] * 3 and max(cut_s) - begun < 10  # of the 30 s it would have waited
    rows = len(home.rows)
    with pytest.raises(RetryLater):
        home.post("/complete")
    assert len(home.receiver.received) == 3 and len(home.rows) == rows
    home.tls = home.ca.client_context(home.pin)
    assert home.post("/complete") == b"hi"


def test_a_connection_that_is_being_made_is_cut_too(home: Home) -> None:
    """The socket is connected, and nobody answers the handshake until it was dropped."""
    with listener() as silent:
        link = home.egress.open_link(
            Purpose.COMPUTE_NODE, f"https://127.0.0.1:{silent.getsockname()[1]}", data_class="heartbeat", tls=home.tls
        )
        errors = list[str]()

        def ask() -> None:
            try:
                link.ask("GET", "/health", timeout_s=20)
            except RetryLater as error:
                errors.append(error.code)

        asking = threading.Thread(target=ask)
        asking.start()
        raw, _ = silent.accept()
        home.egress.drop(home.tls)
        came = b""
        with raw, suppress(OSError), home.receiver.context.wrap_socket(raw, server_side=True) as connection:
            came = connection.recv(1)
        asking.join(30)
        assert came == b"" and errors == ["egress-unreachable"]
