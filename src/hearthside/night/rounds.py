"""Training rounds: when one is due, what it learns from, and what was recorded of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hearthside.alignment.revisions import latest_revisions
from hearthside.events import DAY_MS, HOUR_MS, Event, Json, Layer, Origin, Trust
from hearthside.journal import Journal, Stored
from hearthside.night.curate import KINDS, Curated, in_order, usable
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
    if not new_words:
        return False, "Training is not due: there are no new words of yours since the last round."
    left = EVERY_DAYS - days
    in_days = "tomorrow" if left == 1 else f"in {left} days"
    return False, f"Training is due {in_days}, or after {ENOUGH_NEW_WORDS - new_words:,} more words of yours."


def _words_since(journal: Journal, start_ms: int, end_ms: int) -> int:
    said = (item.record for item in latest_revisions(journal.read(start_ms, end_ms, kinds=KINDS)) if usable(item))
    return sum(len(event.text.split()) for event in said if isinstance(event, Event) and event.origin is Origin.SELF)


def training_samples(journal: Journal, curated: Curated) -> list[TrainingSample]:
    """Stretches of conversation that end before the boundary; the person's own messages in the set are the targets."""
    targets = {message.id for message in curated.train}
    return [TrainingSample(tuple(_message(item, targets) for item in stretch)) for stretch in _learnt(journal, curated)]


def records_learnt(journal: Journal, curated: Curated) -> list[bytes]:
    """Ids of every record in the samples, targets and context alike: forgetting any of them taints the adapter."""
    return sorted({item.id for stretch in _learnt(journal, curated) for item in stretch})


def _learnt(journal: Journal, curated: Curated) -> list[list[Stored]]:
    """The stretches that hold at least one target."""
    targets = {message.id for message in curated.train}
    if not targets:
        return []
    by_conversation: dict[str, list[Stored]] = {}
    read = journal.read(curated.train[0].at_ms - _PAUSE_MS, curated.boundary_ms, kinds=KINDS)
    for item in latest_revisions(read):
        event = item.record
        if isinstance(event, Event) and usable(item):
            name = item.id.hex() if event.kind == "post" else str(event.payload.get("conversation", ""))
            by_conversation.setdefault(f"{event.source}:{name}", []).append(item)
    stretches = [stretch for stored in by_conversation.values() for stretch in _stretches(sorted(stored, key=in_order))]
    return [stretch for stretch in stretches if any(item.id in targets for item in stretch)]


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
