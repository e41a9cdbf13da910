"""The sample life in a vault, let in once for all tests of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.helpers import house_in

_MADE: list[Path] = []


def sample_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder with `vault` and `key`, to look at only."""
    if not _MADE:
        folder = factory.mktemp("sample")
        with house_in(folder) as house:
            job = house.wait(house.start_sample())
            assert job.state == "done", job.message
        _MADE.append(folder)
    return _MADE[0]
