"""Recordings of all forms and rates become 16 kHz mono, without an alias; what is too long or none is refused."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from hearthside.errors import Refused
from hearthside.inference.side_models.sound_files import RATE, Samples, read_sound, silence
from tests.inference.side_models.sounds import sound, tone


def _code(raw: bytes, longest_s: float = 60) -> str:
    with pytest.raises(Refused) as caught:
        read_sound(raw, longest_s)
    return caught.value.code


def _amplitude(samples: Samples, hertz: float) -> float:
    """Of one frequency, away from the ends; 0.5 for a tone of `sounds.tone`."""
    inner = samples[RATE // 4 : -RATE // 4] / 32768
    at = np.exp(-2j * np.pi * hertz * np.arange(len(inner)) / RATE)
    return float(2 * abs((inner * at).mean()))


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("WAV", "FLOAT")],
)
def test_forms_are_decoded_without_a_gap(form: str, subtype: str) -> None:
    """Blocks are read one after the other; what comes is what comes of reading the file in one piece."""
    wave = tone(440, 4.3, RATE) * np.linspace(0.2, 1, round(4.3 * RATE))
    raw = sound(wave, RATE, form, subtype)
    samples = read_sound(raw, 60)
    at_once, _ = soundfile.read(BytesIO(raw))
    assert samples.dtype == np.int16 and abs(len(samples) - len(at_once)) <= 1
    assert np.abs(samples[: len(at_once)] / 32768 - at_once[: len(samples)]).max() < 0.001


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 44_101, 48_000, 192_000])
def test_a_tone_stays_the_same_tone_at_every_rate(rate: int) -> None:
    samples = read_sound(sound(tone(1000, 2.5, rate), rate), 60)
    expected = tone(1000, 2.5, RATE) * 32768
    assert abs(len(samples) - len(expected)) <= 1
    off = samples[1000:39_000] - expected[1000:39_000]  # away from the ends, across the seams of blocks
    assert np.abs(off).max() < (80 if rate % 2 == 0 else 5000)  # an odd rate may shift it by half a sample
    assert _amplitude(samples, 1000) == pytest.approx(0.5, rel=0.002)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_what_16_khz_cannot_hold_is_gone_and_not_folded_back(rate: int) -> None:
    assert np.abs(read_sound(sound(tone(9000, 2, rate), rate), 60)[2000:-2000]).max() <= 2


def test_channels_are_averaged() -> None:
    both = np.stack([tone(500, 1, RATE), -tone(500, 1, RATE), tone(300, 1, RATE)], axis=1)
    samples = read_sound(sound(both, RATE), 60)
    assert _amplitude(samples, 500) < 0.001 and _amplitude(samples, 300) == pytest.approx(0.5 / 3, rel=0.01)


def test_numbers_that_are_none_do_no_harm() -> None:
    broken: NDArray[np.float32] = np.full(RATE, np.nan, np.float32)
    assert not read_sound(sound(broken, RATE, subtype="FLOAT"), 60).any()


def test_nothing_lasts_nothing() -> None:
    assert len(read_sound(silence(0, RATE), 60)) == 0
    assert len(read_sound(silence(0.00005, 44_100), 60)) <= 1


def test_length_is_what_is_there_and_not_what_the_header_says() -> None:
    assert len(read_sound(silence(2, 8000), 2)) == 2 * RATE
    assert _code(silence(2.01, 8000), 2) == "recording-too-long"
    flac = bytearray(sound(tone(440, 1, RATE), RATE, "FLAC"))
    whole = read_sound(bytes(flac), 60)
    for told in (0, 255):  # a recorder that did not know; 2^36 - 1 samples
        flac[21:26] = bytes([flac[21] & 0xF0 | told & 0xF, *[told] * 4])
        assert np.array_equal(read_sound(bytes(flac), 60), whole)
        assert _code(bytes(flac), 0.5) == "recording-too-long"


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_file_whose_length_was_never_written_is_heard_whole(size: int) -> None:
    whole = sound(tone(440, 3, RATE), RATE)
    at = whole.index(b"data") + 4
    unfinished = whole[:at] + size.to_bytes(4, "little") + whole[at + 4 :]
    assert np.array_equal(read_sound(unfinished, 60), read_sound(whole, 60))


@pytest.mark.parametrize(("form", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")])
def test_two_files_in_one_are_heard_both(form: str, subtype: str) -> None:
    first, second = (sound(tone(hertz, 3, RATE), RATE, form, subtype) for hertz in (400, 700))
    samples = read_sound(first + second, 60)
    assert len(samples) == pytest.approx(6 * RATE, abs=RATE // 5)
    assert _amplitude(samples[: 3 * RATE], 400) > 0.45 and _amplitude(samples[-3 * RATE :], 700) > 0.45
    assert _code(first + second, 5) == "recording-too-long"


def test_a_file_with_data_of_which_nothing_comes_is_no_silence() -> None:
    """Only headers of a FLAC file, and much that is none of its frames."""
    flac = sound(tone(440, 1, RATE), RATE, "FLAC")
    assert _code(flac[:42] + bytes(5000)) == "recording-wrong"


def test_a_wav_file_that_broke_off_is_heard_as_far_as_it_goes() -> None:
    whole = sound(tone(440, 2, RATE), RATE)
    assert len(read_sound(whole[: len(whole) // 2], 60)) == pytest.approx(RATE, abs=100)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"RIFF", b"words", bytes(1000), sound(tone(440, 1, RATE), RATE)[:30],
        sound(tone(440, 1, RATE), RATE, "AIFF"), sound(tone(440, 1, 1000), 1000),
        sound(np.zeros((10, 9)), RATE), b"fLaC" + bytes(200),
    ],
    ids=["empty", "begin", "words", "zeros", "half a header", "AIFF", "1 kHz", "9 channels", "no FLAC"],
)  # fmt: skip
def test_what_is_no_recording_is_refused(raw: bytes) -> None:
    assert _code(raw) == "recording-wrong"
