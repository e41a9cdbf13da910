"""Running every perceiver whose kinds contain a new event's kind; perceivers are found by file name, like sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from hearthside.events import Event, Item, Rejected
from hearthside.logs import logger
from hearthside.perception import Perceiver, load_perceiver, perceiver_names

_log = logger("intake")


@cache
def perceivers() -> dict[str, Perceiver]:
    """All perceivers by name."""
    return {name: load_perceiver(name) for name in perceiver_names()}


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
