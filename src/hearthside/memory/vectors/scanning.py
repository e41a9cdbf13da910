"""The nearest codes by Hamming distance: faiss where it is installed, NumPy otherwise, with the same answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hearthside.logs import logger
from hearthside.memory.vectors.coding import Bits

Places = npt.NDArray[np.int64]

# (one code (1, bytes), codes (n, bytes), how many) -> distances and places of the nearest, by (distance, place).
Scanner = Callable[[Bits, Bits, int], tuple[npt.NDArray[np.int32], Places]]

_AT_ONCE = 65_536  # codes compared at a time by NumPy: the intermediate bytes stay in the cache
_log = logger("memory")


@lru_cache(maxsize=1)
def scanner() -> Scanner:
    """The fastest scanner there is. faiss is imported here, at the first search, so that the station starts at once."""
    try:
        import faiss  # noqa: F401
    except ImportError:
        _log.warning("faiss is not installed; vectors are compared by NumPy, about eight times slower")
        return by_numpy
    return by_faiss


def by_faiss(query: Bits, codes: Bits, count: int) -> tuple[npt.NDArray[np.int32], Places]:
    """A `Scanner`. The counting variant keeps, of equal distances, those that come first."""
    import faiss

    # One thread: a scan takes milliseconds, and two that wait for each other on a busy machine take a hundred times as
    # long. OpenMP keeps the number for each thread, so it is set each time.
    faiss.omp_set_num_threads(1)
    distances, places = faiss.knn_hamming(query, codes, min(count, len(codes)), variant="mc")
    return distances[0], places[0]


def by_numpy(query: Bits, codes: Bits, count: int) -> tuple[npt.NDArray[np.int32], Places]:
    """A `Scanner` without faiss."""
    count = min(count, len(codes))
    distances = _distances(query, codes)
    most = int(np.searchsorted(np.bincount(distances).cumsum(), count))
    near = np.flatnonzero(distances <= most)
    near = near[np.argsort(distances[near], kind="stable")][:count]
    return distances[near].astype(np.int32), near


def nearest_of(query: Bits, parts: Sequence[Bits], count: int, scan: Scanner) -> tuple[npt.NDArray[np.int64], Places]:
    """The nearest over several parts: for each which part it is of and its place there, nearest first."""
    found = [scan(query, codes, count) for codes in parts]
    distances = np.concatenate([distance for distance, _ in found]).astype(np.uint16)
    places = np.concatenate([place for _, place in found])
    part = np.repeat(np.arange(len(parts)), [len(place) for _, place in found])
    best = np.argsort(distances, kind="stable")[:count]
    return part[best], places[best]


def _distances(query: Bits, codes: Bits) -> npt.NDArray[np.uint16]:
    words, wanted = codes.view(np.uint64), query.view(np.uint64)[0]
    found = np.empty(len(codes), dtype=np.uint16)
    for at in range(0, len(codes), _AT_ONCE):
        counts = np.bitwise_count(words[at : at + _AT_ONCE] ^ wanted)
        here = found[at : at + _AT_ONCE]
        here[:] = counts[:, 0]
        for column in range(1, counts.shape[1]):  # faster than a sum over so short an axis
            here += counts[:, column]
    return found
