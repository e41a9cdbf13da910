"""Every file opens with one sentence and stays readable: file and function sizes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_MAX_FILE_LINES = 500
_MAX_FUNCTION_LINES = 60
_SOURCE = sorted((_ROOT / "src").rglob("*.py"))
_ALL = sorted(
    path for folder in ("src", "benchmarks", "crash", "scripts", "tests") for path in (_ROOT / folder).rglob("*.py")
)


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


def one_sentence(docstring: str | None) -> bool:
    """Whether the first paragraph is a single sentence."""
    first = " ".join((docstring or "").partition("\n\n")[0].split())
    return bool(re.match(r"\S", first)) and first.endswith((".", "?")) and not re.search(r"(?<!e\.g)\. [A-Z]", first)


@pytest.mark.parametrize("path", _ALL, ids=_name)
def test_it_opens_with_one_sentence(path: Path) -> None:
    assert one_sentence(ast.get_docstring(ast.parse(path.read_text())))


def test_the_sentence_check_bites() -> None:
    assert one_sentence("It reads files.\n\nAnd more. Of it.")
    assert not one_sentence(None)
    assert not one_sentence("no end")
    assert not one_sentence("One. Two.")


@pytest.mark.parametrize("path", _SOURCE, ids=_name)
def test_it_stays_readable(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < _MAX_FILE_LINES
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: lines for name, lines in long.items() if lines > _MAX_FUNCTION_LINES} == {}


def test_nothing_is_left_to_do_later() -> None:
    found = [_name(path) for path in _SOURCE if re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text())]
    assert found == []
