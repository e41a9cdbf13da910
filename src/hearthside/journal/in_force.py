"""The year files in force: opened once, looked at anew when the folder changed, asked again where one was replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from hearthside.events import Json
from hearthside.journal import files
from hearthside.journal.listing import Listing
from hearthside.journal.year_file import Replaced, YearFile

_Answer = TypeVar("_Answer")


class InForce:
    """The year files of one journal. Safe to use from many threads; other processes may replace files.

    Args:
        folder: the journal's folder.
        make: opens a year file.
    """

    def __init__(self, folder: Path, make: Callable[[Path], YearFile]) -> None:
        self._folder, self._make = folder, make
        self._lock = threading.Lock()
        self._listing = Listing(folder)
        self._names: list[str] | None = None  # in the folder, when `known` was made
        self.known: tuple[YearFile, ...] = ()

    def now(self) -> tuple[YearFile, ...]:
        """The year files, oldest first."""
        if self._listing.names() is self._names:
            return self.known
        with self._lock:
            before = self.known
            while True:
                names = self._listing.names()
                try:
                    self.known = self._opened()
                except Replaced:
                    continue
                self._names = names
                break
            in_force = self.known
        for file in before:
            if file not in in_force:
                file.close(for_good=True)
        return in_force

    def _opened(self) -> tuple[YearFile, ...]:
        known = {file.path: file for file in self.known}
        return tuple(known.get(path) or self._make(path) for path in files.year_files(self._folder))

    def same_year(self, file: YearFile) -> YearFile:
        """The file in force in the place of one that was replaced."""
        return next(other for other in self.now() if other.year == file.year)

    def rows(self, file: YearFile, ask: Callable[[YearFile], Iterator[Json]]) -> Iterator[Json]:
        """The rows that one query gives, of a file or the one that was put in its place meanwhile."""
        while True:
            try:
                yield from ask(file)  # it is replaced before the first row or not at all
                return
            except Replaced:
                file = self.same_year(file)

    def answer(self, file: YearFile, ask: Callable[[YearFile], _Answer]) -> _Answer:
        """What a file answers, or the one that was put in its place meanwhile."""
        while True:
            try:
                return ask(file)
            except Replaced:
                file = self.same_year(file)
