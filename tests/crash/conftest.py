"""What the tests of the crash programme share."""

from __future__ import annotations

import os
import sys

import pytest

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]  # it reads paths of open files from /proc


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether the long programmes run whole: `make soak`."""
    return os.environ.get("HEARTHSIDE_SOAK") == "1"
