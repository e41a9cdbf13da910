"""Pictures made for tests."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image


def page(width: int, height: int, words: dict[tuple[int, int], str], size: float = 1.0) -> NDArray[np.uint8]:
    """Black words on white, each at the left end of its base line: (height, width, 3) RGB."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    for where, word in words.items():
        cv2.putText(pixels, word, where, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), max(1, round(2 * size)))
    return pixels


def picture(pixels: NDArray[Any], form: str = "PNG", mode: str = "", orientation: int = 1, **options: Any) -> bytes:
    """A file of these pixels, of that Pillow mode, with that EXIF orientation."""
    drawn = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    (drawn.convert(mode) if mode else drawn).save(file, form, exif=exif, **options)
    return file.getvalue()
