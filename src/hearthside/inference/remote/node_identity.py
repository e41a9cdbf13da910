"""Who a compute node is: a key it makes itself, a certificate for it from the home, and the home's own certificate.

All three lie in one file, written in one step when the pairing is done; before that nothing is on the disk. It opens
nothing of the home: the certificate is for serving only.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from hearthside.errors import NeedsPerson
from hearthside.identity.durable import write_private
from hearthside.identity.home_ca import load_chain, pem_of_key, pin_of_key, spki_pin

FILE = "paired.pem"
_ID_DIGITS = 16
_BEGIN = b"-----BEGIN CERTIFICATE"


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A paired node; each part in PEM.

    Attributes:
        key: its private key.
        certificate: what the home issued for it.
        home: the home's CA certificate; who has one of its certificates for asking may ask.
    """

    key: bytes = field(repr=False)
    certificate: bytes
    home: bytes

    @property
    def id(self) -> str:
        """16 hex digits: the beginning of the SHA-256 of its public key."""
        return _id(x509.load_pem_x509_certificate(self.certificate))

    def save(self, folder: Path) -> None:
        """Write it, mode 600, whole or not at all."""
        write_private(folder / FILE, self.key + self.certificate + self.home)

    @staticmethod
    def of(folder: Path) -> NodeIdentity | None:
        """The identity in this folder, or None when it is not paired.

        Raises:
            NeedsPerson: `node-identity-damaged`.
        """
        try:
            written = (folder / FILE).read_bytes()
        except FileNotFoundError:
            return None
        try:
            key, certificate, home = written.split(_BEGIN)
            identity = NodeIdentity(key, _BEGIN + certificate, _BEGIN + home)
            load_chain(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), identity.certificate, identity.key)
            x509.load_pem_x509_certificate(identity.home)
        except ValueError as error:
            raise NeedsPerson(
                "node-identity-damaged",
                f"{folder / FILE}, which says who this compute node is, is damaged. Nothing personal lies in it. Pair "
                "it anew with `hearthside compute --pair`.",
            ) from error
        return identity


def forget_pairing(folder: Path) -> None:
    """Take the identity away; from the next start on the old home opens nothing here."""
    (folder / FILE).unlink(missing_ok=True)


class NodeKey:
    """A new key of a node that is not paired yet, in memory only."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _self_signed(self._key)

    @property
    def id(self) -> str:
        """What will be the node's id."""
        return pin_of_key(self._key.public_key())[:_ID_DIGITS]

    @property
    def certificate_der(self) -> bytes:
        """The self-signed certificate that the pairing connection shows."""
        return self._certificate.public_bytes(Encoding.DER)

    def request(self) -> bytes:
        """A request for a certificate (PKCS #10, DER) without any name."""
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)

    def pairing_context(self) -> ssl.SSLContext:
        """For the connection over which it is paired: TLS 1.3, anybody may come."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        load_chain(context, self._certificate.public_bytes(Encoding.PEM), pem_of_key(self._key))
        return context

    def identity(self, issued_pem: bytes, home_der: bytes) -> NodeIdentity:
        """The identity with what the home sent.

        Raises:
            ValueError, InvalidSignature: the certificate is not for this key, or not by this home.
        """
        issued, home = x509.load_pem_x509_certificate(issued_pem), x509.load_der_x509_certificate(home_der)
        issued.verify_directly_issued_by(home)
        if _id(issued) != self.id:
            raise ValueError("a certificate for another key")
        return NodeIdentity(pem_of_key(self._key), issued.public_bytes(Encoding.PEM), home.public_bytes(Encoding.PEM))


def _id(certificate: x509.Certificate) -> str:
    return spki_pin(certificate.public_bytes(Encoding.DER))[:_ID_DIGITS]


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Nothing but the key; no name, no date that tells anything."""
    name = x509.Name([])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
