"""Codes of one bit a dimension: the rotation, the signs, and the estimate."""

from __future__ import annotations

import numpy as np
import pytest

from hearthside.memory.vectors.coding import Coder, code_bytes, mean_of, rotation
from tests.memory.vectors.reference import clustered, unit


def test_a_rotation_keeps_lengths_and_is_the_same_everywhere() -> None:
    turned = rotation(48)
    assert np.allclose(turned @ turned.T, np.eye(48), atol=1e-5)
    # Computed once and written here: codes on the disk are of no use when it changes.
    assert rotation(3) == pytest.approx(
        np.array([[0.6921, 0.1206, -0.7117], [-0.7211, 0.1592, -0.6743], [-0.0320, -0.9799, -0.1971]]), abs=1e-3
    )


@pytest.mark.parametrize(("dim", "size"), [(1, 8), (64, 8), (65, 16), (384, 48)])
def test_codes_fill_whole_words_and_the_rest_is_zero(dim: int, size: int) -> None:
    codes = Coder(np.zeros(dim, np.float32)).encode(unit(5, dim).astype(np.float16))
    assert code_bytes(dim) == size and codes.bits.shape == (5, size)
    assert not np.unpackbits(codes.bits, axis=1)[:, dim:].any()


def test_the_estimate_is_near_the_dot_product_and_not_biased() -> None:
    vectors, query = clustered(4000, 96).astype(np.float16), clustered(1, 96, seed=5)[0]
    coder = Coder(mean_of([vectors]))
    estimated = coder.query(query).estimate(coder.encode(vectors))
    right = vectors.astype(np.float32) @ query
    off = estimated - right
    assert np.std(off) < 0.08
    assert np.mean(off) == pytest.approx((coder.centre - query) @ coder.centre, abs=0.01)
    assert np.corrcoef(estimated, right)[0, 1] > 0.85


def test_a_vector_in_the_centre_has_a_code_too() -> None:
    vector = unit(1, 16).astype(np.float16)
    codes = Coder(vector[0].astype(np.float32)).encode(vector)
    assert codes.scale[0] == 0 and np.isfinite(codes.offset).all()


def test_the_mean_is_that_of_all_parts() -> None:
    vectors = unit(40_000, 4).astype(np.float16)
    assert mean_of([vectors[:7], vectors[7:]]) == pytest.approx(vectors.astype(np.float64).mean(axis=0), abs=1e-6)
