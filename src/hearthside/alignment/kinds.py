"""What each kind of event means for the time axis: how long its last word holds, and how often its source speaks."""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.events import Event, Origin

# Kinds that are about the house itself, not about the life; they never enter a lane.
SYSTEM_KINDS = frozenset(
    {
        "rejected", "setting", "answer", "offer", "reaction", "proposal", "home_action", "night_step", "embedding",
        "ledger", "adapter_decision", "receipt", "round", "gate", "erasure", "attestation",
        "cursor", "backup", "drill", "verification", "token",
    }
)  # fmt: skip

LOOKBACK_MIN = 24 * 60
"""No tolerance is longer than this, minutes: how far before a day the aligner must read."""


@dataclass(frozen=True, slots=True)
class KindRule:
    """How a kind behaves on the time axis.

    Attributes:
        tolerance_min: minutes for which the last event still holds (as-of join); 0: it only counts in its own minute.
        cadence_min: minutes within which the source would have spoken again had there been something to say.
        per: payload field by which last values are kept apart (one light is not another), or "".
        day_by_end: the event belongs to the local day on which it ends (a night belongs to the morning).
    """

    tolerance_min: int = 0
    cadence_min: int = 1
    per: str = ""
    day_by_end: bool = False


_RULES = {
    "position": KindRule(tolerance_min=60, cadence_min=45),
    "region_enter": KindRule(tolerance_min=LOOKBACK_MIN),
    "region_leave": KindRule(tolerance_min=LOOKBACK_MIN),
    "state": KindRule(tolerance_min=LOOKBACK_MIN, cadence_min=60, per="entity"),
    "caption": KindRule(tolerance_min=10, cadence_min=15),
    "utterance": KindRule(tolerance_min=2, cadence_min=5),
    "message": KindRule(tolerance_min=10, cadence_min=30),
    "listen": KindRule(tolerance_min=4, cadence_min=4),
    "app_use": KindRule(tolerance_min=0, cadence_min=5),
    "sleep": KindRule(day_by_end=True),
    "weather": KindRule(tolerance_min=180, cadence_min=120),
}
_DEFAULT = KindRule()


def rule_of(kind: str) -> KindRule:
    """The rule of a kind; an unknown kind only counts in its own minutes."""
    return _RULES.get(kind, _DEFAULT)


def is_life(kind: str) -> bool:
    """Whether events of this kind are part of the life stream."""
    return kind not in SYSTEM_KINDS


def amount_of(event: Event) -> float | None:
    """The one number an event stands for: seconds for what lasts, else the day's figure; None when there is none.

    A night counts the seconds asleep where the source measured them, not the time in bed.
    """
    payload = event.payload
    field = {"sleep": "total", "activity_day": "steps", "weight_day": "weight", "coding_time_day": "total_seconds"}
    name = field.get(event.kind)
    if name is not None and isinstance(payload.get(name), int | float):
        return float(payload[name])
    if event.kind == "readiness_day" and isinstance(payload.get("score"), int | float):
        return float(payload["score"])
    if event.kind == "app_time_day":
        if payload.get("kind") == "top-categories":  # the same seconds again, at another level of detail
            return None
        items = payload.get("items") or []
        return float(sum(seconds for _, seconds in items))
    if event.end_ms is not None:
        return (event.end_ms - event.start_ms) / 1000
    return None


def note_of(event: Event) -> str:
    """A second line for an event: who said it, where, in which tone."""
    payload = event.payload
    names = ("title" if event.kind == "conversation" else "", "speaker", "tone", "app", "place", "activity", "album")
    parts = [payload.get(name) for name in names if name]
    if event.kind == "message":
        sender = "" if event.origin is Origin.SELF else payload.get("sender")
        parts = [payload.get("conversation"), sender, *parts]
    return " · ".join(dict.fromkeys(str(part) for part in parts if part))


def shown_text(kind: str, text: str, amount: float | None) -> str:
    """The words to show for an event: its own, or what it stands for where it has none."""
    if kind in {"region_enter", "region_leave"} and text:
        return f"{'arrived' if kind == 'region_enter' else 'left'}: {text}"
    lasts = kind == "app_time_day" or (not text and kind in {"sleep", "coding_time_day"})
    if amount is not None and lasts:
        minutes = round(amount / 60)
        what = {"sleep": "asleep", "app_time_day": "at the computer", "coding_time_day": "programming"}[kind]
        said = f"{minutes // 60} h {minutes % 60:02d} min {what}"
        return f"{said}: {text}" if text else said
    if text or amount is None:
        return text
    units = {"activity_day": "steps", "weight_day": "kg", "readiness_day": "of 100 ready"}
    return f"{amount:,g} {units[kind]}" if kind in units else ""
