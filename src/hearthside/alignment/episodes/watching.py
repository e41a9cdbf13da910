"""Watching videos: videos opened one after another, cut where for a while none was.

Sessions by inactivity (see `hearthside.alignment.sessions`). Parameters, ours: a gap of more than 30 minutes from one
video to the next ends the session, the time-out customary since Catledge & Pitkow 1995 ("Characterizing Browsing
Strategies in the World-Wide Web"), who found 25.5 minutes; at least two videos. Exports tell when a video was opened,
never when it ended: the episode ends with the opening of the last one.

`sure`: 0.8: that a video was opened does not say that it was watched.
"""

from __future__ import annotations

from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.sessions import around, sessions
from hearthside.events import MINUTE_MS

NAME = "watching"
TITLE = "Watching videos"
KINDS = frozenset({"watch"})
MEASURES = frozenset[str]()
REACH_DAYS = 1
VERSION = 1

GAP_MS = 30 * MINUTE_MS
LEAST_VIDEOS = 2
_SURE = 0.8


def find(window: Window) -> list[Episode]:
    """The sessions that start on the day."""
    rows = around(window, KINDS, REACH_DAYS)
    return [
        Episode(
            kind=NAME,
            start_ms=session.start_ms,
            end_ms=session.end_ms,
            label="watching videos",
            evidence=rows.evidence(range(session.first, session.last)),
            sure=_SURE,
            facts={"videos": session.last - session.first},
        )
        for session in sessions(rows.start_ms, rows.end_ms, GAP_MS, window.day)
        if session.last - session.first >= LEAST_VIDEOS
    ]
