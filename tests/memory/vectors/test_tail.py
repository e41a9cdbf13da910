"""The tail: what was appended whole is there, what was torn or damaged is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hearthside.memory.vectors.manifest import Entry, new_entry
from hearthside.memory.vectors.tail import Tail, write_tail
from tests.memory.vectors.reference import rows, unit

DIM = 4
_NO_ROWS = np.zeros(0, np.int64)


def _written(folder: Path) -> tuple[Path, Entry, list[int]]:
    """A tail of three frames of 2, 1 and 3 vectors, and where each frame ends."""
    entry = new_entry("tail")
    path = folder / entry.name
    write_tail(path, entry, _NO_ROWS, unit(0, DIM).astype(np.float16))
    ends, vectors = [0], unit(6, DIM).astype(np.float16)
    for low, high in ((0, 2), (2, 3), (3, 6)):
        tail = Tail(path, entry, DIM)
        tail.take()
        tail.append(np.arange(low, high) * 10, vectors[low:high])
        ends.append(path.stat().st_size)
    return path, entry, ends


def test_a_reader_sees_what_another_appends(tmp_path: Path) -> None:
    entry = new_entry("tail")
    path = tmp_path / entry.name
    write_tail(path, entry, rows(7), unit(1, DIM).astype(np.float16))
    reader, writer = Tail(path, entry, DIM), Tail(path, entry, DIM)
    for tail in (reader, writer):
        tail.take()
    assert reader.view(_NO_ROWS).rows.tolist() == [7]
    vectors = unit(2, DIM, seed=4).astype(np.float16)
    writer.append(rows(9, 8), vectors)
    early = reader.view(_NO_ROWS)
    reader.take()
    view = reader.view(rows(1))
    assert early.rows.tolist() == [7]
    assert view.rows.tolist() == [7, 9, 8] and view.alive.tolist() == [True, False, True]
    assert np.array_equal(view.vectors[1:], vectors.astype(np.float32)) and not reader.torn()
    assert view.find(rows(7, 8, 9, 1)).tolist() == [0, 2]


def test_torn_at_any_byte_it_keeps_the_frames_before(tmp_path: Path) -> None:
    path, entry, ends = _written(tmp_path)
    content = path.read_bytes()
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        tail = Tail(path, entry, DIM)
        tail.take()
        frames = sum(size >= end for end in ends[1:])
        assert tail.view(_NO_ROWS).rows.tolist() == [0, 10, 20, 30, 40, 50][: (0, 2, 3, 6)[frames]]
        assert tail.torn() == (size not in ends)


def test_a_flipped_byte_costs_its_frame_or_what_follows_and_never_shows(tmp_path: Path) -> None:
    path, entry, ends = _written(tmp_path)
    content = path.read_bytes()
    whole = dict(zip(range(0, 60, 10), unit(6, DIM).astype(np.float16).astype(np.float32), strict=True))
    for at in range(len(content)):
        bad = bytearray(content)
        bad[at] ^= 0x41
        path.write_bytes(bad)
        tail = Tail(path, entry, DIM)
        tail.take()
        view = tail.view(_NO_ROWS)
        found = view.rows[view.alive].tolist()
        frame = sum(at >= end for end in ends[1:])
        before, others = [0, 10, 20, 30, 40, 50][: (0, 2, 3)[frame]], ([20, 30, 40, 50], [30, 40, 50], [])[frame]
        in_length = at - ends[frame] < 4
        assert found == before if in_length else found == before + others, at
        assert all(
            np.array_equal(whole[row], vector) for row, vector in zip(found, view.vectors[view.alive], strict=True)
        )


def test_frames_in_another_order_do_not_open(tmp_path: Path) -> None:
    path, entry, ends = _written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[ends[1] : ends[2]] + content[: ends[1]] + content[ends[2] :])
    tail = Tail(path, entry, DIM)
    tail.take()
    view = tail.view(_NO_ROWS)
    assert view.rows[view.alive].tolist() == [30, 40, 50]


def test_zeros_that_a_power_cut_left_are_a_torn_end(tmp_path: Path) -> None:
    path, entry, ends = _written(tmp_path)
    path.write_bytes(path.read_bytes()[: ends[2]] + bytes(400))
    tail = Tail(path, entry, DIM)
    tail.take()
    assert tail.view(_NO_ROWS).rows.tolist() == [0, 10, 20] and tail.torn()
