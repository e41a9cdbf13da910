"""Meals: what was noted as eating or cooking, or two independent hints at food close to each other.

A meal is an occasion of eating apart from the next by some time (Leech et al. 2015, "Understanding meal patterns:
definitions, methodology and impact on nutrient intake and diet quality", Nutrition Research Reviews 28:1-21);
detectors cluster hints in time the same way (Thomaz et al. 2015, "A practical approach for recognizing eating moments
with wrist-mounted inertial sensing", UbiComp '15). Parameters, ours: hints up to 20 minutes apart belong together. An
activity that the person noted as eating or preparing food is enough alone. Otherwise it takes two hints that do not
come from one look: two captions at least two minutes apart, a caption and a place, or of a home's sensors one that
cooks and one of what keeps food or serves it. The words are in `hearthside.alignment.hints`; words in messages and
talk are no hints, people speak of food at all times. Hints within 20 minutes of a noted meal belong to it and make no
second one.

`sure`: 0.95 noted as eating; 0.7 noted as preparing; 0.8 seen at a place to eat; 0.6 seen; 0.5 from a home's sensors
alone: who cooked, and whether anybody ate, is not known.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.hints import (
    COOKING,
    DISHES,
    EATING,
    PLACE,
    PREPARING,
    SEEN,
    STORE,
    food,
    meal_name,
)
from hearthside.alignment.sessions import Codes, Rows, Session, around, sessions
from hearthside.events import HOUR_MS, MINUTE_MS, Origin

NAME = "meal"
TITLE = "Meals"
KINDS = frozenset({"activity", "caption", "region_enter", "state"})
MEASURES = frozenset[str]()
REACH_DAYS = 1
VERSION = 1

GAP_MS = 20 * MINUTE_MS
LONGEST_MEAL_MS = 6 * HOUR_MS  # a note that lasts longer is of something else
APART_MS = 2 * MINUTE_MS  # captions that are two looks
_NAMES = {
    EATING: "eating", PREPARING: "preparing", SEEN: "seen", PLACE: "place", COOKING: "cooking", STORE: "food store",
    DISHES: "dishes",
}  # fmt: skip


def find(window: Window) -> list[Episode]:
    """The meals that start on the day, in order of start."""
    noted = around(window, {"activity"}, REACH_DAYS, LONGEST_MEAL_MS, food)
    noted = noted.only(noted.origin_is(Origin.SELF))
    rows = around(window, KINDS - {"activity"}, REACH_DAYS, code=food)
    found = _noted(window, noted) + _hinted(window, rows.only(~_near(rows, noted)))
    return sorted(found, key=lambda episode: (episode.start_ms, episode.end_ms))


def _near(rows: Rows, noted: Rows) -> npt.NDArray[np.bool_]:
    """Which hints begin within the gap of a noted meal."""
    begun = np.searchsorted(np.sort(noted.start_ms), rows.start_ms + GAP_MS, side="right")
    ended = np.searchsorted(np.sort(noted.end_ms), rows.start_ms - GAP_MS, side="left")
    return begun > ended


def _noted(window: Window, rows: Rows) -> list[Episode]:
    found = []
    for session in sessions(rows.start_ms, rows.end_ms, GAP_MS, window.day):
        part = slice(session.first, session.last)
        eaten = bool((rows.code[part] == EATING).any())
        name = next((n for i in range(session.first, session.last) if (n := meal_name(rows.text(i))) != "meal"), "meal")
        label = name if eaten else f"preparing {'a meal' if name == 'meal' else name}"
        found.append(_episode(rows, session, label, 0.95 if eaten else 0.7))
    return found


def _hinted(window: Window, rows: Rows) -> list[Episode]:
    found = []
    starts = rows.start_ms  # of an open fridge only the opening is a hint
    for session in sessions(starts, starts, GAP_MS, window.day):
        sure = _evidence(rows.code[session.first : session.last], starts[session.first : session.last])
        if sure:
            found.append(_episode(rows, session, "meal", sure))
    return found


def _evidence(codes: Codes, starts: npt.NDArray[np.int64]) -> float:
    """How sure the hints of a session are together; 0 when they are not enough."""
    kinds = set(codes.tolist())
    seen = starts[codes == SEEN]
    if SEEN in kinds and PLACE in kinds:
        return 0.8
    if len(seen) and int(seen[-1] - seen[0]) >= APART_MS:
        return 0.6
    at_home = COOKING in kinds and not kinds.isdisjoint({STORE, DISHES})
    return 0.5 if at_home else 0.0


def _episode(rows: Rows, session: Session, label: str, sure: float) -> Episode:
    hints = sorted({_NAMES[code] for code in rows.code[session.first : session.last].tolist()})
    return Episode(
        kind=NAME,
        start_ms=session.start_ms,
        end_ms=session.end_ms,
        label=label,
        evidence=rows.evidence(range(session.first, session.last)),
        sure=sure,
        facts={"hints": hints, "count": session.last - session.first},
    )
