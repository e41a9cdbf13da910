"""PocketSphinx: English speech to text without any download, small and quick, and no match for a Whisper.

The recording is cut where nobody speaks by the voice activity detector that comes with it (WebRTC's), and each piece is
decoded on its own, with the cepstral mean of the whole piece.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from hearthside.errors import HearthsideError, NeedsPerson, Refused
from hearthside.events import Json
from hearthside.inference.side_models import Run, SideConfig, Task
from hearthside.inference.side_models.sound_files import RATE, Samples, read_sound, silence

if TYPE_CHECKING:
    import pocketsphinx

TASK: Task = "transcribe"
RANK = 10
NEED = 352 * 2**20  # an unfinished WAV file of 64 MiB is copied
LONGEST = 64 * 2**20
LANGUAGES = "English"
ABOUT = "PocketSphinx, which comes with Hearthside: clearly spoken English, roughly"
CONNECTS = False

_LONGEST_S = 300.0
_PIECE_S = 20.0  # of one piece: the lattice of a piece grows with it
_SEARCH_S = 5.0  # before that in which the quietest moment is looked for
_PATIENCE_S = 200.0  # of listening, after which no further piece is begun; a node ends it after 280
_FRAME = RATE * 30 // 1000  # samples in 30 ms
_SILENCE = silence(seconds=0.5, rate=44_100)


def is_here(config: SideConfig) -> bool:
    """See SideModel."""
    return find_spec("pocketsphinx") is not None and find_spec("soundfile") is not None


def load(config: SideConfig) -> Run:
    """See SideModel."""
    try:
        import pocketsphinx

        decoder = pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")
        _transcribed(decoder, read_sound(_SILENCE, _LONGEST_S))  # what it opens, it opens now
    except (ImportError, OSError, RuntimeError, ValueError, HearthsideError) as error:
        raise NeedsPerson(
            "side-model-broken",
            "The speech recogniser is installed and does not start; all else works. Install it anew: delete "
            "`.venv/.senses-ready` and run `make senses-install`.",
        ) from error
    name = f"pocketsphinx {version('pocketsphinx')} en-us"

    def run(raw: bytes) -> dict[str, Json]:
        samples = read_sound(raw, _LONGEST_S)
        duration_ms = len(samples) * 1000 // RATE
        segments = _transcribed(decoder, samples)
        return {"model": name, "language": "en", "duration_ms": duration_ms, "segments": segments}

    return run


def _transcribed(
    decoder: pocketsphinx.Decoder, samples: Samples, monotonic_s: Callable[[], float] = time.monotonic
) -> list[Json]:
    """All of it, or Refused `recording-too-long` where this machine is too slow for that."""
    ends_s, found = monotonic_s() + _PATIENCE_S, list[Json]()
    for start, piece in _pieces(samples):
        if monotonic_s() > ends_s:
            raise Refused(
                "recording-too-long",
                f"This machine needs longer than {_PATIENCE_S / 60:.0f} minutes for this recording, so it was put away "
                f"after {start / RATE / 60:.1f} of {len(samples) / RATE / 60:.1f} minutes; nothing was kept of it. Cut "
                "it into shorter pieces.",
            )
        found += _heard(decoder, start, piece)
    return found


def _pieces(samples: Samples) -> Iterator[tuple[int, Samples]]:
    """Where somebody speaks: first sample and the samples, none longer than the decoder should get at once."""
    import pocketsphinx

    for speech in pocketsphinx.Segmenter(sample_rate=RATE).segment(BytesIO(samples.tobytes())):
        yield from _parted(round(speech.start_time * RATE), np.frombuffer(speech.pcm, np.int16))


def _parted(start: int, speech: Samples) -> Iterator[tuple[int, Samples]]:
    while len(speech) > _PIECE_S * RATE:
        cut = _quietest(speech)
        yield start, speech[:cut]
        start, speech = start + cut, speech[cut:]
    yield start, speech


def _quietest(samples: Samples) -> int:
    """Sample in the quietest 30 ms of the last seconds that a piece may have."""
    first, last = round((_PIECE_S - _SEARCH_S) * RATE), round(_PIECE_S * RATE)
    frames = samples[first : last - (last - first) % _FRAME].reshape(-1, _FRAME).astype(np.float32)
    return first + int((frames**2).sum(axis=1).argmin()) * _FRAME + _FRAME // 2


def _heard(decoder: pocketsphinx.Decoder, start: int, piece: Samples) -> Iterator[dict[str, Json]]:
    decoder.start_utt()
    decoder.process_raw(piece.tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    if found is not None and found.hypstr:
        start_ms, length_ms = start * 1000 // RATE, len(piece) * 1000 // RATE
        # Its scores are no calibrated probabilities, so none is told.
        yield {"start_ms": start_ms, "end_ms": start_ms + length_ms, "text": found.hypstr, "confidence": None}
