"""Curating the training set: own words are targets, others' words are context, the last week is held out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hearthside.alignment.revisions import latest_revisions
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, Event, Origin, iso_day
from hearthside.journal import Journal, Stored

KINDS = ("message", "post")
HELD_OUT_DAYS = 7
CONTEXT_MESSAGES = 3
CONTEXT_MS = 6 * HOUR_MS  # what was said longer ago is no longer what is being answered
MAX_SAMPLES = 600  # newest first: the first round must finish in minutes on an ordinary computer
_SHORTEST = 2  # characters


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """One message of the person with what came before it.

    Attributes:
        id: the journal record: what a manifest lists and forgetting taints.
        context: (role, text) of earlier messages in the same conversation, oldest first; role ``user`` for others,
            ``assistant`` for the person.
    """

    id: bytes
    at_ms: int
    context: tuple[tuple[str, str], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Curated:
    """A training set and the future it will be judged by.

    Attributes:
        train: messages before the boundary, oldest first.
        held_out: messages of the last seven days: never in a job.
        boundary_ms: everything from here on is held out.
        data_from, data_to: local days of the training messages, ISO; "" when there are none.
        own_words: words of the person in the training messages.
    """

    train: list[OwnMessage]
    held_out: list[OwnMessage]
    boundary_ms: int
    data_from: str
    data_to: str
    own_words: int


def curate(
    journal: Journal, stream: LifeStream, max_samples: int = MAX_SAMPLES, boundary_ms: int | None = None
) -> Curated:
    """Divide the person's own messages into the past (to train on) and the last seven days (to judge by).

    Args:
        boundary_ms: where an earlier step of the same night divided them; None divides seven days before the newest.
    """
    messages = [message for message in own_messages(journal) if len(message.text) >= _SHORTEST]
    if not messages:
        return Curated([], [], 0, "", "", 0)
    boundary = messages[-1].at_ms - HELD_OUT_DAYS * DAY_MS if boundary_ms is None else boundary_ms
    past = [message for message in messages if message.at_ms < boundary]
    train = past[-max_samples:]
    held_out = [m for m in messages if boundary <= m.at_ms <= boundary + HELD_OUT_DAYS * DAY_MS]
    days = [_local_day(stream, message) for message in (train[:1] + train[-1:])]
    words = sum(len(message.text.split()) for message in train)
    return Curated(train, held_out, boundary, days[0] if days else "", days[-1] if days else "", words)


def own_messages(journal: Journal) -> list[OwnMessage]:
    """Every message of the person, oldest first, each with its context; what an AI wrote is neither."""
    # An export that came again in another form left the earlier form in the journal; only the latest is what was said.
    stored = sorted((item for item in latest_revisions(journal.read(kinds=KINDS)) if usable(item)), key=in_order)
    earlier: dict[str, list[Event]] = {}
    found = []
    for item in stored:
        event = item.record
        assert isinstance(event, Event)
        conversation = f"{event.source}:{event.payload.get('conversation', '')}" if event.kind == "message" else ""
        before = earlier.setdefault(conversation, []) if conversation else []
        if event.origin is Origin.SELF:
            found.append(OwnMessage(item.id, event.start_ms, _context(before, event), event.text))
        before.append(event)
    return found


def usable(item: Stored) -> bool:
    """Whether a record is words that one person wrote to others: no attachment, no notice, nothing from a model."""
    event = item.record
    if not isinstance(event, Event) or not event.text.strip() or event.payload.get("attachment"):
        return False
    return event.origin in {Origin.SELF, Origin.PERSON}


def in_order(item: Stored) -> tuple[int, int, int]:
    """Sorts messages as they were said; an export that knows only the minute says which came first within it."""
    order = item.record.payload.get("order", 0) if isinstance(item.record, Event) else 0
    return item.record.start_ms, int(order or 0), item.seq


def _context(before: Iterable[Event], event: Event) -> tuple[tuple[str, str], ...]:
    near = [earlier for earlier in before if event.start_ms - earlier.start_ms <= CONTEXT_MS][-CONTEXT_MESSAGES:]
    return tuple(("assistant" if e.origin is Origin.SELF else "user", e.text) for e in near)


def _local_day(stream: LifeStream, message: OwnMessage) -> str:
    occurrence = stream.get(message.id)
    return occurrence.local_day if occurrence is not None else iso_day(message.at_ms // DAY_MS)
