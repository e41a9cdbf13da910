"""Places for backups in the tests, described so that another process can open the same one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hearthside.journal.backup import FolderTarget, S3Target, Target
from hearthside.journal.backup.s3_client import BeforeSend

VAULT = "vault-1"


@dataclass(frozen=True)
class Place:
    """A place.

    Attributes:
        spec: how to open it, as JSON.
        keeps: whether it refuses to erase.
        away: puts it out of reach; gives the spec of the place in that state.
    """

    spec: dict[str, Any]
    keeps: bool
    away: Callable[[], dict[str, Any]]


def _unwritten(destination: str, data_class: str, bytes_out: int, sha256: str) -> None:
    """A ledger for tests that do not look at it."""


def now() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def open_target(spec: dict[str, Any], before_send: BeforeSend = _unwritten, vault_id: str | None = VAULT) -> Target:
    """The target at a place."""
    if "folder" in spec:
        return FolderTarget(Path(spec["folder"]), vault_id)
    return S3Target(
        spec["endpoint"],
        spec["bucket"],
        region=spec["region"],
        prefix=spec["prefix"],
        credentials=Path(spec["credentials"]),
        before_send=before_send,
        clock=now,
        vault_id=vault_id,
        lock_days=spec["lock_days"],
    )


def content_of(name: str, size: int) -> bytes:
    """Bytes that only this name has, so that a listed object can be checked to be whole."""
    seed = hashlib.sha256(name.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]
