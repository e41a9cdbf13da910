"""A small life whose answers are known before it is told: what the clients of the outage benchmark ask about.

The keys come from how the life is made, not from the product.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

from hearthside.events import HOUR_MS, MINUTE_MS, Event, Layer, Origin, Trust, day_start_ms

Kind: TypeAlias = Literal["computed", "evidence", "unknown", "talk"]

DAYS = 24
_FRIENDS = ("Ravi", "Ines", "Tomasz")
_ARTISTS = ("Radiohead", "Paper Boats", "The Hollow Hills")
_SAID = (
    ("Ravi", "The plumber comes on Thursday and wants the cellar key."),
    ("Ines", "My train to Lisbon leaves from platform nine."),
    ("Tomasz", "I left the blue umbrella at your place."),
    ("Ravi", "The choir sings in the old brewery this winter."),
    ("Ines", "Grandmother's soup needs two cloves and no salt."),
    ("Tomasz", "The bicycle shop closes at noon on Saturdays."),
)
_EVIDENCE = (
    "What did Ravi say about the plumber?",
    "What did Ines say about the train?",
    "What did Tomasz say about the umbrella?",
    "What did Ravi say about the choir?",
    "What did Ines say about the soup?",
    "What did Tomasz say about the bicycle shop?",
)
_UNKNOWN = (
    "What is the name of my parrot?",
    "What did Ines say about the submarine?",
    "Who repaired the clarinet?",
)
_TALK = ("Hello there!", "Thank you.", "Good morning!", "How are you?", "I am a little tired today.")


@dataclass(frozen=True, slots=True)
class Question:
    """A question, what sort it is, and the value that must be computed, or ""."""

    kind: Kind
    text: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class MadeLife:
    """Records, and the questions that have exact keys."""

    events: list[Event]
    computed: list[Question]

    def draw(self, random_: random.Random) -> Question:
        """The next question of a client; every second one can be computed."""
        if random_.random() < 0.5:
            return random_.choice(self.computed)
        kind: Kind = random_.choice(("evidence", "evidence", "unknown", "talk", "talk"))
        texts = {"evidence": _EVIDENCE, "unknown": _UNKNOWN, "talk": _TALK}[kind]
        return Question(kind, random_.choice(texts))


def make_life(last_day: date, seed: int) -> MadeLife:
    """Days up to and with `last_day`: a night each, messages and songs."""
    random_ = random.Random(seed)
    events, computed = list[Event](), list[Question]()
    for back in range(DAYS):
        day = (last_day - timedelta(days=back)).isoformat()
        minutes, own, songs = random_.randrange(330, 520), random_.randrange(2, 9), random_.randrange(2, 8)
        midnight = day_start_ms(day)
        events.append(_night(midnight, minutes))
        events += [_message(midnight + (8 + n) * HOUR_MS, f"note number {n} of {day}") for n in range(own)]
        events += [
            _song(midnight + 18 * HOUR_MS + n * 5 * MINUTE_MS, random_.choice(_ARTISTS), n) for n in range(songs)
        ]
        hours = f"{minutes // 60} h {minutes % 60:02d} min" if minutes % 60 else f"{minutes // 60} h"
        computed.append(Question("computed", f"How long did I sleep on {day}?", hours))
        computed.append(Question("computed", f"How many messages did I write on {day}?", str(own)))
        computed.append(Question("computed", f"How many songs did I listen to on {day}?", str(songs)))
    for n, (who, text) in enumerate(_SAID):
        at_ms = day_start_ms((last_day - timedelta(days=n + 1)).isoformat()) + 12 * HOUR_MS
        events.append(_message(at_ms, text, who))
    return MadeLife(events, computed)


def _night(midnight: int, minutes: int) -> Event:
    """A night that ends at seven in the morning (UTC, the zone of this life)."""
    end = midnight + 7 * HOUR_MS
    start = end - (minutes + 20) * MINUTE_MS
    return Event(
        "oura_sleep", "sleep", Layer.BEHAVIOURAL, start, Origin.DEVICE, Trust.OWN, {"total": minutes * 60},
        clock="device:oura", end_ms=end,
    )  # fmt: skip


def _message(at_ms: int, text: str, who: str = "") -> Event:
    """A message of the person's own to a friend, or one from `who`."""
    chat = who or _FRIENDS[at_ms // HOUR_MS % len(_FRIENDS)]
    payload = {"conversation": chat, "sender": who or "me", "text": text}
    origin, trust = (Origin.PERSON, Trust.KNOWN) if who else (Origin.SELF, Trust.OWN)
    return Event(
        "whatsapp", "message", Layer.TEXT, at_ms, origin, trust, payload, clock="export:whatsapp", text=text
    )  # fmt: skip


def _song(at_ms: int, artist: str, n: int) -> Event:
    track = f"Track {n}"
    return Event(
        "youtube_music", "listen", Layer.AUDITORY, at_ms, Origin.SELF, Trust.OWN, {"artist": artist, "track": track},
        clock="export:music", text=f"{artist} – {track}",
    )  # fmt: skip
