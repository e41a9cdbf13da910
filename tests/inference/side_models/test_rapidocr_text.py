"""What RapidOCR reads: real receipts nearly whole, in order, in place, upright and without asking anybody."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hearthside.inference.side_models import Run, SideConfig, TextLine
from hearthside.inference.side_models.rapidocr_text import _in_reading_order, load
from tests.inference.side_models.pictures import page, picture
from tests.shared_data import shared_data

_NOTE = page(
    900, 500, {(60, 90): "Dear Ann,", (60, 200): "the boat leaves", (520, 205): "at 7:45", (60, 330): "Bo"}, 1.6
)
_SAYS = ["Dear Ann,", "the boat leaves", "at 7:45", "Bo"]


@pytest.fixture(scope="module")
def run() -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "socket", None)  # whoever would fetch something fails
        return load(SideConfig())


def _texts(body: dict[str, Any]) -> list[str]:
    return [line["text"] for line in body["lines"]]


def _squashed(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())


def _boxes(path: Path) -> list[str]:
    """Text of each box: eight coordinates stand before it."""
    return [_squashed(row.split(",", 8)[8]) for row in path.read_text().splitlines() if row.strip()]


def test_three_real_receipts(run: Run) -> None:
    """132 of 143 lines and 11 of 12 facts when this was written; these are among the smaller receipts of the set."""
    folder = shared_data("sroie_receipts")
    lines = facts = found_lines = found_facts = 0
    for name in ("000", "001", "002"):
        text = _squashed("".join(_texts(run((folder / "img" / f"{name}.jpg").read_bytes()))))
        said = [box for box in _boxes(folder / "box" / f"{name}.csv") if box]
        keys = [_squashed(fact) for fact in json.loads((folder / "key" / f"{name}.json").read_text()).values()]
        lines, found_lines = lines + len(said), found_lines + sum(box in text for box in said)
        facts, found_facts = facts + len(keys), found_facts + sum(key in text for key in keys)
    assert (lines, facts) == (143, 12)
    assert found_lines / lines > 0.85 and found_facts >= 10


def test_lines_stand_in_reading_order_where_they_are(run: Run) -> None:
    read = run(picture(_NOTE, "JPEG"))
    assert _texts(read) == _SAYS and (read["width"], read["height"]) == (900, 500)
    left, top, right, bottom = read["lines"][2]["box"]
    ink = np.argwhere(_NOTE[140:260, 500:, 0] < 128) + np.array([140, 500])
    (first_row, first_column), (last_row, last_column) = ink.min(axis=0), ink.max(axis=0)
    assert abs(left - first_column) < 12 and abs(right - last_column) < 12
    assert abs(top - first_row) < 12 and abs(bottom - last_row) < 12
    assert all(0.8 < line["confidence"] <= 1 for line in read["lines"])


@pytest.mark.parametrize(("orientation", "quarters"), [(6, 1), (3, 2), (8, 3)])
def test_a_picture_taken_sideways_is_read_upright(run: Run, orientation: int, quarters: int) -> None:
    read = run(picture(np.ascontiguousarray(np.rot90(_NOTE, quarters)), "JPEG", orientation=orientation))
    assert _texts(read) == _SAYS and (read["width"], read["height"]) == (900, 500)
    assert read["lines"][3]["box"][1] > 250


def test_a_large_picture_is_told_in_its_own_pixels(run: Run) -> None:
    read = run(picture(np.kron(_NOTE, np.ones((5, 5, 1), np.uint8))))  # 4500 by 2500
    assert _texts(read) == _SAYS and (read["width"], read["height"]) == (4500, 2500)
    assert abs(read["lines"][0]["box"][0] - 300) < 60 and abs(read["lines"][3]["box"][3] - 1650) < 90


def test_small_letters_are_enlarged(run: Run) -> None:
    assert _texts(run(picture(page(150, 40, {(8, 25): "key 4711"}, 0.45)))) == ["key 4711"]


def test_letters_with_accents(run: Run) -> None:
    says = "Müller für Größe, très café"
    pixels = page(900, 120, {})
    cv2.putText(pixels, says, (30, 80), (0, 0, 0), cv2.FontFace("sans"), 44)  # OpenCV's own letters
    assert _texts(run(picture(pixels))) == [says]


def test_a_very_long_line_is_read_whole(run: Run) -> None:
    words = [f"word {number}" for number in range(100, 140)]
    read = run(picture(page(7000, 60, {(10, 42): " ".join(words)}, 1.2)))
    assert len(_texts(read)) >= 1 and _squashed("".join(_texts(read))) == _squashed("".join(words))


@pytest.mark.parametrize("shape", [(1, 1), (3, 4000), (4000, 3), (16, 16), (600, 800)])
def test_where_nothing_is_written_there_are_no_lines(run: Run, shape: tuple[int, int]) -> None:
    read = run(picture(np.full((*shape, 3), 200, np.uint8)))
    assert read["lines"] == [] and (read["height"], read["width"]) == shape


def test_order_of_slanted_rows() -> None:
    boxes = {"a": (0, 10, 50, 30), "b": (60, 14, 90, 34), "c": (100, 18, 140, 38), "d": (0, 40, 50, 60)}
    lines = [TextLine(text, box, 1.0) for text, box in boxes.items()]
    for order in (lines, lines[::-1], [lines[2], lines[3], lines[0], lines[1]]):
        assert [line.text for line in _in_reading_order(order)] == ["a", "b", "c", "d"]
