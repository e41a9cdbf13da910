"""What PocketSphinx hears: real utterances nearly right, pauses as such, and nothing where nobody speaks."""

from __future__ import annotations

import re
from io import BytesIO
from itertools import pairwise

import numpy as np
import pocketsphinx
import pytest
import soundfile

from hearthside.errors import Refused
from hearthside.inference.side_models import Run, SideConfig
from hearthside.inference.side_models.pocketsphinx_speech import _parted, _transcribed, load
from hearthside.inference.side_models.sound_files import RATE, silence
from tests.inference.side_models.sounds import sound
from tests.shared_data import shared_data


@pytest.fixture(scope="module")
def run() -> Run:
    return load(SideConfig())


def _utterances() -> dict[str, bytes]:
    """Words and recording of each."""
    folder = shared_data("speech_en_small")
    lists = [folder / "cards" / "cards.transcription", folder / "librivox" / "transcription"]
    found = [(path, line) for path in lists for line in path.read_text().splitlines()]
    parts = [(path, re.fullmatch(r"<s> (.*?)\s*</s> \((.*)\)", line)) for path, line in found]
    return {part[1]: (path.parent / f"{part[2]}.wav").read_bytes() for path, part in parts if part}


def _errors(said: list[str], heard: list[str]) -> int:
    """Words to replace, leave out or put in (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        before, row = row, [number]
        for place, other in enumerate(heard, 1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (word != other)))
    return row[-1]


def _text(run: Run, raw: bytes) -> str:
    return " ".join(segment["text"] for segment in run(raw)["segments"])


def test_the_count_of_errors() -> None:
    assert _errors("a b c".split(), "a c".split()) == 1 and _errors([], "a b".split()) == 2
    assert _errors("a b c".split(), "a x c d".split()) == 2


def test_word_error_rate_over_ten_real_utterances(run: Run) -> None:
    """25 % when this was written: 1 of 20 words of card games, 22 of 72 of read prose."""
    utterances = _utterances()
    errors = sum(_errors(said.split(), _text(run, raw).split()) for said, raw in utterances.items())
    assert len(utterances) == 10 and errors / sum(len(said.split()) for said in utterances) < 0.33


def test_pauses_part_segments_with_times(run: Run) -> None:
    said = "eight of spades four of clubs seven of hearts"
    words, rate = soundfile.read(BytesIO(_utterances()[said]))
    assert rate == RATE
    pause = np.zeros(3 * RATE)
    heard = run(sound(np.concatenate([pause, words, pause, words]), RATE))
    first, second = heard["segments"]
    assert first["text"] == second["text"] == said and first["confidence"] is None and heard["language"] == "en"
    length_ms = len(words) * 1000 // RATE
    assert 2700 <= first["start_ms"] <= 3500 and abs(first["end_ms"] - (3000 + length_ms)) <= 500
    assert abs(second["start_ms"] - (6000 + length_ms)) <= 500
    assert heard["duration_ms"] == pytest.approx(6000 + 2 * length_ms, abs=2)


def test_talk_without_a_pause_is_cut_at_quiet_moments() -> None:
    loud = np.random.default_rng(4).integers(-9000, 9000, 50 * RATE).astype(np.int16)
    loud[17 * RATE : 17 * RATE + 2000] //= 50
    parts = list(_parted(100, loud))
    assert parts[0][0] == 100 and 17 * RATE < parts[1][0] - 100 < 17 * RATE + 2000
    assert max(len(part) for _, part in parts) <= 20 * RATE
    assert np.array_equal(np.concatenate([part for _, part in parts]), loud)
    assert all(one + len(part) == two for (one, part), (two, _) in pairwise(parts))


@pytest.mark.parametrize("loudness", [0.0, 0.001])
def test_where_nobody_speaks_nothing_is_heard(run: Run, loudness: float) -> None:
    hiss = np.random.default_rng(1).normal(0, loudness, 5 * RATE) if loudness else np.zeros(5 * RATE)
    heard = run(sound(hiss, RATE))
    assert heard["segments"] == [] and heard["duration_ms"] == 5000
    assert run(silence(0, RATE))["segments"] == []


def test_a_slow_machine_says_so_in_time_and_does_not_listen_to_the_end(run: Run) -> None:
    """Two pieces with a pause between them; the clock goes on by 201 s with every look."""
    words, _ = soundfile.read(BytesIO(_utterances()["eight of spades four of clubs seven of hearts"]), dtype="int16")
    samples = np.concatenate([words, np.zeros(3 * RATE, np.int16), words])
    decoder = pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")
    ticks = (201.0 * tick for tick in (0, 0, 1))
    with pytest.raises(Refused) as caught:
        _transcribed(decoder, samples, lambda: next(ticks))
    assert caught.value.code == "recording-too-long" and "shorter pieces" in caught.value.message
    assert [one["text"] for one in _transcribed(decoder, words, lambda: 0.0)] == [
        "eight of spades four of clubs seven of hearts"
    ]
