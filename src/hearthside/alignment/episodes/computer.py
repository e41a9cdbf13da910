"""At the computer: windows in front while somebody was at the keyboard, cut where for a while there was nobody.

The windows are kept only where the keyboard was in use, as ActivityWatch itself counts active time
(`filter_period_intersect` of window and not-afk events). A window that no keyboard watcher saw counts whole, but not
when it stood in front for more than four hours. Sessions by inactivity (see `hearthside.alignment.sessions`);
parameters, ours: a gap of more than ten minutes ends the session; at least one minute of use.

`sure`: 0.95 where the keyboard was watched for at least half of the use, else 0.7: a window in front is not a person
in front.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.sessions import Ints, Rows, Session, around, merged, sessions, within
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS

NAME = "computer"
TITLE = "At the computer"
KINDS = frozenset({"app_use", "afk"})
MEASURES = frozenset[str]()
REACH_DAYS = 2
VERSION = 1

GAP_MS = 10 * MINUTE_MS
LEAST_MS = MINUTE_MS
UNWATCHED_MS = 4 * HOUR_MS
_AT = frozenset({"at the keyboard", "not-afk"})
_SURE_WATCHED, _SURE_UNWATCHED = 0.95, 0.7


def find(window: Window) -> list[Episode]:
    """The sessions that start on the day, named after the program most in front."""
    rows = around(window, {"app_use"}, REACH_DAYS)
    rows = rows.only(rows.end_ms > rows.start_ms)
    if not len(rows):
        return []
    index, start, end, watched = _active(rows, around(window, {"afk"}, REACH_DAYS, DAY_MS))
    found = sessions(start, end, GAP_MS, window.day)
    if not found:
        return []
    apps = _apps(rows, np.unique(index[found[0].first : found[-1].last]))
    episodes = [_episode(rows, apps, index, start, end, watched, session) for session in found]
    return [episode for episode in episodes if episode is not None]


def _active(rows: Rows, keyboard: Rows) -> tuple[Ints, Ints, Ints, npt.NDArray[np.bool_]]:
    """The parts of windows that were used, in order of start: index of the window, start, end, whether watched."""
    at = np.fromiter(map(_AT.__contains__, keyboard.texts()), np.bool_, len(keyboard))
    seen = _overlapped(rows, *merged(keyboard.start_ms, keyboard.end_ms))
    index, start, end = within(rows.start_ms, rows.end_ms, *merged(keyboard.start_ms[at], keyboard.end_ms[at]))
    kept = end > start
    alone = np.flatnonzero(~seen & (rows.end_ms - rows.start_ms <= UNWATCHED_MS))
    index = np.concatenate([index[kept], alone])
    start = np.concatenate([start[kept], rows.start_ms[alone]])
    end = np.concatenate([end[kept], rows.end_ms[alone]])
    order = np.lexsort((index, start))
    return index[order], start[order], end[order], seen[index[order]]


def _overlapped(rows: Rows, span_start: Ints, span_end: Ints) -> npt.NDArray[np.bool_]:
    """Which windows share time with a span."""
    index, start, end = within(rows.start_ms, rows.end_ms, span_start, span_end)
    found = np.zeros(len(rows), np.bool_)
    found[index[end > start]] = True
    return found


def _episode(
    rows: Rows, apps: Mapping[int, str], index: Ints, start: Ints, end: Ints, watched: npt.NDArray[np.bool_],
    session: Session,
) -> Episode | None:  # fmt: skip
    part = slice(session.first, session.last)
    first, last = merged(start[part], np.minimum(end[part], session.end_ms))
    active_ms = int((last - first).sum())
    if active_ms < LEAST_MS:
        return None
    lengths = (end - start)[part]
    used: dict[str, int] = {}
    for i, length in zip(index[part].tolist(), lengths.tolist(), strict=True):
        used[apps[i]] = used.get(apps[i], 0) + length
    app = max(used, key=used.__getitem__)  # of those in front as long the first
    total = int(lengths.sum())
    well = 2 * int(lengths[watched[part]].sum()) >= total
    return Episode(
        kind=NAME,
        start_ms=session.start_ms,
        end_ms=session.end_ms,
        label=f"at the computer, mostly {app}" if app else "at the computer",
        evidence=rows.evidence(np.unique(index[part]).tolist()),
        sure=_SURE_WATCHED if well else _SURE_UNWATCHED,
        facts={
            "active_min": round(active_ms / MINUTE_MS, 1),
            "programs": len(used),
            "program": app,
            "share": round(used[app] / total, 3),
        },
    )


def _apps(rows: Rows, indices: Ints) -> dict[int, str]:
    """The program of each of these windows: the source's own field, else what stands before the title."""
    chosen = rows.only(indices)
    words = zip(indices.tolist(), chosen.notes(), chosen.texts(), strict=True)
    return {i: note.split(" · ", 1)[0] or text.split(" – ", 1)[0] for i, note, text in words}
