"""Searching a life: keywords and meaning fused by reciprocal rank, within time, layer, source and person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hearthside.alignment.kinds import amount_of, note_of, shown_text
from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.errors import NeedsPerson, RetryLater
from hearthside.events import MINUTE_MS, Event, Precision, local_datetime
from hearthside.journal import Journal
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.index import Index, embedding_event
from hearthside.memory.words import content_words

_FUSION_K = 60  # reciprocal rank fusion, Cormack, Clarke and Büttcher, SIGIR 2009
_POOL = 80  # candidates of each kind
_EMBED_BATCH = 64


class Embedder(Protocol):
    """Gives texts a place in meaning: unit vectors, shape (n, dim) float32."""

    @property
    def model(self) -> str:
        """Name and version of the embedding model, stored with every vector."""
        ...

    def embed(self, texts: list[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """Vectors of texts; RetryLater while the compute node is away."""
        ...


def search(
    index: Index,
    journal: Journal,
    stream: LifeStream,
    text: str,
    filters: Filters,
    limit: int,
    embedder: Embedder | None,
) -> list[Hit]:
    """The records that fit a text best, best first; without the embedder by words alone.

    An empty text lists the newest records that the filters let through.
    """
    if not text.strip():
        found = stream.occurrences(
            kinds=filters.kinds, sources=filters.sources, layers=filters.layers, start_ms=filters.start_ms,
            end_ms=filters.end_ms, words=[filters.person] if filters.person else (), newest_first=True, limit=limit,
        )  # fmt: skip
        return hits_of(journal, stream, [(o.id, 0.0, "time") for o in found])
    by_words = index.by_words(content_words(text), filters, _POOL)
    by_meaning: list[bytes] = []
    if embedder is not None:
        try:
            vector = embedder.embed([text], query=True)[0]
            by_meaning = [identity for identity, _ in index.by_meaning(vector, embedder.model, filters, _POOL)]
        except (RetryLater, NeedsPerson):
            by_meaning = []  # keywords still answer while the compute node is away or has no embedder
    ranked = _fuse(by_words, by_meaning)
    hits = hits_of(journal, stream, ranked if filters.person else ranked[:limit])
    if filters.person:
        name = filters.person.casefold()
        hits = [hit for hit in hits if name in f"{hit.text} {hit.note}".casefold()]
    return hits[:limit]


def _fuse(by_words: list[bytes], by_meaning: list[bytes]) -> list[tuple[bytes, float, str]]:
    scores: dict[bytes, float] = {}
    why: dict[bytes, list[str]] = {}
    for name, ranking in (("keyword", by_words), ("meaning", by_meaning)):
        for rank, identity in enumerate(ranking):
            scores[identity] = scores.get(identity, 0.0) + 1 / (_FUSION_K + rank + 1)
            why.setdefault(identity, []).append(name)
    # Of two with the same score the one that holds the words comes first.
    order = sorted(scores, key=lambda identity: (-scores[identity], why[identity], identity))
    return [(identity, scores[identity], "+".join(why[identity])) for identity in order]


def hits_of(journal: Journal, stream: LifeStream, ranked: list[tuple[bytes, float, str]]) -> list[Hit]:
    """Ranked ids as hits, in the same order; ids that are gone are left out."""
    stored = journal.get(identity for identity, _, _ in ranked)
    hits = []
    for identity, score, why in ranked:
        item = stored.get(identity)
        if item is not None and isinstance(item.record, Event):
            hits.append(_hit(identity, item.record, stream.get(identity), score, why))
    return hits


def _hit(identity: bytes, event: Event, placed: Occurrence | None, score: float, why: str) -> Hit:
    if placed is None:  # held back, or not aligned yet: as its own clock said
        start_ms, end_ms, offset_min = event.start_ms, event.end_ms, event.offset_min or 0
    else:
        start_ms, end_ms, offset_min = placed.start_ms, placed.end_ms, placed.offset_min
    return Hit(
        identity.hex(), start_ms, end_ms, local_label(event, offset_min, start_ms),
        shown_text(event.kind, event.text, amount_of(event)), note_of(event),
        event.source, event.kind, event.layer, event.origin, score, why,
    )  # fmt: skip


def local_label(event: Event, offset_min: int, start_ms: int | None = None) -> str:
    """When it was, for a person: the day alone where only the day is known.

    Args:
        start_ms: its corrected start; as its own clock said by default.
    """
    if event.precision is Precision.DAY:
        return event.local_day
    at_ms = event.start_ms if start_ms is None else start_ms
    shown = local_datetime(at_ms // MINUTE_MS * MINUTE_MS, offset_min)
    return shown.strftime("%Y-%m-%d %H:%M")


def embed_waiting(
    index: Index,
    journal: Journal,
    embedder: Embedder,
    clock: Callable[[], int],
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    limit: int | None = None,
) -> int:
    """Give vectors to records that wait for one; each batch is journalled, so nothing is ever computed twice.

    Returns:
        How many records got a vector.
    """
    index.update()  # vectors that were journalled just before a stop count
    done = 0
    total = min(index.sizes(embedder.model)["waiting"], 10**9 if limit is None else limit)
    while not stop() and done < total:
        ids = index.without_vector(min(_EMBED_BATCH, total - done), embedder.model)
        stored = journal.get(ids)
        index.remove(identity for identity in ids if identity not in stored)
        present = {i: item.record.text for i, item in stored.items() if isinstance(item.record, Event)}
        if present:
            vectors = embedder.embed(list(present.values()))
            journal.append([embedding_event(embedder.model, list(present), vectors, clock())])
            index.update()
            done += len(present)
        elif not ids:
            break
        if progress is not None:
            progress(done, max(total, done))
    return done
