"""The sample life, to look at and to change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.app.sample_vault import sample_folder


@pytest.fixture(scope="session")
def sample_vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `vault` and `key`, to look at only."""
    return sample_folder(tmp_path_factory)


@pytest.fixture
def own_copy(sample_vault: Path, tmp_path: Path) -> Path:
    """The same, to change."""
    return Path(shutil.copytree(sample_vault, tmp_path / "copy"))
