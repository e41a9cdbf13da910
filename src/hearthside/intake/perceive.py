"""Running every perceiver whose kinds contain a new event's kind; perceivers are found by file name, like sources."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Protocol, cast

from hearthside.events import Event, Item, Rejected
from hearthside.logs import logger

_PACKAGE = "hearthside.perception"
_log = logger("intake")


class Perceiver(Protocol):
    """What a module in `perception/` offers to the intake.

    Attributes:
        KINDS: kinds of event it looks at.
    """

    KINDS: frozenset[str]

    def perceive(self, event: Event) -> Iterator[Event]:
        """What it sees in one event; the same event always gives the same."""
        ...


@cache
def perceivers() -> dict[str, Perceiver]:
    """All perceivers by name: the modules of `perception/` that have KINDS and perceive."""
    if importlib.util.find_spec(_PACKAGE) is None:
        return {}
    package = importlib.import_module(_PACKAGE)
    modules = {
        found.name: importlib.import_module(f"{_PACKAGE}.{found.name}")
        for found in pkgutil.iter_modules(getattr(package, "__path__", []))
    }
    return {
        name: cast(Perceiver, module)
        for name, module in sorted(modules.items())
        if hasattr(module, "KINDS") and hasattr(module, "perceive")
    }


def perceivable_kinds() -> frozenset[str]:
    """Kinds of event that some perceiver looks at."""
    return frozenset(kind for perceiver in perceivers().values() for kind in perceiver.KINDS)


def perceive_new(events: Iterable[Event]) -> Iterator[Item]:
    """What all perceivers see in these events; one that fails on an event yields a `Rejected` in its name."""
    for event in events:
        for name, perceiver in perceivers().items():
            if event.kind not in perceiver.KINDS:
                continue
            try:
                perceived = list(perceiver.perceive(event))
            except (LookupError, ValueError, TypeError, ArithmeticError, AttributeError) as error:
                _log.warning("perceiver %s failed on event %s (%s)", name, event.id.hex(), type(error).__name__)
                yield Rejected(name, f"it could not be perceived: {error}", event.id, f"event {event.id.hex()}")
                continue
            yield from perceived
