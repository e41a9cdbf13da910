"""Who gets through a paired node's door on the network: its home, and nobody else."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from hearthside.errors import NeedsPerson
from hearthside.identity.home_ca import HomeCa, load_chain, pem_of_key
from hearthside.inference.remote import lan_door
from hearthside.inference.remote.node_identity import NodeIdentity
from tests.inference.remote.homes import listener, made_home, paired, pin_of

_SECRET = b"smollm2 version 1"


class _Talkative(asyncio.Protocol):
    """Tells everything to everybody who comes as far as this."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(_SECRET)
        transport.close()


class _Door:
    """A door in a thread, with nothing behind it that would keep a secret."""

    def __init__(self, identity: NodeIdentity) -> None:
        self.socket = listener()
        self.port = int(self.socket.getsockname()[1])
        self.loop = asyncio.new_event_loop()
        self._context = lan_door.serving_context(identity)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self._task = self.loop.create_task(lan_door.serve(self.socket, self._context, _Talkative))
        with suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self._task)
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
            with suppress(asyncio.CancelledError):
                self.loop.run_until_complete(task)
        self.loop.run_until_complete(asyncio.sleep(0.05))
        self.loop.close()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()
        self.socket.close()

    def read(self, context: ssl.SSLContext | None) -> bytes:
        """All that a machine with this TLS, or none, gets out of it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as raw:
            if context is None:
                raw.sendall(b"GET /health HTTP/1.1\r\nHost: node\r\n\r\n")
                return _all(raw)
            with context.wrap_socket(raw, server_hostname="node") as connection:
                with suppress(OSError):
                    connection.sendall(b"GET /health HTTP/1.1\r\nHost: node\r\n\r\n")
                return _all(connection)


def _all(connection: socket.socket) -> bytes:
    got = b""
    with suppress(OSError):
        while piece := connection.recv(4096):
            got += piece
    return got


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> HomeCa:
    return made_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def identity(home: HomeCa) -> NodeIdentity:
    return paired(home)


@pytest.fixture(scope="module")
def door(identity: NodeIdentity) -> Iterator[_Door]:
    made = _Door(identity)
    yield made
    made.close()


def _blind() -> ssl.SSLContext:
    """Believes everybody and shows nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _showing(certificate: bytes, key: bytes) -> ssl.SSLContext:
    context = _blind()
    load_chain(context, certificate, key)
    return context


def _self_signed(home: HomeCa) -> ssl.SSLContext:
    """With the name of the home's own authority on it."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(home.certificate.subject)
        .issuer_name(home.certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2999, 1, 1, tzinfo=UTC))
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _showing(certificate.public_bytes(Encoding.PEM), pem_of_key(key))


def _of_another_home(folder: Path) -> ssl.SSLContext:
    """What the station of another home shows; it does not mind whom it speaks to."""
    context = made_home(folder).client_context("")
    context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = ssl.SSLSocket  # without the pin
    return context


def test_its_home_gets_through(door: _Door, home: HomeCa, identity: NodeIdentity) -> None:
    context = home.client_context(pin_of(identity))
    assert door.read(context) == door.read(context) == _SECRET


def test_nobody_else_gets_a_byte(door: _Door, home: HomeCa, tmp_path: Path) -> None:
    node = paired(home)
    strangers: dict[str, Callable[[], ssl.SSLContext]] = {
        "without a certificate": _blind,
        "self-signed": lambda: _self_signed(home),
        "of another home": lambda: _of_another_home(tmp_path),
        "a node of the same home": lambda: _showing(node.certificate, node.key),
    }
    assert {name: door.read(context()) for name, context in strangers.items()} == dict.fromkeys(strangers, b"")


def test_plain_http_gets_at_most_an_alert(door: _Door) -> None:
    got = door.read(None)
    assert len(got) <= 7 and (not got or got[0] == 21)


def test_older_tls_does_not_get_through(door: _Door, home: HomeCa, identity: NodeIdentity) -> None:
    context = home.client_context(pin_of(identity))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError, match=r"(?i)alert|protocol|reset|eof"):
        door.read(context)


def test_no_session_is_handed_out(door: _Door, home: HomeCa, identity: NodeIdentity) -> None:
    context = home.client_context(pin_of(identity))
    raw = socket.create_connection(("127.0.0.1", door.port), timeout=20)
    with raw, context.wrap_socket(raw, server_hostname="node") as connection:
        assert _all(connection) == _SECRET
        assert connection.session is None or not connection.session.has_ticket


def test_what_a_stranger_sees_of_its_certificate(door: _Door, identity: NodeIdentity) -> None:
    """TLS shows it to everybody: the id that the node says in the network anyway, and no name."""
    raw = socket.create_connection(("127.0.0.1", door.port), timeout=20)
    with raw, _blind().wrap_socket(raw, server_hostname="node") as connection:
        shown = x509.load_der_x509_certificate(connection.getpeercert(True) or b"")
    assert shown.subject.rfc4514_string() == f"CN={identity.id}.node.hearthside"
    assert shown.issuer.rfc4514_string() == "CN=home.hearthside"


def test_silent_strangers_do_not_keep_the_home_out(
    home: HomeCa, identity: NodeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lan_door, "_HANDSHAKE_S", 0.3)
    monkeypatch.setattr(lan_door, "_HANDSHAKES", 4)
    monkeypatch.setattr(lan_door, "_OF_ONE_ADDRESS", 4)
    door = _Door(identity)
    silent = [socket.create_connection(("127.0.0.1", door.port), timeout=20) for _ in range(10)]
    try:
        assert door.read(home.client_context(pin_of(identity))) == _SECRET
        assert _all(silent[0]) == b""  # shown out
    finally:
        for connection in silent:
            connection.close()
        door.close()


def test_while_nobody_serves_those_who_come_are_turned_away_at_once(
    door: _Door, home: HomeCa, identity: NodeIdentity
) -> None:
    context, closing = home.client_context(pin_of(identity)), lan_door.LanDoor(door.socket, identity)
    with listener() as shared:
        place, shut = shared.getsockname(), lan_door.LanDoor(shared, identity)
        shut.shut()
        shut.shut()  # again changes nothing
        for _ in range(3):
            with socket.create_connection(place, timeout=20) as raw, pytest.raises(OSError, match=r"(?i)reset|eof"):
                context.wrap_socket(raw, server_hostname="node")
        with pytest.raises(NeedsPerson):  # the port is ours all the same
            lan_door.open_listener(place[0], place[1])
        shut.open()
    closing.shut()
    closing.open()
    assert door.read(context) == _SECRET


def test_an_address_that_is_taken_is_said() -> None:
    with listener() as taken, pytest.raises(NeedsPerson) as error:
        lan_door.open_listener("127.0.0.1", int(taken.getsockname()[1]))
    assert error.value.code == "compute-address-wrong"
    for wrong in ("192.0.2.77", "no address"):
        with pytest.raises(NeedsPerson) as error:
            lan_door.open_listener(wrong, 0)
        assert error.value.code == "compute-address-wrong"
