"""Fixtures that tests of several rooms share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.home_assistant_server import HomeAssistantServer, start_home_assistant


@pytest.fixture(scope="session")
def home_assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistantServer]:
    """A real Home Assistant with its demo home; started once, on first use. A test that kills it starts it again."""
    server = start_home_assistant(tmp_path_factory.mktemp("home-assistant"))
    yield server
    server.kill()
