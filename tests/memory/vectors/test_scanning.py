"""The nearest codes: faiss and NumPy give the same, and both the right ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.memory.vectors import scanning
from hearthside.memory.vectors.coding import Bits
from hearthside.memory.vectors.scanning import by_faiss, by_numpy, nearest_of, scanner


def _codes(count: int, words: int, kinds: int, seed: int) -> tuple[Bits, Bits]:
    """A query and codes, of which at most `kinds` differ: many lie at the same distance."""
    rng = np.random.default_rng(seed)
    some = rng.integers(0, 256, (kinds, 8 * words), dtype=np.uint8)
    return rng.integers(0, 256, (1, 8 * words), dtype=np.uint8), some[rng.integers(0, kinds, count)]


def _slowly(query: Bits, codes: Bits) -> list[tuple[int, int]]:
    """Distance and place of each, in order."""
    return sorted((int(np.unpackbits(query[0] ^ code).sum()), place) for place, code in enumerate(codes))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 7), st.sampled_from([1, 3, 1000]), st.integers(1, 320), st.integers(0, 99))
def test_both_scanners_give_the_nearest_in_order_of_distance_and_place(
    count: int, words: int, kinds: int, wanted: int, seed: int
) -> None:
    query, codes = _codes(count, words, kinds, seed)
    right = _slowly(query, codes)[:wanted]
    for scan in (by_faiss, by_numpy):
        distances, places = scan(query, codes, wanted)
        assert list(zip(distances.tolist(), places.tolist(), strict=True)) == right


def test_they_agree_beyond_one_block() -> None:
    query, codes = _codes(150_000, 6, 10**6, 3)
    ours, theirs = by_numpy(query, codes, 700), by_faiss(query, codes, 700)
    assert np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("scan", [by_faiss, by_numpy])
def test_parts_together_give_what_the_whole_gives(scan: scanning.Scanner) -> None:
    query, codes = _codes(1000, 3, 40, 8)
    starts = np.array([0, 10, 600])
    part, places = nearest_of(query, [codes[:10], codes[10:600], codes[600:]], 200, scan)
    _, whole = scan(query, codes, 200)
    assert np.array_equal(starts[part] + places, whole)


def test_faiss_is_used_where_it_is_and_missed_where_not(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner.cache_clear()
    assert scanner() is by_faiss
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    scanner.cache_clear()
    assert scanner() is by_numpy
    scanner.cache_clear()
