"""An empty vault with life stream and index for each test, and vector files so small that a few vectors fill them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.memory.vectors import segment, tail, writing
from tests.memory.lives import Memory, open_memory


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """Journal, life stream and index; the home zone is UTC."""
    opened = open_memory(tmp_path)
    yield opened
    opened.journal.close()


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tails of 8, segments of at most 16, merged below 8 once there are three."""
    monkeypatch.setattr(tail, "MAX_ROWS", 8)
    monkeypatch.setattr(segment, "MAX_ROWS", 16)
    monkeypatch.setattr(writing, "SMALL_ROWS", 8)
    monkeypatch.setattr(writing, "FEW", 3)
