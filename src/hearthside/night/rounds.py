"""Training rounds: when one is due, what it learns from, and what was recorded of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hearthside.events import DAY_MS, HOUR_MS, Event, Json, Layer, Origin, Trust
from hearthside.journal import Journal, Stored
from hearthside.night.curate import KINDS, Curated
from hearthside.workshop.job import Message, TrainingSample, context, own_words

MIN_MESSAGES = 150  # own messages before the boundary: fewer teach a manner badly
EVERY_DAYS = 28
ENOUGH_NEW_WORDS = 4000
_WINDOW_CHARS = 700  # about 200 tokens: one sample of a conversation
_PAUSE_MS = 6 * HOUR_MS  # a longer pause begins another stretch of conversation


@dataclass(frozen=True, slots=True)
class Round:
    """What the journal knows of a training round."""

    adapter: str
    at_ms: int
    boundary_ms: int
    own_words: int
    curve: list[tuple[int, float]]
    receipt: list[str]
    receipt_verified: bool
    attestation: str


def rounds(journal: Journal) -> list[Round]:
    """All rounds, oldest first."""
    found = []
    for item in sorted(journal.read(kinds=["round"]), key=lambda stored: stored.seq):
        if isinstance(item.record, Event):
            p = item.record.payload
            curve = [(int(step), float(loss)) for step, loss in p["curve"]]
            found.append(
                Round(
                    p["adapter"], item.record.start_ms, p["boundary_ms"], p["own_words"], curve, p["receipt"],
                    p["receipt_verified"], p["attestation"],
                )
            )  # fmt: skip
    return found


def record_round(journal: Journal, clock: Callable[[], int], payload: dict[str, Json]) -> None:
    """Journal a round: which samples, which adapter, the curve and the receipt."""
    journal.append(
        [Event("night", "round", Layer.BEHAVIOURAL, clock(), Origin.DEVICE, Trust.OWN, payload, clock="station")]
    )


def due(journal: Journal, curated: Curated, now_ms: int) -> tuple[bool, str]:
    """Whether training is due, and why or why not in one sentence."""
    have = len(curated.train)
    if have < MIN_MESSAGES:
        return False, f"Training begins with {MIN_MESSAGES} messages of your own; there are {have} so far."
    before = rounds(journal)
    if not before:
        return True, f"The first round is due: {have} messages of your own are ready to learn from."
    last = before[-1]
    new_words = _words_since(journal, last.boundary_ms, curated.boundary_ms)
    days = (now_ms - last.at_ms) // DAY_MS
    if new_words >= ENOUGH_NEW_WORDS:
        return True, f"Training is due: {new_words:,} new words of your own since the last round."
    if days >= EVERY_DAYS and new_words > 0:
        return True, f"Training is due: the last round was {days} days ago."
    left = EVERY_DAYS - days
    return (
        False,
        f"Training is due in {max(left, 1)} days, or after {ENOUGH_NEW_WORDS - new_words:,} more words of yours.",
    )


def _words_since(journal: Journal, start_ms: int, end_ms: int) -> int:
    own = (item.record for item in journal.read(start_ms, end_ms, kinds=KINDS) if isinstance(item.record, Event))
    return sum(len(event.text.split()) for event in own if event.origin is Origin.SELF)


def training_samples(journal: Journal, curated: Curated) -> list[TrainingSample]:
    """Stretches of conversation that end before the boundary; the person's own messages in the set are the targets."""
    targets = {message.id for message in curated.train}
    if not targets:
        return []
    first = curated.train[0].at_ms
    by_conversation: dict[str, list[Stored]] = {}
    for item in journal.read(first - _PAUSE_MS, curated.boundary_ms, kinds=KINDS):
        event = item.record
        if isinstance(event, Event) and event.text.strip() and event.origin in {Origin.SELF, Origin.PERSON}:
            name = f"{event.source}:{event.payload.get('conversation', item.id.hex() if event.kind == 'post' else '')}"
            by_conversation.setdefault(name, []).append(item)
    samples = []
    for stored in by_conversation.values():
        stored.sort(key=lambda item: (item.record.start_ms, item.seq))
        for stretch in _stretches(stored):
            if any(item.id in targets for item in stretch):
                samples.append(TrainingSample(tuple(_message(item, targets) for item in stretch)))
    return samples


def _stretches(stored: list[Stored]) -> list[list[Stored]]:
    stretches: list[list[Stored]] = []
    size = 0
    for item in stored:
        event = item.record
        assert isinstance(event, Event)
        before = stretches[-1][-1].record if stretches else None
        apart = before is None or event.start_ms - before.start_ms > _PAUSE_MS
        if apart or size + len(event.text) > _WINDOW_CHARS:
            stretches.append([])
            size = 0
        stretches[-1].append(item)
        size += len(event.text)
    return stretches


def _message(item: Stored, targets: set[bytes]) -> Message:
    event = item.record
    assert isinstance(event, Event)
    return own_words(event.text) if item.id in targets else context(event.text, event.origin)
