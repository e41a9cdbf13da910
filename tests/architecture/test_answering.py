"""docs/answering.md names every threshold of the ways a question can go, with the value it has in the code."""

from __future__ import annotations

import ast
import dataclasses
import re
from importlib import import_module
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_ROW = re.compile(
    r"^\| .+ \| (?P<value>[\d.,]+) \| `(?P<module>hearthside(?:\.[a-z_]+)+)\.(?P<name>(?:[A-Z]\w+\.)?\w+)` \|$"
)
_DECIDING = (
    "hearthside.app.conversing", "hearthside.app.waiting", "hearthside.companion.fitness",
    "hearthside.companion.telling", "hearthside.companion.wording", "hearthside.memory.questions.writing_fitness",
)  # fmt: skip
"""Modules whose every number is a threshold of this page."""


def _rows() -> list[tuple[str, str, float]]:
    """(module, name, value) of each row; a class and its field are one name."""
    lines = (_ROOT / "docs" / "answering.md").read_text().splitlines()
    rows = [row for row in map(_ROW.match, lines) if row is not None]
    return [(row["module"], row["name"], float(row["value"].replace(",", ""))) for row in rows]


def _value(module: str, name: str) -> object:
    owner, _, field = name.partition(".")
    found = getattr(import_module(module), owner)
    return found if not field else {one.name: one.default for one in dataclasses.fields(found)}[field]


def _numbers(module: str) -> set[str]:
    """Names of the numbers that a module sets, single or several in one line."""
    names = set[str]()
    for node in ast.parse(Path(str(import_module(module).__file__)).read_text()).body:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                assert isinstance(one, ast.Name)
                if isinstance(getattr(import_module(module), one.id), int | float):
                    names.add(one.id)
    return names


@pytest.mark.parametrize(("module", "name", "value"), _rows())
def test_the_page_says_what_the_code_does(module: str, name: str, value: float) -> None:
    assert _value(module, name) == value


@pytest.mark.parametrize("module", _DECIDING)
def test_no_threshold_is_left_out(module: str) -> None:
    assert _numbers(module) and _numbers(module) <= {name for of, name, _ in _rows() if of == module}


def test_the_table_is_read() -> None:
    rows = _rows()
    assert len(rows) > 30 and len({(module, name) for module, name, _ in rows}) == len(rows)
    assert ("hearthside.inference.standby", "Patience.start_s", 2.0) in rows


def test_files_that_are_named_exist() -> None:
    page = (_ROOT / "docs" / "answering.md").read_text()
    named = re.findall(r"`((?:companion|memory|app)/[\w/]+(?:\.py|/))`", page)
    assert len(named) > 8
    assert [one for one in named if not (_ROOT / "src" / "hearthside" / one).exists()] == []
