"""One file per source; each turns one export format into Event, Series and Rejected.

A source is a module here with the names of `Source`. It is found by its file name; adding a file adds a source.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol, cast

from hearthside.events import Item
from hearthside.sources.reading import Opened, Sample

_NOT_SOURCES = {"exact_json", "json_parts", "reading", "trail"}


class Source(Protocol):
    """What every module in this folder offers.

    Attributes:
        NAME: the module's name, stored with every record.
        TITLE: what a person calls it, e.g. "Oura sleep".
    """

    NAME: str
    TITLE: str

    def recognise(self, sample: Sample) -> float:
        """How sure it is, 0 to 1, that this file is its own, judged by content alone."""
        ...

    def read(self, opened: Opened) -> Iterator[Item]:
        """Every record of the file, in file order; a bad one is a `Rejected`, never an exception."""
        ...


@lru_cache(maxsize=1)
def source_names() -> tuple[str, ...]:
    """Names of all sources, from the file names, importing nothing."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _NOT_SOURCES))


def load_source(name: str) -> Source:
    """The source of that name."""
    return cast(Source, importlib.import_module(f"{__name__}.{name}"))


def recognise(sample: Sample) -> Source | None:
    """The source that is surest that this file is its own, or None when none is."""
    scored = [(load_source(name).recognise(sample), name) for name in source_names()]
    best = max(scored, default=(0.0, ""))
    return load_source(best[1]) if best[0] > 0 else None
