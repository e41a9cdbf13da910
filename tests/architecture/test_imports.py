"""The order of dependency of the rooms, checked by import-linter; and that the check itself bites."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def _lint(root: Path, cache: Path) -> tuple[int, str]:
    """Exit status and output of import-linter on a checkout."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--cache-dir",
            str(cache),
            "--no-logo",
        ],
        cwd=root,
        env={"PYTHONPATH": str(root / "src"), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The import graph of unchanged files, so that each run reads the changed one only."""
    return tmp_path_factory.mktemp("import-graph")


def test_rooms_import_only_what_stands_below_them(cache: Path) -> None:
    status, output = _lint(_ROOT, cache)
    assert status == 0, output
    assert "3 kept, 0 broken" in output


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(_ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_ROOT / ".importlinter", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("journal/journal.py", "import hearthside.memory.search"),  # forwards
        ("sources/reading.py", "import hearthside.journal.journal"),  # to a neighbour that it may not see
        ("errors.py", "import hearthside.events"),
        ("memory/search.py", "import torch"),
        ("web/server.py", "import hearthside.cli"),
        ("workshop/job.py", "import hearthside.journal.journal"),
    ],
)
def test_a_wrong_import_is_found(copy: Path, cache: Path, module: str, statement: str) -> None:
    path = copy / "src" / "hearthside" / module
    path.write_text(f"{path.read_text()}\n\n{statement}\n")
    status, output = _lint(copy, cache)
    assert status == 1, output
    assert "BROKEN" in output


def test_a_room_without_a_place_is_found(copy: Path, cache: Path) -> None:
    (copy / "src" / "hearthside" / "attic.py").write_text('"""A room nobody planned."""\n')
    status, output = _lint(copy, cache)
    assert status == 1, output
    assert "attic" in output
