"""Writing: forgetting for real, power cuts and kills, damage, several processes, new keys."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from hearthside.errors import NeedsPerson
from hearthside.memory.vectors import VectorStore, writing
from hearthside.memory.vectors.manifest import read_manifest
from tests.memory.vectors.reference import KEY, MODEL, OTHER_KEY, Reference, bytes_in, open_store, rows, unit

DIM = 16
_SEALED_BYTES = 2 * DIM + 16


def _files(folder: Path, suffix: str) -> list[Path]:
    return sorted((folder / "vectors").glob(f"*/*.{suffix}"))


def _filled(folder: Path, count: int = 50, seed: int = 0) -> tuple[VectorStore, Reference]:
    """A store of rows 0 to `count`, added three at a time."""
    store, right = open_store(folder, DIM), Reference()
    for first in range(0, count, 3):
        numbers = np.arange(first, min(first + 3, count))
        vectors = unit(len(numbers), DIM, seed + first)
        store.add(numbers, vectors)
        right.add(numbers, vectors)
    return store, right


def _check(store: VectorStore, right: Reference) -> None:
    for seed in range(3):
        right.check(store, unit(1, DIM, 500 + seed)[0], 12)


# -- forgetting --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("gone", [0, 13, 49])  # sealed first, in the middle, still in the tail
def test_of_a_removed_vector_no_sealed_byte_and_no_key_is_left(tmp_path: Path, gone: int) -> None:
    store, right = _filled(tmp_path)
    state = store._state
    manifest = state.manifest
    assert manifest is not None and len(_files(tmp_path, "segment")) > 2
    held = [segment for segment in state.held() if gone in segment.rows]
    if held:
        path, entry = state.folder / held[0].entry.name, held[0].entry
        place = int(held[0].places[held[0].rows == gone][0])
        sealed = path.read_bytes()[place * _SEALED_BYTES : (place + 1) * _SEALED_BYTES]
    else:
        path, entry = state.folder / manifest.tail.name, manifest.tail
        sealed = path.read_bytes()
    store.remove(rows(gone))
    right.remove(rows(gone))
    _check(store, right)
    _check(open_store(tmp_path, DIM), right)
    store.settle()
    assert not path.exists() and sealed not in bytes_in(tmp_path)
    _, after = read_manifest(state.path, KEY, MODEL)
    assert after is not None and entry.key not in {one.key for one in (after.tail, *after.segments)}
    assert after.names() == {one.name for one in (*_files(tmp_path, "segment"), *_files(tmp_path, "tail"))}
    _check(store, right)
    _check(open_store(tmp_path, DIM), right)


@pytest.mark.usefixtures("small_files")
def test_files_without_removed_vectors_are_not_written_again(tmp_path: Path) -> None:
    store, _ = _filled(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in _files(tmp_path, "segment")}
    [first] = [s.entry.name for s in store._state.held() if 0 in s.rows]
    store.remove(rows(0))
    store.settle()
    gone = {path.name for path in before} - {path.name for path in _files(tmp_path, "segment")}
    assert gone == {first}
    assert all(path.stat().st_mtime_ns == was for path, was in before.items() if path.exists())
    store.settle()  # nothing to do
    assert {path.name for path in before} - {path.name for path in _files(tmp_path, "segment")} == {first}


@pytest.mark.usefixtures("small_files")
def test_much_that_was_removed_is_written_away_without_being_asked(tmp_path: Path) -> None:
    store, right = _filled(tmp_path)
    segment = next(s for s in store._state.held() if len(s) > 8)
    gone = segment.rows[: len(segment) // 2]
    store.remove(gone)
    right.remove(gone)
    assert not (store._state.folder / segment.entry.name).exists()
    _check(store, right)


@pytest.mark.usefixtures("small_files")
def test_everything_can_be_removed_and_come_again(tmp_path: Path) -> None:
    store, right = _filled(tmp_path)
    store.remove(np.arange(50))
    assert len(store) == 0 and len(store.search(unit(1, DIM)[0], 5)[0]) == 0
    store.settle()
    assert _files(tmp_path, "segment") == [] and len(store) == 0
    store.add(np.arange(50), np.array(list(right.vectors.values())))
    _check(store, right)


# -- power cuts, kills and damage --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_files")
def test_a_torn_append_costs_itself_only_and_appending_goes_on(tmp_path: Path) -> None:
    store, right = _filled(tmp_path, 47)
    [path] = _files(tmp_path, "tail")
    before = path.stat().st_size
    extra = unit(1, DIM, 900)
    store.add(rows(100), extra)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 3)
    assert path.stat().st_size > before
    again = open_store(tmp_path, DIM)
    _check(again, right)
    assert again.has(rows(100, 46)).tolist() == [False, True]
    again.add(rows(100), extra)
    right.add(rows(100), extra)
    _check(again, right)
    _check(store, right)
    _check(open_store(tmp_path, DIM), right)
    assert not path.exists()


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("what", ["add", "settle", "move_to"])
def test_killed_before_the_new_manifest_everything_is_as_it_was(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, right = _filled(tmp_path)
    store.remove(rows(3, 20, 49))
    right.remove(rows(3, 20, 49))
    files = len(list(tmp_path.rglob("*")))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            if what == "add":
                store.add(np.arange(200, 240), unit(40, DIM))
            elif what == "settle":
                store.settle()
            else:
                store.move_to(OTHER_KEY)
    assert len(list(tmp_path.rglob("*"))) > files
    _check(open_store(tmp_path, DIM), right)
    _check(store, right)
    store.settle()
    assert len(list(tmp_path.rglob("*"))) <= files
    _check(open_store(tmp_path, DIM), right)


@pytest.mark.usefixtures("small_files")
def test_killed_before_the_old_files_are_gone_they_go_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, right = _filled(tmp_path)
    store.remove(rows(3))
    right.remove(rows(3))
    with monkeypatch.context() as patch:
        patch.setattr(writing.Writer, "_sweep", lambda *_: None)
        store.settle()
    assert len(_files(tmp_path, "tail")) + len(_files(tmp_path, "segment")) > len(store._state.held()) + 1
    again = open_store(tmp_path, DIM)
    again.settle()
    assert len(_files(tmp_path, "tail")) + len(_files(tmp_path, "segment")) == len(again._state.held()) + 1
    _check(again, right)


@pytest.mark.usefixtures("small_files")
def test_a_damaged_or_missing_segment_is_dropped_and_the_rest_stays(tmp_path: Path) -> None:
    store, right = _filled(tmp_path)
    one, two, *_ = store._state.held()
    lost = np.concatenate([one.rows, two.rows])
    kept = {row: vector for row, vector in right.vectors.items() if row not in set(lost.tolist())}
    path = store._state.folder / one.entry.name
    path.write_bytes(path.read_bytes()[:-5])
    (store._state.folder / two.entry.name).unlink()
    again = open_store(tmp_path, DIM)
    _check(again, Reference(dict(kept)))
    assert not again.has(lost).any()
    again.add(lost, np.array([right.vectors[row] for row in lost.tolist()]))
    _check(again, right)
    _check(open_store(tmp_path, DIM), right)
    assert not path.exists()


@pytest.mark.usefixtures("small_files")
def test_a_damaged_vector_is_never_answered_and_can_come_again(tmp_path: Path) -> None:
    store, right = _filled(tmp_path)
    segment = store._state.held()[0]
    row, path = int(segment.rows[2]), store._state.folder / segment.entry.name
    content = bytearray(path.read_bytes())
    content[int(segment.places[2]) * _SEALED_BYTES + 1] ^= 8
    path.write_bytes(content)
    vector = right.vectors.pop(row)
    found, _ = store.search(vector, 50)
    assert row not in found.tolist() and len(found) == 49
    _check(store, right)
    assert store.has(rows(row)).tolist() == [False]
    store.add(rows(row), vector[None])
    right.add(rows(row), vector[None])
    _check(store, right)
    store.settle()
    _check(open_store(tmp_path, DIM), right)


@pytest.mark.usefixtures("small_files")
def test_a_lost_tail_costs_what_was_in_it(tmp_path: Path) -> None:
    store, right = _filled(tmp_path)
    [path] = _files(tmp_path, "tail")
    for row in store._state.now().tail.rows.tolist():
        right.vectors.pop(row)
    path.unlink()
    again = open_store(tmp_path, DIM)
    _check(again, right)
    again.add(rows(300), unit(1, DIM))
    right.add(rows(300), unit(1, DIM))
    _check(again, right)


def test_a_damaged_manifest_leaves_an_empty_store_that_is_filled_again(tmp_path: Path) -> None:
    store, right = _filled(tmp_path)
    content = bytearray(store._state.path.read_bytes())
    content[-1] ^= 1
    store._state.path.write_bytes(content)
    again = open_store(tmp_path, DIM)
    assert len(again) == 0
    again.add(np.array(list(right.vectors)), np.array(list(right.vectors.values())))
    _check(again, right)
    assert len(_files(tmp_path, "tail")) == 1


# -- several at once ---------------------------------------------------------------------------------------------------

_PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
from hearthside.memory.vectors import VectorStore, segment, tail, writing
tail.MAX_ROWS, segment.MAX_ROWS, writing.SMALL_ROWS, writing.FEW = 8, 16, 8, 3
store = VectorStore(Path(sys.argv[1]), b"\\1" * 32, "words/1", 16)
for line in sys.stdin:
    asked = json.loads(line)
    vectors = np.array(asked["vectors"], np.float32)
    if asked["do"] == "add":
        for row, vector in zip(asked["rows"], vectors):
            store.add(np.array([row]), vector[None])
    if asked["do"] == "remove":
        store.remove(np.array(asked["rows"]))
        store.settle()
    found = [store.search(vector, 5)[0].tolist() for vector in vectors]
    print(json.dumps({"found": found, "count": len(store)}), flush=True)
"""


class _Other:
    """A store in a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", _PROGRAM, str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, do: str, numbers: np.ndarray, vectors: np.ndarray) -> None:
        """Ask for something."""
        assert self.process.stdin is not None
        print(json.dumps({"do": do, "rows": numbers.tolist(), "vectors": vectors.tolist()}), file=self.process.stdin)
        self.process.stdin.flush()

    def answer(self) -> dict[str, list[list[int]] | int]:
        """What came back."""
        assert self.process.stdout is not None
        answer: dict[str, list[list[int]] | int] = json.loads(self.process.stdout.readline())
        return answer

    def end(self) -> None:
        """Let it end."""
        self.process.communicate()
        assert self.process.returncode == 0


@pytest.mark.usefixtures("small_files")
def test_processes_see_what_others_add_and_remove_at_once(tmp_path: Path) -> None:
    store, other = open_store(tmp_path, DIM), _Other(tmp_path)
    for step in range(12):
        numbers, vectors = np.arange(step * 5, step * 5 + 5), unit(5, DIM, step)
        store.add(numbers, vectors)
        other.send("search", numbers, vectors)
        answer = other.answer()
        assert [found[0] for found in answer["found"]] == numbers.tolist() and answer["count"] == (step + 1) * 5  # type: ignore[union-attr]
    other.send("remove", np.arange(0, 60, 2), vectors[:1])
    other.answer()
    assert len(store) == 30 and not store.has(np.arange(0, 60, 2)).any()
    assert all(row % 2 for row in store.search(vectors[0], 30)[0].tolist())
    other.end()


@pytest.mark.usefixtures("small_files")
def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    others, vectors = [_Other(tmp_path) for _ in range(2)], unit(120, DIM)
    for n, other in enumerate(others):
        other.send("add", np.arange(n, 120, 2), vectors[n::2])
    for other in others:
        other.answer()
        other.end()
    right = Reference()
    right.add(np.arange(120), vectors)
    _check(open_store(tmp_path, DIM), right)


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("until", [3, 60, 150])
def test_a_writer_that_is_killed_leaves_nothing_wrong(tmp_path: Path, until: int) -> None:
    store, other, vectors = open_store(tmp_path, DIM), _Other(tmp_path), unit(400, DIM)
    other.send("add", np.arange(400), vectors)
    while len(store) < until:
        assert other.process.poll() is None
    other.process.kill()
    other.process.communicate()
    there = np.flatnonzero(store.has(np.arange(400)))
    assert len(there) >= until and np.array_equal(there, np.arange(len(there)))
    right = Reference()
    right.add(there, vectors[there])
    _check(store, right)
    _check(open_store(tmp_path, DIM), right)
    store.add(np.arange(400), vectors)
    right.add(np.arange(400), vectors)
    store.settle()
    _check(store, right)
    named = len(store._state.held()) + 1
    assert len(_files(tmp_path, "tail")) + len(_files(tmp_path, "segment")) == named


@pytest.mark.usefixtures("small_files")
def test_threads_search_while_one_writes(tmp_path: Path) -> None:
    store, vectors = open_store(tmp_path, DIM), unit(300, DIM)
    faults, done = list[str](), threading.Event()
    store.add(rows(0), vectors[:1])

    def look() -> None:
        while not done.is_set():
            before = len(store)
            found, scores = store.search(vectors[0], 400)
            right = vectors[found].astype(np.float16).astype(np.float32) @ vectors[0]
            if found[0] != 0 or len(found) < before or not np.allclose(scores, right, atol=1e-5):
                faults.append(f"{len(found)} of {before}")

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(1, 300, 3):
        store.add(np.arange(n, min(n + 3, 300)), vectors[n : n + 3])
    done.set()
    for thread in threads:
        thread.join()
    assert faults == [] and len(store) == 300


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_files")
def test_another_key_opens_nothing_and_writes_nothing(tmp_path: Path) -> None:
    _, right = _filled(tmp_path)
    before = bytes_in(tmp_path)
    stranger = open_store(tmp_path, DIM, OTHER_KEY)
    for attempt in (
        lambda: stranger.search(unit(1, DIM)[0], 5),
        lambda: len(stranger),
        lambda: stranger.has(rows(1)),
        lambda: stranger.add(rows(1), unit(1, DIM)),
        lambda: stranger.remove(rows(1)),
        stranger.settle,
        lambda: stranger.drop(MODEL),
    ):
        with pytest.raises(NeedsPerson) as caught:
            attempt()
        assert caught.value.code == "vectors-key-wrong"
    assert bytes_in(tmp_path) == before
    _check(open_store(tmp_path, DIM), right)


@pytest.mark.usefixtures("small_files")
def test_new_keys_are_for_everything_and_others_go_on_reading_until_they_are_told(tmp_path: Path) -> None:
    store, right = _filled(tmp_path)
    other = open_store(tmp_path, DIM)
    _check(other, right)
    _, before = read_manifest(store._state.path, KEY, MODEL)
    steps: list[tuple[int, int]] = []
    store.move_to(OTHER_KEY, lambda done, total: steps.append((done, total)))
    _, after = read_manifest(store._state.path, OTHER_KEY, MODEL)
    assert before is not None and after is not None and not before.names() & after.names()
    assert not {e.key for e in (before.tail, *before.segments)} & {e.key for e in (after.tail, *after.segments)}
    assert steps == [(n + 1, len(steps)) for n in range(len(steps))] and steps
    _check(store, right)
    _check(other, right)
    with pytest.raises(NeedsPerson):
        other.add(rows(900), unit(1, DIM))
    other.use_key(OTHER_KEY)
    other.add(rows(900), unit(1, DIM))
    right.add(rows(900), unit(1, DIM))
    for one in (store, other, open_store(tmp_path, DIM, OTHER_KEY)):
        _check(one, right)


def test_what_a_change_of_keys_left_behind_is_dropped(tmp_path: Path) -> None:
    for model, key in (("a", KEY), ("b", OTHER_KEY), ("c", KEY)):
        VectorStore(tmp_path, key, model, DIM).add(rows(1), unit(1, DIM))
    assert VectorStore.drop_unless_it_opens(tmp_path, OTHER_KEY) == ["a", "c"]
    assert VectorStore.models(tmp_path) == ["b"] and len(VectorStore(tmp_path, OTHER_KEY, "b", DIM)) == 1
    assert VectorStore.drop_unless_it_opens(tmp_path, OTHER_KEY) == []


# -- centres -----------------------------------------------------------------------------------------------------------


def test_the_centre_follows_when_there_is_much_more(tmp_path: Path) -> None:
    store, early = open_store(tmp_path, DIM), unit(5000, DIM)
    store.add(np.arange(5000), early)
    first = store._state.now().coder
    later = unit(30_000, DIM, 5) + np.float32(2) * unit(1, DIM, 6)
    later /= np.linalg.norm(later, axis=1, keepdims=True)
    store.add(np.arange(5000, 35_000), later)
    second = store._state.now().coder
    assert first is not None and second is not None
    assert first.centre == pytest.approx(early.mean(axis=0), abs=1e-3)
    assert second.centre == pytest.approx(np.concatenate([early, later]).mean(axis=0), abs=1e-3)
    for held in store._state.held():
        vectors, _ = held.sealed.read(held.places)
        assert np.array_equal(held.codes.bits, second.encode(vectors).bits)
    query = later[7]
    best = np.argsort(-(np.concatenate([early, later]) @ query))[:10]
    assert len(set(best.tolist()) & set(store.search(query, 10)[0].tolist())) >= 9
