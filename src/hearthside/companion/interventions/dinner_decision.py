"""An open question where to eat with others: who waits, what they said they need, and the place that was looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hearthside.alignment.occurrence import Occurrence
from hearthside.companion.interventions import Candidate, LifeContext
from hearthside.companion.tones import BRIGHT, own_toned, share
from hearthside.companion.visits import STAY_MS, names_of_people, visits
from hearthside.events import DAY_MS, MINUTE_MS, Origin, local_datetime

NAME = "dinner_decision"
TITLE = "Where to eat, when others wait for your choice"

_OPEN_H = 36
_LOOKED_DAYS = 5  # a menu seen longer ago was not looked at for this
_LIFE_DAYS = 120
_QUOTES = 3
_MEAL = r"(?:eat|eating|dinner|lunch|supper|brunch|dine|food|restaurant|table|meal)"
_OPEN = re.compile(
    rf"\b(?:where|which (?:place|restaurant)|what (?:place|restaurant))\b[^.!?]*\b{_MEAL}\b[^.!?]*\?|"
    rf"\bwhat (?:should|shall|do|are) (?:we|you)\b[^.!?]*\b(?:eat|eating|have for (?:dinner|lunch))\b[^.!?]*\?|"
    rf"\b{_MEAL}\b[^.!?]*[.!?][^.!?]*\b(?:where|which place)\b[^.!?]*\?",
    re.IGNORECASE,
)
_SETTLED = re.compile(
    r"\b(?:i(?:'ve| have)? (?:booked|reserved)|(?:is|it's) (?:booked|settled|reserved)|"
    r"table (?:is )?(?:booked|for \w+ at)|"
    r"(?:cancelled|called off|is off))\b",
    re.IGNORECASE,
)
_YES = re.compile(r"^\W*(?:yes|yep|yeah|sure|perfect|great|ok|okay|done|deal|settled|good idea)\b", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|never|no|without|don't|dont|off the list|refuse|except|anything but)\b", re.IGNORECASE)
_BAD = re.compile(
    r"\b(?:never again|off the list|so loud|too loud|couldn't hear|awful|terrible|not again)\b", re.IGNORECASE
)
_GOOD = re.compile(r"\b(?:like that|love|liked?|good|great|nice|quiet|lovely|best|warm|calm)\b", re.IGNORECASE)
_NEED = re.compile(
    r"\b(?:vegetarian|vegan|allerg\w+|gluten|lactose|coeliac|celiac|halal|kosher|intoleran\w+|no meat|meat stock|"
    r"without (?!you|me|us|asking|laughing)\w+|can't eat|cannot eat|don't eat|hate|refuse|(?:so|too) loud|quieter|"
    r"not too loud|couldn't hear|never again|no \w+ (?:night|evening)|something \w+ (?:this time|would be nice))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place to propose.

    Attributes:
        looked_s: seconds the eyes rested on its menu lately.
        enjoyed: the person's own bright words there, or somebody's good word for it, or None.
        score: how well it fits.
    """

    name: str
    looked_s: float
    looked: Occurrence | None
    enjoyed: Occurrence | None
    score: float


def find(context: LifeContext) -> Candidate | None:
    """The newest open question about a meal with others, with who waits, what they need, and the place that fits."""
    asked = _open_question(context)
    if asked is None:
        return None
    life = context.recent(_LIFE_DAYS * 24, "message")
    waiting = _waiting(context, asked)
    needs = [need for name in waiting if (need := _need(life, name)) is not None]
    place = _best_place(context, life)
    if place is None or (not needs and place.enjoyed is None and not place.looked_s):
        return None
    evidence = [asked, *(o for _, _, o in needs), *(o for o in (place.looked, place.enjoyed) if o is not None)]
    value = 0.6 + min(0.15, 0.05 * len(waiting)) + (0.1 if needs else 0.0) + (0.05 if place.enjoyed else 0.0)
    reason = f"{_listed(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for you to choose a place."
    return Candidate(_text(asked, waiting, needs, place), reason, round(value, 3), list(dict.fromkeys(evidence)))


def _open_question(context: LifeContext) -> Occurrence | None:
    """The newest message of somebody that asks where or what to eat and that no named place has answered since."""
    messages = context.recent(_OPEN_H, "message")
    asked = [o for o in messages if o.origin is Origin.PERSON and _OPEN.search(o.text)]
    if not asked:
        return None
    newest = asked[-1]
    places = _known_places(context)
    since = [o for o in messages if o.start_ms >= newest.start_ms and o.id != newest.id]
    return None if _answered(since, places) else newest


def _answered(since: list[Occurrence], places: set[str]) -> bool:
    """Whether a place was named and not refused, or the meal was settled in so many words."""
    proposed: dict[str, bool] = {}
    for o in since:
        chat = _chat(o)
        named = [p for p in places if p.casefold() in o.text.casefold() and not _refused(o.text, p)]
        if _SETTLED.search(o.text):
            return True
        if o.origin is Origin.SELF and ((named and "?" not in o.text) or (proposed.get(chat) and _YES.search(o.text))):
            return True
        if o.origin is Origin.PERSON and proposed.get(chat) and _YES.search(o.text):
            return True
        proposed[chat] = bool(named) or (proposed.get(chat, False) and o.origin is Origin.PERSON)
    return False


def _refused(text: str, place: str) -> bool:
    """Whether the sentence that names the place says no to it."""
    return any(_NOT.search(s) or _BAD.search(s) for s in _sentences(text) if place.casefold() in s.casefold())


def _waiting(context: LifeContext, asked: Occurrence) -> list[str]:
    """The one who asked and those the question names, and who spoke of the same meal in the days before."""
    people = sorted(names_of_people(context.stream))
    waiting = [_sender(asked)]
    waiting += [n for n in people if re.search(rf"\b{re.escape(n)}\b", asked.text) and n not in waiting]
    for o in context.recent(72, "message"):
        about = re.search(r"\b(?:dinner|lunch|supper|brunch)\b", o.text, re.IGNORECASE)
        name = _sender(o)
        if o.origin is Origin.PERSON and about and _same_day(o.text, asked.text) and name not in waiting:
            waiting.append(name)
    return waiting


_DAY_NAME = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day|tonight|tomorrow\b", re.IGNORECASE)


def _same_day(one: str, other: str) -> bool:
    first, second = _DAY_NAME.search(one), _DAY_NAME.search(other)
    return first is not None and second is not None and first[0].casefold() == second[0].casefold()


def _need(life: list[Occurrence], name: str) -> tuple[str, str, Occurrence] | None:
    """What somebody said they need at a table, in their own words: (name, sentence, message); what is lasting first."""
    found = []
    for o in life:
        if o.origin is not Origin.PERSON or _sender(o) != name:
            continue
        for sentence in _sentences(o.text):
            match = _NEED.search(sentence)
            if match is not None and len(sentence) <= 120:
                found.append((_lasting(match[0]), o.start_ms, sentence, o))
    if not found:
        return None
    _, _, sentence, o = max(found, key=lambda item: (item[0], item[1], item[2]))
    plain = re.sub(r"^(?:and|but|well|so),? ", "", sentence, flags=re.IGNORECASE)
    return name, plain[0].upper() + plain[1:], o


def _lasting(word: str) -> int:
    """A body's needs weigh more than a taste, a taste more than a noise."""
    lowered = word.casefold()
    if re.match(
        r"vega|vege|allerg|gluten|lactose|coel|cel|halal|kosher|intoler|no meat|meat|can|don't|without", lowered
    ):
        return 2
    return 0 if "loud" in lowered or "hear" in lowered else 1


def _best_place(context: LifeContext, life: list[Occurrence]) -> _Place | None:
    """The place that was looked at longest and liked most, and that nobody has struck off."""
    looked = _looked(context)
    candidates = {
        name: _place(context, life, name, looked.get(name)) for name in sorted(_eating_places(context, looked))
    }
    good = [p for p in candidates.values() if p is not None and (p.looked_s or p.enjoyed is not None)]
    return max(good, key=lambda p: (p.score, p.name), default=None)


def _place(
    context: LifeContext, life: list[Occurrence], name: str, looked: tuple[float, Occurrence] | None
) -> _Place | None:
    about = [o for o in life if name.casefold() in o.text.casefold()]
    if any(_refused(o.text, name) for o in about):
        return None
    enjoyed = _enjoyed(context, name)
    praise = [
        o for o in about
        if "?" not in o.text and any(_GOOD.search(s) for s in _sentences(o.text) if name.casefold() in s.casefold())
    ]  # fmt: skip
    seconds, seen = looked or (0.0, None)
    longest = max((s for s, _ in _looked(context).values()), default=0.0)
    score = (seconds / longest if longest else 0.0) + (1.0 if enjoyed else 0.0) + (0.5 if praise else 0.0)
    return _Place(name, seconds, seen, enjoyed or (praise[-1] if praise else None), round(score, 4))


def _enjoyed(context: LifeContext, name: str) -> Occurrence | None:
    """The person's own brightest sign at an earlier visit there, if the voice was bright at its end."""
    start = context.now_ms - _LIFE_DAYS * DAY_MS
    for visit in reversed(visits(context.stream, start, context.now_ms, name, regions=False)):
        spoken = context.stream.occurrences(
            kinds=["utterance"], start_ms=visit.start_ms - STAY_MS, end_ms=visit.end_ms + STAY_MS
        )
        own = own_toned(spoken)
        if own and share(own[-4:], BRIGHT) >= 0.5:
            return visit.evidence[0]
    return None


def _looked(context: LifeContext) -> dict[str, tuple[float, Occurrence]]:
    """Seconds the eyes rested on a place's menu lately, and the sighting, by place."""
    captions = [o for o in context.recent(_LOOKED_DAYS * 24, "caption") if o.note]
    seconds: dict[str, float] = {}
    sighting: dict[str, Occurrence] = {}
    for o in context.recent(_LOOKED_DAYS * 24, "dwell"):
        if "menu" not in o.text.casefold():
            continue
        near = [c for c in captions if abs(c.start_ms - o.start_ms) <= 10 * MINUTE_MS]
        named = [c for c in near if c.note.casefold() in o.text.casefold()] or near
        if named:
            at = min(named, key=lambda c: (abs(c.start_ms - o.start_ms), c.id))
            seconds[at.note] = seconds.get(at.note, 0.0) + (o.amount or 0.0)
            if at.note not in sighting or (o.amount or 0.0) > (sighting[at.note].amount or 0.0):
                sighting[at.note] = o
    for c in captions:  # without gaze a caption of the menu still says that it was looked at
        if "menu" in c.text.casefold() and c.note not in seconds:
            seconds[c.note] = c.amount or 1.0
            sighting[c.note] = c
    return {name: (seconds[name], sighting[name]) for name in seconds}


def _eating_places(context: LifeContext, looked: dict[str, tuple[float, Occurrence]]) -> set[str]:
    """Places with a menu: looked at lately, or visited with one in view."""
    start = context.now_ms - _LIFE_DAYS * DAY_MS
    seen = context.stream.occurrences(kinds=["caption"], start_ms=start, end_ms=context.now_ms, words=["menu"])
    return set(looked) | {o.note for o in seen if o.note}


def _known_places(context: LifeContext) -> set[str]:
    start = context.now_ms - _LIFE_DAYS * DAY_MS
    seen = context.stream.occurrences(kinds=["caption"], start_ms=start, end_ms=context.now_ms)
    return {o.note for o in seen if o.note}


def _text(asked: Occurrence, waiting: list[str], needs: list[tuple[str, str, Occurrence]], place: _Place) -> str:
    day = _DAY_NAME.search(asked.text)
    when = f" {'on ' if day[0].casefold().endswith('day') else ''}{day[0]}" if day else ""
    verb = "is" if len(waiting) == 1 else "are"
    said = [f"{_listed(waiting)} {verb} waiting to hear where you eat{when}."]
    said += [f"{name} said: “{sentence}”" for name, sentence, _ in needs[:_QUOTES]]
    said += [f"{why} Shall it be {place.name}?" if (why := _why(place)) else f"Shall it be {place.name}?"]
    return " ".join(said)


def _why(place: _Place) -> str:
    parts = []
    if place.looked is not None and place.looked_s:
        at = local_datetime(place.looked.start_ms, place.looked.offset_min)
        parts.append(f"you looked at the menu of {place.name} for {round(place.looked_s)} seconds on {at:%A}")
    if place.enjoyed is not None:
        o = place.enjoyed
        if o.kind == "caption":
            parts.append(f"your voice was bright when you were there on {o.local_day}")
        else:
            who = "you" if o.origin is Origin.SELF else _sender(o)
            parts.append(f"{who} wrote about it: “{' '.join(o.text.split())}”")
    text = ", and ".join(parts)
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('”') else '.'}" if text else ""


def _chat(o: Occurrence) -> str:
    return o.note.split(" · ")[0]


def _sender(o: Occurrence) -> str:
    return o.note.split(" · ")[-1]


def _sentences(text: str) -> list[str]:
    return [s.strip() for s in re.findall(r"[^.!?…]+[.!?…]*", " ".join(text.split())) if s.strip()]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
