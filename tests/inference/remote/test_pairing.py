"""Pairing over real TLS on loopback: the right code pairs, everything else learns nothing and gets nowhere."""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509

from hearthside.errors import Refused, RetryLater
from hearthside.identity.home_ca import HomeCa
from hearthside.inference.remote.node_identity import NodeIdentity, NodeKey
from hearthside.inference.remote.pairing import (
    CODE_MS,
    TRIES,
    PairedNode,
    PairingCodes,
    PairingDoor,
    pair_with,
)
from tests.inference.remote.homes import clock, ledger, listener, made_home, pair, pin_of

_WRONG = "0000-0000-0000"


class _Node:
    """A node that waits to be paired, in a thread; its clock can be moved."""

    def __init__(self, keep: Callable[[NodeIdentity], None] = lambda identity: None) -> None:
        self.ahead_ms = 0
        self.shown: list[str] = []
        self.told: list[str] = []
        self.identity: NodeIdentity | None = None
        self.key, self.listener, self.stop = NodeKey(), listener(), threading.Event()
        self.port = int(self.listener.getsockname()[1])
        self.door = PairingDoor(
            self.listener, self.key, lambda: clock() + self.ahead_ms, secrets.token_bytes, keep, self.told.append
        )
        self.thread = threading.Thread(target=self._wait)
        self.thread.start()

    def _wait(self) -> None:
        self.identity = self.door.wait(self.stop, self.shown.append)

    @property
    def code(self) -> str:
        return self.door.codes.shown

    def end(self) -> NodeIdentity | None:
        self.stop.set()
        self.thread.join()
        self.listener.close()
        return self.identity

    def ended(self) -> NodeIdentity | None:
        """As `end`, for one that ends by itself."""
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.end()


@pytest.fixture
def node() -> Iterator[_Node]:
    made = _Node()
    yield made
    made.end()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> HomeCa:
    return made_home(tmp_path_factory.mktemp("home"))


def test_the_right_code_pairs_both(node: _Node, home: HomeCa) -> None:
    egress, rows = ledger()
    typed = node.code.replace("-", " ").lower().replace("0", "o").replace("1", "l")
    paired = pair(node.port, typed, home, egress)
    egress.close()
    identity = node.ended()
    assert identity is not None
    assert paired.pin == pin_of(identity) and paired.id == identity.id == paired.pin[:16] == node.key.id
    assert (paired.name, paired.host, paired.port, paired.revoked_ms) == ("spark", "127.0.0.1", node.port, None)
    assert PairedNode.from_body(paired.body()) == paired
    certificate = x509.load_pem_x509_certificate(identity.certificate)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(identity.home))
    assert x509.load_pem_x509_certificate(identity.home) == home.certificate
    assert {(row.purpose, row.destination) for row in rows} == {("compute-node", f"https://127.0.0.1:{node.port}")}
    assert [row.data_class for row in rows] == ["pairing"] * 4
    assert [row.bytes_out > 0 for row in rows] == [False, True, True, True]  # the first is for the connection


def test_a_code_has_sixty_bits_and_is_shown_in_groups() -> None:
    codes = PairingCodes(clock, lambda n: b"\xff" * n)
    assert codes.shown == "ZZZZ-ZZZZ-ZZZZ"
    assert PairingCodes(clock, lambda n: bytes(n)).shown == "0000-0000-0000"
    codes = PairingCodes(clock, secrets.token_bytes)
    first = codes.shown
    codes.renew()
    assert codes.shown != first and len(first) == 14


def test_a_wrong_code_is_refused_and_five_make_a_new_one(node: _Node, home: HomeCa) -> None:
    first = node.code
    for tries in range(1, TRIES + 1):
        with pytest.raises(Refused) as error:
            pair(node.port, _WRONG, home)
        assert error.value.code == "pairing-code-wrong"
        assert node.door.codes.wrong == tries % TRIES
        assert (node.code == first) == (tries < TRIES)
    with pytest.raises(Refused):  # the first one was right, and is used up
        pair(node.port, first, home)
    assert pair(node.port, node.code, home).id == node.key.id
    assert node.ended() is not None
    assert len(node.shown) == 2 and node.shown[0] == first
    assert len(node.told) == TRIES + 1


def test_what_is_no_code_is_not_sent(home: HomeCa) -> None:
    egress, rows = ledger()
    for typed in ("", "1234", "0000-0000-000U", "0000-0000-0000-0", "ääää-0000-0000"):
        with pytest.raises(Refused) as error:
            pair(1, typed, home, egress)
        assert error.value.code == "pairing-code-wrong"
    with pytest.raises(Refused) as error:
        pair(1, _WRONG, home, egress, name="a\nb")
    assert error.value.code == "node-name-wrong"
    egress.close()
    assert rows == []


def test_a_code_opens_once(home: HomeCa) -> None:
    def full(identity: NodeIdentity) -> None:
        raise OSError(28, "No space left on device")

    node = _Node(keep=full)
    first = node.code
    try:
        with pytest.raises(RetryLater) as late:  # the code was right, and the node could not write it down
            pair(node.port, first, home)
        assert late.value.code == "pairing-unreachable"
        assert any("No space left" in sentence for sentence in node.told)
        with pytest.raises(Refused) as error:
            pair(node.port, first, home)
        assert error.value.code == "pairing-code-wrong" and node.code != first
    finally:
        assert node.end() is None


def test_a_paired_node_pairs_with_nobody_else(node: _Node, home: HomeCa, tmp_path: Path) -> None:
    code = node.code
    pair(node.port, code, home)
    assert node.ended() is not None
    with pytest.raises(RetryLater) as error:
        pair(node.port, code, made_home(tmp_path))
    assert error.value.code == "pairing-unreachable"


def test_after_ten_minutes_it_listens_no_more(node: _Node, home: HomeCa) -> None:
    code, salt = node.code, node.door.codes.salt
    node.ahead_ms = CODE_MS - 60_000
    assert node.door.codes.open
    node.ahead_ms = CODE_MS
    assert node.ended() is None
    with pytest.raises(RetryLater):
        pair(node.port, code, home)
    assert node.door.codes.take(salt, b"", b"") is None


def test_a_new_code_does_not_make_the_ten_minutes_longer() -> None:
    now = [0]
    codes = PairingCodes(lambda: now[0], secrets.token_bytes)
    now[0] = CODE_MS - 1
    codes.renew()
    assert codes.open
    now[0] += 1
    assert not codes.open


def test_nobody_there_is_said(home: HomeCa) -> None:
    with listener() as other:
        port = int(other.getsockname()[1])
    with pytest.raises(RetryLater) as error:
        pair(port, _WRONG, home)
    assert error.value.code == "pairing-unreachable"


def test_something_else_there_is_said(home: HomeCa) -> None:
    with listener() as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Refused) as error:
            pair(int(other.getsockname()[1]), _WRONG, home)
        thread.join()
    assert error.value.code == "pairing-closed"


# -- somebody in the middle ----------------------------------------------------------------------------------------


def _client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _field(connection: ssl.SSLSocket) -> bytes:
    def exactly(length: int) -> bytes:
        got = b""
        while len(got) < length:
            piece = connection.recv(length - len(got))
            if not piece:
                raise EOFError
            got += piece
        return got

    return exactly(int.from_bytes(exactly(2), "big"))


def _send(connection: ssl.SSLSocket, *fields: bytes) -> None:
    connection.sendall(b"".join(len(field).to_bytes(2, "big") + field for field in fields))


@contextmanager
def _in_the_middle(node: _Node, talk: Callable[[ssl.SSLSocket, ssl.SSLSocket, NodeKey], None]) -> Iterator[int]:
    """A real TLS relay with a key of its own between station and node; gives its port."""
    key = NodeKey()
    with listener() as door:

        def relay() -> None:
            raw, _ = door.accept()
            with suppress(OSError, EOFError), key.pairing_context().wrap_socket(raw, server_side=True) as station:
                station.settimeout(20)
                plain = socket.create_connection(("127.0.0.1", node.port), timeout=20)
                with _client().wrap_socket(plain) as there:
                    talk(station, there, key)

        thread = threading.Thread(target=relay)
        thread.start()
        yield int(door.getsockname()[1])
        thread.join()


def _passed_on(station: ssl.SSLSocket, there: ssl.SSLSocket, key: NodeKey) -> None:
    """Everything as it is."""
    _send(there, _field(station))
    _send(station, _field(there), _field(there), _field(there))
    _send(there, _field(station), _field(station))
    _send(station, _field(there))
    _send(there, _field(station))
    _send(station, _field(there))


def _with_own_request(station: ssl.SSLSocket, there: ssl.SSLSocket, key: NodeKey) -> None:
    """Everything as it is, but the request is for the key in the middle, so that it fits what the station sees."""
    _send(there, _field(station))
    salt, nonce, _ = _field(there), _field(there), _field(there)
    _send(station, salt, nonce, key.request())
    _send(there, _field(station), _field(station))
    _send(station, _field(there))
    _send(there, _field(station))
    _send(station, _field(there))


def _guessing(station: ssl.SSLSocket, there: ssl.SSLSocket, key: NodeKey) -> None:
    """Answers itself, without knowing the code."""
    _field(station)
    _send(station, bytes(16), bytes(32), key.request())
    _field(station), _field(station)
    _send(station, secrets.token_bytes(32))
    _field(station)


@pytest.mark.parametrize(
    ("talk", "code", "counted"),
    [
        (_passed_on, "pairing-impostor", 0),  # seen before any proof leaves
        (_with_own_request, "pairing-code-wrong", 1),  # the right code, over another certificate
        (_guessing, "pairing-impostor", 0),
    ],
)
def test_neither_side_finishes_with_somebody_in_the_middle(
    node: _Node,
    home: HomeCa,
    talk: Callable[[ssl.SSLSocket, ssl.SSLSocket, NodeKey], None],
    code: str,
    counted: int,
) -> None:
    with _in_the_middle(node, talk) as port, pytest.raises(Refused) as error:
        pair(port, node.code, home)
    assert error.value.code == code
    assert node.door.codes.wrong == counted
    assert node.end() is None


# -- what a stranger learns ----------------------------------------------------------------------------------------


def test_a_stranger_gets_random_bytes_and_a_key_without_a_name(node: _Node) -> None:
    answers = []
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", node.port), timeout=20) as raw, _client().wrap_socket(raw) as there:
            _send(there, secrets.token_bytes(32))
            salt, nonce, csr = _field(there), _field(there), _field(there)
            shown = x509.load_der_x509_certificate(there.getpeercert(True) or b"")
            _send(there, b"no certificate", bytes(32))
            assert there.recv(1) == b""  # a wrong proof is answered by nothing
        assert (len(salt), len(nonce)) == (16, 32)
        assert list(x509.load_der_x509_csr(csr).subject) == list(shown.subject) == []
        answers.append((salt, nonce))
    assert answers[0][0] == answers[1][0] and answers[0][1] != answers[1][1]
    assert node.end() is None


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", b"\xff\xff", b"\x00\x00" * 3, b"\x00\x20" + bytes(32) + b"\xff\xff"],
)
def test_what_speaks_otherwise_is_told_nothing(node: _Node, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as raw, _client().wrap_socket(raw) as there:
        there.sendall(said)
        with suppress(OSError):
            there.unwrap().shutdown(socket.SHUT_WR)
        with suppress(OSError):
            got = there.recv(4096)
            assert b"HTTP" not in got and b"model" not in got and b"earth" not in got
    assert node.end() is None


def test_plain_http_gets_no_answer(node: _Node) -> None:
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as raw:
        raw.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        with suppress(OSError):
            while piece := raw.recv(4096):
                got += piece
    assert len(got) <= 7  # at most the alert of TLS
    assert node.end() is None


def test_strangers_who_say_nothing_do_not_hold_the_door_for_ever(monkeypatch: pytest.MonkeyPatch, home: HomeCa) -> None:
    monkeypatch.setattr("hearthside.inference.remote.pairing._CONVERSATION_S", 0.5)
    node = _Node()
    silent = [socket.create_connection(("127.0.0.1", node.port), timeout=20) for _ in range(12)]
    try:
        for connection in silent:
            with suppress(OSError):
                assert connection.recv(1) == b""  # each is shown out
        monkeypatch.undo()
        assert pair(node.port, node.code, home).id == node.key.id
    finally:
        for connection in silent:
            connection.close()
        node.end()
    assert node.identity is not None


def test_the_ledger_is_asked_first(node: _Node, home: HomeCa) -> None:
    from hearthside.egress import Egress, LedgerRow

    def full(row: LedgerRow) -> None:
        raise RetryLater("disk-full", "full")

    egress = Egress(full, clock)
    with pytest.raises(RetryLater) as error:
        pair_with("127.0.0.1", node.port, node.code, "x", home, egress, clock, secrets.token_bytes)
    egress.close()
    assert error.value.code == "disk-full" and node.door.codes.wrong == 0
    assert node.end() is None


def test_without_a_row_not_even_a_connection_is_made(home: HomeCa) -> None:
    from hearthside.egress import Egress, LedgerRow

    def full(row: LedgerRow) -> None:
        raise RetryLater("disk-full", "full")

    with listener() as other:
        with pytest.raises(RetryLater, match="full"):
            pair(int(other.getsockname()[1]), _WRONG, home, Egress(full, clock))
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
