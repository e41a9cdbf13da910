"""Pairing a compute node with a home (``pair/1``): a code shown on one machine, typed on the other, and mutual proof.

The code has 60 random bits, opens once, for ten minutes, and gives way to a new one after five wrong tries. Both sides
stretch it to a key with argon2id (RFC 9106) and prove that they have it with HMAC-SHA256 (RFC 2104) over everything
that was said. That includes the digest of the node's TLS certificate as each side sees it, so whoever stands between
the two with a certificate of their own gets neither proof. The station proves first: who does not know the code gets
random bytes and a public key out of a node, nothing else.

One TLS 1.3 connection, messages of length-prefixed fields:
    station  nonce
    node     salt, nonce, request for a certificate (its TLS key, no name)
    station  the home's CA certificate, proof
    node     proof
    station  the node's certificate
    node     receipt
"""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from argon2.low_level import Type, hash_secret_raw
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from hearthside.egress import Egress, Purpose
from hearthside.errors import Refused, RetryLater
from hearthside.events import Json
from hearthside.identity.home_ca import HomeCa, pin_of_key, spki_pin
from hearthside.inference.remote.node_identity import NodeIdentity, NodeKey

CODE_MS = 10 * 60_000
"""For so long a node waits to be paired, milliseconds."""
TRIES = 5
"""So many wrong codes use one up."""
ID_DIGITS = 16

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O or U
_LOOKS_LIKE = str.maketrans("OIL", "011", " -–_.\t")
_CODE = re.compile(f"[{_ALPHABET}]{{12}}")
_CODE_LENGTH = 12  # characters of 5 bits
_NONCE_BYTES, _SALT_BYTES, _PROOF_BYTES = 32, 16, 32
# 64 MiB and 3 passes (RFC 9106, section 4, second choice): a machine in the middle has seconds for 2^59 guesses.
_ARGON_MEMORY_KIB, _ARGON_PASSES = 64 * 1024, 3
_LONGEST_FIELD = 4096  # bytes; a certificate has some hundred
_CONNECT_S, _ANSWER_S = 5.0, 15.0
_CONVERSATION_S = 30.0  # a conversation that takes longer is ended by the node
_AT_ONCE = 8
_MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class PairedNode:
    """What the home keeps of a compute node.

    Attributes:
        id: 16 hex digits, the beginning of `pin`.
        name: what the person calls it.
        host, port: where it was last.
        pin: SHA-256 of its public key (`spki_pin`), 64 hex digits.
        paired_ms, revoked_ms: UTC milliseconds; None while it is in force.
        plug: the Home Assistant switch that it hangs on; empty: none.
    """

    id: str
    name: str
    host: str
    port: int
    pin: str
    paired_ms: int
    revoked_ms: int | None = None
    plug: str = ""

    def body(self) -> dict[str, Json]:
        """The JSON object that is journalled."""
        return {
            "id": self.id,
            "name": self.name,
            "host": self.host,
            "port": self.port,
            "pin": self.pin,
            "paired_ms": self.paired_ms,
            "revoked_ms": self.revoked_ms,
            "plug": self.plug,
        }

    @staticmethod
    def from_body(body: Mapping[str, Json]) -> PairedNode:
        """The node that `body()` was made from."""
        return PairedNode(
            id=body["id"],
            name=body["name"],
            host=body["host"],
            port=body["port"],
            pin=body["pin"],
            paired_ms=body["paired_ms"],
            revoked_ms=body["revoked_ms"],
            plug=body["plug"],
        )


# -- the station's side --------------------------------------------------------------------------------------------


def pair_with(
    host: str,
    port: int,
    code: str,
    name: str,
    ca: HomeCa,
    egress: Egress,
    clock: Callable[[], int],
    random: Callable[[int], bytes],
) -> PairedNode:
    """Pair with the node that shows this code; the connection and every message have a ledger row before they leave.

    Args:
        code: as it was typed; spaces, dashes, small letters and O, I, L for 0, 1, 1 do not matter.
        name: what the person calls the node; empty takes the beginning of its id.
        ca: issues the node's certificate.
        clock: UTC milliseconds.
        random: gives that many bytes from the system's random source, `secrets.token_bytes`.

    Raises:
        RetryLater: `pairing-unreachable`; nobody answers there.
        Refused: `pairing-code-wrong`, `pairing-closed` (no node waits there), `pairing-impostor` (what answers does not
            know the code), or `node-name-wrong`; nothing was paired.
    """
    typed = _typed(code)
    _check_name(name)

    def note(message: bytes) -> None:
        """Its first, empty row is for the connection, whose handshake already sends bytes."""
        digest = hashlib.sha256(message).hexdigest()
        egress.permit(Purpose.COMPUTE_NODE, f"https://{_bracketed(host)}:{port}", "pairing", len(message), digest)

    note(b"")
    with _connected(host, port) as connection:
        talk = _Talk(connection, note)
        seen = connection.getpeercert(True) or b""
        nonce = random(_NONCE_BYTES)
        salt, their_nonce, csr = _asked(talk, nonce)
        if not _is_key_of(csr, seen):
            raise _impostor()
        ca_der = ca.certificate.public_bytes(Encoding.DER)
        proofs = _Proofs(_stretched(typed, salt), _transcript(seen, ca_der, csr, nonce, their_nonce, salt))
        talk.send(ca_der, proofs.of(b"station"))
        _check_node_proof(talk, proofs)
        issued = ca.issue_node(csr, clock())
        talk.send(issued)
        _check_receipt(talk, proofs, issued)
    pin = spki_pin(seen)
    return PairedNode(pin[:ID_DIGITS], name.strip() or f"node {pin[:4]}", host, port, pin, clock())


def _asked(talk: _Talk, nonce: bytes) -> list[bytes]:
    """Salt, nonce and request of the node."""
    try:
        talk.send(nonce)
        salt, theirs, csr = talk.receive(3)
    except (OSError, EOFError, ValueError) as error:
        raise _closed() from error
    if len(salt) != _SALT_BYTES or len(theirs) != _NONCE_BYTES:
        raise _closed()
    return [salt, theirs, csr]


def _check_node_proof(talk: _Talk, proofs: _Proofs) -> None:
    try:
        (given,) = talk.receive(1)
    except TimeoutError as error:
        raise _broken() from error
    except (OSError, EOFError, ValueError) as error:  # a node that does not believe us says nothing
        raise Refused(
            "pairing-code-wrong",
            "The compute node did not accept this code: it was mistyped, is used up, or another machine stands between "
            "the two. Nothing was paired. Type the code that the node shows now.",
        ) from error
    if not hmac.compare_digest(given, proofs.of(b"node")):
        raise _impostor()


def _check_receipt(talk: _Talk, proofs: _Proofs, issued: bytes) -> None:
    try:
        (given,) = talk.receive(1)
    except (OSError, EOFError, ValueError) as error:
        raise _broken() from error
    if not hmac.compare_digest(given, proofs.of(b"receipt", issued)):
        raise _impostor()


@contextmanager
def _connected(host: str, port: int) -> Iterator[ssl.SSLSocket]:
    """A TLS connection to whoever answers there; who that is, the proofs tell."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        raw = socket.create_connection((host, port), timeout=_CONNECT_S)
    except OSError as error:
        raise RetryLater(
            "pairing-unreachable",
            f"Nothing answers at {host}, port {port}. Start the node there (hearthside compute) and look whether both "
            "machines are in the same network; nothing was paired.",
        ) from error
    with raw:
        try:
            raw.settimeout(_ANSWER_S)
            connection = context.wrap_socket(raw, server_hostname=host)
        except OSError as error:
            raise _closed() from error
        with connection:
            yield connection


def _is_key_of(csr: bytes, certificate: bytes) -> bool:
    """Whether the request asks for the key that the TLS connection was made with."""
    try:
        key = x509.load_der_x509_csr(csr).public_key()
        return isinstance(key, ec.EllipticCurvePublicKey) and pin_of_key(key) == spki_pin(certificate)
    except ValueError:
        return False


def _typed(code: str) -> str:
    """The code without what people put between and mistake, e.g. ``7k3q-oil0-a9xz`` as ``7K3Q0110A9XZ``."""
    plain = code.upper().translate(_LOOKS_LIKE)
    if not _CODE.fullmatch(plain):
        raise Refused(
            "pairing-code-wrong",
            "A pairing code has 12 letters and digits in three groups, as the compute node shows it. Nothing was sent.",
        )
    return plain


def _check_name(name: str) -> None:
    if len(name) > _MAX_NAME or not (name.isprintable() or not name):
        raise Refused("node-name-wrong", f"A name has at most {_MAX_NAME} printable characters; nothing was sent.")


def _closed() -> Refused:
    return Refused(
        "pairing-closed",
        "No compute node waits there to be paired: it is paired already, its ten minutes are over, or something else "
        "answers. Start it with `hearthside compute --pair`.",
    )


def _impostor() -> Refused:
    return Refused(
        "pairing-impostor",
        "What answered does not know the code, so it is not the node that shows it; perhaps another machine stands "
        "between the two. Nothing was paired. Look at the network before you try again.",
    )


def _broken() -> RetryLater:
    return RetryLater(
        "pairing-unreachable",
        "The compute node stopped answering in the middle, so it is not paired here. Look what it shows; if it says it "
        "is paired, start it with `hearthside compute --pair`.",
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


# -- the node's side -----------------------------------------------------------------------------------------------


class PairingCodes:
    """The code of the moment: who gives the right one uses it up, five wrong ones do too. Safe from many threads."""

    def __init__(self, clock: Callable[[], int], random: Callable[[int], bytes]) -> None:
        """The first code is made at once; `clock` gives UTC milliseconds, `random` that many random bytes."""
        self._clock, self._random = clock, random
        self._gate = threading.Lock()
        self._until_ms = clock() + CODE_MS
        self.renew()

    def renew(self) -> None:
        """Make a new code; the one before opens nothing any more."""
        number = int.from_bytes(self._random(8), "big")
        self._code = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_CODE_LENGTH))
        self.salt = self._random(_SALT_BYTES)
        self._key = _stretched(self._code, self.salt)
        self._used, self.wrong = False, 0

    @property
    def shown(self) -> str:
        """The code as people read it, ``7K3Q-0110-A9XZ``."""
        return "-".join(self._code[start : start + 4] for start in range(0, _CODE_LENGTH, 4))

    @property
    def open(self) -> bool:
        """Whether the ten minutes last; a new code does not make them longer."""
        return self._clock() < self._until_ms

    def take(self, salt: bytes, transcript: bytes, proof: bytes) -> _Proofs | None:
        """Use the code up with the right proof; None for a wrong one, which is counted, or for one that is used up.

        Args:
            salt: which was sent with the code that the proof is about.
        """
        with self._gate:
            if not self.open or self._used or salt != self.salt:
                return None
            proofs = _Proofs(self._key, transcript)
            if hmac.compare_digest(proof, proofs.of(b"station")):
                self._used = True
                return proofs
            self.wrong += 1
            if self.wrong >= TRIES:
                self.renew()
            return None


class PairingDoor:
    """Waits at a listening socket for the home whose person types the code."""

    def __init__(
        self,
        listener: socket.socket,
        key: NodeKey,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
        keep: Callable[[NodeIdentity], None],
        told: Callable[[str], None],
    ) -> None:
        """Nothing is accepted before `wait`.

        Args:
            listener: stays open afterwards.
            key: the node's own, for which the home issues a certificate.
            clock: UTC milliseconds.
            random: that many bytes from the system's random source.
            keep: writes the identity down, before the home is told that it is paired.
            told: a sentence for the terminal about what happened at the door; from any thread.
        """
        self._listener, self._key, self._random = listener, key, random
        self._keep, self._told = keep, told
        self.codes = PairingCodes(clock, random)
        self._context = key.pairing_context()
        self._slots = threading.Semaphore(_AT_ONCE)
        self._paired: NodeIdentity | None = None
        self._over, self._quiet = threading.Event(), threading.Event()

    def wait(self, stop: threading.Event, code_changed: Callable[[str], None]) -> NodeIdentity | None:
        """The node's new identity; None when the ten minutes are over or `stop` is set.

        Args:
            code_changed: told the code to show, the first one and each that follows.
        """
        shown = ""
        self._listener.settimeout(0.2)
        while not self._over.is_set() and self.codes.open and not stop.is_set():
            if self.codes.shown != shown:
                shown = self.codes.shown
                code_changed(shown)
            try:
                raw, _ = self._listener.accept()
            except OSError:  # nobody came, or went again
                continue
            if self._slots.acquire(blocking=False):
                threading.Thread(target=self._receive, args=(raw,), name="pairing", daemon=True).start()
            else:
                raw.close()
        self._over.set()
        self._quiet.set()
        return self._paired

    def _receive(self, raw: socket.socket) -> None:
        with raw.dup() as handle:  # ends the connection whoever owns it by then
            end = threading.Timer(_CONVERSATION_S, _shut, [handle])
            end.daemon = True
            end.start()
            try:
                raw.settimeout(_ANSWER_S)
                with self._context.wrap_socket(raw, server_side=True) as connection:
                    self._converse(_Talk(connection))
            except (OSError, EOFError, ValueError, InvalidSignature):
                pass  # who does not speak as a station does is told nothing
            finally:
                end.cancel()
                raw.close()
                self._slots.release()

    def _converse(self, talk: _Talk) -> None:
        (their_nonce,) = talk.receive(1)
        salt, nonce, csr = self.codes.salt, self._random(_NONCE_BYTES), self._key.request()
        talk.send(salt, nonce, csr)
        ca_der, proof = talk.receive(2)
        transcript = _transcript(self._key.certificate_der, ca_der, csr, their_nonce, nonce, salt)
        proofs = self.codes.take(salt, transcript, proof)
        if proofs is None:
            self._told("A wrong code was given, or one that is used up.")
            return
        try:
            self._finish(talk, proofs, ca_der)
        except BaseException:
            self.codes.renew()  # nobody is paired, and the code was used
            raise

    def _finish(self, talk: _Talk, proofs: _Proofs, ca_der: bytes) -> None:
        talk.send(proofs.of(b"node"))
        (issued,) = talk.receive(1)
        identity = self._key.identity(issued, ca_der)
        try:
            self._keep(identity)
        except OSError as error:
            self._told(f"The pairing could not be written down ({error.strerror}), so nothing was paired.")
            raise
        self._paired = identity
        self._over.set()
        self._quiet.wait(_ANSWER_S)  # the home's next connection is for the model, not for this door
        with suppress(OSError):  # written down is paired; a home that does not hear it pairs again
            talk.send(proofs.of(b"receipt", issued))


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


# -- what both sides compute ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Proofs:
    """Proofs under the stretched code, over one transcript."""

    key: bytes
    transcript: bytes

    def __repr__(self) -> str:
        """Without the key."""
        return "_Proofs()"

    def of(self, side: bytes, more: bytes = b"") -> bytes:
        """32 bytes; each side and purpose has its own."""
        return hmac.digest(self.key, _packed(b"hearthside pair/1", side, self.transcript, more), "sha256")


def _stretched(code: str, salt: bytes) -> bytes:
    return hash_secret_raw(code.encode(), salt, _ARGON_PASSES, _ARGON_MEMORY_KIB, 1, 32, Type.ID)


def _transcript(certificate: bytes, ca: bytes, csr: bytes, station: bytes, node: bytes, salt: bytes) -> bytes:
    """Digest of all that was said, and of the certificate of the connection."""
    seen = hashlib.sha256(certificate).digest()
    return hashlib.sha256(_packed(seen, ca, csr, station, node, salt)).digest()


def _packed(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(2, "big") + field for field in fields)


class _Talk:
    """Fields over a connection; `note` is told each message before it leaves."""

    def __init__(self, connection: ssl.SSLSocket, note: Callable[[bytes], None] = lambda message: None) -> None:
        self._connection, self._note = connection, note

    def send(self, *fields: bytes) -> None:
        message = _packed(*fields)
        self._note(message)
        self._connection.sendall(message)

    def receive(self, count: int) -> list[bytes]:
        """So many fields; EOFError when the other side went, ValueError for a field that is too long."""
        return [self._exactly(self._length()) for _ in range(count)]

    def _length(self) -> int:
        length = int.from_bytes(self._exactly(2), "big")
        if length > _LONGEST_FIELD:
            raise ValueError("too long")
        return length

    def _exactly(self, length: int) -> bytes:
        got = bytearray()
        while len(got) < length:
            piece = self._connection.recv(length - len(got))
            if not piece:
                raise EOFError
            got += piece
        return bytes(got)
