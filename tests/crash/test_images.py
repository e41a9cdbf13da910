"""The disk in memory: what was synced is always left, what was not may be left in any of the ways a disk has."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from crash.images import (
    ROOT,
    SECTOR,
    Disk,
    FailedSync,
    Image,
    Make,
    Operation,
    Remove,
    Rename,
    Sync,
    Truncate,
    Write,
    write_image,
)

A, B, FOLDER = 1, 2, 3
CUTS = 300


def _left(operations: Sequence[Operation], cuts: int = CUTS) -> list[Image]:
    disk = Disk()
    for operation in operations:
        disk.apply(operation)
    return [disk.after_a_cut(random.Random(seed)) for seed in range(cuts)]


def _one_of_each(operations: Sequence[Operation], look: Callable[[Image], object]) -> set[object]:
    return {look(image) for image in _left(operations)}


KEPT: tuple[Operation, ...] = (Make(A, ROOT, "a"), Write(A, 0, b"old"), Sync(A), Sync(ROOT))


def test_what_was_synced_is_always_there() -> None:
    assert _one_of_each(KEPT, lambda image: image["a"]) == {b"old"}
    assert _one_of_each([*KEPT, Write(A, 0, b"new"), Sync(A)], lambda image: image["a"]) == {b"new"}


def test_what_was_not_synced_may_be_there_or_not() -> None:
    assert _one_of_each([*KEPT, Write(A, 0, b"new")], lambda image: image["a"]) == {b"old", b"new"}
    assert _one_of_each([*KEPT, Truncate(A, 1)], lambda image: image["a"]) == {b"old", b"o"}


def test_a_name_needs_its_folder_synced() -> None:
    made: list[Operation] = [Make(A, ROOT, "a"), Write(A, 0, b"x"), Sync(A)]
    assert _one_of_each(made, lambda image: image.get("a")) == {None, b"x"}
    assert _one_of_each([*made, Sync(ROOT)], lambda image: image.get("a")) == {b"x"}


def test_a_rename_before_the_sync_may_leave_an_empty_file() -> None:
    hasty: list[Operation] = [*KEPT, Make(B, ROOT, "b"), Write(B, 0, b"new"), Rename(ROOT, "b", ROOT, "a")]
    assert _one_of_each(hasty, lambda image: image["a"]) == {b"old", b"", b"new"}
    right: list[Operation] = [*KEPT, Make(B, ROOT, "b"), Write(B, 0, b"new"), Sync(B), Rename(ROOT, "b", ROOT, "a")]
    assert _one_of_each(right, lambda image: image["a"]) == {b"old", b"new"}
    assert _one_of_each([*right, Sync(ROOT)], lambda image: image["a"]) == {b"new"}


def test_a_removed_file_may_come_back_until_the_folder_is_synced() -> None:
    assert _one_of_each([*KEPT, Remove(ROOT, "a")], lambda image: image.get("a")) == {None, b"old"}
    assert _one_of_each([*KEPT, Remove(ROOT, "a"), Sync(ROOT)], lambda image: image.get("a")) == {None}


def test_a_folder_that_was_not_synced_takes_everything_in_it_along() -> None:
    made: list[Operation] = [Make(FOLDER, ROOT, "f", is_folder=True), Make(A, FOLDER, "a"), Write(A, 0, b"x")]
    made += [Sync(A), Sync(FOLDER)]
    assert _one_of_each(made, lambda image: image.get("f/a")) == {None, b"x"}
    assert _one_of_each([*made, Sync(ROOT)], lambda image: image.get("f/a")) == {b"x"}


def test_sectors_are_left_in_any_combination_but_never_in_halves() -> None:
    new = bytes([1]) * SECTOR + bytes([2]) * SECTOR
    old = bytes(2 * SECTOR)
    begun: list[Operation] = [Make(A, ROOT, "a"), Write(A, 0, old), Sync(A), Sync(ROOT), Write(A, 0, new)]
    left = _one_of_each(begun, lambda image: image["a"])
    assert left == {old, new, new[:SECTOR] + old[SECTOR:], old[:SECTOR] + new[SECTOR:]}


def test_a_failed_sync_loses_what_it_should_have_kept() -> None:
    failed: list[Operation] = [*KEPT, Write(A, 0, b"new"), FailedSync(A)]
    assert _one_of_each(failed, lambda image: image["a"]) == {b"old"}
    assert _one_of_each([*failed, Sync(A)], lambda image: image["a"]) == {b"old"}
    assert _one_of_each([*failed, Write(A, 0, b"new"), Sync(A)], lambda image: image["a"]) == {b"new"}


def test_the_same_seed_leaves_the_same(tmp_path: Path) -> None:
    operations = [*KEPT, Write(A, 0, bytes(range(256)) * 20), Make(B, ROOT, "b"), Make(FOLDER, ROOT, "f", True)]
    assert _left(operations, 20) == _left(operations, 20)
    write_image({"f": None, "f/a": b"x"}, tmp_path / "image")
    assert (tmp_path / "image" / "f" / "a").read_bytes() == b"x"


_WRITES = st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=1500), st.booleans()), max_size=12)


@settings(max_examples=60, deadline=None)
@given(_WRITES, st.integers(0, 1000))
def test_every_byte_left_was_once_written_there(writes: list[tuple[int, bytes, bool]], seed: int) -> None:
    disk = Disk()
    disk.apply(Make(A, ROOT, "a"))
    disk.apply(Sync(ROOT))
    certain, possible = bytearray(), dict[int, set[int]]()
    now = bytearray()
    for offset, data, synced in writes:
        disk.apply(Write(A, offset, data))
        now.extend(bytes(max(0, offset + len(data) - len(now))))
        now[offset : offset + len(data)] = data
        for place, byte in enumerate(data, offset):
            possible.setdefault(place, {0}).add(byte)
        if synced:
            disk.apply(Sync(A))
            certain, possible = bytearray(now), {}
    left = disk.after_a_cut(random.Random(seed))["a"]
    assert left is not None
    assert len(certain) <= len(left) <= len(now)
    before = bytes(certain).ljust(len(left), b"\0")
    assert all(byte == before[place] or byte in possible.get(place, ()) for place, byte in enumerate(left))
