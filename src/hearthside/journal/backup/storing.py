"""Storing the objects of one run: counted, paused and stopped between them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from hearthside.errors import Refused
from hearthside.journal.backup.layout import Kept, Sealer
from hearthside.journal.backup.target import Target

Progress = Callable[[str, int, int], None]
"""Called with what is being done (``records``, ``media``, ...), how much of it is done and how much there is."""


class Stopped(Exception):
    """The run was asked to stop."""


class Store:
    """Where a run puts its objects.

    Args:
        salt: goes into the names of objects that replace damaged ones, which the target may not let go of.
        stop: asked before each object.
        pause: called before each object; may wait.
    """

    def __init__(
        self, target: Target, sealer: Sealer, salt: bytes, stop: Callable[[], bool], pause: Callable[[], None]
    ) -> None:
        self.target, self.sealer = target, sealer
        self._salt, self._stop, self._pause = salt, stop, pause
        self.objects = self.bytes = 0

    def seal(self, folder: str, stem: str, ending: str, content: bytes, *, again: bool = False) -> Kept:
        """Store a content as ``<folder><stem>-<tag><ending>``.

        Args:
            again: it replaces a damaged object of the same content.
        """
        tag = self.sealer.tag((self._salt if again else b"") + content)
        name = f"{folder}{stem}-{tag}{ending}" if stem else f"{folder}{tag}{ending}"
        return self.put(name, self.sealer.seal(name, content))

    def put(self, name: str, content: bytes) -> Kept:
        """Store bytes under a name."""
        self.wait()
        self.target.put(name, content)
        self.objects, self.bytes = self.objects + 1, self.bytes + len(content)
        return Kept(name, len(content))

    def put_file(self, name: str, path: Path, size: int) -> None:
        """Store a file."""
        self.wait()
        self.target.put_file(name, path)
        self.objects, self.bytes = self.objects + 1, self.bytes + size

    def wait(self) -> None:
        """Between two objects.

        Raises:
            Stopped: the run was asked to stop.
        """
        if self._stop():
            raise Stopped
        self._pause()
        if self._stop():
            raise Stopped

    def remove(self, names: Collection[str]) -> int:
        """Erase objects as far as the target lets it; returns how many are gone."""
        return sum(self.target.delete(name) for name in names)

    def taken(self, error: Refused) -> bool:
        """Whether a `put` was refused because other bytes lie under the name."""
        return error.code == "backup-name-taken"
