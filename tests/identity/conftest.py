"""Fixtures of the tests of identity."""

from __future__ import annotations

import pytest

from tests.identity.vaults import make_cheap


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id at its least cost for new wraps: these tests are about the vault, not about guessing."""
    make_cheap(monkeypatch)
