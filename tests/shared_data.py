"""Where the tests find the real data, which never enters this repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def shared_data(name: str) -> Path:
    """The folder of a data set; where it is absent the test skips, or fails with HEARTHSIDE_NEED_DATA=1."""
    folder = _ROOT / name
    if not folder.exists():
        message = f"the data set {name} is not at {folder}"
        if os.environ.get("HEARTHSIDE_NEED_DATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder
