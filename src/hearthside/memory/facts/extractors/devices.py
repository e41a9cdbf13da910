"""Devices and apps that record this life: which wrote, and from when to when."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hearthside import home
from hearthside.events import DAY_MS, MINUTE_MS, iso_day
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, make_fact
from hearthside.sources import load_source, source_names

NAME = "devices"
TITLE = "Devices"
KINDS = frozenset[str]()  # any

QUIET_DAYS = 90
"""Without a word for so long a device is no longer in use."""

_MARK = "device:"


def extract(ground: Ground) -> list[Fact]:
    """One fact for each device that stamps times; what an export's server stamped is no device of the person."""
    spans: dict[str, tuple[int, int, str, str]] = {}
    for stream, clocks in ground.stream.stamps().items():
        for clock, (first, last) in clocks.items():
            name = clock.partition("@")[0].partition("#")[0].removeprefix(_MARK)
            if not clock.startswith(_MARK) or not name or first >= ground.present_ms:
                continue
            known = spans.get(name, (first, last, stream.source, stream.kind))
            spans[name] = (min(known[0], first), max(known[1], last), known[2], known[3])
    facts = []
    for name in sorted(spans):
        first, last, source, kind = spans[name]
        evidence = _edges(ground, source, kind)
        if not evidence:
            continue
        ended = ground.present_ms - last > QUIET_DAYS * DAY_MS
        facts.append(
            make_fact(
                NAME, "devices", "records_with", _called(name), f"You record with “{_called(name)}”.", evidence,
                 valid_from=_day(ground, first), valid_to=_day(ground, last + DAY_MS) if ended else "",
                sure=0.95,
            )
        )  # fmt: skip
    return facts


@lru_cache(maxsize=256)
def _called(device: str) -> str:
    """What people call a device: ``home_assistant`` as Home Assistant, ``oura`` as Oura; else its own name in words.

    A device that is called like a source, or like the beginning of one, is spelt as the source spells it.
    """
    if device == home.NAME:
        return home.TITLE
    kin = [name for name in source_names() if name == device or name.startswith(f"{device}_")]
    titles = [load_source(name).TITLE for name in kin]
    spelt = [word for title in titles for word in title.split() if word != device and word.casefold() == device]
    if spelt or device in kin:
        return spelt[0] if spelt else load_source(device).TITLE
    return device.replace("_", " ")


def _edges(ground: Ground, source: str, kind: str) -> tuple[bytes, ...]:
    """Ids of the first and the last event of a stream."""
    found = []
    for newest_first in (False, True):
        columns = next(ground.stream.columns(kinds=[kind], sources=[source], newest_first=newest_first), None)
        if columns is not None:
            found.append(columns.identity(-1 if newest_first else 0))
    return tuple(found)


def _day(ground: Ground, ms: int) -> str:
    offset = int(ground.stream.track().at(np.array([ms], dtype=np.int64))[0])
    return iso_day((ms + offset * MINUTE_MS) // DAY_MS)
