"""Two sample lives, generated once for all tests of this folder."""

from __future__ import annotations

from datetime import date

import pytest

from hearthside.sample_life import DEFAULT_SEED, SampleLife, generate

LAST_DAY = date(2026, 11, 18)  # a Wednesday; clocks change in Europe and in America within the month before


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> SampleLife:
    """The life a new user meets."""
    return generate(tmp_path_factory.mktemp("first"), seed=DEFAULT_SEED, last_day=LAST_DAY)


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> SampleLife:
    """Another life, ending on a Sunday."""
    return generate(tmp_path_factory.mktemp("second"), seed=20_261, last_day=date(2026, 5, 10))


@pytest.fixture(params=["first", "second"])
def life(request: pytest.FixtureRequest) -> SampleLife:
    """Each of the two."""
    found: SampleLife = request.getfixturevalue(request.param)
    return found
