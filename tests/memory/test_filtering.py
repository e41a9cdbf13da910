"""Filters: as conditions on documents and as rows of vectors they let the same through."""

from __future__ import annotations

import random

import pytest

from hearthside.events import HOUR_MS, MINUTE_MS, Layer
from hearthside.memory.filtering import row_bounds
from hearthside.memory.hits import Filters
from tests.alignment.lives import START, event
from tests.memory.lives import HashingEmbedder, Memory

FILTERS = [
    Filters(),
    Filters(start_ms=START + HOUR_MS),
    Filters(end_ms=START + HOUR_MS),
    Filters(start_ms=START + 30_000, end_ms=START + 5 * MINUTE_MS + 1),
    Filters(sources=frozenset({"a"}), layers=frozenset({Layer.TEXT})),
    Filters(kinds=frozenset()),
    Filters(person="ann"),
    Filters(conversations=frozenset({"Bo"}), start_ms=START + HOUR_MS),
    Filters(spans=((START, START + 90_000), (START + HOUR_MS, START + 2 * HOUR_MS))),
    Filters(spans=()),
    Filters(spans=((START, START),)),
]


@pytest.mark.parametrize("listed", [20_000, 3])  # with few that are listed, the nearest are asked first
@pytest.mark.parametrize("filters", FILTERS)
def test_words_vectors_and_rows_agree(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, filters: Filters, listed: int
) -> None:
    monkeypatch.setattr("hearthside.memory.index._LISTED", listed)
    rng = random.Random(1)
    records = [
        event(
            rng.choice(["message", "caption"]), START + rng.randrange(180) * MINUTE_MS + rng.randrange(60_000),
            text=f"rain {n}", source=rng.choice("ab"), sender=rng.choice(["Ann", "Hanna"]),
            conversation=rng.choice(["Bo", "Ann"]),
        )
        for n in range(60)
    ]  # fmt: skip
    memory.take(*records)
    embedder = HashingEmbedder()
    memory.embed(embedder)
    query = embedder.embed(["rain"], query=True)[0]
    by_words = set(memory.index.by_words(["rain"], filters, 99))
    assert {row for row, _ in memory.index.by_meaning(query, embedder.model, filters, 99)} == by_words
    all_near = [row for row, _ in memory.index.by_meaning(query, embedder.model, Filters(), 99)]
    near = [row for row, _ in memory.index.by_meaning(query, embedder.model, filters, 5)]
    assert near == [row for row in all_near if row in by_words][:5]
    everything = memory.index.by_words(["rain"], Filters(), 99)
    assert memory.index.within(everything, filters) == by_words
    assert len(everything) == 60
    wanted = {r.id for r in records if _lets_through(filters, r.start_ms)} if _only_times(filters) else None
    assert wanted is None or set(memory.index.ids(by_words)) == wanted


def _only_times(filters: Filters) -> bool:
    return filters == Filters(filters.start_ms, filters.end_ms, spans=filters.spans)


def _lets_through(filters: Filters, at_ms: int) -> bool:
    low, high = filters.start_ms or 0, filters.end_ms or 1 << 62
    inside = filters.spans is None or any(start <= at_ms < end for start, end in filters.spans)
    return low <= at_ms < high and inside


def test_bounds_of_rows_hold_every_minute_that_is_touched() -> None:
    assert row_bounds(Filters()) == (None, None)
    first, last = row_bounds(Filters(start_ms=MINUTE_MS + 1, end_ms=2 * MINUTE_MS))
    assert first == 1 << 20 and last == (2 << 20) - 1
    assert row_bounds(Filters(end_ms=2 * MINUTE_MS + 1))[1] == (3 << 20) - 1
