"""What each kind of event means for the time axis: how long its last word holds, and how often its source speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hearthside.events import Event, Json, Origin

# Kinds that are about the house itself, not about the life; they never enter a lane.
SYSTEM_KINDS = frozenset(
    {
        "rejected", "setting", "answer", "offer", "reaction", "proposal", "home_action", "night_step", "embedding",
        "ledger", "adapter_decision", "receipt", "round", "gate", "erasure", "attestation",
        "cursor", "backup", "drill", "verification", "token",
        "kept_note", "clock_exchange", "clock_estimate", "clock_decision", "clock_claim",
        "memory_decision", "annotation",
        "answer_later", "cost", "power_cycle",
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
        until_end: what lasts holds until its end and no longer; `tolerance_min` is for what has no end.
        day_by_end: the event belongs to the local day on which it ends (a night belongs to the morning).
    """

    tolerance_min: int = 0
    cadence_min: int = 1
    per: str = ""
    until_end: bool = False
    day_by_end: bool = False


_RULES = {
    "position": KindRule(tolerance_min=60, cadence_min=45),
    "region_enter": KindRule(tolerance_min=LOOKBACK_MIN),
    "region_leave": KindRule(tolerance_min=LOOKBACK_MIN),
    "state": KindRule(tolerance_min=LOOKBACK_MIN, cadence_min=60, per="entity", until_end=True),
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


_AMOUNTS = {
    "sleep": "total", "activity_day": "steps", "weight_day": "weight", "coding_time_day": "total_seconds",
    "readiness_day": "score",
}  # fmt: skip
_SPECIAL_AMOUNTS = frozenset({*_AMOUNTS, "app_time_day"})
_NOTES = ("speaker", "tone", "app", "place", "activity", "album")
_NAN = float("nan")

NUMBERS: dict[str, dict[str, str]] = {
    "position": {"lat": "lat", "lon": "lon", "accuracy_m": "accuracy_m"},
    "region_enter": {"lat": "lat", "lon": "lon"},
    "state": {"value": "state"},
}
"""Numbers that are kept as columns, by kind: the name of the column, and the field of the payload it is read from."""


def amount_of(event: Event) -> float | None:
    """The one number an event stands for: seconds for what lasts, else the day's figure; None when there is none.

    A night counts the seconds asleep where the source measured them, not the time in bed.
    """
    return amount_in(event.kind, event.payload, event.start_ms, event.end_ms)


def amount_in(kind: str, payload: Mapping[str, Json], start_ms: int, end_ms: int | None) -> float | None:
    """See `amount_of`."""
    if kind not in _SPECIAL_AMOUNTS:
        return None if end_ms is None else (end_ms - start_ms) / 1000
    name = _AMOUNTS.get(kind)
    if name is not None and isinstance(payload.get(name), int | float):
        return float(payload[name])
    if kind == "app_time_day":
        if payload.get("kind") == "top-categories":  # the same seconds again, at another level of detail
            return None
        items = payload.get("items") or []
        return float(sum(seconds for _, seconds in items))
    if end_ms is not None:
        return (end_ms - start_ms) / 1000
    return None


def amounts_in(
    kind: str, payloads: Sequence[Mapping[str, Json]], starts: Sequence[int], ends: Sequence[int | None]
) -> list[float]:
    """`amount_in` of many events of one kind; NaN where there is none."""
    if kind not in _SPECIAL_AMOUNTS:
        return [
            _NAN if end_ms is None else (end_ms - start_ms) / 1000
            for start_ms, end_ms in zip(starts, ends, strict=True)
        ]
    rows = zip(payloads, starts, ends, strict=True)
    found = (amount_in(kind, payload, start_ms, end_ms) for payload, start_ms, end_ms in rows)
    return [_NAN if amount is None else amount for amount in found]


def note_of(event: Event) -> str:
    """A second line for an event: who said it, where, in which tone."""
    return note_in(event.kind, event.payload, event.origin is Origin.SELF)


def note_in(kind: str, payload: Mapping[str, Json], own: bool) -> str:
    """See `note_of`; `own` says whether the person is its origin."""
    return notes_in(kind, [payload], [own])[0]


def notes_in(kind: str, payloads: Sequence[Mapping[str, Json]], own: Sequence[bool]) -> list[str]:
    """`note_in` of many events of one kind: the same words come again and again, so each note is put together once."""
    said = set[str]().union(*payloads)
    columns: list[list[Json]] = [[payload.get(name) for payload in payloads] for name in _NOTES if name in said]
    if kind == "conversation":
        columns.insert(0, [payload.get("title") for payload in payloads])
    elif kind == "message":
        senders = [None if mine else payload.get("sender") for payload, mine in zip(payloads, own, strict=True)]
        columns[:0] = [[payload.get("conversation") for payload in payloads], senders]
    if not columns:
        return [""] * len(payloads)
    known: dict[tuple[Json, ...], str] = {}
    return [_note(parts, known) for parts in zip(*columns, strict=True)]


def _note(parts: tuple[Json, ...], known: dict[tuple[Json, ...], str]) -> str:
    try:
        return known[parts]
    except (KeyError, TypeError):  # new, or something that cannot be looked up
        note = " · ".join(dict.fromkeys(str(part) for part in parts if part))
        if all(part is None or type(part) is str for part in parts):  # 1 and True would be taken for one another
            known[parts] = note
        return note


def number_of(value: Json) -> float:
    """A value of a payload as a number, also where it is written as text; NaN where it is none."""
    try:
        return float(value) if isinstance(value, int | float | str) else float("nan")
    except ValueError:
        return float("nan")


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
