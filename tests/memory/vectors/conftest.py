"""Small files, so that a few vectors fill them."""

from __future__ import annotations

import pytest

from hearthside.memory.vectors import segment, tail, writing


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tails of 8, segments of at most 16, merged below 8 once there are three."""
    monkeypatch.setattr(tail, "MAX_ROWS", 8)
    monkeypatch.setattr(segment, "MAX_ROWS", 16)
    monkeypatch.setattr(writing, "SMALL_ROWS", 8)
    monkeypatch.setattr(writing, "FEW", 3)
