"""Installs one extra of pyproject.toml, with its progress in `.cache/EXTRA-install.json` for the station to show.

The file holds one object: `state` (`installing`, `installed`, `failed`), `detail` (one sentence), `packages` (how many
pip has taken up so far), `pid`, `started_ms` and `updated_ms` (UTC milliseconds). Only the standard library is used.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

_CACHE = Path(".cache")


def main() -> int:
    """Install once: a second call waits for the first and then finds everything there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("extra", help="name of the extra, e.g. workshop")
    parser.add_argument("--ready", type=Path, required=True, help="file that says what was installed")
    given = parser.parse_args()
    extra: str = given.extra
    ready: Path = given.ready
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    packages: list[str] = project["optional-dependencies"][extra]
    wanted = hashlib.sha256("\n".join([*packages, Path("constraints.txt").read_text()]).encode()).hexdigest()
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two pips in one environment would break each other's work
        if (not ready.exists() or ready.read_text() != wanted) and (status := _install(extra, packages)):
            return status
        ready.write_text(wanted)
    return 0


def _install(extra: str, packages: list[str]) -> int:
    log_path, state_path = _CACHE / f"{extra}-install.log", _CACHE / f"{extra}-install.json"
    started_ms = _now_ms()
    taken = 0

    def note(state: str, detail: str) -> None:
        row = {"state": state, "detail": detail, "packages": taken, "pid": os.getpid()}
        _write(state_path, {**row, "started_ms": started_ms, "updated_ms": _now_ms()})

    print(f"Setting up the {extra} packages ...", flush=True)
    note("installing", "looking up what is needed")
    # The packages and not `-e .[extra]`: a station may be running, and its own package must not vanish under it.
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color"]
    command = [*pip, "install", "--progress-bar", "off", "-c", "constraints.txt", *packages]
    with (
        log_path.open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            log.flush()
            words = line.split()
            if words[:1] in (["Collecting"], ["Processing"]):
                taken += 1
                note("installing", f"looking up {words[1].rpartition('/')[2]}")
            elif words[:1] == ["Downloading"]:
                note("installing", f"fetching {words[1].rpartition('/')[2]} {' '.join(words[2:])}".rstrip())
            elif words[:2] == ["Installing", "collected"]:
                note("installing", f"unpacking {taken} packages")
    if process.returncode == 0:
        note("installed", f"the {extra} packages are installed")
        return 0
    note("failed", f"pip ended with status {process.returncode}; see {log_path}. `make {extra}-install` tries again")
    print(f"The {extra} packages could not be installed; {log_path} ends:", file=sys.stderr)
    print("\n".join(log_path.read_text(errors="replace").splitlines()[-8:]), file=sys.stderr)
    return process.returncode


def _write(path: Path, row: dict[str, object]) -> None:
    """Whole or not at all: the station may read at any moment."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(row))
    part.replace(path)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
