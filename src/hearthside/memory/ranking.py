"""Ranking candidates by keywords and meaning with what was said around them, by speaker, time and statements.

A turn of a conversation means little alone, so what it is ranked by reaches over its neighbours.

* Keywords: BM25 (Robertson & Zaragoza 2009) over the turn and, at a lower weight, the turns beside it, as another
  field of it (BM25F, Robertson et al. 2004): frequencies are added before they saturate. k1 and b are Anserini's
  defaults (Yang et al. 2018), for short texts.
* Meaning: cosines, each mixed with the mean of its neighbours'; the shorter a turn, the more its neighbours count, as
  in Dirichlet smoothing from context (Zhai & Lafferty 2001; Liu & Croft 2004).
* Fusion: the convex combination of both after min-max scaling (Bruch, Gai & Ingber 2023), equal parts.
* A text of a few words that asks nothing is a search for these very words: what holds all of them comes first.
* Priors (Kraaij et al. 2002): the person named in the question said it, it falls into the time the question names, it
  states something. They add to the score; none of them rules anything out.

The constants were chosen on half of LoCoMo's conversations: docs/lab/0006-retrieval.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hearthside.memory.documents import Document

K1, B = 0.9, 0.4
REACH = 2
"""Turns before and after that count."""

NEIGHBOUR_TF = 0.3
"""What a word counts in the turn beside this one; half of it in the next but one."""

DECAY = 0.5
CONTEXT_WORDS = 20.0
"""A turn of so many words takes half of its meaning from its neighbours."""

MEANING = 0.5
SPEAKER, TIME, STATEMENT = 0.1, 0.1, 0.2
_PREFIX_LETTERS = 6  # of a stem: it also counts where it begins a longer one
_COMPOUND = 0.5
_WHY = ("context", "keyword", "meaning", "keyword+meaning")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the ranking sees it.

    Attributes:
        idf: how telling each stem of its content words is.
        cosines: of the rows nearest in meaning; a row that is not there was further away than all of them.
        average_terms: how many terms a document has on average.
        speakers: casefolded (thread, speaker) whom the question names.
        spans: UTC ms [start, end) that the question names.
        sought: stems of each word, where the text is nothing but words to look for.
    """

    idf: Mapping[str, float]
    cosines: Mapping[int, float]
    average_terms: float
    speakers: frozenset[tuple[str, str]] = frozenset()
    spans: tuple[tuple[int, int], ...] = ()
    sought: tuple[tuple[str, ...], ...] = ()


class Ranked(NamedTuple):
    """A document with its score, and what of the question it holds itself."""

    document: Document
    score: float
    why: str


def rank(runs: Sequence[Sequence[Document]], asked: Asked) -> list[Ranked]:
    """Documents of runs of neighbours, best first; of equals the newest."""
    documents = [document for run in runs for document in run]
    if not documents:
        return []
    run = np.repeat(np.arange(len(runs)), [len(one) for one in runs])
    frequency = _frequencies(documents, asked)
    words = _scaled(_bm25(frequency, documents, run, asked))
    cosine = np.array([asked.cosines.get(d.row, -np.inf) for d in documents])
    meaning = _in_context(_cosines_scaled(cosine, asked.cosines), documents, run)
    weight = MEANING if asked.cosines else 0.0
    scores = (1 - weight) * words + weight * meaning + _priors(documents, asked)
    own_words, own_meaning = frequency.sum(axis=1) > 0, np.isfinite(cosine)
    rows = np.array([document.row for document in documents], dtype=np.int64)
    order = np.lexsort((-rows, -scores, ~_holds_all(frequency, asked))).tolist()
    why, values = (own_words + 2 * own_meaning).tolist(), scores.tolist()
    return [Ranked(documents[i], values[i], _WHY[why[i]]) for i in order]


def _holds_all(frequency: Floats, asked: Asked) -> npt.NDArray[np.bool_]:
    """Which documents hold every word that is sought; none where nothing is."""
    if not asked.sought:
        return np.zeros(len(frequency), dtype=np.bool_)
    places = {stem: place for place, stem in enumerate(asked.idf)}
    held = [(frequency[:, [places[stem] for stem in word]] > 0).all(axis=1) for word in asked.sought]
    found: npt.NDArray[np.bool_] = np.logical_and.reduce(held)
    return found


def _frequencies(documents: Sequence[Document], asked: Asked) -> Floats:
    """How often each document holds each stem, (documents, stems); the beginning of a compound counts half."""
    places = {stem: place for place, stem in enumerate(asked.idf)}
    counted = _counted(documents, places)
    table = np.zeros((len(documents), len(places)))
    for row, document in enumerate(documents):
        if not counted.keys().isdisjoint(document.terms):
            for term in document.terms:
                for place, count in counted.get(term, ()):
                    table[row, place] += count
    return table


def _counted(documents: Sequence[Document], places: Mapping[str, int]) -> dict[str, list[tuple[int, float]]]:
    """Which of all terms count for which stems, by the stem's place, and how much."""
    opening = tuple(stem for stem in places if len(stem) >= _PREFIX_LETTERS)
    counted = {
        term: [(places[stem], _COMPOUND) for stem in opening if term.startswith(stem)]
        for term in set[str]().union(*(document.terms for document in documents) if opening else ())
        if term.startswith(opening)
    }
    return counted | {stem: [(place, 1.0)] for stem, place in places.items()}


def _bm25(frequency: Floats, documents: Sequence[Document], run: npt.NDArray[np.int64], asked: Asked) -> Floats:
    length = np.array([len(document.terms) for document in documents], dtype=np.float64)[:, None]
    near_frequency, _ = _neighbours(frequency, run)
    near_length, weight = _neighbours(length, run)
    tf = frequency + NEIGHBOUR_TF * near_frequency
    # A full neighbourhood is as much longer than a document as its weights say.
    average = asked.average_terms * (1 + NEIGHBOUR_TF * weight[:, None])
    relative = (length + NEIGHBOUR_TF * near_length) / np.maximum(average, 1e-9)
    idf = np.array(list(asked.idf.values()), dtype=np.float64)
    scores: Floats = (idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * relative))).sum(axis=1)
    return scores


def _neighbours(values: Floats, run: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Weighted sums over the neighbours of each document, (n, m), and the sums of their weights, (n,)."""
    total, weights = np.zeros_like(values), np.zeros(len(run))
    for distance in range(1, min(REACH, len(run) - 1) + 1):
        same = (run[distance:] == run[:-distance]) * DECAY ** (distance - 1)
        total[distance:] += values[:-distance] * same[:, None]
        total[:-distance] += values[distance:] * same[:, None]
        weights[distance:] += same
        weights[:-distance] += same
    return total, weights


def _in_context(values: Floats, documents: Sequence[Document], run: npt.NDArray[np.int64]) -> Floats:
    """Each value mixed with the mean of its neighbours', the more the fewer words it rests on."""
    total, weights = _neighbours(values[:, None], run)
    words = np.array([document.words for document in documents], dtype=np.float64)
    share = np.where(weights > 0, CONTEXT_WORDS / (words + CONTEXT_WORDS), 0.0)
    mixed: Floats = (1 - share) * values + share * total[:, 0] / np.maximum(weights, 1e-9)
    return mixed


def _cosines_scaled(cosine: Floats, known: Mapping[int, float]) -> Floats:
    """To 0 (the furthest that is known, or further) to 1."""
    if not known:
        return np.zeros_like(cosine)
    low, high = min(known.values()), max(known.values())
    scaled: Floats = np.clip((cosine - low) / (high - low), 0.0, 1.0) if high > low else np.isfinite(cosine) * 1.0
    return scaled


def _scaled(scores: Floats) -> Floats:
    best = float(scores.max())
    scaled: Floats = scores / best if best > 0 else scores
    return scaled


def _priors(documents: Sequence[Document], asked: Asked) -> Floats:
    said = np.array([(document.thread, document.speaker.casefold()) in asked.speakers for document in documents])
    start_ms = np.array([document.start_ms for document in documents])
    then = np.zeros(len(documents), dtype=np.bool_)
    for begin, end in asked.spans:
        then |= (start_ms >= begin) & (start_ms < end)
    statements = np.array([document.statements for document in documents])
    prior: Floats = STATEMENT * statements + SPEAKER * said + TIME * then
    return prior
