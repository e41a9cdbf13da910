"""Which words of a row say what: the artist of a play, the app of a window, the person of a message; and units."""

from __future__ import annotations

from dataclasses import dataclass

_DASH, _DOT = " – ", " · "


@dataclass(frozen=True, slots=True)
class Part:
    """Where words are found in a row.

    Attributes:
        note: in the second line, not in the text.
        between: what separates the parts, or "" for the whole.
        first: the first part; else all after it.
        last: the last part (and not the first).
    """

    note: bool = False
    between: str = ""
    first: bool = True
    last: bool = False

    def of(self, text: str, note: str) -> str:
        """The words, "" when there are none."""
        whole = note if self.note else text
        if not self.between:
            return whole
        if self.last:
            return whole.rpartition(self.between)[2]
        head, found, tail = whole.partition(self.between)
        return head if self.first else tail if found else ""


_TEXT, _NOTE = Part(), Part(note=True)
_HEAD, _TAIL = Part(between=_DASH), Part(between=_DASH, first=False)

_PARTS: dict[str, dict[str, Part]] = {
    "listen": {"artist": _HEAD, "track": _TAIL, "album": _NOTE},
    "podcast": {"show": _HEAD, "episode": _TAIL},
    "app_use": {"app": _NOTE, "title": _TAIL},
    "message": {"conversation": Part(note=True, between=_DOT), "person": Part(note=True, between=_DOT, last=True)},
    "utterance": {"person": Part(note=True, between=_DOT)},
    "workout": {"activity": _TEXT},
    "region_enter": {"region": _TEXT},
    "region_leave": {"region": _TEXT},
}
_LABELS = {
    "listen": "artist", "podcast": "show", "app_use": "app", "message": "conversation", "workout": "activity",
    "region_enter": "region", "region_leave": "region",
}  # fmt: skip
_UNITS = {"activity_day": "steps", "weight_day": "kg", "readiness_day": "points"}


def part_names() -> tuple[str, ...]:
    """Names of all parts but ``person``, which every kind may have; the whole text and second line; things listed."""
    parts = dict.fromkeys(name for parts in _PARTS.values() for name in parts if name != "person")
    return ("text", "note", *parts, "item")


def part_of(kind: str, name: str) -> Part | None:
    """Where a kind keeps a part; None when it has no such part. Every kind has text, note and label."""
    if name == "text":
        return _TEXT
    if name == "note":
        return _NOTE
    parts = _PARTS.get(kind, {})
    if name == "label":
        return parts[_LABELS[kind]] if kind in _LABELS else _TEXT
    return parts.get(name)


def parts_of(kind: str) -> list[str]:
    """Names of the parts of a kind."""
    return ["text", "note", "label", *_PARTS.get(kind, {})]


def kinds_with(name: str) -> list[str]:
    """Kinds that have a part."""
    return sorted(kind for kind, parts in _PARTS.items() if name in parts)


def unit_of(kind: str) -> str:
    """The unit of the amount of a kind: seconds unless it is the figure of a day."""
    return _UNITS.get(kind, "s")
