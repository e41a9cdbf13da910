"""Forgetting across all rooms: preview, remove the content, update what is derived, take tainted adapters out."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hearthside.alignment.stream import LifeStream, Occurrence
from hearthside.events import (
    DAY_MS,
    MINUTE_MS,
    Event,
    Json,
    Layer,
    Origin,
    Precision,
    Series,
    Trust,
    day_number,
    iso_day,
)
from hearthside.inference.adapters import AdapterRegistry, AdapterState
from hearthside.journal import Journal, Stored
from hearthside.memory.index import Index, embedding_event

_SERVED = {AdapterState.ACTIVE, AdapterState.PREVIOUS, AdapterState.STAGED}


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be forgotten.

    Attributes:
        ids: journal records.
        by_kind: how many of each kind.
        days: UTC days that must be lined up again.
    """

    ids: list[bytes]
    by_kind: dict[str, int]
    days: list[int]

    @property
    def records(self) -> int:
        """How many records."""
        return len(self.ids)

    def in_words(self) -> str:
        """Counts by kind."""
        return ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.by_kind.items())) or "nothing"


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What was forgotten and what remains.

    Attributes:
        tainted: adapters taken out of service because they were trained on some of it.
    """

    records: int
    tainted: list[str]

    def in_words(self) -> str:
        """For the person."""
        adapters = (
            f" {len(self.tainted)} adapter(s) had learnt from some of it and are out of service."
            if self.tainted
            else ""
        )
        return (
            f"{self.records:,} records are forgotten: content, words and vectors are gone from this vault."
            f"{adapters} What remains is that something was forgotten, and copies you made elsewhere; importing the"
            " same export again would bring it back."
        )


def preview(journal: Journal, stream: LifeStream, first: str, last: str, source: str = "") -> Preview:
    """What forgetting these local days would take, of one source or of all.

    With what happened go earlier forms of the same records, what was perceived in them, samples that lie mostly in
    these days, and answers, offers and proposals that rest on any of it.
    """
    chosen = stream.occurrences(local_days=(first, last), sources=[source] if source else None)
    ids = {o.id for o in chosen}
    ids |= _other_forms(journal, ids)
    ids |= _samples(journal, stream, (first, last), chosen, source)
    ids |= _perceived(journal, ids)
    ids |= _said_of(journal, ids)
    stored = journal.get(ids)
    kinds = Counter(item.record.kind for item in stored.values())
    days = {day for item in stored.values() for day in _days(item.record.start_ms, item.record.end_ms)}
    return Preview(sorted(stored), dict(kinds), sorted(days))


def _other_forms(journal: Journal, ids: set[bytes]) -> set[bytes]:
    """Earlier forms of the same records: forgetting only the latest would bring the one before it back."""
    names = {_name(item) for item in journal.get(ids).values() if item.record.key}
    if not names:
        return set()
    sources, kinds = {name[0] for name in names}, {name[1] for name in names}
    return {item.id for item in journal.read(sources=sources, kinds=kinds) if _name(item) in names}


def _name(item: Stored) -> tuple[str, str, str]:
    return item.record.source, item.record.kind, item.record.key


def _samples(
    journal: Journal, stream: LifeStream, days: tuple[str, str], chosen: list[Occurrence], source: str
) -> set[bytes]:
    """Series whose middle lies in these local days, or that lie within something chosen (the pulse of a night)."""
    spans = [(o.start_ms, o.end_ms) for o in chosen if o.end_ms is not None and o.precision is not Precision.DAY]
    read = journal.read(
        (day_number(days[0]) - 2) * DAY_MS, (day_number(days[1]) + 3) * DAY_MS, sources=[source] if source else None
    )
    found = set()
    for item in read:
        record = item.record
        if not isinstance(record, Series):
            continue
        middle = (record.start_ms + record.end_ms) // 2
        offset = record.offset_min
        if offset is None:
            offset = stream.offset_on(iso_day(middle // DAY_MS))
        in_days = days[0] <= iso_day((middle + offset * MINUTE_MS) // DAY_MS) <= days[1]
        if in_days or any(start <= record.start_ms and record.end_ms <= end for start, end in spans):
            found.add(item.id)
    return found


def _perceived(journal: Journal, ids: set[bytes]) -> set[bytes]:
    """What perceivers saw in the chosen records; they name the record in `of`."""
    starts = [item.record.start_ms for item in journal.get(ids).values()]
    if not starts:
        return set()
    gone = {identity.hex() for identity in ids}
    return {
        item.id
        for item in journal.read(min(starts), max(starts) + DAY_MS)
        if isinstance(item.record, Event) and item.record.payload.get("of") in gone
    }


def _said_of(journal: Journal, ids: set[bytes]) -> set[bytes]:
    """Answers, offers and proposals that rest on the chosen records: they tell of them in other words."""
    gone = {identity.hex() for identity in ids}
    found = set()
    for item in journal.read(kinds=["answer", "offer", "proposal"]):
        payload = item.record.payload if isinstance(item.record, Event) else {}
        if not gone.isdisjoint([*payload.get("evidence", []), payload.get("question", "")]):
            found.add(item.id)
    return found


def forget(
    journal: Journal,
    stream: LifeStream,
    index: Index,
    registry: AdapterRegistry,
    chosen: Preview,
    clock: Callable[[], int],
) -> ErasureReport:
    """Forget for good; the record of it names no content.

    Cut short at any point, nothing forgotten is served, and forgetting the same days again completes it: adapters and
    the index go first, the content of the journal last.
    """
    gone = {identity.hex() for identity in chosen.ids}
    embeddings = _embeddings_of(journal, gone)
    decisions, reactions = _reactions_without_offers(journal, gone)
    tainted = _trained_on(journal, registry, gone)
    if tainted:
        registry.taint(tainted, "It had learnt from something you asked to forget.")
    index.remove(chosen.ids)
    stream.mark_days_dirty(chosen.days)
    journal.append([*(event for _, event in embeddings if event is not None), *decisions])
    journal.forget([*(identity for identity, _ in embeddings), *reactions])
    count = journal.forget(chosen.ids)
    payload: dict[str, Json] = {"records": count, "tainted": len(tainted)}
    journal.append(
        [Event("erasure", "erasure", Layer.BEHAVIOURAL, clock(), Origin.SELF, Trust.OWN, payload, clock="station")]
    )
    stream.mark_days_dirty(chosen.days)  # again: somebody may have aligned them between
    stream.update()
    index.rebuild()  # a keyword index only marks what it removes; made anew it holds no trace of the words
    return ErasureReport(count, tainted)


def _reactions_without_offers(journal: Journal, gone: set[str]) -> tuple[list[Event], list[bytes]]:
    """What the person decided about offers that go outlives them.

    Returns:
        New records: for each such offer a stand-in with its rule and time and nothing else, and the reaction to it;
        and the ids of the reactions they replace.
    """
    stand_ins: dict[str, Event] = {}
    records: list[Event] = []
    replaced: list[bytes] = []
    for item in sorted(journal.read(kinds=["offer", "reaction"]), key=lambda stored: stored.seq):
        event = item.record
        if not isinstance(event, Event):
            continue
        if event.kind == "offer" and item.id.hex() in gone:
            payload = {"rule": event.payload["rule"], "reason": "", "value": 0.0, "evidence": []}
            stand_ins[item.id.hex()] = replace(event, payload=payload, text="")
        elif event.kind == "reaction" and event.payload["offer"] in stand_ins:
            stand_in = stand_ins[event.payload["offer"]]
            records += [stand_in, replace(event, payload={**event.payload, "offer": stand_in.id.hex()})]
            replaced.append(item.id)
    return records, replaced


def _embeddings_of(journal: Journal, gone: set[str]) -> list[tuple[bytes, Event | None]]:
    """Records of vectors that hold one of the forgotten, each with what replaces it (None when nothing is left)."""
    found: list[tuple[bytes, Event | None]] = []
    for item in journal.read(kinds=["embedding"]):
        if not isinstance(item.record, Event) or gone.isdisjoint(item.record.payload["ids"]):
            continue
        payload = item.record.payload
        matrix = np.frombuffer(base64.b64decode(payload["vectors"]), dtype=np.float16).reshape(-1, payload["dim"])
        kept = [i for i, identity in enumerate(payload["ids"]) if identity not in gone]
        ids = [bytes.fromhex(payload["ids"][i]) for i in kept]
        vectors = matrix[kept].astype(np.float32)
        found.append((item.id, embedding_event(payload["model"], ids, vectors, item.record.start_ms) if kept else None))
    return found


def _trained_on(journal: Journal, registry: AdapterRegistry, gone: set[str]) -> list[str]:
    served = {entry.id for entry in registry.entries() if entry.state in _SERVED}
    tainted = []
    for item in journal.read(kinds=["round"]):
        if isinstance(item.record, Event) and not gone.isdisjoint(item.record.payload["samples"]):
            adapter = str(item.record.payload["adapter"])
            if adapter in served:
                tainted.append(adapter)
    return sorted(set(tainted))


def _days(start_ms: int, end_ms: int | None) -> range:
    return range(start_ms // DAY_MS - 2, (end_ms or start_ms) // DAY_MS + 3)
