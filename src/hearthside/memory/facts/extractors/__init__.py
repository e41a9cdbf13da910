"""One file per extractor of facts; each reads structured records or statements by plain code, and calls no model.

An extractor is a module here with the names of `Extractor`. It is found by its file name; adding a file adds one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

from hearthside.alignment.stream import LifeStream
from hearthside.journal import Journal
from hearthside.memory.facts.fact import Fact
from hearthside.memory.gleanings import Row
from hearthside.memory.preferences.tally import Tally


@dataclass(frozen=True, slots=True)
class Ground:
    """What extractors may look at.

    Attributes:
        stream, journal: the life stream, and the journal for what it does not hold.
        tallies: what was counted, by kind of preference.
        statements: rows as of `facts.gleaning.glean`.
        day: the local day at whose beginning the facts are asked for, days since 1970: nothing later counts.
        present_ms: the same as UTC ms.
    """

    stream: LifeStream
    journal: Journal
    tallies: Mapping[str, Tally]
    statements: list[Row]
    day: int
    present_ms: int


class Extractor(Protocol):
    """What every module in this folder offers.

    Attributes:
        NAME: the module's name.
        TITLE: what a person calls it.
        KINDS: kinds of events its facts rest on.
    """

    NAME: str
    TITLE: str
    KINDS: frozenset[str]

    def extract(self, ground: Ground) -> list[Fact]:
        """The facts it finds; every one with evidence in the journal, the same for the same ground."""
        ...


@lru_cache(maxsize=1)
def extractor_names() -> tuple[str, ...]:
    """Names of all extractors, from the file names, importing nothing."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__)))


def load_extractor(name: str) -> Extractor:
    """The extractor of that name."""
    return cast(Extractor, importlib.import_module(f"{__name__}.{name}"))
