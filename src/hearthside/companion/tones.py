"""The tone of the person's own voice: which labels are low, which are bright, and how a stretch of days sounded."""

from __future__ import annotations

from collections.abc import Iterable

from hearthside.alignment.occurrence import Occurrence
from hearthside.events import Origin

LOW = frozenset("flat tense sad low tired down depressed anxious stressed weary gloomy upset".split())
BRIGHT = frozenset("warm cheerful happy bright excited joyful amused playful".split())


def tone_of(o: Occurrence) -> str:
    """The tone label of an utterance, lower case, or "" where none was heard."""
    parts = o.note.split(" · ")
    return parts[-1].casefold() if o.kind == "utterance" and len(parts) > 1 else ""


def own_toned(found: Iterable[Occurrence]) -> list[Occurrence]:
    """The person's own utterances that carry a tone."""
    return [o for o in found if o.origin is Origin.SELF and tone_of(o)]


def share(found: list[Occurrence], tones: frozenset[str]) -> float:
    """Share of utterances in one of these tones; 0 when there are none."""
    return sum(tone_of(o) in tones for o in found) / len(found) if found else 0.0
