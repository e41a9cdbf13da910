"""Vectors in memory: exact, in order, within rows."""

from __future__ import annotations

import numpy as np
import pytest

from hearthside.memory.vector_cache import VectorCache

ROWS = [3, 5, 8, 13]
VECTORS = np.array([[1, 0], [0, 1], [0.6, 0.8], [1, 0]], dtype=np.float16)
QUERY = np.array([1, 0], dtype=np.float32)


def _cache() -> VectorCache:
    return VectorCache("m", "1", ROWS, [vector.tobytes() for vector in VECTORS])


@pytest.mark.parametrize(
    ("limits", "rows"),
    [
        ({}, [13, 3, 8, 5]),  # of equals the newest
        ({"first": 5}, [13, 8, 5]),
        ({"last": 8}, [3, 8, 5]),
        ({"first": 4, "last": 8}, [8, 5]),
        ({"allowed": np.array([5, 8, 99])}, [8, 5]),
        ({"allowed": np.array([3]), "first": 4}, []),
        ({"allowed": np.zeros(0, dtype=np.int64)}, []),
    ],
)
def test_the_nearest_within_rows(limits: dict[str, object], rows: list[int]) -> None:
    found, scores = _cache().search(QUERY, 9, **limits)  # type: ignore[arg-type]
    assert found.tolist() == rows
    assert (np.diff(scores) <= 0).all()
    assert _cache().search(QUERY, 1, **limits)[0].tolist() == rows[:1]  # type: ignore[arg-type]


def test_scores_are_dot_products() -> None:
    _, scores = _cache().search(QUERY, 9)
    np.testing.assert_allclose(scores, [1, 1, 0.6, 0], atol=1e-3)


def test_an_empty_one_finds_nothing() -> None:
    rows, scores = VectorCache("m", "1", [], []).search(QUERY, 9)
    assert len(rows) == len(scores) == 0
