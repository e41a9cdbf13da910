"""Tells an MP3 file how long it is: what decoders take for that is one number at its beginning, which is often wrong.

A file without that number is taken to be as long as its first frame suggests, one made of two as long as the first, and
what comes later is never decoded. So the frames are counted (ISO/IEC 11172-3 and 13818-3, layer III; only their headers
are read), and where the count is another, a frame with the right number ("Xing", as LAME and others write it) is put
before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # Hz; by version
_BITRATES = {  # kbit/s, layer III; number 0 is free, 15 none
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_FULL = 3  # version of MPEG-1, whose frames have 1152 samples; those of the others have 576
_HEADER = 4
_MONO = 3
_MOST_MISSED = 300_000  # bytes that look like the beginning of a frame and are none, before no more is looked for
_SAME = b"\xff\xfe\x0c"  # of a header: what all frames of one stream have alike, with the two bits of the rate


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame: where it begins, its bytes, its samples, its first four bytes, and where a number may stand in it."""

    at: int
    size: int
    samples: int
    rate: int
    header: bytes
    tag_at: int


def with_its_length(raw: bytes, longest_s: float) -> bytes:
    """The same recording, or one of which a decoder knows how long it is; what has no such frames comes back as it is.

    Args:
        raw: the file.
        longest_s: seconds after which nothing more is looked at.
    """
    frames = _frames(raw, longest_s)
    first = next(frames, None)
    if first is None:
        return raw
    told = _told(raw, first)
    kept = [one for one in ([] if told is not None else [first])]
    kept += [one for one in frames if _told(raw, one) is None]
    if told == len(kept):
        return raw
    return _number(first, len(kept)) + b"".join(raw[one.at : one.at + one.size] for one in kept)


def _frames(raw: bytes, longest_s: float) -> Iterator[_Frame]:
    """One after the other; what lies between them is skipped, and what only looks like one has none right after it."""
    at, left_s, alike, missed = 0, longest_s + 1, b"", 0
    while left_s > 0 and missed < _MOST_MISSED and (at := raw.find(b"\xff", at)) >= 0:
        frame = _frame(raw, at)
        if frame is None or (alike and _alike(frame.header) != alike) or not _goes_on(raw, frame):
            at, missed = at + 1, missed + 1
            continue
        alike = _alike(frame.header)
        yield frame
        at, left_s = at + frame.size, left_s - frame.samples / frame.rate


def _goes_on(raw: bytes, frame: _Frame) -> bool:
    """Whether the next frame follows, or the end, or a label ("TAG", "ID3", "APE") does."""
    end = frame.at + frame.size
    if end >= len(raw) - _HEADER or raw[end : end + 3] in (b"TAG", b"ID3", b"APE"):
        return True
    after = _frame(raw, end)
    return after is not None and _alike(after.header) == _alike(frame.header)


def _alike(header: bytes) -> bytes:
    return bytes(one & mask for one, mask in zip(header, _SAME, strict=False))


def _frame(raw: bytes, at: int) -> _Frame | None:
    header = raw[at : at + _HEADER]
    if len(header) < _HEADER or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:  # eleven bits, and layer III
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    full, mono = version == _FULL, header[3] >> 6 == _MONO
    hertz, samples = _RATES[version][rate], 1152 if full else 576
    size = samples // 8 * _BITRATES[full][bitrate] * 1000 // hertz + (header[2] >> 1 & 1)
    side = (17 if mono else 32) if full else (9 if mono else 17)
    return _Frame(at, size, samples, hertz, header, _HEADER + side)


def _told(raw: bytes, frame: _Frame) -> int | None:
    """The number of frames that one tells which has no sound; 0 where it tells none, None for a frame of sound."""
    at = frame.at + frame.tag_at
    tag = raw[at : at + 12]
    if tag[:4] not in (b"Xing", b"Info"):
        return None
    return int.from_bytes(tag[8:12], "big") if tag[7] & 1 else 0


def _number(like: _Frame, frames: int) -> bytes:
    """A frame without sound, of the highest bitrate, that tells how many follow."""
    header = bytes([0xFF, like.header[1] | 1, like.header[2] & 0x0C | 0xE0, like.header[3]])
    size = _frame(header, 0)
    assert size is not None
    told = b"Xing" + (1).to_bytes(4, "big") + frames.to_bytes(4, "big")
    return (header + bytes(like.tag_at - _HEADER) + told).ljust(size.size, b"\0")
