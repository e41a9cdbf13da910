"""What the one who started a node hears of it: whole lines, its last words, and nonsense."""

from __future__ import annotations

import os

import pytest

from hearthside.events import Json
from hearthside.inference.node_end import NodeLines, last_words


def test_lines_are_put_together_and_nobody_waits_for_the_rest_of_one() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as pipe:
        lines = NodeLines(pipe)
        os.write(writing, b'{"loa')
        assert lines.come() == []
        os.write(writing, b'ded": true}\n{"shrink": 5}\n{"le')
        assert lines.come() == [{"loaded": True}, {"shrink": 5}]
        os.write(writing, b'aving": "idle"}\n')
        assert [last_words(said).planned for said in lines.come()] == [True]
        os.close(writing)
        assert lines.come() == [{}]


@pytest.mark.parametrize("nonsense", [b"no json\n", b"[1]\n", b"\xff\n", b"5\n"])
def test_what_is_no_line_of_a_node_counts_as_its_end(nonsense: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, nonsense)
    os.close(writing)
    with os.fdopen(reading, "rb", 0) as pipe:
        assert NodeLines(pipe).come() == [{}]


def test_a_line_without_end_counts_as_its_end_too() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as pipe, os.fdopen(writing, "wb", 0) as filling:
        lines, heard = NodeLines(pipe), list[dict[str, Json]]()
        while not heard:
            filling.write(bytes(1 << 15))
            heard = lines.come()
        assert heard == [{}]


@pytest.mark.parametrize(
    ("said", "sentence", "planned"),
    [
        ({"leaving": "idle"}, "starts anew and keeps nothing", True),
        ({"leaving": []}, "ended unexpectedly", False),
        ({"leaving": "for the sea"}, "ended unexpectedly", False),
        ({"ended": "The door is lost."}, "The door is lost.", False),
        ({"ended": 7}, "ended unexpectedly", False),
        ({}, "ended unexpectedly", False),
    ],
)
def test_last_words(said: dict[str, Json], sentence: str, planned: bool) -> None:
    end = last_words(said)
    assert sentence in end.sentence and end.planned is planned
