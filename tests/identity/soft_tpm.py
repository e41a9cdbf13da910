"""A real TPM 2.0 in software (swtpm), with its state in a folder and its door a socket in there."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest


class SoftTpm:
    """One chip: `start` and `stop` are switching the machine on and off.

    Args:
        folder: keeps the chip's seeds; a short path, since a socket's may have 107 characters.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tcti = f"swtpm:path={folder / 'tpm'}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Switch on: PCRs begin at zero, keys are what they were."""
        door = self.folder / "tpm"
        self._process = subprocess.Popen(
            [
                "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}",
                "--server", f"type=unixio,path={door}", "--ctrl", f"type=unixio,path={door}.ctrl",
                "--flags", "not-need-init,startup-clear",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not (door.exists() and Path(f"{door}.ctrl").exists()):
            assert self._process.poll() is None, "swtpm ended by itself"
            time.sleep(0.01)

    def stop(self) -> None:
        """Switch off."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
        for door in (self.folder / "tpm", self.folder / "tpm.ctrl"):
            door.unlink(missing_ok=True)

    def restart(self) -> None:
        """Off and on again."""
        self.stop()
        self.start()

    def command(self, name: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        """One command of tpm2-tools, as an attacker at the machine would give it."""
        command = [f"tpm2_{name}", "-T", self.tcti, *arguments]
        return subprocess.run(command, capture_output=True, cwd=cwd, check=False)

    def extend(self, pcr: int = 7) -> None:
        """The machine starts differently: another value goes into a register."""
        assert self.command("pcrextend", f"{pcr}:sha256={'ab' * 32}").returncode == 0


def need_swtpm() -> None:
    """Where swtpm or tpm2-tools are not installed the test skips, or fails with HEARTHSIDE_NEED_DATA=1."""
    missing = [name for name in ("swtpm", "tpm2_unseal") if shutil.which(name) is None]
    if missing:
        message = f"{' and '.join(missing)} not installed (Debian: apt install swtpm tpm2-tools)"
        if os.environ.get("HEARTHSIDE_NEED_DATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
