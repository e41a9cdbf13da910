"""Running commands in this process, over the vault in a folder of the test."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hearthside import cli
from tests.cli.ended import Ended, Run


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Points the settings to the vault in a folder."""
    for name in [name for name in os.environ if name.startswith("HEARTHSIDE_")]:
        monkeypatch.delenv(name)

    def point(folder: Path) -> None:
        monkeypatch.setenv("HEARTHSIDE_VAULT", str(folder / "vault"))
        monkeypatch.setenv("HEARTHSIDE_KEY_FILE", str(folder / "key"))
        monkeypatch.setenv("HEARTHSIDE_HEADS_FOLDER", str(folder / "heads"))

    return point


@pytest.fixture
def run(
    at: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command in this process, in an empty vault unless `at` points elsewhere."""
    at(tmp_path)

    def command(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["hearthside", *(str(a) for a in arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
            raise SystemExit(0)
        told = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else int(bool(code)), told.out, told.err)

    return command
