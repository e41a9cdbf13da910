"""One file per perceiver; each turns events that carry raw perception into events that mean something.

A perceiver is a module here with the names of `Perceiver`. It is found by its file name; adding a file adds one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Protocol, cast

from hearthside.events import Event


class Perceiver(Protocol):
    """What every module in this folder offers.

    Attributes:
        NAME: the module's name, the `source` of the events it makes.
        KINDS: kinds of events it looks at.
    """

    NAME: str
    KINDS: frozenset[str]

    def perceive(self, event: Event) -> Iterator[Event]:
        """What it sees in one event of its kinds; the same event always gives the same events."""
        ...


def perceiver_names() -> list[str]:
    """Names of all perceivers, from the file names, importing nothing."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_perceiver(name: str) -> Perceiver:
    """The perceiver of that name."""
    return cast(Perceiver, importlib.import_module(f"{__name__}.{name}"))
