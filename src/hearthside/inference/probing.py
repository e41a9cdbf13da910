"""How fast a model speaks here: measured by letting it speak, remembered by the hash of its file."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import orjson

from hearthside.errors import RetryLater
from hearthside.inference.backend import Message, Sampling
from hearthside.inference.backends.llama_cpp import LlamaCpp
from hearthside.inference.fitting import bytes_per_token
from hearthside.inference.gguf_header import model_header
from hearthside.inference.shelf import ModelFile

_TOKENS = 33
_CONTEXT = 512
_FILE = "measured.json"
_STORY: list[Message] = [{"role": "user", "content": "Tell me a long story of the sea."}]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a model on this machine.

    Attributes:
        tokens_per_s: of an answer, the median token.
        load_s: from the file to readiness.
        bytes_per_s: read from memory at that pace.
        threads: processor threads it was given.
        at_ms: when, UTC milliseconds.
    """

    tokens_per_s: float
    load_s: float
    bytes_per_s: float
    threads: int
    at_ms: int


def measure(model: ModelFile, threads: int, now_ms: int, clock: Callable[[], float] = time.perf_counter) -> Measured:
    """Load the model into this process, let it say some thirty tokens, and give it up again.

    Whoever calls this has made sure that it fits.

    Raises:
        NeedsPerson: the model cannot be loaded.
        RetryLater: `probe-too-short`; it said too little to tell a pace.
    """
    engine = LlamaCpp(model.path, model.sha256, threads=threads, context_tokens=_CONTEXT, parallel=1)
    begin = clock()
    engine.start({})
    load_s = clock() - begin
    try:
        moments = [clock() for _ in _pieces(engine)]
    finally:
        engine.close()
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    if len(gaps) < 4:
        raise RetryLater("probe-too-short", f"{model.name} said too little to tell how fast it is; try again.")
    pace = 1.0 / statistics.median(gaps)
    return Measured(pace, load_s, pace * bytes_per_token(model_header(model.path), _TOKENS), threads, now_ms)


def _pieces(engine: LlamaCpp) -> Iterator[str]:
    sampling = Sampling(max_tokens=_TOKENS, temperature=0.8, seed=1)
    for token in engine.generate(_STORY, adapter=None, sampling=sampling, on_usage=lambda _: None):
        if token.text:
            yield token.text


class Measurements:
    """Measurements of this machine, kept beside the models; losing them costs a new one."""

    def __init__(self, folder: Path) -> None:
        """`folder` of the models; it need not exist."""
        self._path = folder / _FILE

    def all(self) -> dict[str, Measured]:
        """By the hash of the model's file; empty when there is none or the file is not readable."""
        try:
            kept = orjson.loads(self._path.read_bytes())
            return {str(name): Measured(**one) for name, one in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def keep(self, sha256: str, measured: Measured) -> None:
        """Remember one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        kept = {**self.all(), sha256: measured}
        beside = self._path.with_suffix(".new")
        beside.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
        beside.replace(self._path)
