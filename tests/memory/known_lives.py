"""A vault with what is known about its person, and records to fill it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hearthside.events import DAY_MS, HOUR_MS, Event, Json, Layer, Origin, Trust, day_start_ms
from hearthside.memory.facts.fact import Fact
from hearthside.memory.index import Index
from hearthside.memory.knowing import Knowing
from hearthside.memory.preferences.preference import Preference
from tests.alignment.lives import KEY, Vault, open_vault

FIRST = "2026-01-05"  # a Monday
NOON = 12 * HOUR_MS


@dataclass
class Known:
    """A vault with life stream, index and knowing; `now` is its present, UTC ms."""

    vault: Vault
    knowing: Knowing
    index: Index
    now: list[int]

    def take(self, *records: Event) -> None:
        """Journal records and bring the life stream up to date."""
        self.vault.take(*records)
        self.index.update()

    def fact(self, predicate: str, value: str = "") -> Fact:
        """The one fact with this predicate (and value)."""
        [found] = [f for f in self.knowing.facts() if f.predicate == predicate and value in ("", f.value)]
        return found

    def preference(self, what: str, day: int | None = None) -> Preference:
        """The one preference for this thing, as known on a day of the life."""
        at_ms = None if day is None else at(day)
        [found] = [p for p in self.knowing.preferences(at_ms) if p.what == what]
        return found


@contextmanager
def known_life(folder: Path, day: int = 300) -> Iterator[Known]:
    """An empty vault whose present is noon of a day of the life."""
    now = [at(day)]
    vault = open_vault(folder, lambda: now[0])
    knowing = Knowing(folder, KEY, vault.stream, vault.journal, lambda: now[0])
    try:
        yield Known(vault, knowing, Index(folder, KEY, vault.journal), now)
    finally:
        vault.journal.close()


def at(day: int, ms: int = NOON) -> int:
    """UTC ms of a time of a day of the life, which begins with day 0."""
    return day_start_ms(FIRST) + day * DAY_MS + ms


def said(day: int, text: str, by: str = "", ms: int = NOON, trust: Trust = Trust.KNOWN, **fields: Json) -> Event:
    """A message of the person, or of somebody, in a chat with Ida."""
    origin = fields.pop("origin", Origin.PERSON if by else Origin.SELF)
    return Event(
        "whatsapp", "message", Layer.TEXT, at(day, ms), origin, trust if by else Trust.OWN,
        {"conversation": "Ida", "sender": by or "me"}, clock="export:whatsapp", text=text, **fields,
    )  # fmt: skip


def spoken(day: int, text: str, tone: str = "", ms: int = NOON) -> Event:
    """Something the person said aloud."""
    payload = {"speaker": "me", "is_self": True, **({"tone": tone} if tone else {})}
    return Event(
        "omi", "utterance", Layer.AUDITORY, at(day, ms), Origin.SELF, Trust.OWN, payload, clock="device:omi",
        end_ms=at(day, ms) + 5000, text=text,
    )  # fmt: skip


def played(day: int, artist: str, ms: int = NOON) -> Event:
    """A song."""
    return Event(
        "last_fm", "listen", Layer.AUDITORY, at(day, ms), Origin.SELF, Trust.OWN, {"artist": artist, "track": "x"},
        clock="export:last_fm", text=f"{artist} – x",
    )  # fmt: skip


def trained(day: int, activity: str = "climbing", ms: int = NOON) -> Event:
    """Exercise of an hour."""
    return Event(
        "google_fit", "workout", Layer.BEHAVIOURAL, at(day, ms), Origin.SELF, Trust.OWN, {"activity": activity},
        clock="export:google_fit", end_ms=at(day, ms) + HOUR_MS, text=activity,
    )  # fmt: skip


def slept(day: int, bedtime_h: float, hours: float = 8.0) -> Event:
    """A night that begins so many hours after midnight UTC of a day."""
    start = at(day, int(bedtime_h * HOUR_MS))
    return Event(
        "oura_sleep", "sleep", Layer.BEHAVIOURAL, start, Origin.DEVICE, Trust.OWN, {}, clock="device:oura",
        end_ms=start + int(hours * HOUR_MS), offset_min=0,
    )  # fmt: skip
