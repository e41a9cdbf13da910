"""Searching a life: keywords and meaning, within time, layer, source, person, conversation and place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hearthside.alignment.kinds import amount_of, note_of, shown_text
from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.errors import NeedsPerson, RetryLater
from hearthside.events import MINUTE_MS, Event, Precision, local_datetime
from hearthside.journal import Journal
from hearthside.memory.documents import Document, embedded_text
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.index import Index, embedding_event
from hearthside.memory.moments import spans_named
from hearthside.memory.ranking import REACH, Asked, rank
from hearthside.memory.words import STOP_WORDS, bare_words, content_words, stems, words_of

_POOL = 60  # candidates of each kind; their neighbours come with them
_COMPARED = 300  # cosines that are known; what is further away counts as far as the last of them
_LARGE, _COMMON = 20_000, 0.1
_EMBED_BATCH = 64
_WORDS_SOUGHT = 3  # with so few words, all of them content, nobody asks: the words themselves are looked for


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
    now_ms: int | None = None,
) -> list[Hit]:
    """The records that fit a text best, best first; without the embedder by words alone.

    An empty text lists the newest records that the filters let through.

    Args:
        now_ms: the present, UTC ms: times that the text names are told from it and lift what falls into them.
    """
    filters = _with_spans(filters, stream)
    if not text.strip():
        return _newest(index, journal, stream, filters, limit)
    known = index.known_as(bare_words(text))
    cosines = _cosines(index, _by_known_names(text, known), filters, embedder)
    words = content_words(text)
    nearest = sorted(cosines, key=lambda row: (-cosines[row], -row))[:_POOL]
    runs = index.around([*index.by_words(_telling(index, words), filters, _POOL), *nearest], 2 * REACH)
    spans = () if now_ms is None else spans_named(text, now_ms, stream)
    ranked = rank(runs, _asked(index, text, words, known, cosines, spans, runs))
    let_through = index.within([one.document.row for one in ranked], filters)
    chosen = [one for one in ranked if one.document.row in let_through][:limit]
    return hits_of(journal, stream, [(one.document.id, one.score, one.why) for one in chosen])


def _newest(index: Index, journal: Journal, stream: LifeStream, filters: Filters, limit: int) -> list[Hit]:
    if filters.conversations is not None or filters.spans is not None:  # of these only the index knows
        return hits_of(journal, stream, [(identity, 0.0, "time") for identity in index.newest(filters, limit)])
    found = stream.occurrences(
        kinds=filters.kinds, sources=filters.sources, layers=filters.layers, start_ms=filters.start_ms,
        end_ms=filters.end_ms, words=[filters.person] if filters.person else (), newest_first=True, limit=limit,
    )  # fmt: skip
    return hits_of(journal, stream, [(o.id, 0.0, "time") for o in found])


def _with_spans(filters: Filters, stream: LifeStream) -> Filters:
    """The times at which the person was at the place that a filter names."""
    if filters.place is None:
        return filters
    name = filters.place.casefold()
    visits = [v for v in stream.visits(filters.start_ms, filters.end_ms) if name in v.label.casefold()]
    return replace(filters, spans=tuple((visit.start_ms, visit.end_ms) for visit in visits))


def _telling(index: Index, words: list[str]) -> list[str]:
    """In a large index only words that do not stand in every tenth record, if there are any: they rank all the same.

    Elasticsearch's “common terms”: without it a frequent word makes the index score half a life.
    """
    of = {word: stems(word) for word in words}
    frequency, documents, _ = index.frequencies({stem for parts in of.values() for stem in parts})
    if documents < _LARGE:
        return words
    rare = [word for word in words if all(frequency[stem] <= _COMMON * documents for stem in of[word])]
    return rare or words


def _cosines(index: Index, text: str, filters: Filters, embedder: Embedder | None) -> dict[int, float]:
    if embedder is None:
        return {}
    try:
        vector = embedder.embed([text], query=True)[0]
    except (RetryLater, NeedsPerson):
        return {}  # keywords still answer while the compute node is away or has no embedder
    return dict(index.by_meaning(vector, embedder.model, filters, _COMPARED))


def _by_known_names(text: str, known: Mapping[str, set[tuple[str, str]]]) -> str:
    """The text with names that people introduced themselves by put as their messages are signed."""
    for name, speakers in known.items():
        signed = {speaker for _, speaker in speakers}
        if len(signed) == 1:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda _, s=signed: next(iter(s)), text, flags=re.I)  # type: ignore[misc]
    return text


def _asked(
    index: Index,
    text: str,
    words: list[str],
    known: Mapping[str, set[tuple[str, str]]],
    cosines: Mapping[int, float],
    spans: tuple[tuple[int, int], ...],
    runs: Iterable[Iterable[Document]],
) -> Asked:
    speakers, names = _speakers_named(text, known, {(d.thread, d.speaker) for run in runs for d in run if d.speaker})
    about = [word for word in words if word not in names] or words
    stemmed = list(dict.fromkeys(stem for word in about for stem in stems(word)))
    frequency, documents, average = index.frequencies(stemmed)
    # As in BM25's usual form (Robertson & Zaragoza 2009), never negative.
    idf = {stem: math.log(1 + (documents - n + 0.5) / (n + 0.5)) for stem, n in frequency.items()}
    bare = len(words_of(text)) == len(words) <= _WORDS_SOUGHT
    sought = tuple(found for word in about if (found := stems(word))) if bare else ()
    return Asked(idf, cosines, average, speakers, spans, sought)


def _speakers_named(
    text: str, known: Mapping[str, set[tuple[str, str]]], present: set[tuple[str, str]]
) -> tuple[frozenset[tuple[str, str]], set[str]]:
    """(thread, casefolded speaker) of the one person that a question names among those who speak, and all such names.

    A question about two of them prefers neither.
    """
    asked = set(bare_words(text)) - STOP_WORDS
    said = {(thread, speaker): set(words_of(speaker)) for thread, speaker in present}
    for name, people in known.items():
        for person in people & present:
            said[person] = said[person] | {name}
    named = {person: its & asked for person, its in said.items() if its & asked}
    names = {name for its in named.values() for name in its}
    folded = frozenset((thread, speaker.casefold()) for thread, speaker in named)
    speakers = folded if len({speaker for _, speaker in folded}) == 1 else frozenset()
    return speakers, names


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
    done, before = 0, None
    total = min(index.sizes(embedder.model)["waiting"], 10**9 if limit is None else limit)
    while not stop() and done < total:
        waiting = index.without_vector(min(_EMBED_BATCH, total - done), embedder.model, before)
        ids = [identity for _, identity in waiting]
        if not ids and before is None:
            break
        before = waiting[-1][0] if ids else None  # those that came in meanwhile have their turn when the rest is done
        stored = journal.get(ids)
        index.remove(identity for identity in ids if identity not in stored)
        present = {i: embedded_text(item.record) for i, item in stored.items() if isinstance(item.record, Event)}
        if present:
            vectors = embedder.embed(list(present.values()))
            journal.append([embedding_event(embedder.model, list(present), vectors, clock())])
            index.update()
            done += len(present)
        if progress is not None:
            progress(done, max(total, done))
    return done
