"""Sleep: nights and naps, from what devices and the person say of them; never from silence.

Intervals of sleep from all sources become one period where less than an hour lies between them, as van Hees et al.
2018 fill gaps below 60 minutes between blocks of rest ("Estimating sleep parameters using an accelerometer without
sleep diary", Scientific Reports 8:12975). A night that several sources tell is told once: where a source measured how
long the person slept, an interval without such a measure that it covers by half is left out, so that the better source
gives the bounds. Periods under ten minutes are left out.

A nap is a period shorter than half of the longest sleep that starts within a day of it (half of the major sleep
period, after Dinges et al. 1987, "Temporal placement of a nap for alertness"), or shorter than three hours where there
is no other, with its middle between 08:00 and 22:00 by the person's clock.

`sure`: 0.95 where sleep was measured, 0.8 where a device only says from when to when, 0.7 where the person noted it.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import EventColumns
from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.sessions import Ints, Rows, Session, around, merged, sessions, within
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Origin

NAME = "sleep"
TITLE = "Sleep"
KINDS = frozenset({"sleep", "activity"})
MEASURES = frozenset[str]()
REACH_DAYS = 3
VERSION = 1

GAP_MS = 60 * MINUTE_MS
LEAST_MS = 10 * MINUTE_MS
COVERED = 0.5  # of an interval without a measure, to be left out
NAP_SHARE = 0.5
NAP_ALONE_MS = 3 * HOUR_MS
NAP_HOURS = (8, 22)  # local time of the middle of a nap
_MEASURED, _TOLD, _NOTED = 2, 1, 0
_SURE = {_MEASURED: 0.95, _TOLD: 0.8, _NOTED: 0.7}
_LABELS = re.compile(r"\b(sleep|sleeping|asleep|nap|napping|(go|going) to bed|in bed)\b", re.IGNORECASE)


def find(window: Window) -> list[Episode]:
    """The periods of sleep that start on the day."""
    rows = around(window, KINDS, REACH_DAYS, DAY_MS)
    rows = rows.only((rows.end_ms > rows.start_ms) & _is_sleep(rows))
    if not len(rows):
        return []
    rows = rows.only(~_told_better(rows, _rank(rows)))
    ranks = _rank(rows)
    found = sessions(rows.start_ms, rows.end_ms, GAP_MS, window.day)
    episodes = [_episode(window, rows, ranks, session) for session in found]
    return [episode for episode in episodes if episode is not None]


def _is_sleep(rows: Rows) -> npt.NDArray[np.bool_]:
    """Intervals of kind sleep, and activities that the person herself noted as sleep."""
    noted = rows.values(lambda columns: _labelled(columns), np.bool_)
    return rows.values(lambda columns: np.full(len(columns), columns.kind == "sleep"), np.bool_) | (
        noted & rows.origin_is(Origin.SELF)
    )


def _labelled(columns: EventColumns) -> npt.NDArray[np.bool_]:
    if columns.kind != "activity":
        return np.zeros(len(columns), np.bool_)
    return np.fromiter((_says_sleep(text) for text in columns.text), np.bool_, len(columns))


@lru_cache(maxsize=4096)
def _says_sleep(text: str) -> bool:
    return _LABELS.search(text) is not None


def _rank(rows: Rows) -> Ints:
    """How well each interval is known: a measured one counts fewer seconds asleep than it lasts."""
    seconds, amount = (rows.end_ms - rows.start_ms) / 1000, rows.amount()
    told = rows.values(lambda columns: np.full(len(columns), columns.kind == "sleep"), np.bool_)
    measured = told & (amount > 0) & (np.abs(amount - seconds) > 1)
    return np.where(measured, _MEASURED, np.where(told, _TOLD, _NOTED)).astype(np.int64)


def _told_better(rows: Rows, ranks: Ints) -> npt.NDArray[np.bool_]:
    """Intervals of which better known ones cover at least half."""
    found = np.zeros(len(rows), np.bool_)
    for rank in (_NOTED, _TOLD):
        mine, better = np.flatnonzero(ranks == rank), ranks > rank
        spans = merged(rows.start_ms[better], rows.end_ms[better])
        index, start, end = within(rows.start_ms[mine], rows.end_ms[mine], *spans)
        covered = np.bincount(index, (end - start).astype(np.float64), len(mine))
        found[mine] = covered >= COVERED * (rows.end_ms[mine] - rows.start_ms[mine])
    return found


def _episode(window: Window, rows: Rows, ranks: Ints, session: Session) -> Episode | None:
    """A period as an episode; None when it is too short to be one."""
    part = slice(session.first, session.last)
    spans = merged(rows.start_ms[part], np.minimum(rows.end_ms[part], session.end_ms))
    bed_ms = int((spans[1] - spans[0]).sum())
    if bed_ms < LEAST_MS:
        return None
    best = int(ranks[part].max())
    nap = _is_nap(window, rows, session, bed_ms)
    facts = {
        "in_bed_min": round(bed_ms / MINUTE_MS),
        "nap": nap,
        "sources": sorted(set(rows.sources(part))),
    }
    if best == _MEASURED:
        measured = rows.amount()[part][ranks[part] == _MEASURED]
        facts["asleep_min"] = round(float(measured.sum()) / 60)
    return Episode(
        kind=NAME,
        start_ms=session.start_ms,
        end_ms=session.end_ms,
        label="nap" if nap else "asleep",
        evidence=rows.evidence(range(session.first, session.last)),
        sure=_SURE[best],
        facts=facts,
    )


def _is_nap(window: Window, rows: Rows, session: Session, bed_ms: int) -> bool:
    """Whether a period is short beside the sleep around it and lies in the day."""
    middle = (session.start_ms + session.end_ms) // 2
    minute = min((middle - window.start_ms) // MINUTE_MS, len(window.offset_min) - 1)
    hour = (middle // MINUTE_MS + int(window.offset_min[minute])) // 60 % 24
    if not NAP_HOURS[0] <= hour < NAP_HOURS[1]:
        return False
    near = np.abs(rows.start_ms - session.start_ms) <= DAY_MS
    near[session.first : session.last] = False
    if not near.any():
        return bed_ms < NAP_ALONE_MS
    return bed_ms < NAP_SHARE * int((rows.end_ms - rows.start_ms)[near].max())
