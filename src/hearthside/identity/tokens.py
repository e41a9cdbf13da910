"""Scoped API tokens: made once, kept as digests, revoked at once, and locked against guessing.

A token reads ``hs_<8 characters: id>_<43 characters: secret>``, URL-safe. The secret holds 256 random bits, so a plain
SHA-256 is a sound way to keep it: slow password hashes (argon2id) protect secrets that people choose. The prefix lets
secret scanners find a token that was committed by mistake; the id names it in lists and locks and is no secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from hearthside.errors import Refused, RetryLater
from hearthside.events import Json

CAPTURE, ASK, READ, WRITE, ADMIN = "capture.write", "ask", "memory.read", "memory.write", "admin"
CONTROL_PREFIX = "home.control:"

FAILURES = 10  # wrong tokens within WINDOW_MS that lock a name
WINDOW_MS = 60_000
FIRST_LOCK_MS = 60_000
LONGEST_LOCK_MS = 3_600_000
QUIET_MS = 3_600_000  # after so long without a lock the next one is short again

UNKNOWN = "unknown"
"""The name under which all ids that no token has are locked together; too short to be an id."""

_TOKEN = re.compile(r"hs_([A-Za-z0-9_-]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
_SCOPE = re.compile(r"capture\.write|ask|memory\.(?:read|write)|admin|home\.control:[a-z][a-z0-9_]{0,63}", re.ASCII)
_ID_BYTES, _SECRET_BYTES, _MAX_NAME = 6, 32, 80
_NO_DIGEST = bytes(32)  # what a token with an unknown id is compared with, so that it takes as long


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; nobody can make the token from it.

    Attributes:
        id: 8 URL-safe characters, also part of the token's text.
        name: what the person calls it, e.g. ``phone``.
        scopes: what it opens; each stands for itself alone (``admin`` does not include ``capture.write``).
        digest: SHA-256 of its text, 64 hexadecimal digits.
        created_ms, revoked_ms: UTC milliseconds; None while it is in force.
    """

    id: str
    name: str
    scopes: frozenset[str]
    digest: str = field(repr=False)
    created_ms: int
    revoked_ms: int | None = None

    def body(self) -> dict[str, Json]:
        """The JSON object that is journalled."""
        return {
            "id": self.id,
            "name": self.name,
            "scopes": sorted(self.scopes),
            "digest": self.digest,
            "created_ms": self.created_ms,
            "revoked_ms": self.revoked_ms,
        }

    @staticmethod
    def from_body(body: Mapping[str, Json]) -> Token:
        """The token that `body()` was made from."""
        return Token(
            id=body["id"],
            name=body["name"],
            scopes=frozenset(body["scopes"]),
            digest=body["digest"],
            created_ms=body["created_ms"],
            revoked_ms=body["revoked_ms"],
        )


def new_token(name: str, scopes: Iterable[str], now_ms: int, random: Callable[[int], bytes]) -> tuple[str, Token]:
    """A new token: the text, which is shown once and kept nowhere, and what is kept of it.

    Args:
        name: what the person calls it, at most 80 characters.
        scopes: `CAPTURE`, `ASK`, `READ`, `WRITE`, `ADMIN` or ``home.control:<action class>``; at least one.
        random: gives that many bytes from the system's random source, `secrets.token_bytes`.

    Raises:
        Refused: the name is empty or cannot be shown, or a scope does not exist.
    """
    wished = frozenset(scopes)
    if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise Refused("token-name-wrong", f"A token needs a name of 1 to {_MAX_NAME} printable characters.")
    if not wished or not all(_SCOPE.fullmatch(scope) for scope in wished):
        raise Refused(
            "token-scope-unknown",
            f"A token needs scopes out of {CAPTURE}, {ASK}, {READ}, {WRITE}, {CONTROL_PREFIX}<class>, {ADMIN}; "
            "none was made.",
        )
    drawn = random(_ID_BYTES)
    identity = _text(bytes([drawn[0] & 0x7F]) + drawn[1:])  # never begins with a dash, which a command line would take
    text = f"hs_{identity}_{_text(random(_SECRET_BYTES))}"
    return text, Token(identity, name, wished, _digest(text).hex(), now_ms)


class Lockout:
    """Counts failures by name, and locks a name after 10 within a minute: for 60 s, then twice as long, up to an hour.

    A lock turns away everything under its name, the right token too, so nothing can be learned while it lasts; attempts
    meanwhile are not counted, so it ends even if a forgotten client goes on trying. After a quiet hour the next lock is
    short again. All of it is kept in memory: a restart forgets it, and a name costs a few hundred bytes, so callers use
    names out of a bounded set. Safe to use from many threads.

    Args:
        clock: milliseconds that never go back, e.g. of `time.monotonic`.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._names: dict[str, _Failures] = {}
        self._gate = threading.Lock()

    def locked_ms(self, name: str) -> int:
        """For how many milliseconds more a name is locked; 0 when it is open."""
        with self._gate:
            known = self._names.get(name)
            return 0 if known is None else max(known.until_ms - self._clock(), 0)

    def failed(self, name: str) -> None:
        """Count a failure under a name."""
        with self._gate:
            self._names.setdefault(name, _Failures()).count(self._clock())

    def check(self, name: str) -> None:
        """Return when the name is open.

        Raises:
            RetryLater: it is locked.
        """
        left_ms = self.locked_ms(name)
        if left_ms:
            raise RetryLater(
                "token-locked",
                f"There were too many wrong attempts; nothing was done. Try again in {-(-left_ms // 1000)} s.",
            )


@dataclass(slots=True)
class _Failures:
    """The failures under one name; times are the lockout clock's."""

    recent: deque[int] = field(default_factory=lambda: deque[int](maxlen=FAILURES))
    until_ms: int = 0
    lock_ms: int = 0  # how long the last lock was

    def count(self, now_ms: int) -> None:
        """Take a failure, and lock when it is one too many."""
        if now_ms < self.until_ms:
            return
        self.recent.append(now_ms)
        if len(self.recent) < FAILURES or now_ms - self.recent[0] >= WINDOW_MS:
            return
        calm = self.lock_ms == 0 or now_ms - self.until_ms >= QUIET_MS
        self.lock_ms = FIRST_LOCK_MS if calm else min(self.lock_ms * 2, LONGEST_LOCK_MS)
        self.until_ms = now_ms + self.lock_ms
        self.recent.clear()


class TokenBook:
    """The tokens of one vault. It never changes: a new or revoked token means a new book with the same lockout.

    Args:
        bodies: what `Token.body` gave, oldest first; of two with the same id the later counts.
        lockout: shared by every book and door of this vault, so that making a token does not open a lock.
    """

    def __init__(self, bodies: Iterable[Mapping[str, Json]], lockout: Lockout) -> None:
        self._tokens = {token.id: token for token in map(Token.from_body, bodies)}
        self._digests = {token.id: bytes.fromhex(token.digest) for token in self._tokens.values()}
        self._lockout = lockout

    def tokens(self) -> list[Token]:
        """All tokens, revoked ones too, in the order in which they were made."""
        return sorted(self._tokens.values(), key=lambda token: (token.created_ms, token.id))

    def check(self, text: str, *scopes: str) -> Token:
        """The token that this text is, when it opens one of these scopes. The text appears in no error.

        Raises:
            RetryLater: ``token-locked``: too many wrong attempts under its id, or with ids that no token has.
            Refused: ``token-unknown``, ``token-revoked`` or ``token-scope``.
        """
        name = self._name(text)
        self._lockout.check(name)
        given = _digest(text)
        if not hmac.compare_digest(given, self._digests.get(name, _NO_DIGEST)):
            self._lockout.failed(name)
            raise Refused("token-unknown", "This token is not known here. Make one on the devices page.")
        token = self._tokens[name]
        if token.revoked_ms is not None:
            raise Refused("token-revoked", f"The token {token.id} was revoked; it opens nothing any more.")
        if token.scopes.isdisjoint(scopes):
            raise Refused("token-scope", f"The token {token.id} does not open {' or '.join(scopes)}.")
        return token

    def locked_ms(self, text: str) -> int:
        """For how many milliseconds more `check` will answer ``token-locked`` to this text."""
        return self._lockout.locked_ms(self._name(text))

    def _name(self, text: str) -> str:
        """The name under which a text is counted: the id of a known token, or UNKNOWN."""
        parts = _TOKEN.fullmatch(text)
        return parts[1] if parts is not None and parts[1] in self._tokens else UNKNOWN


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _text(raw: bytes) -> str:
    """URL-safe base64 without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
