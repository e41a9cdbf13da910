"""The way by paper: each new root is sealed to the public half of a key whose private half is words on paper.

Anyone may seal to a public key, so a forged root would open as well as the real one. The paper's seed therefore also
makes an *authenticator*, which the vault keeps sealed under its root: what the paper opens must carry its tag, and who
never had the root or the paper cannot make one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hearthside.errors import NeedsPerson
from hearthside.events import Json
from hearthside.identity.paper import PUBLIC_KEY_BYTES, PaperKey, seal_to_paper
from hearthside.identity.ways.wrapped import (
    KEY_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    Place,
    Wrapped,
    WrongKey,
    bytes_of,
    derive,
    text_of,
)

KIND = "paper"
DOCUMENT_FORMAT = 1
_DOCUMENT = "hearthside recovery"


def wrap_for_paper(root: bytes, way: Wrapped, place: Place, public: bytes, authenticator: bytes) -> Wrapped:
    """The paper way with this root sealed to the public key."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    kept = nonce + AESGCM(_keeping(root)).encrypt(nonce, authenticator, public)
    parameters = {"public": text_of(public), "authenticator": text_of(kept)}
    return replace(way, parameters=parameters, seal=2, root=seal_to_paper(public, root, _info(place)))


def rewrap_for_paper(root: bytes, old_root: bytes, way: Wrapped, place: Place) -> Wrapped:
    """The paper way with a new root: needs the old root, not the paper."""
    return wrap_for_paper(root, way, place, public_of(way), _authenticator(old_root, way))


def unwrap_with_paper(way: Wrapped, paper: PaperKey, place: Place) -> bytes:
    """The root key sealed to a paper key.

    Raises:
        WrongKey: another paper, or a root that the vault never had.
    """
    root = paper.open(way.root, _info(place)) if paper.public == public_of(way) else None
    if root is None or len(root) != KEY_BYTES:
        raise WrongKey(way.name)
    try:
        genuine = hmac.compare_digest(_authenticator(root, way), authenticator_of(paper))
    except InvalidTag:
        genuine = False
    if not genuine:
        raise WrongKey(way.name)
    return root


def authenticator_of(paper: PaperKey) -> bytes:
    """32 bytes that only the paper, and the vault under its root, know."""
    return derive(paper.seed, "hearthside/2/paper authenticator")


def public_of(way: Wrapped) -> bytes:
    """The paper key's public half, 1216 bytes."""
    return bytes_of(way.parameters["public"])


def check(parameters: Mapping[str, Json]) -> None:
    """Look whether the parameters can be used at all.

    Raises:
        ValueError, TypeError, KeyError: a part is missing or malformed.
    """
    sizes = (len(bytes_of(parameters["public"])), len(bytes_of(parameters["authenticator"])))
    if sizes != (PUBLIC_KEY_BYTES, NONCE_BYTES + KEY_BYTES + TAG_BYTES):
        raise ValueError("a part has the wrong size")


def write_document(way: Wrapped, place: Place, former: bytes, root: bytes) -> bytes:
    """What a backup carries so that the paper alone opens it: JSON without anything that could be guessed.

    Args:
        former: the former roots, sealed under the root.
        root: the newest root; makes the tag, and is in the document only as sealed to the paper.
    """
    body = {
        "document": _DOCUMENT,
        "format": DOCUMENT_FORMAT,
        "id": place.vault_id,
        "generation": place.generation,
        "made_ms": way.made_ms,
        "public": text_of(public_of(way)),
        "root": text_of(way.root),
        "former": text_of(former),
    }
    tag = _tag(body, _authenticator(root, way))
    return orjson.dumps({**body, "tag": tag}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def read_document(document: bytes, paper: PaperKey) -> tuple[Place, bytes, bytes, int | None]:
    """Which root it is, the root, the former roots (sealed under it), and when the paper key was made.

    Raises:
        NeedsPerson: it is no such document, it was altered, or the words are of another paper key.
    """
    try:
        body = orjson.loads(document)
        tag = body.pop("tag")
        if body["document"] != _DOCUMENT or body["format"] != DOCUMENT_FORMAT:
            raise ValueError("unknown format")
        place = Place(str(body["id"]), int(body["generation"]))
        public, sealed, former = (bytes_of(body[name]) for name in ("public", "root", "former"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _altered() from error
    if public != paper.public:
        raise NeedsPerson(
            "paper-key-wrong", "These words are a paper key, but not the one of this backup; nothing was touched."
        )
    root = paper.open(sealed, _info(place))
    if not hmac.compare_digest(str(tag).encode(), _tag(body, authenticator_of(paper)).encode()) or root is None:
        raise _altered()
    return place, root, former, body["made_ms"]


def _altered() -> NeedsPerson:
    return NeedsPerson(
        "recovery-damaged",
        "The backup's recovery document is damaged or was altered; nothing was touched. Use the one of another backup.",
    )


def _tag(body: Mapping[str, Json], authenticator: bytes) -> str:
    return hmac.new(authenticator, orjson.dumps(body, option=orjson.OPT_SORT_KEYS), hashlib.sha256).hexdigest()


def _authenticator(root: bytes, way: Wrapped) -> bytes:
    kept = bytes_of(way.parameters["authenticator"])
    return AESGCM(_keeping(root)).decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], public_of(way))


def _keeping(root: bytes) -> bytes:
    return derive(root, "hearthside/2/paper authenticator under root")


def _info(place: Place) -> bytes:
    return f"hearthside/2/paper/{place.vault_id}/{place.generation}".encode()
