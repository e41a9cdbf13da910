"""An empty vault with life stream and index for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.memory.lives import Memory, open_memory


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """Journal, life stream and index; the home zone is UTC."""
    opened = open_memory(tmp_path)
    yield opened
    opened.journal.close()
