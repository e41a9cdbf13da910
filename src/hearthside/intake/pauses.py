"""Which sources the person has paused: the newest `pause:<source>` setting in the journal counts."""

from __future__ import annotations

from hearthside.events import Event
from hearthside.journal import Journal

_PREFIX = "pause:"


def paused_sources(journal: Journal) -> set[str]:
    """Names of the sources from which nothing may be taken now."""
    paused: dict[str, bool] = {}
    for stored in sorted(journal.read(kinds=["setting"]), key=lambda stored: (stored.record.start_ms, stored.seq)):
        if isinstance(stored.record, Event):
            name = str(stored.record.payload.get("name", ""))
            if name.startswith(_PREFIX):
                paused[name.removeprefix(_PREFIX)] = bool(stored.record.payload.get("value"))
    return {name for name, value in paused.items() if value}
