"""How much was heard is told with the names the person sees."""

from __future__ import annotations

import pytest

from hearthside import home
from hearthside.memory.asking.coverage import Coverage, Listening


@pytest.mark.parametrize(
    ("source", "name"), [("oura_sleep", "Oura sleep"), (home.NAME, home.TITLE), ("my_watch", "My watch")]
)
def test_sources_are_called_as_the_person_knows_them(source: str, name: str) -> None:
    heard = Listening(source, 3, "2026-01-01", "2026-01-03")
    words = Coverage("2026-01-01", "2026-01-04", 4, 3, (heard,)).in_words()
    assert words == f"{name}: heard on 3 of 4 days (75%), 2026-01-01 to 2026-01-04."
