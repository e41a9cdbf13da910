"""Reads WAV, FLAC, OGG and MP3 files as 16 kHz mono, one second after the other, so that no file takes much memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hearthside.errors import Refused
from hearthside.inference.side_models.mp3_frames import with_its_length

if TYPE_CHECKING:
    import soundfile

Samples: TypeAlias = NDArray[np.int16]

RATE = 16_000
"""Samples per second of what is read."""

_FORMATS = {"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3"}
_MOST_CHANNELS = 8
_RATES = range(4_000, 384_001)  # Hz; outside of these nothing records speech, and blocks would be too large
_RIFF = 12  # bytes before the first chunk of a WAV file
_LONGEST_OF_NOTHING = 1024  # bytes that a file in which nothing was recorded may have
_PAGE = b"OggS\x00"  # how each page of an OGG file begins
_TAPER = 0.05  # share of the kept band over which it fades out, so that it does not ring


def read_sound(raw: bytes, longest_s: float) -> Samples:
    """All of a recording: (n,) samples, mono, 16 kHz.

    Args:
        raw: the file.
        longest_s: seconds that it may last.

    Raises:
        Refused: `recording-wrong`, `recording-too-long`; the latter once so much was decoded, for what headers say of
            the length is often wrong: who records into a pipe cannot know it.
    """
    import soundfile

    if not raw:
        raise _wrong()
    try:
        samples = np.concatenate([np.zeros(0, np.int16), *_parts(raw, longest_s)])
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise _wrong() from error
    if not len(samples) and len(raw) > _LONGEST_OF_NOTHING:
        raise _wrong()
    if len(samples) > longest_s * RATE:
        raise _too_long(longest_s)
    return samples


def _parts(raw: bytes, longest_s: float) -> Iterator[Samples]:
    left_s = longest_s
    for link in _links(raw):
        with _opened(link) as file:
            _check(file)
            whole = with_its_length(link, longest_s) if file.format == "MP3" else link
        with _opened(whole) as file:
            for second in _resampled(file, longest_s):
                left_s -= len(second) / RATE
                if left_s < -1:
                    raise _too_long(longest_s)
                yield second


def _links(raw: bytes) -> Iterator[bytes]:
    """The parts of an OGG file that is several, one after the other (RFC 3533, 6); a decoder ends with the first."""
    begin, at, began = 0, raw.find(_PAGE), True
    while raw[:4] == b"OggS" and at >= 0:
        first = raw[at + 5] & 2 == 2 if at + 5 < len(raw) else began  # "bos": a page with which a stream begins
        if first and not began:
            yield raw[begin:at]
            begin = at
        at, began = raw.find(_PAGE, at + 4), first
    yield raw[begin:] if begin else raw


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

    return Forward(_told_its_length(raw))


def _told_its_length(raw: bytes) -> BytesIO:
    """A WAV file whose recorder was ended before it could write the length of the data (0) gets it."""
    file, at = BytesIO(raw), _RIFF
    while raw[:4] == b"RIFF" and len(head := raw[at : at + 8]) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            if size == 0 and at + 8 < len(raw):
                file.seek(at + 4)
                file.write(struct.pack("<I", len(raw) - at - 8))
                file.seek(0)
            break
        at += 8 + size + size % 2
    return file


def _check(file: soundfile.SoundFile) -> None:
    if file.format not in _FORMATS or not 0 < file.channels <= _MOST_CHANNELS or file.samplerate not in _RATES:
        raise _wrong()


def _too_long(longest_s: float) -> Refused:
    return Refused(
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


def _resampled(file: soundfile.SoundFile, longest_s: float) -> Iterator[Samples]:
    """Band-limited by the discrete Fourier transform, in blocks of a second with half a second of its neighbours.

    A block's spectrum is cut at the lower of the two Nyquist frequencies and transformed back with the new number of
    points; the margins, where the block's two ends meet in the transform, are dropped ("overlap-discard", Oppenheim and
    Schafer, Discrete-Time Signal Processing, 8.7).
    """
    second, margin, size = file.samplerate, file.samplerate // 2, 2 * file.samplerate
    window = np.zeros(size, np.float32)
    left = round(longest_s * file.samplerate) + 1  # one more than may be there
    ended = False
    had = margin  # samples in the window; it begins with silence
    while not ended or had > margin:
        block = _mono(file, 0 if ended else min(size - had, left))
        ended = ended or not len(block)
        left -= len(block)
        if left <= 0:
            raise _too_long(longest_s)
        window[had : had + len(block)] = block
        window[had + len(block) :] = 0
        had += len(block)
        kept = min(second, had - margin)  # samples of this second
        if kept <= 0:
            return
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
