"""The dialogue of a house: what it knows of the person, how they write, and which model may word answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from hearthside.app.compute import Speaker
from hearthside.app.rooms import Rooms
from hearthside.companion.computed import computing
from hearthside.companion.dialogue import Dialogue
from hearthside.companion.fitness import Kept, Phrasing
from hearthside.companion.profile import profile_of
from hearthside.companion.query_writing import QueryWriting
from hearthside.companion.recalling import vocabulary_of
from hearthside.companion.replies import Search
from hearthside.companion.wording import LanguageModel
from hearthside.events import Event, local_datetime
from hearthside.journal import Stored
from hearthside.memory.held_model import HeldModel

NAMES_FROM = ("message", "utterance", "conversation")
"""Kinds of records that name people."""

_LEAST_BYTES = 300_000_000
"""A smaller model is not even tried: the embedded one, of a third of that, fails at every third task."""
_OF_PROGRAMS = "v1_"  # how conversations of the doors begin


class Models(Protocol):
    """Gives the compute node as it is now, or None; `NodeLanguageModel` is such."""

    def now(self, steady: bool = False) -> LanguageModel | None:
        """Whoever answers; with `steady` one that stays who it is."""
        ...

    def hurried(self) -> LanguageModel | None:
        """Whoever answers, where nobody waits for it for long."""
        ...


def dialogue_of(
    rooms: Callable[[], Rooms],
    search: Search,
    model: Models,
    model_bytes: Callable[[], int],
    names: Callable[[], list[str]],
    unfinished: Callable[[], str],
    held: Callable[[], HeldModel | None] = lambda: None,
    standby: LanguageModel | None = None,
    away: Callable[[], bool] | None = None,
) -> Dialogue:
    """Conversations with the person of these rooms.

    Args:
        rooms: gives the rooms as they are now; new keys put others in their place.
        model: gives the compute node as it is now.
        model_bytes: gives the size of its weights, 0 where that is not known.
        unfinished: why an answer may not be the last word yet, or "".
        standby: who answers small talk while the compute node is away.
        held: gives the model that may write queries, if the night found it fit for that.
        away: whether the compute node is away, or was found gone by a search of this thread (`WaitingDesk.away`).
    """
    first = rooms()
    counting = computing(first.stream, first.journal)
    writing = QueryWriting(counting.life, counting.names, first.journal, held, names)
    kept = Kept(first.journal, lambda speaking: _identity(speaking, held()), first.clock)
    phrasing = Phrasing(lambda: None if 0 < model_bytes() < _LEAST_BYTES else model.now(steady=True), kept=kept)
    return Dialogue(
        first.journal, first.stream, search, model.now, names, first.clock, unfinished,
        vocabulary=lambda words: vocabulary_of(rooms().index)(words),
        phrasing=phrasing,
        profile=lambda: _profile(rooms()),
        wishes=lambda conversation: not conversation.startswith(_OF_PROGRAMS),
        written=writing.answer,
        standby=standby,
        away=away,
        rewording=model.hurried,
        counting=counting,
        helped=lambda: rooms().knowing.last_time_low(),
    )  # fmt: skip


def _identity(speaking: LanguageModel, base: HeldModel | None) -> str:
    """Name of who speaks, adapter included, and hash of the model; "" while that is not known."""
    if isinstance(speaking, Speaker):
        return speaking.identity
    sha256 = base.model.partition("#")[2] if base is not None else ""
    return f"{speaking.name}#{sha256}" if sha256 else ""


def _profile(rooms: Rooms) -> str:
    now = rooms.clock()
    offset = rooms.stream.offset_on(local_datetime(now, 0).date().isoformat())
    return profile_of(rooms.knowing, local_datetime(now, offset).date().isoformat())


def names_in(records: Iterable[Stored]) -> set[str]:
    """Who wrote, who spoke, and in which conversation, in these records."""
    found = set[str]()
    for item in records:
        if isinstance(item.record, Event) and item.record.kind in NAMES_FROM:
            fields = (item.record.payload.get(name) for name in ("sender", "speaker", "conversation"))
            found |= {str(value) for value in fields if value}
    return found
