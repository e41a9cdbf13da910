"""The home's authority: kept over a change of keys, gives each side a certificate for its side only, and pins nodes."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hearthside.errors import NeedsPerson, Refused
from hearthside.identity.home_ca import FILE, HomeCa, load_chain, pem_of_key, spki_pin
from hearthside.identity.vault import create_vault

_NOW = 1_795_000_000_000


def _csr(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, name: str = "") -> bytes:
    names = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else []
    digest = hashes.SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else None
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, digest)
    return request.public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> HomeCa:
    folder = tmp_path_factory.mktemp("home")
    return HomeCa.open(create_vault(folder / "vault", key_file=folder / "key"))


def test_it_is_made_once_and_sealed(tmp_path: Path) -> None:
    vault = create_vault(tmp_path / "vault", key_file=tmp_path / "key")
    assert HomeCa.found(vault) is None
    made = HomeCa.open(vault)
    assert HomeCa.open(vault).fingerprint == made.fingerprint
    path = vault.folder / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    raw = path.read_bytes()
    assert b"PRIVATE" not in raw and b"hearthside" not in raw
    assert vault.id not in made.certificate.subject.rfc4514_string()


def test_two_at_the_same_time_make_one(tmp_path: Path) -> None:
    vault = create_vault(tmp_path / "vault", key_file=tmp_path / "key")
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(HomeCa.open(vault).fingerprint)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6 and len(set(found)) == 1


def test_a_change_of_keys_keeps_it(tmp_path: Path) -> None:
    vault = create_vault(tmp_path / "vault", key_file=tmp_path / "key")
    made = HomeCa.open(vault)
    key = ec.generate_private_key(ec.SECP256R1())
    issued = x509.load_pem_x509_certificate(made.issue_node(_csr(key), _NOW))
    newer = vault.rotate(key_files=[tmp_path / "key"])
    between = HomeCa.open(newer)  # cut short before it was sealed anew
    between.seal_anew(newer)
    sealed = (vault.folder / FILE).read_bytes()
    for former in newer.former_keys("home-ca"):
        with pytest.raises(InvalidTag):
            AESGCM(former).decrypt(sealed[:12], sealed[12:], b"hearthside/1/home-ca")
    after = HomeCa.open(newer)
    assert between.fingerprint == after.fingerprint == made.fingerprint
    issued.verify_directly_issued_by(after.certificate)


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_one_is_said_and_left_alone(tmp_path: Path, damage: bytes | None) -> None:
    vault = create_vault(tmp_path / "vault", key_file=tmp_path / "key")
    HomeCa.open(vault)
    path = vault.folder / FILE
    raw = path.read_bytes()
    bad = raw[:-1] + bytes([raw[-1] ^ 1]) if damage is None else damage
    path.write_bytes(bad)
    with pytest.raises(NeedsPerson) as error:
        HomeCa.open(vault)
    assert error.value.code == "home-ca-damaged" and path.read_bytes() == bad


def test_a_node_gets_a_certificate_for_serving_only(ca: HomeCa) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issued = x509.load_pem_x509_certificate(ca.issue_node(_csr(key, "station.hearthside"), _NOW))
    issued.verify_directly_issued_by(ca.certificate)
    usage = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    pin = spki_pin(issued.public_bytes(Encoding.DER))
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [f"{pin[:16]}.node.hearthside"]
    assert "station" not in issued.subject.rfc4514_string()  # nothing is taken over but the key
    assert not issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_other_requests_are_refused(ca: HomeCa) -> None:
    sound = _csr(ec.generate_private_key(ec.SECP256R1()))
    wrong = [
        b"",
        b"no request",
        sound[:-1] + bytes([sound[-1] ^ 1]),
        _csr(ec.generate_private_key(ec.SECP384R1())),
        _csr(ed25519.Ed25519PrivateKey.generate()),
    ]
    for csr in wrong:
        with pytest.raises(Refused) as error:
            ca.issue_node(csr, _NOW)
        assert error.value.code == "node-request-wrong"


def _greeted(ca: HomeCa, certificate: bytes, key: bytes, pin: str) -> bytes:
    """What a client with this pin reads from a server with this certificate, which says hello after the handshake."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_chain(server, certificate, key)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as connection:
                connection.sendall(b"hello")
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with ca.client_context(pin).wrap_socket(ours, server_hostname="any") as connection:
            return connection.recv(16)
    finally:
        ours.close()
        thread.join()


def test_the_station_speaks_to_the_pinned_node_only(ca: HomeCa, tmp_path: Path) -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    nodes = [(ca.issue_node(_csr(key), _NOW), pem_of_key(key)) for key in keys]
    pins = [spki_pin(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)) for pem, _ in nodes]
    assert _greeted(ca, *nodes[0], pins[0]) == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError):  # another node of the same home
        _greeted(ca, *nodes[1], pins[0])
    stranger = HomeCa.open(create_vault(tmp_path / "vault", key_file=tmp_path / "key"))
    with pytest.raises(ssl.SSLCertVerificationError):  # the same key, vouched for by another home
        _greeted(ca, stranger.issue_node(_csr(keys[0]), _NOW), nodes[0][1], pins[0])


def test_the_station_does_not_take_a_stations_certificate_for_a_nodes(ca: HomeCa) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    asking = ca._issue(key.public_key(), "x", ca.certificate.not_valid_after_utc, ExtendedKeyUsageOID.CLIENT_AUTH, None)
    with pytest.raises(ssl.SSLCertVerificationError):
        _greeted(ca, asking.public_bytes(Encoding.PEM), pem_of_key(key), spki_pin(asking.public_bytes(Encoding.DER)))


def test_no_key_of_the_station_is_in_a_file(ca: HomeCa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    ca.client_context("00" * 32)
    assert list(tmp_path.iterdir()) == []
