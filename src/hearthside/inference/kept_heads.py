"""Heads of journals that this compute node remembers, outside every vault: what makes a rolled-back journal visible.

A head says how many records a vault has and the hash over them, nothing about what they hold. The node takes any head
for a vault but never one that is behind the one it has; whether a signature is genuine is for the vault to judge.
"""

from __future__ import annotations

import re
from pathlib import Path

import orjson

from hearthside.errors import Refused
from hearthside.identity.durable import write_private

MAX_BYTES = 4096
_VAULT = re.compile(r"[0-9a-f]{16}")


class KeptHeads:
    """The heads in one folder, one file for each vault."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, vault: str, raw: bytes) -> None:
        """Remember a head, on disk when this returns; one that is behind the one that is known changes nothing.

        Raises:
            Refused: it is no head, or the vault's id is none.
        """
        path = self._path(vault)
        seq = _seq(raw)
        known = self.held(vault)
        if known is None or _seq(known) <= seq:
            write_private(path, raw)

    def held(self, vault: str) -> bytes | None:
        """The head that is remembered, or None."""
        try:
            return self._path(vault).read_bytes()
        except FileNotFoundError:
            return None

    def forget(self, vault: str) -> None:
        """Remember nothing of a vault: the person accepted that its journal was put back."""
        self._path(vault).unlink(missing_ok=True)

    def _path(self, vault: str) -> Path:
        if _VAULT.fullmatch(vault) is None:
            raise Refused("head-vault-wrong", "This is no id of a vault; nothing was remembered.")
        return self._folder / f"{vault}.head"


def _seq(raw: bytes) -> int:
    try:
        if len(raw) > MAX_BYTES:
            raise ValueError("too long")
        return int(orjson.loads(raw)["seq"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("head-unreadable", "This is no signed head of a journal; nothing was changed.") from error
