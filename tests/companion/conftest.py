"""An empty life for each test, and two sample lives that are let in once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from hearthside.sample_life import DEFAULT_SEED
from tests.companion.lives import Life, open_life, sample_life


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """Nothing has happened yet."""
    opened = open_life(tmp_path)
    yield opened
    opened.journal.close()


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The life a new user meets."""
    opened = sample_life(tmp_path_factory.mktemp("first"), DEFAULT_SEED, date(2026, 11, 18))
    yield opened
    opened.journal.close()


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Another person in another town, ending on a Sunday."""
    opened = sample_life(tmp_path_factory.mktemp("second"), 20_261, date(2026, 5, 10))
    yield opened
    opened.journal.close()


@pytest.fixture(params=["first", "second"])
def sample(request: pytest.FixtureRequest) -> Life:
    """Each of the two; tests only look, ask and add to the conversation."""
    found: Life = request.getfixturevalue(request.param)
    return found
