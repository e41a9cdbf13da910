"""The keys of the journal's files, derived from the vault's key for the journal; purposes never share a key."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived(key: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose within the journal."""
    info = f"hearthside/1/journal/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)


def year_keys(roots: Sequence[bytes]) -> list[bytes]:
    """Of the year files, the one in force first."""
    return [derived(root, "year") for root in roots]


def keyring_keys(roots: Sequence[bytes]) -> list[bytes]:
    """Of the keyring, the one in force first."""
    return [derived(root, "keyring") for root in roots]
