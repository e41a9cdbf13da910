"""Forgetting across all rooms: preview, remove the content, update what is derived, take tainted adapters out."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, Event, Json, Layer, Origin, Precision, Series, Trust, day_number
from hearthside.inference.adapters import AdapterRegistry, AdapterState
from hearthside.journal import Journal
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
            f"{adapters} What remains is that something was forgotten, and copies you made elsewhere."
        )


def preview(journal: Journal, stream: LifeStream, first: str, last: str, source: str = "") -> Preview:
    """What forgetting these local days would take, of one source or of all."""
    start, end = (day_number(first) - 1) * DAY_MS, (day_number(last) + 2) * DAY_MS
    chosen = stream.occurrences(local_days=(first, last), sources=[source] if source else None)
    ids = {o.id for o in chosen}
    low = min((o.start_ms for o in chosen if o.precision is not Precision.DAY), default=start)
    high = max((o.end_ms or o.start_ms + 1 for o in chosen if o.precision is not Precision.DAY), default=end)
    for item in journal.read(start, end, sources=[source] if source else None):
        # Series have no occurrence of their own: they go when they lie within what is forgotten.
        if isinstance(item.record, Series) and item.record.start_ms >= low and item.record.start_ms < high:
            ids.add(item.id)
    stored = journal.get(ids)
    # Vectors rest on a span and live only while it lives.
    kinds = Counter(item.record.kind for item in stored.values())
    days = {day for item in stored.values() for day in _days(item.record.start_ms, item.record.end_ms)}
    return Preview(sorted(stored), dict(kinds), sorted(days))


def forget(
    journal: Journal,
    stream: LifeStream,
    index: Index,
    registry: AdapterRegistry,
    chosen: Preview,
    clock: Callable[[], int],
) -> ErasureReport:
    """Forget for good; the record of it names no content."""
    gone = {identity.hex() for identity in chosen.ids}
    embeddings = _embeddings_of(journal, gone)
    tainted = _trained_on(journal, registry, gone)
    count = journal.forget(chosen.ids)
    journal.append([event for _, event in embeddings if event is not None])
    journal.forget([identity for identity, _ in embeddings])
    if tainted:
        registry.taint(tainted, "It had learnt from something you asked to forget.")
    payload: dict[str, Json] = {"records": count, "tainted": len(tainted)}
    journal.append(
        [Event("erasure", "erasure", Layer.BEHAVIOURAL, clock(), Origin.SELF, Trust.OWN, payload, clock="station")]
    )
    index.remove(chosen.ids)
    stream.mark_days_dirty(chosen.days)
    stream.update()
    index.update()
    return ErasureReport(count, tainted)


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
