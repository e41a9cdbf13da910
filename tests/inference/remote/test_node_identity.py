"""What a compute node keeps of who it is, and that a damaged file is said."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from hearthside.errors import NeedsPerson
from hearthside.inference.remote.node_identity import FILE, NodeIdentity, NodeKey, forget_pairing
from tests.inference.remote.homes import clock, made_home, paired


def test_it_comes_back_as_it_was_and_goes_when_it_is_forgotten(tmp_path: Path) -> None:
    identity = paired(made_home(tmp_path))
    folder = tmp_path / "compute"
    assert NodeIdentity.of(folder) is None
    identity.save(folder)
    assert NodeIdentity.of(folder) == identity
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(identity)
    forget_pairing(folder)
    forget_pairing(folder)
    assert NodeIdentity.of(folder) is None


@pytest.mark.parametrize("part", ["empty", "cut", "two", "another key"])
def test_a_damaged_file_is_said(tmp_path: Path, part: str) -> None:
    home = made_home(tmp_path)
    identity, other = paired(home), paired(home)
    raw = {
        "empty": b"",
        "cut": (identity.key + identity.certificate + identity.home)[:-40],
        "two": identity.key + identity.certificate,
        "another key": other.key + identity.certificate + identity.home,
    }[part]
    (tmp_path / FILE).write_bytes(raw)
    with pytest.raises(NeedsPerson) as error:
        NodeIdentity.of(tmp_path)
    assert error.value.code == "node-identity-damaged"


def test_a_certificate_that_is_not_its_own_is_not_taken(tmp_path: Path) -> None:
    home, stranger = made_home(tmp_path / "a"), made_home(tmp_path / "b")
    key, other = NodeKey(), NodeKey()
    home_der = home.certificate.public_bytes(Encoding.DER)
    with pytest.raises(ValueError, match="another key"):
        key.identity(home.issue_node(other.request(), clock()), home_der)
    with pytest.raises((ValueError, InvalidSignature)):
        key.identity(stranger.issue_node(key.request(), clock()), home_der)


def test_before_the_pairing_it_shows_a_key_and_no_name() -> None:
    key = NodeKey()
    shown = x509.load_der_x509_certificate(key.certificate_der)
    request = x509.load_der_x509_csr(key.request())
    assert list(shown.subject) == list(shown.issuer) == list(request.subject) == []
    assert list(shown.extensions) == list(request.extensions) == []
    assert NodeKey().id != key.id
