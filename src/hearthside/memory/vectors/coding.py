"""One bit a dimension: how vectors are coded, compared and estimated.

RaBitQ (Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for Approximate
Nearest Neighbor Search", SIGMOD 2024): a vector less the centre is rotated at random and only its signs are kept.
Hamming distance between codes gives a rough order; the signs against the unquantised query, with one factor a vector,
give an unbiased estimate of the dot product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Rows = npt.NDArray[np.int64]

_WORD_BITS = 64  # codes are compared a machine word at a time
_AT_ONCE = 16_384  # vectors coded at a time, so that the copies stay small


def code_bytes(dim: int) -> int:
    """Bytes of a code: one bit a dimension, in whole 64-bit words."""
    return -(-dim // _WORD_BITS) * (_WORD_BITS // 8)


@lru_cache(maxsize=4)
def rotation(dim: int) -> Floats:
    """The rotation of every store of this dimension, (dim, dim), orthogonal.

    The orthogonal factor of a Gaussian matrix is uniform over rotations when the other factor's diagonal is positive
    (Mezzadri, "How to generate random matrices from the classical compact groups", 2007), and then it is unique: the
    same on every machine, because NumPy has frozen the stream of `RandomState`. Made when first needed: it takes 20 to
    400 ms, which opening a vault should not.
    """
    orthogonal, upper = np.linalg.qr(np.random.RandomState(dim).standard_normal((dim, dim)))
    found: Floats = (orthogonal * np.sign(np.diag(upper))).astype(np.float32)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Codes of n vectors.

    Attributes:
        bits: (n, code_bytes(dim)), the signs after rotation; what is beyond the last dimension is 0.
        scale: (n,), what turns signs times query into the dot product with the vector less the centre.
        offset: (n,), dot product with the centre.
    """

    bits: Bits
    scale: Floats
    offset: Floats

    def __len__(self) -> int:
        return len(self.bits)

    def at(self, places: npt.NDArray[np.int64]) -> Codes:
        """Some of them."""
        # take copies a row at once, indexing number by number
        return Codes(np.take(self.bits, places, axis=0), self.scale[places], self.offset[places])


def together(codes: Sequence[Codes]) -> Codes:
    """Codes of several, one after the other; at least one."""
    return Codes(
        np.concatenate([one.bits for one in codes]),
        np.concatenate([one.scale for one in codes]),
        np.concatenate([one.offset for one in codes]),
    )


@dataclass(frozen=True, slots=True)
class Query:
    """A query as codes are compared with it: its own signs, (1, code_bytes), and itself rotated, (dim,)."""

    bits: Bits
    rotated: Floats

    def estimate(self, codes: Codes) -> Floats:
        """Estimated dot products, (n,), all too large or small by the same amount (query times centre)."""
        dim = len(self.rotated)
        signs = np.unpackbits(codes.bits, axis=1, count=dim).astype(np.float32)
        # einsum instead of a matrix product: too little work for threads, which wait for each other on a busy machine.
        ones: Floats = np.einsum("ij,j->i", signs, self.rotated)
        estimated: Floats = (2 * ones - self.rotated.sum()) * codes.scale + codes.offset
        return estimated


class Coder:
    """Codes vectors around a centre, (dim,): the mean of what is coded, or near it."""

    def __init__(self, centre: Floats) -> None:
        self.centre = centre

    def encode(self, vectors: Halves) -> Codes:
        """Codes of vectors, (n, dim)."""
        parts = [self._encode(vectors[at : at + _AT_ONCE]) for at in range(0, max(1, len(vectors)), _AT_ONCE)]
        bits, scale, offset = zip(*parts, strict=True)
        return Codes(np.concatenate(bits), np.concatenate(scale), np.concatenate(offset))

    def query(self, vector: Floats) -> Query:
        """A query, from a vector (dim,)."""
        rotated = np.asarray(np.einsum("i,ij->j", vector - self.centre, rotation(len(self.centre))), dtype=np.float32)
        return Query(_signs(rotated[None]), rotated)

    def _encode(self, halves: Halves) -> tuple[Bits, Floats, Floats]:
        vectors = halves.astype(np.float32)
        rotated = np.asarray((vectors - self.centre) @ rotation(len(self.centre)), dtype=np.float32)
        length, spread = np.einsum("ij,ij->i", rotated, rotated), np.abs(rotated).sum(axis=1)
        scale = np.divide(length, spread, out=np.zeros_like(length), where=spread > 0)
        return _signs(rotated), scale, vectors @ self.centre


def mean_of(parts: list[Halves]) -> Floats:
    """The mean of all vectors of some matrices, (dim,); at least one vector."""
    total = sum(part[at : at + _AT_ONCE].sum(axis=0, dtype=np.float64) for part in parts for at in _starts(part))
    mean: Floats = np.asarray(total / sum(map(len, parts)), dtype=np.float32)
    return mean


def _starts(part: Halves) -> range:
    return range(0, len(part), _AT_ONCE)


def _signs(rotated: Floats) -> Bits:
    packed = np.packbits(rotated > 0, axis=1)
    whole = np.zeros((len(packed), code_bytes(rotated.shape[1])), dtype=np.uint8)
    whole[:, : packed.shape[1]] = packed
    return whole
