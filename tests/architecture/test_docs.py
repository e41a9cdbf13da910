"""README and the reference pages are in step with the code; `make docs` writes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.docs_tables import PAGES, codes
from scripts.readme_tree import rooms, tree, with_tree

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (_ROOT / "docs" / name).read_text() == PAGES[name](), f"docs/{name} is stale; run `make docs`"


def test_the_tree_in_readme_is_what_the_code_says() -> None:
    readme = (_ROOT / "README.md").read_text()
    assert with_tree(readme) == readme, "the tree in README.md is stale; run `make docs`"


def test_every_room_is_in_the_tree() -> None:
    folder = _ROOT / "src" / "hearthside"
    found = {
        path.stem for path in folder.iterdir() if (path.is_dir() and any(path.glob("*.py"))) or path.suffix == ".py"
    }
    assert set(rooms()) == found - {"__init__", "__main__"}
    assert all(f"  {room}" in tree() for room in rooms())


def test_error_codes_are_stable_names() -> None:
    assert [row.code for row in codes() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.code)] == []
