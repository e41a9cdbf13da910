"""Reads WAV, FLAC, OGG and MP3 files as 16 kHz mono, one second after the other, so that no file takes much memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hearthside.errors import Refused

if TYPE_CHECKING:
    import soundfile

Samples: TypeAlias = NDArray[np.int16]

RATE = 16_000
"""Samples per second of what is read."""

_FORMATS = {"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3"}
_MOST_CHANNELS = 8
_RATES = range(4_000, 384_001)  # Hz; outside of these nothing records speech, and blocks would be too large
_TAPER = 0.05  # share of the kept band over which it fades out, so that it does not ring


def read_sound(raw: bytes, longest_s: float) -> Samples:
    """All of a recording: (n,) samples, mono, 16 kHz.

    Args:
        raw: the file.
        longest_s: seconds that it may last.

    Raises:
        Refused: `recording-wrong`, `recording-too-long`; the latter from the header alone, before anything is decoded.
    """
    import soundfile

    if not raw:
        raise _wrong()
    try:
        with _opened(raw) as file:
            _check(file, longest_s)
            return np.concatenate([np.zeros(0, np.int16), *_resampled(file)])
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise _wrong() from error


def silence(seconds: float, rate: int) -> bytes:
    """A recording of nothing, as a WAV file."""
    data = bytes(2 * round(seconds * rate))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE") + form + struct.pack("<4sI", b"data", len(data)) + data
    )


def _opened(raw: bytes) -> soundfile.SoundFile:
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]
        """Soundfile seeks after each block where it can, and in MP3 files that is not exact: words would be lost."""

        def seekable(self) -> bool:
            return False

    return Forward(BytesIO(raw))


def _check(file: soundfile.SoundFile, longest_s: float) -> None:
    if file.format not in _FORMATS or not 0 < file.channels <= _MOST_CHANNELS or file.samplerate not in _RATES:
        raise _wrong()
    if file.frames > longest_s * file.samplerate:
        raise Refused(
            "recording-too-long",
            f"This recording lasts longer than {longest_s / 60:.0f} minutes, and nothing of it was heard. Cut it into "
            "shorter pieces.",
        )


def _wrong() -> Refused:
    return Refused(
        "recording-wrong",
        "This file is no recording that can be read, or it is damaged; nothing was kept of it. Send it as WAV, FLAC, "
        "OGG or MP3, with 4 to 384 kHz.",
    )


def _resampled(file: soundfile.SoundFile) -> Iterator[Samples]:
    """Band-limited by the discrete Fourier transform, in blocks of a second with half a second of its neighbours.

    A block's spectrum is cut at the lower of the two Nyquist frequencies and transformed back with the new number of
    points; the margins, where the block's two ends meet in the transform, are dropped ("overlap-discard", Oppenheim and
    Schafer, Discrete-Time Signal Processing, 8.7).
    """
    second, margin, size = file.samplerate, file.samplerate // 2, 2 * file.samplerate
    window = np.zeros(size, np.float32)
    left = file.frames
    had = margin  # samples in the window; it begins with silence
    while left > 0 or had > margin:
        block = _mono(file, min(size - had, left))
        left = left - len(block) if len(block) else 0
        window[had : had + len(block)] = block
        window[had + len(block) :] = 0
        had += len(block)
        kept = min(second, had - margin)  # samples of this second
        yield _at_16_khz(window, second)[: round(kept * RATE / second)]
        window = np.concatenate([window[second:], np.zeros(second, np.float32)])
        had -= second


def _mono(file: soundfile.SoundFile, frames: int) -> NDArray[np.float32]:
    block: NDArray[np.float32] = file.read(frames, dtype="float32", always_2d=True)  # (n, channels)
    mono: NDArray[np.float32] = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0).mean(axis=1)
    return mono


def _at_16_khz(window: NDArray[np.float32], rate: int) -> Samples:
    """The second in the middle of a window of two: (16000,) samples."""
    spectrum = np.fft.rfft(window)[: RATE + 1]  # bins of half a hertz
    if rate > RATE:
        fade = int(len(spectrum) * _TAPER)
        spectrum[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    new = np.fft.irfft(spectrum, 2 * RATE) * (RATE / rate)
    margin = round((rate // 2) * RATE / rate)
    return np.clip(np.round(new[margin : margin + RATE] * 32768), -32768, 32767).astype(np.int16)
