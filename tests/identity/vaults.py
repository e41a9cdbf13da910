"""Vaults to test with: cheap to open, and as format 1 wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.identity import vault
from hearthside.identity.vault import Vault

# Written by the first format's own code (commit 18506d4), argon2id at its least cost.
FIRST_BY_PASSPHRASE = b"""{
  "format": 1, "way": "passphrase", "salt": "nNhfmFl+EQqT3cTY/nwvJg==", "argon2id": {"memory_kib": 8, "passes": 1},
  "nonce": "xS3L+iT7rm8FtfRe", "root": "XhoLARXC+4sh9I6nzDdvxm0cv+ubtgc/sguxEXashKgynzMyeCKCn1r2FvCwo6U2"
}"""
FIRST_PASSPHRASE = "correct h\u00f6rse"
FIRST_JOURNAL_KEY = bytes.fromhex("ead707715e2f2e97176c9cf5a6009dbc02d52b6af1f04e01fa63d06da7fea4bf")
FIRST_STREAM_KEY = bytes.fromhex("2c520c16b8c8fc6572d7ab66a491219bf9d8d8ce8d71314bd188a20ec9aec7d6")
FIRST_BY_KEY_FILE = b"""{
  "format": 1, "way": "key_file", "salt": "c9Oge3mjqKB5OfQOPozKlA==", "argon2id": null,
  "nonce": "d/2Uo8b6X/bYH1+9", "root": "pdCgT+jtay51MJWKN4jzF8F7GLIuvSSrMpBkL4RdkTfFPQUGpk1CgVad84VC7Gk6"
}"""
FIRST_KEY_FILE = b"7e5GTJp/Wznmo0Q3YzAiNDSQg7mtJIomT0zlzj4ZYtA=\n"
FIRST_KEY_FILE_JOURNAL_KEY = bytes.fromhex("99d1819097719d74b51b42ea839e369d482aff23c28a75f6b13cdf6326b4b887")


def make_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id at its least cost for new wraps."""
    monkeypatch.setattr(vault, "ARGON_MEMORY_KIB", 8)
    monkeypatch.setattr(vault, "ARGON_PASSES", 1)


def bytes_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its content and time of change, to see that nothing was touched."""
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def all_keys(opened: Vault) -> list[bytes]:
    """The key of now and those of former roots, newest first."""
    return [opened.key("journal"), *opened.former_keys("journal")]
