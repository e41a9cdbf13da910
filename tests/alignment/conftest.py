"""An empty vault for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alignment.lives import Vault, open_vault


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    """A journal and its life stream; the home zone is UTC until a test says otherwise."""
    opened = open_vault(tmp_path)
    yield opened
    opened.journal.close()
