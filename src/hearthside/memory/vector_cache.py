"""Vectors of one model in memory, compared exactly: what finds by meaning until a vault needs more than that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class VectorCache:
    """Vectors by row, float32, searched as `hearthside.memory.vectors.VectorStore` is.

    Attributes:
        model: of the embedding model; state: of the index when they were loaded.
    """

    def __init__(self, model: str, state: str, rows: Sequence[int], vectors: Sequence[bytes]) -> None:
        """Rows in ascending order, and for each its vector in float16."""
        self.model, self.state = model, state
        self._rows = np.array(rows, dtype=np.int64)
        halves = [np.frombuffer(vector, dtype=np.float16) for vector in vectors]
        self._matrix = np.array(halves, dtype=np.float32) if halves else np.zeros((0, 1), dtype=np.float32)

    def search(
        self, query: Floats, k: int, *, first: int | None = None, last: int | None = None, allowed: Rows | None = None
    ) -> tuple[Rows, Floats]:
        """The nearest vectors.

        Args:
            query: (dim,), of unit length.
            k: how many, at most.
            first, last: only rows in [first, last].
            allowed: only these rows, ascending.

        Returns:
            Rows (m,) and dot products (m,), best first; of equals the newest.
        """
        chosen = np.arange(
            0 if first is None else np.searchsorted(self._rows, first),
            len(self._rows) if last is None else np.searchsorted(self._rows, last, side="right"),
        )
        if allowed is not None:
            chosen = chosen[np.isin(self._rows[chosen], allowed, assume_unique=True)]
        if not len(chosen):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        scores = self._matrix[chosen] @ query
        best = np.lexsort((-self._rows[chosen], -scores))[: max(0, k)]
        return self._rows[chosen][best], scores[best]
