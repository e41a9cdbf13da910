"""At home: activities the person noted, and the rooms in which sensors fired in bursts.

A noted activity is an episode as it is. Firings of simple sensors (doors, cupboards, appliances, motion) whose names
tell a room become a stay in it: bursts cut by time, the plain segmentation of sensor streams that Krishnan & Cook 2014
("Activity recognition on streaming sensor data", Pervasive and Mobile Computing 10:138-154) start from, on the sensors
of van Kasteren et al. 2008. Parameters, ours: firings of one room up to five minutes apart belong together; at least
two of them. Of a firing that lasts (a door left open) only its beginning counts: nobody need be there.

`sure`: 0.95 for a noted activity; 0.5 for a room: somebody was there, who is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.hints import ROOMS, rooms
from hearthside.alignment.sessions import Rows, Session, gather, sessions
from hearthside.events import DAY_MS, MINUTE_MS, Origin

NAME = "home_activity"
TITLE = "At home"
KINDS = frozenset({"activity", "state"})
MEASURES = frozenset[str]()
REACH_DAYS = 1
VERSION = 1

GAP_MS = 5 * MINUTE_MS
LEAST_FIRINGS = 2
_SURE_NOTED, _SURE_ROOM = 0.95, 0.5
_SENSORS = 10  # named in the facts


def find(window: Window) -> list[Episode]:
    """Noted activities and stays in rooms that start on the day, in order of start."""
    found = _noted(window) + _in_rooms(window)
    return sorted(found, key=lambda episode: (episode.start_ms, episode.end_ms, episode.label))


def _noted(window: Window) -> list[Episode]:
    rows = gather(window.columns.get("activity", ()), window.day_start_ms, window.day_start_ms + DAY_MS)
    rows = rows.only(rows.origin_is(Origin.SELF))
    return [
        Episode(
            kind=NAME,
            start_ms=int(rows.start_ms[i]),
            end_ms=int(rows.end_ms[i]),
            label=rows.text(i),
            evidence=rows.evidence([i]),
            sure=_SURE_NOTED,
            facts={"noted": True},
        )
        for i in range(len(rows))
        if rows.text(i)
    ]


def _in_rooms(window: Window) -> list[Episode]:
    first_ms = window.day_start_ms - REACH_DAYS * DAY_MS
    rows = gather(window.columns.get("state", ()), first_ms, first_ms + (2 * REACH_DAYS + 1) * DAY_MS, rooms)
    found: list[Episode] = []
    for room in np.unique(rows.code).tolist():
        mine = rows.only(rows.code == room)
        for session in sessions(mine.start_ms, mine.start_ms, GAP_MS, window.day):
            if session.last - session.first >= LEAST_FIRINGS:
                part = mine.only(np.arange(session.first, session.last))
                found.append(_stay(part, session, ROOMS[room]))
    return found


def _stay(rows: Rows, session: Session, room: str) -> Episode:
    """All firings of a session as an episode."""
    sensors: Sequence[str] = list(dict.fromkeys(rows.texts()))
    return Episode(
        kind=NAME,
        start_ms=session.start_ms,
        end_ms=session.end_ms,
        label=f"in the {room}",
        evidence=rows.evidence(range(len(rows))),
        sure=_SURE_ROOM,
        facts={"noted": False, "room": room, "firings": len(rows), "sensors": list(sensors[:_SENSORS])},
    )
