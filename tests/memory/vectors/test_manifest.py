"""The manifest: opened whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hearthside.errors import NeedsPerson
from hearthside.memory.vectors.manifest import (
    Manifest,
    check_key,
    new_entry,
    read_manifest,
    stamp_of,
    write_manifest,
)
from tests.memory.vectors.reference import KEY, MODEL, OTHER_KEY, rows


def _manifest() -> Manifest:
    segment = new_entry("segment", 9).without(rows(3, 1)).without(rows(1, 8))
    return Manifest(4, new_entry("tail"), (segment,), np.array([0.25, 0, -1, 3], np.float32), 9)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    path, manifest = tmp_path / "manifest", _manifest()
    write_manifest(path, KEY, MODEL, manifest)
    stamp, back = read_manifest(path, KEY, MODEL)
    assert stamp == stamp_of(path) and back is not None
    assert (back.dim, back.centred_at, back.names()) == (4, 9, manifest.names())
    assert back.centre is not None and back.centre.tolist() == [0.25, 0, -1, 3]
    [segment] = back.segments
    assert (segment.key, segment.count, segment.alive) == (manifest.segments[0].key, 9, 6)
    assert segment.dead.tolist() == [1, 3, 8]


def test_every_manifest_has_a_stamp_of_its_own_and_none_has_none(tmp_path: Path) -> None:
    path = tmp_path / "manifest"
    assert stamp_of(path) == b"" and read_manifest(path, KEY, MODEL) == (b"", None)
    stamps = set()
    for _ in range(3):
        write_manifest(path, KEY, MODEL, _manifest())
        stamps.add(stamp_of(path))
    assert len(stamps) == 3


def test_another_key_is_told_and_touches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "manifest"
    write_manifest(path, KEY, MODEL, _manifest())
    before = path.read_bytes()
    for check in (lambda: read_manifest(path, OTHER_KEY, MODEL), lambda: check_key(path, OTHER_KEY)):
        with pytest.raises(NeedsPerson, match="nothing was touched") as caught:
            check()
        assert caught.value.code == "vectors-key-wrong"
    assert path.read_bytes() == before
    check_key(path, KEY)


def test_another_models_manifest_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "manifest"
    write_manifest(path, KEY, MODEL, replace(_manifest(), segments=()))
    assert read_manifest(path, KEY, MODEL + "1")[1] is None


@pytest.mark.parametrize("at", [0, 7, 30, 36, 60, -1])
def test_a_flipped_bit_is_noticed(tmp_path: Path, at: int) -> None:
    path = tmp_path / "manifest"
    write_manifest(path, KEY, MODEL, _manifest())
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert read_manifest(path, KEY, MODEL)[1] is None


@pytest.mark.parametrize("size", [0, 5, 36, 40])
def test_a_manifest_that_was_cut_short_is_noticed(tmp_path: Path, size: int) -> None:
    path = tmp_path / "manifest"
    write_manifest(path, KEY, MODEL, _manifest())
    path.write_bytes(path.read_bytes()[:size])
    assert read_manifest(path, KEY, MODEL)[1] is None
