"""A side model's process as the host starts it, for tests of what it says and takes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from hearthside.inference.side_models import SideConfig


class SideProcess:
    """One process; `ready` is its first line."""

    def __init__(self, model: str, config: SideConfig | None = None, parent_pid: int | None = None) -> None:
        command = [sys.executable, "-P", "-m", "hearthside.inference.side_models.process"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        told = {"model": model, "parent_pid": parent_pid or os.getpid(), "config": asdict(config or SideConfig())}
        self._write(orjson.dumps(told) + b"\n")
        self.ready = self._line()

    def ask(self, raw: bytes) -> dict[str, Any]:
        """Its answer to a file."""
        self._write(len(raw).to_bytes(8, "big") + raw)
        return self._line()

    def result(self, raw: bytes) -> dict[str, Any]:
        """Its result, where it has one."""
        answer = self.ask(raw)
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def code(self, raw: bytes) -> str:
        """Family and code of its error, where it has one: ``Refused picture-wrong``."""
        answer = self.ask(raw)
        assert "error" in answer, answer
        assert answer["error"]["message"].endswith(".")
        return f"{answer['error']['kind']} {answer['error']['code']}"

    @property
    def peak_bytes(self) -> int:
        """Linux: the most that it ever had in memory."""
        return self._told("VmHWM") * 1024

    @property
    def resident_bytes(self) -> int:
        """Linux: what it has in memory now."""
        return self._told("VmRSS") * 1024

    def _told(self, what: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(what))

    def close(self) -> int:
        """Say nothing more; its exit status."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        status = self.process.wait(30)
        self.process.stdout.close()
        return status

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line: dict[str, Any] = orjson.loads(self.process.stdout.readline())
        return line
