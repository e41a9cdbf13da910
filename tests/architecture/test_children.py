"""Processes that the station starts run the station's own code, whatever lies in the folder it was started in."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_SOURCE = Path(__file__).resolve().parents[2] / "src" / "hearthside"


def _starts() -> Iterator[tuple[str, list[str]]]:
    """Every list or call that names ``-m``, with the texts beside it."""
    for path in sorted(_SOURCE.rglob("*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if '"-m"' in text else ():
            parts = node.elts if isinstance(node, ast.List) else node.args if isinstance(node, ast.Call) else []
            texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            if "-m" in texts:
                yield path.relative_to(_SOURCE).as_posix(), texts


STARTS = list(_starts())


def test_the_starts_are_found() -> None:
    assert len(STARTS) >= 6


@pytest.mark.parametrize(("path", "texts"), STARTS)
def test_no_child_looks_into_the_present_folder(path: str, texts: list[str]) -> None:
    assert "-P" in texts[: texts.index("-m")], f"{path}: python -m puts the present folder first; say -P"


def test_a_module_in_the_present_folder_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "orjson.py").write_text("raise SystemExit('foreign code')")
    worker = [sys.executable, "-P", "-m", "hearthside.alignment.worker"]
    done = subprocess.run(worker, cwd=tmp_path, input=b"", capture_output=True, timeout=120, check=False)
    assert b"foreign code" not in done.stderr
