"""Times of the house as the person's clock shows them, in the few forms that are read on pages and in sentences."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from hearthside.events import local_datetime


class Offsets(Protocol):
    """Where the person was, as `LifeStream` knows it."""

    def offset_on(self, day: str) -> int:
        """The person's UTC offset at noon UTC of a day (ISO), minutes."""
        ...


def local_time(offsets: Offsets, ms: int) -> datetime:
    """A moment (UTC milliseconds) by the person's clock of that day, with its offset.

    One offset holds for the whole UTC day, so in the night of a journey or a change of the clocks it may be that of
    the other side.
    """
    return local_datetime(ms, offsets.offset_on(local_datetime(ms, 0).date().isoformat()))


def to_the_minute(offsets: Offsets, ms: int) -> str:
    """``2026-07-14 19:30``."""
    return f"{local_time(offsets, ms):%Y-%m-%d %H:%M}"


def iso_minute(offsets: Offsets, ms: int) -> str:
    """``2026-07-14T19:30``, which pages word themselves (`hearthside.web.markup.local_words`)."""
    return f"{local_time(offsets, ms):%Y-%m-%dT%H:%M}"


def since_words(offsets: Offsets, ms: int, now_ms: int) -> str:
    """``19:30``; of another day than today's ``Monday, 13 July, 19:30``."""
    then = local_time(offsets, ms)
    today = then.date() == local_time(offsets, now_ms).date()
    return f"{then:%H:%M}" if today else f"{then:%A}, {then.day} {then:%B, %H:%M}"
