"""The files of tests that begin first are there."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import LONG

TESTS = Path(__file__).resolve().parents[1]


def test_the_long_files_are_there_and_named_once() -> None:
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
    assert len(set(LONG)) == len(LONG)
