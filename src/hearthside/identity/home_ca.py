"""The home's certificate authority: it vouches for the vault's compute nodes, and for the station towards them.

One for each vault, P-256, kept sealed in the vault's folder. A node's certificate is for serving only, a station's for
asking only, so that one node can never speak to another as if it were the station. Certificates that were issued are
not kept: which node is trusted is decided by the pin of its public key (`spki_pin`), which the person can revoke.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from hearthside.errors import NeedsPerson, Refused
from hearthside.identity.durable import write_private
from hearthside.identity.vault import Vault
from hearthside.identity.vault_file import locked

FILE = "home_ca.sealed"
_PURPOSE = "home-ca"
_BOUND_TO = b"hearthside/1/home-ca"
_NONCE_BYTES = 12
_CURVE = ec.SECP256R1()
_CERTIFICATE = b"-----BEGIN CERTIFICATE"  # where the second half of what is sealed begins
# A machine without a battery for its clock starts years behind: it must still believe its own home.
_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
_FOR_EVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # "no well-defined expiration" (RFC 5280, section 4.1.2.5)
_NODE_DAYS = 36_525  # no node is trusted for its certificate alone, so its end protects nothing
_NODE_SUFFIX = ".node.hearthside"
_ID_DIGITS = 16


class HomeCa:
    """The authority of one vault. Safe to use from many threads; it never changes."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        """See `open`."""
        self._key = key
        self.certificate = certificate

    @classmethod
    def open(cls, vault: Vault) -> HomeCa:
        """The vault's authority, made when there is none yet.

        Raises:
            NeedsPerson: `home-ca-damaged`.
        """
        known = cls.found(vault)
        if known is not None:
            return known
        with locked(vault.folder):  # two that make one at the same time would each issue what the other refuses
            known = cls.found(vault)
            if known is not None:
                return known
            key = ec.generate_private_key(_CURVE)
            made = cls(key, _own_certificate(key))
            made.seal_anew(vault)
            return made

    @classmethod
    def found(cls, vault: Vault) -> HomeCa | None:
        """The vault's authority, or None when none was needed yet; raises as `open` does."""
        try:
            sealed = (vault.folder / FILE).read_bytes()
        except FileNotFoundError:
            return None
        for key in (vault.key(_PURPOSE), *vault.former_keys(_PURPOSE)):
            with suppress(InvalidTag, ValueError):
                plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _BOUND_TO)
                return cls._from_pem(plain)
        raise NeedsPerson(
            "home-ca-damaged",
            f"{vault.folder / FILE}, which paired compute nodes know this home by, does not open with this vault's key "
            "or is damaged. Nothing else is touched. Put back a copy of it, or delete it and pair each node anew.",
        )

    @classmethod
    def _from_pem(cls, plain: bytes) -> HomeCa:
        at = plain.index(_CERTIFICATE)
        key = load_pem_private_key(plain[:at], None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(key, x509.load_pem_x509_certificate(plain[at:]))

    def seal_anew(self, vault: Vault) -> None:
        """Seal it under this vault's key, after a rotation: nodes go on knowing the home."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = pem_of_key(self._key) + self.certificate.public_bytes(Encoding.PEM)
        write_private(vault.folder / FILE, nonce + AESGCM(vault.key(_PURPOSE)).encrypt(nonce, plain, _BOUND_TO))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 hexadecimal digits."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def issue_node(self, csr_der: bytes, now_ms: int) -> bytes:
        """A certificate for a node to serve with, as PEM; its only name is ``<node id>.node.hearthside``.

        Args:
            csr_der: the node's request (PKCS #10); nothing but its public key is taken over.
            now_ms: UTC milliseconds; it lasts a hundred years from then.

        Raises:
            Refused: `node-request-wrong`; it is no request, is not signed by its own key, or the key is not on P-256.
        """
        key = _requested_key(csr_der)
        name = f"{pin_of_key(key)[:_ID_DIGITS]}{_NODE_SUFFIX}"
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        until = _moment(now_ms) + timedelta(days=_NODE_DAYS)
        issued = self._issue(key, name, until, ExtendedKeyUsageOID.SERVER_AUTH, names)
        return issued.public_bytes(Encoding.PEM)

    def client_context(self, pin: str) -> ssl.SSLContext:
        """A TLS 1.3 context with which the station asks one node; it ends the handshake with any other.

        Key and certificate are new and in memory only: they go with the station, so the certificate has no end of its
        own, which a wrong clock could put into the past. Keep the context for one link.

        Args:
            pin: `spki_pin` of the node's certificate.
        """
        key = ec.generate_private_key(_CURVE)
        own = self._issue(key.public_key(), "station.hearthside", _FOR_EVER, ExtendedKeyUsageOID.CLIENT_AUTH, None)
        context = _PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.pin = pin
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # nodes change addresses; the pin says which machine it is
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_verify_locations(cadata=self.certificate.public_bytes(Encoding.PEM).decode())
        load_chain(context, own.public_bytes(Encoding.PEM), pem_of_key(key))
        return context

    def _issue(
        self,
        key: ec.EllipticCurvePublicKey,
        name: str,
        until: datetime,
        usage: ObjectIdentifier,
        names: x509.SubjectAlternativeName | None,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_SINCE)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def spki_pin(certificate_der: bytes) -> str:
    """SHA-256 of a certificate's public key (SubjectPublicKeyInfo), 64 hex digits; its first 16 are a node's id.

    Raises:
        ValueError: it is no certificate.
    """
    key = x509.load_der_x509_certificate(certificate_der).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def pin_of_key(key: ec.EllipticCurvePublicKey) -> str:
    """The same of a key that has no certificate yet."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PKCS #8 PEM, not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_chain(context: ssl.SSLContext, certificate_pem: bytes, key_pem: bytes) -> None:
    """Give a context its own certificate and key without their being in a file.

    Raises:
        ValueError: they are no certificate and key, or do not belong together.
    """
    with ExitStack() as pipes:
        certificate, key = (pipes.enter_context(_pipe_with(pem)) for pem in (certificate_pem, key_pem))
        try:
            context.load_cert_chain(certificate, key)
        except OSError as error:  # the ssl module's own, or what it makes of a path that is no file
            raise ValueError("the key is not that of the certificate") from error


@contextmanager
def _pipe_with(content: bytes) -> Iterator[str]:
    """A path from which these bytes can be read once; the ssl module takes nothing but paths."""
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as end:
            end.write(content)  # some hundred bytes; a pipe takes 16 KiB at least
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)


class _PinnedSocket(ssl.SSLSocket):
    """Ends the handshake with every machine but the pinned one, so before the first byte of a request."""

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        _check_pin(self.getpeercert, self.context)


class _PinnedObject(ssl.SSLObject):
    """The same where TLS runs over something else than a socket."""

    def do_handshake(self) -> None:
        super().do_handshake()
        _check_pin(self.getpeercert, self.context)


class _PinnedContext(ssl.SSLContext):
    """A context for one machine."""

    sslsocket_class = _PinnedSocket
    sslobject_class = _PinnedObject
    pin: str = ""


def _check_pin(peer: Callable[[bool], object], context: ssl.SSLContext) -> None:
    der = peer(True)
    expected = context.pin if isinstance(context, _PinnedContext) else ""
    if not isinstance(der, bytes) or not secrets.compare_digest(spki_pin(der), expected):
        raise ssl.SSLCertVerificationError("the certificate is not that of the node that was paired")


def _requested_key(csr_der: bytes) -> ec.EllipticCurvePublicKey:
    wrong = Refused(
        "node-request-wrong", "What the node sent is no sound request for a certificate; nothing was issued."
    )
    try:
        request = x509.load_der_x509_csr(csr_der)
        key = request.public_key()
        sound = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise wrong from error
    if not sound or not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise wrong
    return key


def _own_certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Self-signed; its name says nothing of the home."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "home.hearthside")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_SINCE)
        .not_valid_after(_FOR_EVER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _moment(now_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)
