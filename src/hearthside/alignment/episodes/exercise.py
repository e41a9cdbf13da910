"""Exercise: workouts that were logged, and bouts of effort that a wearable measured where none was.

Workouts that overlap are one, named after the longest. Bouts of effort as in Troiano et al. 2008 ("Physical activity
in the United States measured by accelerometer", Medicine & Science in Sports & Exercise 40:181-188): at least ten
minutes at or above the threshold, with interruptions of at most two minutes, and at least eight of ten minutes above
it. Thresholds in metabolic equivalents: 3 and more is moderate, 6 and more vigorous (Ainsworth et al. 2011, "2011
Compendium of Physical Activities"). A minute without a value counts as one below. Minutes within ten of a logged
workout make no bout: watches and people start and stop workouts late.

`sure`: 0.95 for a logged workout; 0.6 for a bout: the effort was measured, but not whether it was exercise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.sessions import Rows, Session, around, sessions
from hearthside.events import DAY_MS, MINUTE_MS

NAME = "exercise"
TITLE = "Exercise"
KINDS = frozenset({"workout"})
MEASURES = frozenset({"met"})
REACH_DAYS = 2
VERSION = 1

MODERATE_MET, VIGOROUS_MET = 3.0, 6.0
LEAST_MIN = 10
INTERRUPTION_MIN = 2
LEAST_SHARE = 0.8
NEAR_WORKOUT_MIN = 10
_SURE_LOGGED, _SURE_BOUT = 0.95, 0.6


def find(window: Window) -> list[Episode]:
    """Workouts and bouts that start on the day, in order of start."""
    rows = around(window, KINDS, REACH_DAYS, DAY_MS)
    rows = rows.only(rows.end_ms > rows.start_ms)
    logged = [_workout(rows, s) for s in sessions(rows.start_ms, rows.end_ms, -1, window.day)]
    return sorted(logged + _bouts(window, rows), key=lambda episode: (episode.start_ms, episode.end_ms))


def _workout(rows: Rows, session: Session) -> Episode:
    indices = range(session.first, session.last)
    longest = max(indices, key=lambda i: (rows.end_ms[i] - rows.start_ms[i], -i))
    return Episode(
        kind=NAME,
        start_ms=session.start_ms,
        end_ms=session.end_ms,
        label=rows.text(longest) or rows.note(longest) or "exercise",
        evidence=rows.evidence(indices),
        sure=_SURE_LOGGED,
        facts={"logged": True, "minutes": round((session.end_ms - session.start_ms) / MINUTE_MS)},
    )


def _bouts(window: Window, workouts: Rows) -> list[Episode]:
    """Bouts of effort outside of workouts; they rest on samples, which have no ids of their own."""
    first_ms = (window.day - REACH_DAYS) * DAY_MS
    met = _met(window, first_ms)
    if met is None:
        return []
    high = np.nan_to_num(met) >= MODERATE_MET
    for start, end in zip(workouts.start_ms.tolist(), workouts.end_ms.tolist(), strict=True):
        low = (start - first_ms) // MINUTE_MS - NEAR_WORKOUT_MIN
        high[max(low, 0) : max((end - 1 - first_ms) // MINUTE_MS + 1 + NEAR_WORKOUT_MIN, 0)] = False
    at = np.flatnonzero(high) * MINUTE_MS + first_ms
    found = sessions(at, at + MINUTE_MS, INTERRUPTION_MIN * MINUTE_MS, window.day)
    return [_bout(met, first_ms, s) for s in found if _is_bout(s)]


def _met(window: Window, first_ms: int) -> npt.NDArray[np.float64] | None:
    """MET of each minute of the days looked at, the highest where several devices measured; None without any."""
    runs = window.samples.get("met", [])
    skipped, minutes = (first_ms - window.start_ms) // MINUTE_MS, (2 * REACH_DAYS + 1) * 1440
    found = np.full(minutes, np.nan)
    for run in runs:
        found = np.fmax(found, run.values[skipped : skipped + minutes])
    return found if runs and not np.isnan(found).all() else None


def _is_bout(session: Session) -> bool:
    minutes = (session.end_ms - session.start_ms) // MINUTE_MS
    return minutes >= LEAST_MIN and session.last - session.first >= LEAST_SHARE * minutes


def _bout(met: npt.NDArray[np.float64], first_ms: int, session: Session) -> Episode:
    values = met[(session.start_ms - first_ms) // MINUTE_MS : (session.end_ms - first_ms) // MINUTE_MS]
    vigorous = int((np.nan_to_num(values) >= VIGOROUS_MET).sum())
    return Episode(
        kind=NAME,
        start_ms=session.start_ms,
        end_ms=session.end_ms,
        label="vigorous activity" if 2 * vigorous >= len(values) else "moderate activity",
        evidence=(),
        sure=_SURE_BOUT,
        facts={
            "logged": False,
            "minutes": len(values),
            "mean_met": round(float(np.nanmean(values)), 2),
            "vigorous_min": vigorous,
        },
    )
