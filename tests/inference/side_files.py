"""Small pictures and recordings, made when they are needed."""

from __future__ import annotations

import io
import math
import struct
import wave

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

RATE = 16000


def picture_of(text: str, note: str = "") -> bytes:
    """A PNG file of some printed words; `note` stands in the file and is not seen."""
    canvas = Image.new("RGB", (640, 120), "white")
    ImageDraw.Draw(canvas).text((40, 30), text, fill="black", font_size=48)
    about = PngInfo()
    about.add_text("Comment", note)
    kept = io.BytesIO()
    canvas.save(kept, "PNG", pnginfo=about)
    return kept.getvalue()


def beep(seconds: float = 0.5) -> bytes:
    """A WAV file in which nobody speaks."""
    kept = io.BytesIO()
    samples = [int(3000 * math.sin(number / 5)) for number in range(int(RATE * seconds))]
    with wave.open(kept, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return kept.getvalue()
