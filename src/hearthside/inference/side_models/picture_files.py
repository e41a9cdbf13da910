"""Reads JPEG, PNG and WebP files as upright pixels of bounded number; too large a picture is refused by its header.

The pixels are made fewer while they are decoded where the format allows that (JPEG), and right after where it does not.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hearthside.errors import Refused

if TYPE_CHECKING:
    from PIL import Image

Pixels: TypeAlias = NDArray[np.uint8]

_FORMATS = ("JPEG", "PNG", "WEBP")
_ORIENTATION = 0x0112  # EXIF tag
_SIDEWAYS = (5, 6, 7, 8)  # orientations whose rows are columns of what was seen
_STRIP_PIXELS = 1_000_000  # that are worked on at once
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, TypeError, MemoryError)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as its EXIF data says it is to be seen.

    Attributes:
        pixels: (height, width, 3) blue, green, red; scaled down where it has more than was wanted.
        width, height: before it was scaled down.
    """

    pixels: Pixels
    width: int
    height: int


def read_picture(raw: bytes, most_pixels: int, wanted_pixels: int) -> Picture:
    """Decode a file; of an animation the first picture.

    Args:
        raw: the file.
        most_pixels: that it may have; half as many for WebP, whose decoder holds a picture four times.
        wanted_pixels: that are given back at most.

    Raises:
        Refused: `picture-wrong`, `picture-too-large`; the latter from the header alone, before anything is decoded.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # checked here, for Pillow warns and refuses at other numbers
    try:
        if raw[:4] == b"RIFF":  # Pillow makes the canvas of a WebP picture when it opens it
            _check(_webp_size(raw), most_pixels // 2)
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(raw), formats=_FORMATS) as picture:
            _check(picture.size, most_pixels)
            return _read(picture, wanted_pixels)
    except _UNREADABLE as error:
        raise Refused(
            "picture-wrong",
            "This file is no picture that can be read, or it is damaged; nothing was kept of it. Send it as JPEG, PNG "
            "or WebP.",
        ) from error


def _check(size: tuple[int, int], most_pixels: int) -> None:
    if size[0] * size[1] > most_pixels:
        raise Refused(
            "picture-too-large",
            f"This picture has more than {most_pixels // 1_000_000} million pixels, and nothing of it was read. Make "
            "it smaller, or cut it into parts.",
        )


def _webp_size(raw: bytes) -> tuple[int, int]:
    """Width and height from the header (RFC 9649, 2.5 to 2.7)."""
    kind, head = raw[12:16], raw[20:30]
    if len(head) < 10:
        raise ValueError("too short")
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF


def _read(picture: Image.Image, wanted_pixels: int) -> Picture:
    width, height = picture.size
    orientation = _orientation(picture)
    scale = min(1.0, (wanted_pixels / (width * height)) ** 0.5)
    small = max(1, int(width * scale)), max(1, int(height * scale))
    if scale < 1:
        picture.draft("RGB", small)  # JPEG: decodes every second, fourth or eighth pixel, never fewer than wanted
    picture.load()
    pixels = _on_paper(_resized(picture, small))
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Picture(_turned(pixels, orientation), width, height)


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except _UNREADABLE:  # a picture with broken EXIF data is seen as it lies
        return 1


def _resized(picture: Image.Image, small: tuple[int, int]) -> Image.Image:
    """In one of the modes RGB, RGBA and L; by means of squares first, in strips, for each step makes a copy."""
    from PIL import Image

    width, height = picture.size
    factor = max(1, min(width // small[0], height // small[1]))
    rows = max(1, _STRIP_PIXELS // width // factor) * factor
    strips = (picture.crop((0, top, width, min(height, top + rows))) for top in range(0, height, rows))
    parts = [np.asarray(_plain(strip).reduce(factor)) for strip in strips]
    return Image.fromarray(np.concatenate(parts)).resize(small, Image.Resampling.BICUBIC)


def _plain(picture: Image.Image) -> Image.Image:
    """In one of the modes RGB, RGBA and L, with eight bits."""
    from PIL import Image

    if picture.mode.startswith("I"):  # 16 bits of grey
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("RGB", "RGBA", "L"):
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _on_paper(picture: Image.Image) -> Pixels:
    """(height, width, 3) RGB; what is transparent becomes white, or black where all that shows is bright."""
    if picture.mode != "RGBA":
        return np.asarray(picture.convert("RGB"))
    pixels = np.asarray(picture)
    seen = pixels[..., 3:].astype(np.float32) / 255
    bright = float((pixels[..., :3] * seen).mean() / max(float(seen.mean()), 1e-6)) > 127
    paper = 0 if bright else 255
    return np.asarray(pixels[..., :3] * seen + paper * (1 - seen)).round().astype(np.uint8)


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """Upright, and in the order blue, green, red."""
    if orientation in _SIDEWAYS:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels[..., ::-1])
