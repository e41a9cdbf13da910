"""A flat stretch in the person's own voice: say so once, and name the place after which the last one lifted."""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.alignment.occurrence import Occurrence
from hearthside.companion.interventions import Candidate, LifeContext
from hearthside.companion.tones import BRIGHT, LOW, own_toned, share, tone_of
from hearthside.companion.visits import Visit, names_of_people, visits, with_people
from hearthside.events import DAY_MS, HOUR_MS, Origin, local_datetime

NAME = "low_mood"
TITLE = "What helped the last time your voice was flat"

_WEEKS = 8  # how far back "the weeks before" and an earlier flat stretch are looked for
_ENOUGH, _ENOUGH_OF_ONE = 3, 5  # utterances with a tone, over two days, or when only one of them was heard
_NEARLY_ALL = 0.9
_MOSTLY = 0.6  # share of low utterances that makes two days, or one day, low
_LIFTED = 0.5  # share of bright utterances from the turn on
_MORE_THAN_BEFORE = 0.25
_AFTER_MS = 24 * HOUR_MS  # the voice must be bright within a day after the visit
_STRETCH = {1: "lately", 2: "on most of the last two days"}
_WORDS = ("helped", "did me", "so good", "better", "lifted", "breathe", "calm", "quiet and warm")


@dataclass(frozen=True, slots=True)
class _Turn:
    """The end of an earlier flat stretch: its days, the visit before it and the first bright words after."""

    days: list[str]
    visit: Visit
    bright: Occurrence


def find(context: LifeContext) -> Candidate | None:
    """Low tone on most of two days, more than in the weeks before, and the place after which an earlier one ended."""
    toned = own_toned(context.recent(_WEEKS * 7 * 24, "utterance"))
    recent = [o for o in toned if o.local_day >= context.local_day(1)]
    before = [o for o in toned if o.local_day < context.local_day(1)]
    low = share(recent, LOW)
    # The last word counts: a mood that has lifted by itself needs nobody to speak of it.
    days = len({o.local_day for o in recent})
    if not _enough(len(recent), days, low) or tone_of(recent[-1]) not in LOW:
        return None
    if not before or low - share(before, LOW) < _MORE_THAN_BEFORE:
        return None
    turn = _last_turn(context, before)
    if turn is None:
        return None
    quoted = _said_after(context, turn.visit)
    evidence = [
        *[o for o in recent if tone_of(o) in LOW][-3:], *turn.visit.evidence[:2], turn.bright,
        *([quoted] if quoted else []),
    ]  # fmt: skip
    value = 0.55 + 0.2 * (low - _MOSTLY) / (1 - _MOSTLY) + (0.05 if quoted else 0.0)
    return Candidate(_text(turn, quoted, days), _reason(low, days), round(value, 3), list(dict.fromkeys(evidence)))


def _enough(count: int, days: int, low: float) -> bool:
    """Whether this is a low stretch: most of what was said on two days, or nearly all on the one heard."""
    return (days == 2 and count >= _ENOUGH and low >= _MOSTLY) or (count >= _ENOUGH_OF_ONE and low >= _NEARLY_ALL)


def _last_turn(context: LifeContext, before: list[Occurrence]) -> _Turn | None:
    """The newest earlier stretch of low days that a visit ended."""
    days: dict[str, list[Occurrence]] = {}
    for o in before:
        days.setdefault(o.local_day, []).append(o)
    heard = sorted(days)
    turns = [o for i, day in enumerate(heard) for o in _turning(days, heard, i, day)]
    for low_days, bright in reversed(turns):
        visit = _visit_before(context, low_days, bright)
        if visit is not None:
            return _Turn(low_days, visit, bright)
    return None


def _turning(
    days: dict[str, list[Occurrence]], heard: list[str], i: int, day: str
) -> list[tuple[list[str], Occurrence]]:
    """The bright words with which a run of at least two low days ends, on its last day or the next one heard."""
    run: list[str] = []
    for earlier in reversed(heard[:i]):
        if share(days[earlier], LOW) < _MOSTLY:
            break
        run.insert(0, earlier)
    if len(run) < 2 or share(days[day], LOW) >= _MOSTLY:
        return []
    # A visit in the evening of the last low day may have turned it already.
    said = [o for name in (run[-1], *heard[i : i + 2]) for o in days[name]]
    bright = next((o for o in said if tone_of(o) in BRIGHT), None)
    after = [o for o in said if bright is not None and o.start_ms >= bright.start_ms]
    return [(run, bright)] if bright is not None and share(after, BRIGHT) >= _LIFTED else []


def _visit_before(context: LifeContext, low_days: list[str], bright: Occurrence) -> Visit | None:
    """The visit during which, or within a day after which, the voice brightened; not one of every day."""
    start = bright.start_ms - _AFTER_MS
    near = visits(context.stream, start, bright.start_ms + 1, regions=False)
    earlier = visits(context.stream, bright.start_ms - (len(low_days) + 7) * DAY_MS, start, regions=False)
    usual = {visit.place for visit in earlier}
    fresh = [v for v in near if v.place not in usual and v.start_ms <= bright.start_ms]
    if not fresh:
        return None
    return with_people(context.stream, fresh[-1], names_of_people(context.stream))


def _said_after(context: LifeContext, visit: Visit) -> Occurrence | None:
    """The person's own words about it, written within a day and a half."""
    written = context.stream.occurrences(kinds=["message"], start_ms=visit.start_ms, end_ms=visit.end_ms + 36 * HOUR_MS)
    own = [o for o in written if o.origin is Origin.SELF and len(o.text) <= 160]
    named = [o for o in own if visit.place.casefold() in o.text.casefold()]
    good = [o for o in named if any(word in o.text.casefold() for word in _WORDS)]
    return good[0] if good else None


def _text(turn: _Turn, quoted: Occurrence | None, days: int) -> str:
    visit = turn.visit
    day = local_datetime(visit.start_ms, visit.offset_min).strftime("%A, %Y-%m-%d")
    people = f" with {_listed(visit.people)}" if visit.people else ""
    part = "an evening" if visit.hour >= 17 else "a visit"
    text = (
        f"Your voice has been flat {_STRETCH[days]}. It was like that from {turn.days[0]} too, "
        f"and it was brighter again after {part} at {visit.place}{people} on {day}."
    )
    if quoted is not None:
        text += f" You wrote: “{' '.join(quoted.text.split())}”"
    return f"{text} Would you like to go there again?"


def _reason(low: float, days: int) -> str:
    since = "In the last two days" if days == 2 else "Lately"
    return f"{since} {round(low * 100)} % of what you said sounded low, far more than in the weeks before."


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
