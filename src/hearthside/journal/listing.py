"""What lies in a folder, listed again only when the folder changed; cheap enough to ask for at every commit."""

from __future__ import annotations

import os
import time
from pathlib import Path

_SETTLED_S = 2.5  # a time of change is exact to milliseconds on most disks, to two seconds on some


class Listing:
    """The names in one folder. Safe to use from many threads; other processes may change the folder.

    A folder's time of change says that nothing changed only when the names were read some time after it: a change in
    the same step of the clock would not show.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._known: tuple[int, float, bool, list[str]] = (-1, 0.0, False, [])

    def names(self) -> list[str]:
        """The names now; the same list object as before when they are the same."""
        stamp = os.stat(self._folder).st_mtime_ns  # noqa: PTH116 - for each commit
        known_stamp, first, settled, names = self._known
        same = stamp == known_stamp
        if same and settled:
            return names
        now = time.monotonic()
        found = os.listdir(self._folder)  # noqa: PTH208 - the same
        if found == names:
            found = names
        self._known = (stamp, first, now - first > _SETTLED_S, found) if same else (stamp, now, False, found)
        return found
