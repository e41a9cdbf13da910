"""An MP3 file gets the length that it has: none told, a wrong one, two files in one, labels and garbage between."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import soundfile

from hearthside.inference.side_models import mp3_frames
from hearthside.inference.side_models.mp3_frames import with_its_length
from hearthside.inference.side_models.sound_files import RATE
from tests.inference.side_models.sounds import sound, tone

_LABELS = b"TAG" + bytes(125) + b"ID3\x04\0\0\0\0\x02\0" + bytes(256)


def _seconds(raw: bytes) -> float:
    """As long as the decoder says it is."""
    told: float = soundfile.info(BytesIO(raw)).duration
    return told


def _untold(raw: bytes) -> bytes:
    """Without the first frame, which has the number."""
    return raw[raw.index(b"\xff\xf3" if raw[1] == 0xF3 else raw[:2], 2) :]


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16_000, 1), (44_100, 2), (48_000, 1)])
def test_it_is_as_long_as_its_frames(rate: int, channels: int) -> None:
    one = tone(440, 5, rate)
    raw = sound(np.stack([one] * channels, axis=1), rate, "MP3", "MPEG_LAYER_III")
    assert with_its_length(raw, 60) is raw  # what is right stays as it is
    untold = _untold(raw)
    assert _seconds(untold) < 3
    assert _seconds(with_its_length(untold, 60)) == pytest.approx(5, abs=0.15)
    for both in (raw + raw, untold + untold, raw + _LABELS + raw, untold + b"garbage" + raw):
        assert _seconds(both) < 6
        assert _seconds(with_its_length(both, 60)) == pytest.approx(10, abs=0.5)
    assert _seconds(with_its_length(raw + raw, 6)) == pytest.approx(7, abs=0.2)  # one second more than may be


@pytest.mark.parametrize("raw", [b"", b"words", b"\xff", b"\xff\xfb", b"\xff\xfb\x90\x00", bytes(range(256)) * 40])
def test_what_is_none_is_left_alone_or_of_no_length(raw: bytes) -> None:
    assert len(with_its_length(raw, 60)) < 3000 + len(raw)


def test_what_looks_like_frames_is_not_looked_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB of the byte with which frames begin took 18 s."""
    raw = sound(tone(440, 2, RATE), RATE, "MP3", "MPEG_LAYER_III")
    hidden = b"\xff" * 100 + raw + raw
    assert _seconds(with_its_length(hidden, 60)) == pytest.approx(4, abs=0.3)
    monkeypatch.setattr(mp3_frames, "_MOST_MISSED", 99)
    assert with_its_length(hidden, 60) is hidden
