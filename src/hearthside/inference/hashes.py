"""Hashes of large files, remembered by size and time of change, so that a list of models need not read gigabytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson

_FILE = "hashes.json"


class Hashes:
    """What was read before; losing it costs reading again. Never trusted for what is served."""

    def __init__(self, folder: Path) -> None:
        """`folder` of the models; it need not exist."""
        self._path = folder / _FILE
        self._known = self._read()

    def of(self, path: Path) -> str:
        """SHA-256 of a file, hex; reads it if it changed since the last time or was never read."""
        state = path.stat()
        mark = [state.st_size, state.st_mtime_ns]
        kept = self._known.get(str(path.resolve()))
        if kept is not None and kept[:2] == mark:
            return str(kept[2])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._known[str(path.resolve())] = [*mark, digest]
        self._write()
        return digest

    def _read(self) -> dict[str, list[object]]:
        try:
            kept = orjson.loads(self._path.read_bytes())
            return {str(name): list(one) for name, one in kept.items() if len(one) == 3}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_suffix(".new")
            beside.write_bytes(orjson.dumps(self._known))
            beside.replace(self._path)
        except OSError:
            return  # a folder that cannot be written costs reading again
