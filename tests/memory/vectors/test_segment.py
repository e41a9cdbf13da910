"""Segments: sealed vector by vector, opened as they were written, damage left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hearthside.memory.vectors.coding import Coder, Codes, Halves
from hearthside.memory.vectors.manifest import Entry, new_entry
from hearthside.memory.vectors.segment import TAG_BYTES, Damaged, open_segment, write_segment
from tests.memory.vectors.reference import rows, unit

DIM = 24
_VECTOR = 2 * DIM + TAG_BYTES


def _coded(vectors: Halves) -> Codes:
    return Coder(np.zeros(DIM, np.float32)).encode(vectors)


def _written(folder: Path, count: int = 20) -> tuple[Path, Entry, Halves]:
    vectors, entry = unit(count, DIM).astype(np.float16), new_entry("segment", count)
    path = folder / entry.name
    write_segment(path, entry, np.arange(count) * 3, vectors, _coded(vectors))
    return path, entry, vectors


def test_it_opens_as_it_was_written(tmp_path: Path) -> None:
    path, entry, vectors = _written(tmp_path)
    segment = open_segment(path, entry, DIM)
    assert segment.rows.tolist() == list(range(0, 60, 3)) and len(segment) == 20
    back, opened = segment.sealed.read(np.array([19, 0, 7]))
    assert opened.all() and np.array_equal(back, vectors[[19, 0, 7]])
    codes = _coded(vectors)
    assert np.array_equal(segment.codes.bits, codes.bits) and np.array_equal(segment.codes.scale, codes.scale)
    assert segment.places[segment.find(rows(4, 6, 57, 99, -1))].tolist() == [2, 19]


def test_what_was_removed_is_left_out(tmp_path: Path) -> None:
    path, entry, vectors = _written(tmp_path)
    segment = open_segment(path, entry.without(rows(0, 5)), DIM)
    again = segment.without(segment.entry.without(rows(19)))
    assert again.rows.tolist() == [n * 3 for n in range(20) if n not in (0, 5, 19)]
    assert len(again.codes) == 17
    back, _ = again.sealed.read(again.places)
    assert np.array_equal(back, np.delete(vectors, [0, 5, 19], axis=0))
    nothing = again.without(again.entry.without(np.arange(20)))
    assert len(nothing) == 0 and len(nothing.find(rows(3))) == 0


def test_nothing_lies_in_the_clear_and_equal_vectors_look_different(tmp_path: Path) -> None:
    vectors, entry = np.repeat(unit(1, DIM), 3, axis=0).astype(np.float16), new_entry("segment", 3)
    path = tmp_path / entry.name
    write_segment(path, entry, np.arange(3), vectors, _coded(vectors))
    content = path.read_bytes()
    assert vectors[0].tobytes()[:8] not in content and entry.key not in content
    assert len({content[n * _VECTOR : (n + 1) * _VECTOR] for n in range(3)}) == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_vector_is_left_out_and_no_other(tmp_path: Path) -> None:
    path, entry, vectors = _written(tmp_path)
    content = bytearray(path.read_bytes())
    content[4 * _VECTOR + 9] ^= 1
    path.write_bytes(content)
    back, opened = open_segment(path, entry, DIM).sealed.read(np.arange(20))
    assert np.flatnonzero(~opened).tolist() == [4]
    assert np.array_equal(back[opened], np.delete(vectors, 4, axis=0)) and not back[4].any()


def test_two_vectors_that_were_swapped_do_not_open(tmp_path: Path) -> None:
    path, entry, _ = _written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[_VECTOR : 2 * _VECTOR] + content[:_VECTOR] + content[2 * _VECTOR :])
    assert open_segment(path, entry, DIM).sealed.read(np.arange(3))[1].tolist() == [False, False, True]


def test_a_damaged_table_or_length_is_noticed(tmp_path: Path) -> None:
    path, entry, _ = _written(tmp_path)
    content = path.read_bytes()
    flipped = content[:-30] + bytes([content[-30] ^ 1]) + content[-29:]
    for bad in (flipped, content[:-1], content[:100], b"", content + b"\0", content[_VECTOR:]):
        path.write_bytes(bad)
        with pytest.raises(Damaged):
            open_segment(path, entry, DIM)
    path.write_bytes(content)
    assert len(open_segment(path, entry, DIM)) == 20
    with pytest.raises(Damaged):
        open_segment(path, Entry(entry.name, entry.key, 19), DIM)


def test_a_file_cut_short_while_it_is_in_use_gives_nothing_wrong(tmp_path: Path) -> None:
    path, entry, vectors = _written(tmp_path)
    segment = open_segment(path, entry, DIM)
    with path.open("r+b") as file:
        file.truncate(3 * _VECTOR + 5)
    back, opened = segment.sealed.read(np.arange(6))
    assert opened.tolist() == [True] * 3 + [False] * 3 and np.array_equal(back[:3], vectors[:3])
