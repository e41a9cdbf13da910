"""The station's process never imports torch, whatever page or command is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[2] / "src"
# Rooms that run in processes of their own, with torch in them.
_CHILDREN = ("hearthside.workshop.recipes", "hearthside.night.likelihood_child")
_PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
heavy = ("torch", "transformers", "peft", "safetensors")
print(" ".join(sorted(name for name in sys.modules if name.partition(".")[0] in heavy)))
"""


def _modules() -> list[str]:
    """All modules of the station."""
    names = []
    for path in sorted((_SOURCE / "hearthside").rglob("*.py")):
        parts = path.relative_to(_SOURCE).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        if not name.startswith(_CHILDREN) and not name.endswith("__main__"):
            names.append(name)
    return names


def _heavy_after_importing(*names: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_SOURCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_module_of_the_station_comes_without_torch() -> None:
    names = _modules()
    assert {"hearthside.app", "hearthside.cli", "hearthside.web.server"} <= set(names)
    assert _heavy_after_importing(*names) == ""


def test_the_check_would_see_torch() -> None:
    assert "safetensors" in _heavy_after_importing("safetensors")
