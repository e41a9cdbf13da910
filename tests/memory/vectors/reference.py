"""A slow and obvious vector store in memory, and vectors to put into both."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hearthside.memory.vectors import VectorStore

KEY, OTHER_KEY = b"\1" * 32, b"\2" * 32
MODEL = "words/1"
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def unit(count: int, dim: int, seed: int = 0) -> Floats:
    """Random vectors of unit length."""
    vectors = np.random.default_rng(seed).standard_normal((count, dim))
    found: Floats = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


def clustered(count: int, dim: int, seed: int = 0, clusters: int = 50) -> Floats:
    """Vectors in clusters, as words about the same thing are; unit length."""
    centres, noise = unit(clusters, dim, 99), unit(count, dim, seed)
    vectors = centres[np.random.default_rng(seed).integers(0, clusters, count)] + 0.6 * noise + 0.5 * centres[0]
    found: Floats = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


def rows(*numbers: int) -> Rows:
    """Row numbers."""
    return np.array(numbers, dtype=np.int64)


def open_store(folder: Path, dim: int, key: bytes = KEY) -> VectorStore:
    """The store of a folder."""
    return VectorStore(folder, key, MODEL, dim)


@dataclass
class Reference:
    """What should be in a store: its vectors in float16, by row."""

    vectors: dict[int, Floats] = field(default_factory=dict)

    def add(self, numbers: Rows, vectors: Floats) -> None:
        """Add or replace."""
        halves = vectors.astype(np.float16).astype(np.float32)
        self.vectors |= dict(zip(numbers.tolist(), halves, strict=True))

    def remove(self, numbers: Rows) -> None:
        """Remove what is there."""
        for number in numbers.tolist():
            self.vectors.pop(number, None)

    def scores(self, query: Floats, first: int | None, last: int | None, allowed: Rows | None) -> dict[int, float]:
        """Dot products by row, of those that may be found."""
        return {
            number: float(vector @ query)
            for number, vector in self.vectors.items()
            if (first is None or number >= first)
            and (last is None or number <= last)
            and (allowed is None or number in allowed)
        }

    def check(
        self,
        store: VectorStore,
        query: Floats,
        count: int,
        first: int | None = None,
        last: int | None = None,
        allowed: Rows | None = None,
    ) -> None:
        """That a store answers as it should, exactly but for the last digit of a float32."""
        found, scores = store.search(query, count, first=first, last=last, allowed=allowed)
        right = self.scores(query, first, last, allowed)
        assert len(found) == len(set(found.tolist())) == min(count, len(right))
        assert scores.dtype == np.float32 and (np.diff(scores) <= 0).all()
        assert all(abs(right[row] - score) < 1e-5 for row, score in zip(found.tolist(), scores.tolist(), strict=True))
        left = [score for row, score in right.items() if row not in set(found.tolist())]
        assert not left or not len(scores) or max(left) <= scores[-1] + 1e-5
        assert len(store) == len(self.vectors)


def bytes_in(folder: Path) -> bytes:
    """Everything that lies in a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
