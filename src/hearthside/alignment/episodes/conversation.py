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

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.sessions import Rows, Session, around, sessions
from hearthside.events import MINUTE_MS, Json, Origin

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
    if not len(rows):
        return []
    own = rows.origin_is(Origin.SELF)
    names = [_conversation(note, mine) for note, mine in zip(rows.notes(), own.tolist(), strict=True)]
    threads: dict[tuple[str, str], list[int]] = {}
    for i, (name, _) in enumerate(names):
        threads.setdefault((rows.source(i), name), []).append(i)
    found: list[Episode] = []
    for indices in threads.values():
        chosen = np.array(indices)
        if own[chosen].any() and not own[chosen].all() and _touches(window, rows, chosen):
            found += _thread(window, rows.only(chosen), own[chosen], [names[i] for i in indices])
    return found


def _touches(window: Window, rows: Rows, chosen: npt.NDArray[np.int64]) -> bool:
    return any(window.owns(start) for start in rows.start_ms[chosen].tolist())


def _conversation(note: str, own: bool) -> tuple[str, str]:
    """Conversation and sender of a message from its note; a conversation of two is often named after the other."""
    if own:
        return note, ""
    name, _, sender = note.rpartition(_SEPARATOR)
    return (name, sender) if name else (note, note)


def _thread(window: Window, rows: Rows, own: npt.NDArray[np.bool_], names: Sequence[tuple[str, str]]) -> list[Episode]:
    """The sessions of one conversation in which both sides wrote."""
    found = []
    for session in sessions(rows.start_ms, rows.end_ms, MESSAGE_GAP_MS, window.day):
        part = slice(session.first, session.last)
        mine = int(own[part].sum())
        if not 0 < mine < session.last - session.first:
            continue
        senders = [sender for _, sender in names[part] if sender]
        facts: dict[str, Json] = {"spoken": False, "conversation": names[session.first][0]}
        label = f"chatting with {_people(senders)}"
        found.append(_episode(rows, session, label, mine, senders, facts, _SURE_WRITTEN))
    return found


# --- talk -------------------------------------------------------------------------------------------------------


def _spoken(window: Window) -> list[Episode]:
    rows = around(window, {"utterance"}, REACH_DAYS)
    own = rows.origin_is(Origin.SELF)
    found = []
    for session in sessions(rows.start_ms, rows.end_ms, SPOKEN_GAP_MS, window.day):
        indices = range(session.first, session.last)
        mine = int(own[session.first : session.last].sum())
        voices = [rows.note(i).split(_SEPARATOR, 1)[0] for i in indices if not own[i]]
        if len(set(voices)) + (mine > 0) < 2:
            continue
        label = f"{'talking with' if mine else 'talk nearby:'} {_people(voices)}"
        sure = _SURE_SPOKEN if mine else _SURE_NEARBY
        found.append(_episode(rows, session, label, mine, voices, {"spoken": True}, sure))
    return found


# --- both -------------------------------------------------------------------------------------------------------


def _people(names: Sequence[str]) -> str:
    """Who it was with, most words first; a voice without a name is somebody."""
    ranked = list(dict.fromkeys(_name(name) for name, _ in Counter(names).most_common()))
    shown, more = ranked[:_SHOWN], len(ranked) - _SHOWN
    if more > 0:
        return f"{', '.join(shown)} and {more} {'other' if more == 1 else 'others'}"
    return " and ".join(shown)


def _name(name: str) -> str:
    bare = name.casefold().replace("_", " ").strip()
    return "somebody" if not bare or bare.startswith("speaker") else name


def _episode(
    rows: Rows, session: Session, label: str, mine: int, others: Sequence[str], facts: dict[str, Json], sure: float
) -> Episode:
    count = session.last - session.first
    ranked = [name for name, _ in Counter(others).most_common(_NAMED)]
    return Episode(
        kind=NAME,
        start_ms=session.start_ms,
        end_ms=session.end_ms,
        label=label,
        evidence=rows.evidence(range(session.first, session.last)),
        sure=sure,
        facts={**facts, "count": count, "own_share": round(mine / count, 3), "speakers": ranked},
    )
