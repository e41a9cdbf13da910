"""Where the person lives and works, and since when: places whose role follows from nights and workdays there."""

from __future__ import annotations

import numpy as np

from hearthside.alignment.places import Place
from hearthside.events import DAY_MS, MINUTE_MS, iso_day
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, make_fact
from hearthside.memory.facts.wording import names_only_the_role

NAME = "home_and_work"
TITLE = "Home and workplace"
KINDS = frozenset({"position", "region_enter", "region_leave"})

_SENTENCES = {"home": "Your home is at {value}.", "work": "You spend most of your working hours at {value}."}
"""Of a place with a name. Nothing here knows an employer: the place may be a library, or a client's."""

_UNNAMED = {
    "home": "You spend most of your nights at one place, your home.",
    "work": "You spend most of your working hours at one place, your workplace.",
}
_OTHERS = {
    "another home": "You have another home as well.",
    "earlier home": "Your home used to be elsewhere.",
    "another workplace": "You have another place of work as well.",
    "earlier workplace": "Your place of work used to be elsewhere.",
}
"""What `alignment.place_names` calls a home or place of work that has no name, where another is the latest one."""
_AWAY_MS = 60 * DAY_MS  # not visited for so long, while other places were: it is no longer that


def extract(ground: Ground) -> list[Fact]:
    """One fact for each place with a role, open while the person still goes there."""
    visits = ground.stream.visits(end_ms=ground.present_ms)
    latest = max((visit.end_ms for visit in visits), default=0)
    facts = []
    for place in ground.stream.places():
        there = [visit for visit in visits if visit.place_id == place.id and visit.evidence]
        if place.role not in _SENTENCES or not there:
            continue
        first, last = _days(ground, [there[0].start_ms, there[-1].end_ms])
        evidence = (there[0].evidence[0], *(visit.evidence[-1] for visit in there[-2:]))
        facts.append(
            make_fact(
                NAME, "places", f"{place.role}_place", place.label, _sentence(place), evidence, valid_from=first,
                valid_to=last if latest - there[-1].end_ms > _AWAY_MS else "",
                single=place.role == "home" and place.label not in _OTHERS, sure=0.85,
            )
        )  # fmt: skip
    return facts


def _sentence(place: Place) -> str:
    if names_only_the_role(place.label):
        return _UNNAMED[place.role]
    return _OTHERS.get(place.label) or _SENTENCES[place.role].format(value=place.label)


def _days(ground: Ground, ms: list[int]) -> list[str]:
    times = np.array(ms, dtype=np.int64)
    local = (times + ground.stream.track().at(times) * MINUTE_MS) // DAY_MS
    return [iso_day(int(day)) for day in local]
