"""Recordings made for tests."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray


def sound(samples: NDArray[Any], rate: int, form: str = "WAV", subtype: str = "PCM_16") -> bytes:
    """A file of these samples, (n,) or (n, channels), from -1 to 1."""
    file = BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


def tone(hertz: float, seconds: float, rate: int) -> NDArray[np.float64]:
    """A sine of half the largest amplitude: (n,)."""
    wave: NDArray[np.float64] = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return wave
