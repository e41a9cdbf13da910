"""The store against an obvious one: adds, removals, filters, reopening and new keys in any order."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hearthside.memory.vectors import VectorStore, scanning, segment, tail, writing
from hearthside.memory.vectors.scanning import by_faiss, by_numpy
from tests.memory.vectors.reference import KEY, MODEL, Reference, bytes_in, clustered, open_store, rows, unit

DIM = 12
_NUMBERS = st.integers(0, 60)


class AnyOrder(RuleBasedStateMachine):
    """Whatever is done in whatever order, two stores on one folder answer like the obvious one."""

    def __init__(self) -> None:
        super().__init__()
        self.folder, self.keys, self.seeds = tempfile.TemporaryDirectory(), itertools.count(5), itertools.count()
        self.key = KEY
        self.store, self.other = self._open(), self._open()
        self.right = Reference()

    def _open(self) -> VectorStore:
        return VectorStore(Path(self.folder.name), self.key, MODEL, DIM)

    @rule(numbers=st.lists(_NUMBERS, max_size=40))
    def add(self, numbers: list[int]) -> None:
        """New rows and replaced ones, some twice in one call."""
        vectors = unit(len(numbers), DIM, next(self.seeds))
        self.store.add(np.array(numbers, np.int64), vectors)
        self.right.add(np.array(numbers, np.int64), vectors)

    @rule(numbers=st.lists(_NUMBERS, max_size=12))
    def remove(self, numbers: list[int]) -> None:
        """Rows that are there and rows that are not."""
        self.store.remove(np.array(numbers, np.int64))
        self.right.remove(np.array(numbers, np.int64))

    @rule()
    def settle(self) -> None:
        """What was removed is written away."""
        self.store.settle()
        assert not any(_dead(self.store))

    @rule()
    def swap(self) -> None:
        """The other one writes from now on."""
        self.store, self.other = self.other, self.store

    @rule()
    def reopen(self) -> None:
        """As after a restart."""
        self.store.close()
        self.store = self._open()

    @rule()
    def change_key(self) -> None:
        """New keys for everything; the other one is told."""
        self.key = bytes([next(self.keys)]) * 32
        self.store.move_to(self.key)
        self.other.use_key(self.key)

    @rule(first=_NUMBERS, length=st.integers(0, 30), count=st.integers(0, 50), seed=st.integers(0, 5))
    def search_a_span(self, first: int, length: int, count: int, seed: int) -> None:
        """A time is a span of rows."""
        self.right.check(self.other, unit(1, DIM, seed)[0], count, first=first, last=first + length)

    @rule(allowed=st.sets(_NUMBERS), seed=st.integers(0, 5), last=st.none() | _NUMBERS)
    def search_among(self, allowed: set[int], seed: int, last: int | None) -> None:
        """A place or a person is a set of rows."""
        self.right.check(self.other, unit(1, DIM, seed)[0], 10, last=last, allowed=rows(*sorted(allowed)))

    @invariant()
    def both_answer_right(self) -> None:
        """At any moment, in both."""
        for store in (self.store, self.other):
            self.right.check(store, unit(1, DIM, 77)[0], 7)
            assert np.flatnonzero(store.has(np.arange(62))).tolist() == sorted(self.right.vectors)

    def teardown(self) -> None:
        """Nothing stays."""
        self.folder.cleanup()


def _dead(store: VectorStore) -> list[int]:
    manifest = store._state.manifest
    return [] if manifest is None else [len(entry.dead) for entry in (manifest.tail, *manifest.segments)]


@pytest.mark.usefixtures("small_files")
def test_any_order_gives_what_the_obvious_store_gives() -> None:
    AnyOrder.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
    AnyOrder.TestCase().runTest()


def test_the_small_files_are_really_made(small_files: None, tmp_path: Path) -> None:
    store = open_store(tmp_path, DIM)
    for n in range(30):
        store.add(np.arange(n * 3, n * 3 + 3), unit(3, DIM, n))
    names = sorted(path.suffix for path in (tmp_path / "vectors").glob("*/*"))
    assert names.count(".tail") == 1 and 3 <= names.count(".segment") <= 12
    assert (tail.MAX_ROWS, segment.MAX_ROWS, writing.FEW) == (8, 16, 3)


@pytest.mark.parametrize("scan", [by_faiss, by_numpy])
def test_most_of_the_nearest_are_found_where_not_all_are_looked_at(tmp_path: Path, scan: scanning.Scanner) -> None:
    vectors, queries = clustered(30_000, 64), clustered(40, 64, seed=7)
    numbers = np.random.default_rng(1).permutation(30_000) * 5
    store = VectorStore(tmp_path, KEY, MODEL, 64, scan=scan)
    store.add(numbers, vectors)
    allowed = np.sort(numbers[::4])
    for first, last, among in ((0, 10**9, None), (20_000, 90_000, None), (0, 10**9, allowed)):
        scores = vectors @ queries.T
        scores[(numbers < first) | (numbers > last) | ~np.isin(numbers, numbers if among is None else among)] = -1
        hits = 0
        for n, query in enumerate(queries):
            best = set(numbers[np.argsort(-scores[:, n])[:10]].tolist())
            hits += len(best & set(store.search(query, 10, first=first, last=last, allowed=among)[0].tolist()))
        assert hits >= 0.97 * 10 * len(queries)


def test_faiss_and_numpy_give_the_same_answers(tmp_path: Path) -> None:
    vectors = np.concatenate([clustered(20_000, 32), np.repeat(unit(1, 32), 3000, axis=0)])
    store = VectorStore(tmp_path, KEY, MODEL, 32, scan=by_faiss)
    store.add(np.arange(23_000), vectors)
    other = VectorStore(tmp_path, KEY, MODEL, 32, scan=by_numpy)
    for query in (*clustered(20, 32, seed=3), unit(1, 32)[0]):
        ours, theirs = store.search(query, 25), other.search(query, 25)
        assert np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1])


def test_thousands_of_equal_vectors_do_not_hide_each_other(tmp_path: Path) -> None:
    store = open_store(tmp_path, 32)
    store.add(np.arange(9000), np.repeat(unit(1, 32), 9000, axis=0))
    found, scores = store.search(unit(1, 32)[0], 2000)
    assert len(set(found.tolist())) == 2000 and np.allclose(scores, 1, atol=1e-3)


def test_many_can_be_asked_for(tmp_path: Path) -> None:
    store, vectors = open_store(tmp_path, 16), clustered(6000, 16)
    store.add(np.arange(6000), vectors)
    assert len(store.search(vectors[0], 5000)[0]) == 5000
    assert len(store.search(vectors[0], 9000)[0]) == 6000


def test_an_empty_store_answers_and_writes_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path, DIM)
    found, scores = store.search(unit(1, DIM)[0], 10)
    assert len(found) == len(scores) == len(store) == 0
    assert store.has(rows(1, 2)).tolist() == [False, False] and store.models(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    store.add(rows(), unit(0, DIM))
    store.remove(rows(4))
    store.settle()
    store.move_to(b"\4" * 32)
    assert store.models(tmp_path) == [] and len(store) == 0


@pytest.mark.parametrize(
    ("numbers", "vectors"),
    [
        (rows(1), unit(2, DIM)),
        (rows(1), unit(1, DIM + 1)),
        (rows(1), unit(1, DIM)[0]),
        (rows(1), np.full((1, DIM), np.nan, np.float32)),
        (rows(1), np.full((1, DIM), 1e6, np.float32)),
    ],
)
def test_what_does_not_fit_is_not_taken(tmp_path: Path, numbers: np.ndarray, vectors: np.ndarray) -> None:
    store = open_store(tmp_path, DIM)
    with pytest.raises(ValueError, match=r"were expected|not finite"):
        store.add(numbers, vectors)
    assert len(store) == 0


def test_a_query_must_fit_too(tmp_path: Path) -> None:
    store = open_store(tmp_path, DIM)
    with pytest.raises(ValueError, match="a query has shape"):
        store.search(unit(1, DIM), 3)
    with pytest.raises(ValueError, match="ascending"):
        store.search(unit(1, DIM)[0], 3, allowed=rows(3, 2))


def test_models_do_not_meet(tmp_path: Path) -> None:
    one, two = VectorStore(tmp_path, KEY, "small/e5", 8), VectorStore(tmp_path, KEY, "large e5é..", 4)
    one.add(rows(1, 2), unit(2, 8))
    two.add(rows(2, 3, 4), unit(3, 4))
    assert one.models(tmp_path) == ["large e5é..", "small/e5"]
    assert one.search(unit(1, 8)[0], 9)[0].tolist() != two.search(unit(1, 4)[0], 9)[0].tolist()
    assert (len(one), len(two)) == (2, 3)
    two.drop("small/e5")
    assert two.models(tmp_path) == ["large e5é.."] and len(one) == 0 and len(two) == 3
    assert len(one.search(unit(1, 8)[0], 9)[0]) == 0
    one.add(rows(5), unit(1, 8))
    one.drop("small/e5")
    one.drop("never there")
    assert len(one) == 0 and len(VectorStore(tmp_path, KEY, "small/e5", 8)) == 0


@pytest.mark.usefixtures("small_files")
def test_rows_and_vectors_are_given_back(tmp_path: Path) -> None:
    store, vectors = open_store(tmp_path, DIM), unit(40, DIM)
    store.add(np.arange(40)[::-1] * 2, vectors)
    store.add(rows(100, 101), unit(2, DIM, 5))
    store.remove(rows(4, 101))
    assert sorted(store.rows().tolist()) == [*range(0, 4, 2), *range(6, 80, 2), 100]
    found, there = store.vectors(rows(78, 4, 0, 77, 100, 101))
    assert there.tolist() == [True, False, True, False, True, False]
    right = [vectors[0], np.zeros(DIM), vectors[39], np.zeros(DIM), unit(2, DIM, 5)[0], np.zeros(DIM)]
    assert np.array_equal(found, np.array(right).astype(np.float16))
    assert open_store(tmp_path / "empty", DIM).vectors(rows(1))[1].tolist() == [False]


@pytest.mark.usefixtures("small_files")
def test_of_equals_the_newest_comes_first(tmp_path: Path) -> None:
    store = open_store(tmp_path, DIM)
    store.add(rows(3, 9, 5, 1, 7, 30, 20, 11, 13, 2), np.repeat(unit(1, DIM), 10, axis=0))
    store.add(rows(15, 4), np.repeat(unit(1, DIM), 2, axis=0))
    assert store.search(unit(1, DIM)[0], 4)[0].tolist() == [30, 20, 15, 13]


def test_what_another_folder_holds_is_taken_over(tmp_path: Path) -> None:
    new, old = VectorStore(tmp_path / "new", KEY, "b/1", DIM), open_store(tmp_path, DIM)
    old.add(rows(1), unit(1, DIM))
    new.add(rows(2, 3), unit(2, DIM))
    new.settle()
    VectorStore.take_in(tmp_path, tmp_path / "new")
    assert VectorStore.models(tmp_path) == ["b/1", MODEL] and VectorStore.models(tmp_path / "new") == []
    assert len(VectorStore(tmp_path, KEY, "b/1", DIM)) == 2 and len(old) == 1
    VectorStore.take_in(tmp_path, tmp_path / "nothing")
    assert len(VectorStore.models(tmp_path)) == 2


def test_all_but_some_are_dropped(tmp_path: Path) -> None:
    VectorStore.drop_others(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
    for name in ("a/1", "b/1", "c"):
        VectorStore(tmp_path, KEY, name, DIM).add(rows(1), unit(1, DIM))
    (tmp_path / "vectors" / "a%2F1" / "manifest").unlink()  # a drop that was cut off
    VectorStore.drop_others(tmp_path, {"b/1", "never there"})
    assert VectorStore.models(tmp_path) == ["b/1"]
    assert [path.name for path in (tmp_path / "vectors").glob("*/")] == ["b%2F1"]


@pytest.mark.parametrize("name", [".", "..", ".lock", "../../x", "a b%2Fc", "模型"])
def test_any_name_of_a_model_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    VectorStore(tmp_path / "vault", KEY, name, DIM).add(rows(1), unit(1, DIM))
    assert [path.name for path in tmp_path.iterdir()] == ["vault"]
    assert [path.name for path in (tmp_path / "vault").iterdir()] == ["vectors"]
    assert VectorStore.models(tmp_path / "vault") == [name]
    with pytest.raises(ValueError, match="has a name"):
        VectorStore(tmp_path, KEY, "", DIM)


def test_a_model_keeps_its_dimensions(tmp_path: Path) -> None:
    open_store(tmp_path, 8).add(rows(1), unit(1, 8))
    with pytest.raises(ValueError, match="8 dimensions, not 9"):
        len(open_store(tmp_path, 9))


def test_nothing_lies_in_the_clear(tmp_path: Path) -> None:
    store, vectors = open_store(tmp_path, 16), unit(5000, 16)
    store.add(np.arange(4500), vectors[:4500])
    store.add(np.arange(4500, 5000), vectors[4500:])
    content = bytes_in(tmp_path)
    assert not any(vector.tobytes() in content for vector in vectors[[0, 4499, 4500, 4999]].astype(np.float16))
    assert np.arange(4).tobytes() not in content and KEY not in content
    assert {path.stat().st_mode & 0o77 for path in tmp_path.rglob("*")} == {0}
