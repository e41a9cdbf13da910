"""Finding vectors: the vault's store against exact search, sqlite-vec and usearch, on a set that is hard on purpose.

Run: ``.venv/bin/python benchmarks/vectors.py [--smoke] [--items N] [--no-graph]``. The set: unit vectors of 384
dimensions in 6,000 clusters whose sizes follow a power law, each with 64 directions of its own to vary in. All engines
hold the same vectors and answer the same queries by turns; what is right comes from all float32 dot products. The store
lies sealed on the disk, in the repository's ``.cache``. The last line is one JSON object:

* ``recall_at_10``: share of the ten nearest that the store finds among all; ``p50_ms``, ``p99_ms`` the time it takes.
* ``filtered_recall_at_10``: the lowest of three filters: the newest four weeks, a fifth of the time, one item in ten.
* ``p50_over_sqlite_vec``, ``p50_over_exact``: the median against sqlite-vec (int8) and NumPy (float32).
* ``open_s``: a new process opens the store and answers its first query, from after its imports.
* ``append_ms``: median of adding one vector, after which a search finds it; ``build_s``: adding all of them.
* ``recall_sqlite_vec``, ``recall_usearch``, ``p50_usearch_ms``, ``build_usearch_s``: the peers. usearch: HNSW over
  float16, 16 neighbours, 96 looked at when adding and 256 when searching, held in memory and in the clear. A million
  take it five minutes of two cores to build; ``--no-graph`` leaves it out, and its figures are null.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import numpy as np
import numpy.typing as npt
import sqlite_vec
from usearch.index import Index

from hearthside.memory.vectors import VectorStore

DIM, CLUSTERS, THEMES, DIRECTIONS, SHAPES = 384, 6000, 60, 64, 24
TEN, KEY, MODEL = 10, b"\1" * 32, "hard set"
FOUR_WEEKS = 4 * 7 * 1440  # one item a minute
FIRST_MINUTE = 29_000_000
_BLOCK = 50_000
_PEER_EVERY = 10  # slow peers answer every tenth query
_APPENDED = 50
_GRAPH = "usearch HNSW float16"
_OPEN = """
import sys, time
from pathlib import Path
import numpy as np
from hearthside.memory.vectors import VectorStore
query, began = np.load(sys.argv[2]), time.perf_counter()
VectorStore(Path(sys.argv[1]), b"\\1" * 32, "hard set", len(query)).search(query, 10)
print(time.perf_counter() - began)
"""

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Answer = Callable[[Floats], Rows]  # a query -> numbers of the items found


# -- the set -------------------------------------------------------------------------------------------------------


def hard_set(items: int, queries: int, seed: int = 3) -> tuple[Floats, Floats]:
    """Items and queries drawn the same way, of unit length."""
    rng = np.random.default_rng(seed)
    themes = _unit(rng.standard_normal((THEMES, DIM), dtype=np.float32))
    centres = 0.75 * _unit(rng.standard_normal((CLUSTERS, DIM), dtype=np.float32))
    centres += 0.65 * themes[rng.integers(0, THEMES, CLUSTERS)]
    centres += 0.35 * _unit(rng.standard_normal((1, DIM), dtype=np.float32))
    share = 1 / np.arange(1, CLUSTERS + 1) ** 0.9
    shapes = rng.standard_normal((SHAPES, DIRECTIONS, DIM), dtype=np.float32) / np.float32(np.sqrt(DIM * DIRECTIONS))
    drawn = []
    for count in (items, queries):
        cluster = rng.choice(CLUSTERS, count, p=share / share.sum())
        vectors = centres[cluster]
        for first in range(0, count, _BLOCK):
            here = slice(first, min(first + _BLOCK, count))
            vectors[here] = _varied(vectors[here], cluster[here] % SHAPES, shapes, rng)
        drawn.append(vectors)
    return drawn[0], drawn[1]


def _varied(vectors: Floats, shape: Rows, shapes: Floats, rng: np.random.Generator) -> Floats:
    count = len(vectors)
    along = rng.standard_normal((count, DIRECTIONS), dtype=np.float32) * rng.gamma(4, 0.25, (count, 1))
    for number in range(SHAPES):
        of_it = np.flatnonzero(shape == number)
        vectors[of_it] += 0.75 * along[of_it].astype(np.float32) @ shapes[number]
    return _unit(vectors + np.float32(0.012) * rng.standard_normal((count, DIM), dtype=np.float32))


def _unit(vectors: Floats) -> Floats:
    found: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return found


@dataclass(frozen=True, slots=True)
class View:
    """What a query may find: items from `first` on until before `last`, of these the `allowed`; all by default."""

    first: int
    last: int
    allowed: Rows | None = None

    def mask(self, count: int) -> npt.NDArray[np.bool_]:
        """Which items it holds."""
        held = np.zeros(count, dtype=np.bool_)
        held[self.first : self.last] = True
        if self.allowed is not None:
            held[np.setdiff1d(np.arange(count), self.allowed)] = False
        return held


def views(items: int) -> dict[str, View]:
    """Everything, and the three filters."""
    some = np.flatnonzero(np.random.default_rng(1).random(items) < 0.1)
    return {
        "all": View(0, items),
        "four weeks": View(max(0, items - FOUR_WEEKS), items),
        "a fifth": View(items // 2, items // 2 + items // 5),
        "one in ten": View(0, items, some),
    }


def truths(items: Floats, queries: Floats, wanted: dict[str, View]) -> dict[str, Rows]:
    """By view the ten nearest items of each query, (queries, 10), from all dot products."""
    masks = {name: view.mask(len(items)) for name, view in wanted.items()}
    best = {
        name: (np.full((len(queries), TEN), -2.0, np.float32), np.zeros((len(queries), TEN), int)) for name in wanted
    }
    for first in range(0, len(items), _BLOCK):
        block = queries @ items[first : first + _BLOCK].T
        for name, mask in masks.items():
            held = np.flatnonzero(mask[first : first + _BLOCK])
            if len(held):
                best[name] = _better(best[name], block[:, held], held + first)
    return {name: numbers for name, (_, numbers) in best.items()}


def _better(before: tuple[Floats, Rows], scores: Floats, numbers: Rows) -> tuple[Floats, Rows]:
    both = np.concatenate((before[0], scores), axis=1)
    which = np.concatenate((before[1], np.broadcast_to(numbers, scores.shape)), axis=1)
    top = np.argpartition(-both, TEN - 1, axis=1)[:, :TEN]
    return np.take_along_axis(both, top, axis=1), np.take_along_axis(which, top, axis=1)


# -- the engines ---------------------------------------------------------------------------------------------------


@dataclass
class Engine:
    """One way to search, and how it did.

    Attributes:
        answer: gives the ten nearest.
        build_s: seconds until it could.
        every: it answers one query in so many.
        right: the ten nearest of each query, (queries, 10).
        took: seconds of each answer.
        hits: how many of the ten nearest each answer held.
    """

    answer: Answer
    build_s: float
    every: int = 1
    right: Rows = field(default_factory=lambda: np.zeros((0, TEN), dtype=np.int64))
    took: list[float] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)

    def ask(self, query: Floats, right: Rows) -> None:
        """Answer once."""
        began = time.perf_counter()
        found = self.answer(query)
        self.took.append(time.perf_counter() - began)
        self.hits.append(len(np.intersect1d(found, right)))

    @property
    def recall(self) -> float:
        """Share of the ten nearest that was found."""
        return sum(self.hits) / (TEN * len(self.hits))

    def ms(self, percent: float) -> float:
        """A percentile of the time an answer takes, milliseconds."""
        return float(np.percentile(self.took, percent)) * 1000


def store_in(folder: Path, items: Floats) -> tuple[VectorStore, float]:
    """The vault's store with all items, one a minute, and the seconds it took to add them."""
    began = time.perf_counter()
    store = VectorStore(folder, KEY, MODEL, DIM)
    store.add(rows_of(np.arange(len(items))), items)
    store.settle()
    return store, time.perf_counter() - began


def rows_of(numbers: Rows) -> Rows:
    """Row numbers as the memory room gives them: minute << 20."""
    return (numbers + FIRST_MINUTE) << 20


def ours(store: VectorStore, view: View) -> Answer:
    """The store under a filter."""
    first, last = rows_of(np.array([view.first, view.last])).tolist()
    allowed = None if view.allowed is None else rows_of(view.allowed)

    def answer(query: Floats) -> Rows:
        found, _ = store.search(query, TEN, first=first, last=last - 1, allowed=allowed)
        return (found >> 20) - FIRST_MINUTE

    return answer


def exact(items: Floats) -> Engine:
    """All dot products in float32."""

    def answer(query: Floats) -> Rows:
        return np.argpartition(-(items @ query), TEN - 1)[:TEN]

    return Engine(answer, 0.0, _PEER_EVERY)


def sqlite_int8(folder: Path, items: Floats) -> Engine:
    """sqlite-vec over int8, whose scale leaves out one number in ten thousand."""
    began = time.perf_counter()
    scale = 127 / float(np.quantile(np.abs(items[:_BLOCK]), 0.9999))

    def small(vectors: Floats) -> npt.NDArray[np.int8]:
        return np.clip(np.round(vectors * scale), -127, 127).astype(np.int8)

    connection = apsw.Connection(str(folder / "peer.db"))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 8000000000")
    connection.execute(f"CREATE VIRTUAL TABLE item USING vec0(id INTEGER PRIMARY KEY, vector int8[{DIM}])")
    for first in range(0, len(items), _BLOCK):
        block = enumerate(small(items[first : first + _BLOCK]), first)
        with connection:
            connection.executemany(
                "INSERT INTO item VALUES (?, vec_int8(?))", ((number, one.tobytes()) for number, one in block)
            )
    sql = f"SELECT id FROM item WHERE vector MATCH vec_int8(?) AND k = {TEN}"

    def answer(query: Floats) -> Rows:
        return np.array([row[0] for row in connection.execute(sql, (small(query).tobytes(),))], dtype=np.int64)

    return Engine(answer, time.perf_counter() - began, _PEER_EVERY)


def usearch_hnsw(items: Floats) -> Engine:
    """usearch's graph over float16."""
    began = time.perf_counter()
    index = Index(ndim=DIM, metric="ip", dtype="f16", connectivity=16, expansion_add=96, expansion_search=256)
    index.add(np.arange(len(items)), items, threads=2)
    return Engine(lambda query: np.asarray(index.search(query, TEN).keys, dtype=np.int64), time.perf_counter() - began)


# -- measuring -----------------------------------------------------------------------------------------------------


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """A folder on the disk the repository lies on, not in memory."""
    base = Path(__file__).resolve().parents[1] / ".cache"
    base.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=base, prefix="vectors-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def opening(folder: Path, query: Floats) -> float:
    """Seconds in which a new process opens the store and answers."""
    np.save(folder / "query.npy", query)
    command = [sys.executable, "-c", _OPEN, str(folder), str(folder / "query.npy")]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def appending(store: VectorStore, count: int) -> float:
    """Milliseconds, at the median, to add a vector and see that it is there.

    Raises:
        SystemExit: one was not found.
    """
    took = []
    for n, vector in enumerate(hard_set(_APPENDED, 1, seed=9)[0]):
        row = rows_of(np.array([count + n]))
        began = time.perf_counter()
        store.add(row, vector[None])
        if not store.has(row)[0]:
            raise SystemExit("a vector that was added is not there")
        took.append(time.perf_counter() - began)
        if int(store.search(vector, 1)[0][0]) != int(row[0]):
            raise SystemExit("a vector that was added is not found")
    return float(np.median(took)) * 1000


def measure(count: int, asked: int, graph: bool = True) -> tuple[dict[str, Engine], dict[str, float | None]]:
    """Every engine after its queries, and the figures."""
    items, queries = hard_set(count, asked)
    wanted = views(count)
    right = truths(items, queries, wanted)
    with folder_on_disk() as folder:
        store, built = store_in(folder, items)
        opened = min(opening(folder, queries[0]) for _ in range(3))
        engines = {f"hearthside, {name}": Engine(ours(store, view), built) for name, view in wanted.items()}
        engines["sqlite-vec int8"] = sqlite_int8(folder, items)
        engines["exact, NumPy float32"] = exact(items)
        if graph:
            engines[_GRAPH] = usearch_hnsw(items)
        for name, engine in engines.items():
            engine.answer(queries[0])  # once to warm up
            engine.right = right.get(name.removeprefix("hearthside, "), right["all"])
        for n, query in enumerate(queries):
            for engine in engines.values():
                if n % engine.every == 0:
                    engine.ask(query, engine.right[n])
        appended = appending(store, count)
    return engines, _figures(engines, opened, appended, built)


def _figures(engines: dict[str, Engine], opened: float, appended: float, built: float) -> dict[str, float | None]:
    everything, sqlite, graph = engines["hearthside, all"], engines["sqlite-vec int8"], engines.get(_GRAPH)
    filtered = [engine.recall for name, engine in engines.items() if name.startswith("hearthside")][1:]
    figures: dict[str, float | None] = {
        "recall_at_10": everything.recall,
        "filtered_recall_at_10": min(filtered),
        "p50_ms": everything.ms(50),
        "p99_ms": everything.ms(99),
        "p50_over_sqlite_vec": everything.ms(50) / sqlite.ms(50),
        "p50_over_exact": everything.ms(50) / engines["exact, NumPy float32"].ms(50),
        "open_s": opened,
        "append_ms": appended,
        "build_s": built,
        "recall_sqlite_vec": sqlite.recall,
        "recall_usearch": None if graph is None else graph.recall,
        "p50_usearch_ms": None if graph is None else graph.ms(50),
        "build_usearch_s": None if graph is None else graph.build_s,
    }
    return {name: None if value is None else round(value, 4) for name, value in figures.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--items", type=int, default=1_000_000, help="how many vectors")
    parser.add_argument("--data", type=Path, help="not used; the set is made here")
    parser.add_argument("--no-graph", action="store_true", help="leave usearch out, which takes minutes to build")
    parser.add_argument("--smoke", action="store_true", help="small and quick")
    arguments = parser.parse_args()
    count, asked = (20_000, 40) if arguments.smoke else (arguments.items, 300)
    engines, figures = measure(count, asked, not arguments.no_graph)
    print(f"{count:,} vectors of {DIM} dimensions, {asked} queries by turns")
    print(f"{'':26}{'recall@10':>10}{'p50 ms':>10}{'p99 ms':>10}{'build s':>10}")
    for name, engine in engines.items():
        print(f"{name:26}{engine.recall:10.4f}{engine.ms(50):10.2f}{engine.ms(99):10.2f}{engine.build_s:10.1f}")
    print(f"first answer of a new process {figures['open_s']:.2f} s, append {figures['append_ms']:.2f} ms")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
