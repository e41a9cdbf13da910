"""What the person decided (names, home zone, pauses), kept as journal events; the latest word on a name counts."""

from __future__ import annotations

from hearthside.events import Event, Json, Layer, Origin, Trust
from hearthside.journal.journal import Journal

KIND = "setting"


def decide(journal: Journal, name: str, value: Json, at_ms: int) -> None:
    """Record a decision of the person; acknowledged when it is on disk."""
    payload = {"name": name, "value": value}
    # The key tells two decisions apart that say the same in the same millisecond: on, off, on.
    key = str(journal.head().seq)
    journal.append(
        [Event("person", KIND, Layer.BEHAVIOURAL, at_ms, Origin.SELF, Trust.OWN, payload, clock="station", key=key)]
    )


def decided(journal: Journal) -> dict[str, Json]:
    """Every decision in force, by name."""
    found: dict[str, Json] = {}
    for item in sorted(journal.read(kinds=[KIND]), key=lambda stored: stored.seq):
        if isinstance(item.record, Event):
            found[item.record.payload["name"]] = item.record.payload["value"]
    return found
