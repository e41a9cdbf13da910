"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.home_assistant_server import HomeAssistantServer, start_home_assistant

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30  # the whole suite takes less; containers often have 64 MB there


def pytest_configure(config: pytest.Config) -> None:
    """Folders of tests lie in memory, where there is room: a sync there costs nothing, and nothing in them must last.

    Tests of power cuts replay a record of what was asked of the disk, and a killed process loses no page of the system,
    so neither needs a disk. `make soak` uses the real one all the same.
    """
    if config.getoption("basetemp") or os.environ.get("HEARTHSIDE_SOAK") == "1" or not _MEMORY.is_dir():
        return
    if shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A test that starts Hearthside's logging leaves it as it was, so that others still hear it."""
    root = logging.getLogger("hearthside")
    before = (root.handlers[:], root.level, root.propagate)
    yield
    root.handlers[:], root.level, root.propagate = before[0], before[1], before[2]


@pytest.fixture(autouse=True)
def own_heads(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads of vaults made in tests are remembered in a folder of the test, not in the home of who runs it."""
    monkeypatch.setenv("HEARTHSIDE_HEADS_FOLDER", str(tmp_path_factory.mktemp("heads")))


@pytest.fixture(scope="session")
def home_assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistantServer]:
    """A real Home Assistant with its demo home; started once, on first use. A test that kills it starts it again."""
    server = start_home_assistant(tmp_path_factory.mktemp("home-assistant"))
    yield server
    server.kill()
