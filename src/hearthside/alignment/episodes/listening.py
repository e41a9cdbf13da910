"""Listening: songs played one after another, cut where for a while none began.

Play sessions by inactivity, as Turrin et al. 2015 make them of Last.fm plays ("30Music Listening and Playlists
Dataset", RecSys '15 posters). Parameters, ours: a gap of more than 20 minutes from one start (or end, where one is
known) to the next start ends the session: a song is rarely longer than half of that; at least two songs. Last.fm tells
only starts, so the last song is taken to last four minutes, which is how long the aligner lets a song hold.

`sure`: 0.9, since plays are recorded; when the last song ended is assumed.
"""

from __future__ import annotations

from collections import Counter

from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.sessions import Rows, Session, around, sessions
from hearthside.events import MINUTE_MS

NAME = "listening"
TITLE = "Listening to music"
KINDS = frozenset({"listen"})
MEASURES = frozenset[str]()
REACH_DAYS = 1
VERSION = 1

GAP_MS = 20 * MINUTE_MS
LAST_SONG_MS = 4 * MINUTE_MS
LEAST_SONGS = 2
_SURE = 0.9


def find(window: Window) -> list[Episode]:
    """The sessions that start on the day, named after the artist most heard."""
    rows = around(window, KINDS, REACH_DAYS)
    found = sessions(rows.start_ms, rows.end_ms, GAP_MS, window.day)
    return [_episode(rows, s) for s in found if s.last - s.first >= LEAST_SONGS]


def _episode(rows: Rows, session: Session) -> Episode:
    indices = range(session.first, session.last)
    artists = Counter(rows.text(i).split(" – ", 1)[0] for i in indices)
    # Of artists heard as often, the one heard first: a Counter keeps the order in which they came.
    artist, songs = artists.most_common(1)[0]
    label = f"listening to {artist}" if artist else "listening to music"
    return Episode(
        kind=NAME,
        start_ms=session.start_ms,
        end_ms=max(session.end_ms, int(rows.start_ms[session.last - 1]) + LAST_SONG_MS),
        label=label if len(artists) == 1 else f"{label} and others",
        evidence=rows.evidence(indices),
        sure=_SURE,
        facts={
            "songs": len(indices),
            "artists": len(artists),
            "artist": artist,
            "share": round(songs / len(indices), 3),
        },
    )
