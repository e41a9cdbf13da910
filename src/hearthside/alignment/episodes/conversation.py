"""Conversations: messages that go to and fro, and talk that was heard, cut where for a while nobody said anything.

Sessions by inactivity (see `hearthside.alignment.sessions`). Parameters, ours: messages of one conversation belong
together up to 30 minutes apart (the time-out customary since Catledge & Pitkow 1995, "Characterizing Browsing
Strategies in the World-Wide Web"), spoken words up to five minutes. Messages make a conversation when the person and
somebody else wrote: a group that the person only receives is none of hers. Spoken words make one when two voices are
heard.

`sure`: 0.95 for messages; 0.9 for talk in which the person's own voice is known, 0.5 where it is not: talk nearby may
be other people's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.sessions import Rows, Session, around, sessions
from hearthside.events import DAY_MS, MINUTE_MS, Json, Origin

NAME = "conversation"
TITLE = "Conversations"
KINDS = frozenset({"message", "utterance"})
MEASURES = frozenset[str]()
REACH_DAYS = 1
VERSION = 1

MESSAGE_GAP_MS = 30 * MINUTE_MS
SPOKEN_GAP_MS = 5 * MINUTE_MS
_SEPARATOR = " · "  # of the parts of a note, see kinds.note_of
_SHOWN, _NAMED = 2, 10  # people in a label, and in the facts
_SURE_WRITTEN, _SURE_SPOKEN, _SURE_NEARBY = 0.95, 0.9, 0.5


def find(window: Window) -> list[Episode]:
    """The conversations that start on the day, in order of start."""
    found = _written(window) + _spoken(window)
    return sorted(found, key=lambda episode: (episode.start_ms, episode.end_ms, episode.label))


# --- messages ---------------------------------------------------------------------------------------------------


def _written(window: Window) -> list[Episode]:
    rows = around(window, {"message"}, REACH_DAYS)
    own = rows.origin_is(Origin.SELF)
    if not own.any() or own.all():
        return []
    names = [_conversation(note, mine) for note, mine in zip(rows.notes(), own.tolist(), strict=True)]
    numbers: dict[tuple[str, str], int] = {}
    keys = zip(rows.sources(), names, strict=True)
    thread = np.fromiter((numbers.setdefault((source, name), len(numbers)) for source, (name, _) in keys), np.int64)
    found: list[Episode] = []
    for number in _two_sided(thread, own, window, rows):
        chosen = np.flatnonzero(thread == number)
        found += _thread(window, rows.only(chosen), own[chosen], [names[i] for i in chosen.tolist()])
    return found


def _two_sided(thread: npt.NDArray[np.int64], own: npt.NDArray[np.bool_], window: Window, rows: Rows) -> list[int]:
    """The conversations in which both sides wrote, and somebody on the day."""
    count = np.bincount(thread)
    mine = np.bincount(thread[own], minlength=len(count))
    first_ms = window.day_start_ms
    today = np.bincount(thread[(rows.start_ms >= first_ms) & (rows.start_ms < first_ms + DAY_MS)], minlength=len(count))
    return np.flatnonzero((mine > 0) & (mine < count) & (today > 0)).tolist()


@lru_cache(maxsize=4096)
def _conversation(note: str, own: bool) -> tuple[str, str]:
    """Conversation and sender of a message from its note; a conversation of two is often named after the other."""
    if own:
        return note, ""
    name, _, sender = note.rpartition(_SEPARATOR)
    return (name, sender) if name else (note, note)


def _thread(window: Window, rows: Rows, own: npt.NDArray[np.bool_], names: Sequence[tuple[str, str]]) -> list[Episode]:
    """The sessions of one conversation in which both sides wrote."""
    found = []
    written = _before(own)
    for session in sessions(rows.start_ms, rows.end_ms, MESSAGE_GAP_MS, window.day):
        mine = written[session.last] - written[session.first]
        if not 0 < mine < session.last - session.first:
            continue
        senders = Counter(sender for _, sender in names[session.first : session.last] if sender)
        facts: dict[str, Json] = {"spoken": False, "conversation": names[session.first][0]}
        found.append(_episode(rows, session, "chatting with", mine, senders, facts, _SURE_WRITTEN))
    return found


# --- talk -------------------------------------------------------------------------------------------------------


def _spoken(window: Window) -> list[Episode]:
    rows = around(window, {"utterance"}, REACH_DAYS)
    own = rows.origin_is(Origin.SELF)
    today = sessions(rows.start_ms, rows.end_ms, SPOKEN_GAP_MS, window.day)
    if not today:
        return []
    said = slice(today[0].first, today[-1].last)
    other = np.flatnonzero(~own[said]) + said.start
    names = [_voice(note) for note in rows.only(other).notes()]
    found, spoken = [], _before(own)
    skipped = said.start - spoken[said.start]  # words of others before the first session
    for session in today:
        mine = spoken[session.last] - spoken[session.first]
        first, last = session.first - spoken[session.first], session.last - spoken[session.last]
        voices = Counter(names[first - skipped : last - skipped])
        if len(voices) + (mine > 0) < 2:
            continue
        sure = _SURE_SPOKEN if mine else _SURE_NEARBY
        how = "talking with" if mine else "talk nearby:"
        found.append(_episode(rows, session, how, mine, voices, {"spoken": True}, sure))
    return found


@lru_cache(maxsize=4096)
def _voice(note: str) -> str:
    return note.split(_SEPARATOR, 1)[0]


# --- both -------------------------------------------------------------------------------------------------------


def _before(chosen: npt.NDArray[np.bool_]) -> list[int]:
    """How many are chosen before each, and last how many altogether."""
    return [0, *np.cumsum(chosen).tolist()]


def _people(names: Sequence[str]) -> str:
    """Who it was with, most words first; a voice without a name is somebody."""
    ranked = list(dict.fromkeys(map(_name, names)))
    shown, more = ranked[:_SHOWN], len(ranked) - _SHOWN
    if more > 0:
        return f"{', '.join(shown)} and {more} {'other' if more == 1 else 'others'}"
    return " and ".join(shown)


@lru_cache(maxsize=4096)
def _name(name: str) -> str:
    bare = name.casefold().replace("_", " ").strip()
    return "somebody" if not bare or bare.startswith("speaker") else name


def _episode(
    rows: Rows, session: Session, how: str, mine: int, others: Counter[str], facts: dict[str, Json], sure: float
) -> Episode:
    count = session.last - session.first
    ranked = [name for name, _ in others.most_common()]
    return Episode(
        kind=NAME,
        start_ms=session.start_ms,
        end_ms=session.end_ms,
        label=f"{how} {_people(ranked)}",
        evidence=rows.evidence(range(session.first, session.last)),
        sure=sure,
        facts={**facts, "count": count, "own_share": round(mine / count, 3), "speakers": ranked[:_NAMED]},
    )
