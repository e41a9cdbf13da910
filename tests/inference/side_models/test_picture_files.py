"""Pictures become upright pixels of bounded number; a bomb is refused by its header, before anything is decoded."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hearthside.errors import Refused
from hearthside.inference.side_models.picture_files import Picture, read_picture
from tests.inference.side_models.pictures import picture

_CORNERS = np.full((40, 60, 3), 255, np.uint8)
_CORNERS[:20, :30] = (255, 0, 0)  # red where it begins


def _read(raw: bytes, most: int = 1_000_000, wanted: int = 1_000_000) -> Picture:
    return read_picture(raw, most, wanted)


def _code(raw: bytes, most: int = 1_000_000) -> str:
    with pytest.raises(Refused) as caught:
        _read(raw, most)
    return caught.value.code


def _near(read: Picture, expected: NDArray[np.uint8]) -> bool:
    return bool(np.abs(read.pixels[..., ::-1].astype(int) - expected).mean() < 6)


@pytest.mark.parametrize(
    ("form", "mode"),
    [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "P"), ("PNG", "RGBA"), ("WEBP", "RGB")],
)
def test_forms_and_modes(form: str, mode: str) -> None:
    read = _read(picture(_CORNERS, form, mode))
    assert (read.width, read.height) == (60, 40) and _near(read, _CORNERS)


def test_grey_with_eight_sixteen_and_one_bit() -> None:
    half = np.zeros((20, 30), np.uint8)
    half[:, 15:] = 255
    expected = np.repeat(half[..., None], 3, axis=2)
    assert _near(_read(picture(half)), expected) and _near(_read(picture(half, mode="1")), expected)
    assert _near(_read(picture(half.astype(np.uint16) * 257)), expected)


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_what_is_transparent_becomes_paper_on_which_the_ink_shows(ink: int, paper: int) -> None:
    pixels = np.zeros((10, 10, 4), np.uint8)
    pixels[5:] = (ink, ink, ink, 255)
    assert [int(row[0]) for row in _read(picture(pixels)).pixels[[0, 9], 0]] == [paper, ink]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_seen_upright_as_pillow_would_turn_it(orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }  # fmt: skip
    seen = Image.fromarray(_CORNERS)
    upright = np.asarray(seen.transpose(turns[orientation]) if orientation in turns else seen)
    for form in ("JPEG", "PNG", "WEBP"):
        read = _read(picture(_CORNERS, form, orientation=orientation))
        assert (read.height, read.width) == upright.shape[:2] and _near(read, upright)


def test_a_false_orientation_is_none() -> None:
    assert _near(_read(picture(_CORNERS, orientation=77)), _CORNERS)
    exif = b"Exif\0\0" + b"garbage"
    torn = picture(_CORNERS, "JPEG").replace(b"\xff\xd8", b"\xff\xd8\xff\xe1" + struct.pack(">H", 15) + exif, 1)
    assert _near(_read(torn), _CORNERS)


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGB")])
def test_it_is_scaled_down_to_what_is_wanted_and_its_size_is_told(form: str, mode: str) -> None:
    large = np.kron(_CORNERS, np.ones((25, 25, 1), np.uint8))  # 1000 by 1500
    read = _read(picture(large, form, mode), 3_000_000, 60_000)
    assert (read.width, read.height) == (1500, 1000) and read.pixels.shape == (200, 300, 3)
    grey = Image.fromarray(large).convert(mode).convert("RGB")
    assert _near(read, np.asarray(grey.resize((300, 200))))


def _png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    parts = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (head, data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _bombs() -> dict[str, bytes]:
    jpeg = bytearray(picture(_CORNERS, "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    canvas = (2**24 - 1).to_bytes(3, "little") * 2
    return {
        "png": _png_header(100_000, 100_000),
        "jpeg": bytes(jpeg),
        "webp extended": b"RIFF" + bytes(4) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas,
        "webp lossless": b"RIFF" + bytes(4) + b"WEBPVP8L" + bytes(4) + b"\x2f" + b"\xff" * 9,
        "webp": b"RIFF" + bytes(4) + b"WEBPVP8 " + bytes(4) + b"\x30\x01\x00\x9d\x01\x2a\xff\x3f\xff\x3f",
    }


@pytest.mark.parametrize("name", _bombs())
def test_a_bomb_costs_nothing(name: str) -> None:
    raw = _bombs()[name]
    assert _code(raw, 50_000_000) == "picture-too-large"
    tracemalloc.start()
    assert _code(raw, 50_000_000) == "picture-too-large"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_the_limit_is_exact_and_half_for_webp() -> None:
    assert _read(picture(_CORNERS), most=2400).width == 60
    assert _code(picture(_CORNERS), most=2399) == "picture-too-large"
    assert _read(picture(_CORNERS, "WEBP"), most=4800).width == 60
    assert _code(picture(_CORNERS, "WEBP"), most=4798) == "picture-too-large"


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"words", bytes(500), b"RIFF", b"RIFF" + bytes(100), _png_header(10, 10)[:30], _png_header(200, 200),
        picture(_CORNERS, "GIF"), picture(_CORNERS, "TIFF"), picture(_CORNERS, "JPEG")[:200],
        picture(_CORNERS, "PNG")[:90], picture(_CORNERS, "WEBP")[:60],
    ],
    ids=["empty", "words", "zeros", "begin", "no webp", "half a header", "no pixels", "GIF", "TIFF", "half a JPEG",
         "half a PNG", "half a WebP"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(raw: bytes) -> None:
    assert _code(raw) == "picture-wrong"
