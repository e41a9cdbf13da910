"""Counts what the model costs: tokens in and out, seconds, and the probes apart from real work."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, replace

from hearthside.inference.backend import Usage


@dataclass(frozen=True, slots=True)
class Spent:
    """One completion as the station hears of it.

    Attributes:
        adapter: id of the adapter that spoke; "" for the base.
        probe: it was to tell whether the model works, and nobody's answer.
        node: id of the paired node it ran on; "" for this machine.
        model: name of the model, where it is known.
    """

    usage: Usage
    adapter: str = ""
    probe: bool = False
    node: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """Totals since the process started.

    Attributes:
        prompt_tokens: tokens of prompts, including those taken from the prefix cache.
        cached_tokens: those of them that were not computed again.
        seconds: time spent on completions, waiting for a slot included.
        probe_tokens: prompt and completion tokens of probes; in none of the other figures.
        embedded_texts: texts turned into vectors.
    """

    completions: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    probes: int = 0
    probe_tokens: int = 0
    embedded_texts: int = 0

    def body(self) -> dict[str, int | float]:
        """As a JSON object."""
        return asdict(self)


class Meter:
    """A tally that several threads add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tally = Tally()

    def tally(self) -> Tally:
        """The totals now."""
        return self._tally

    def completion(self, usage: Usage) -> None:
        """Add one real completion, also one that was cancelled half way."""
        with self._lock:
            old = self._tally
            self._tally = replace(
                old,
                completions=old.completions + 1,
                prompt_tokens=old.prompt_tokens + usage.prompt_tokens,
                cached_tokens=old.cached_tokens + usage.cached_tokens,
                completion_tokens=old.completion_tokens + usage.completion_tokens,
                seconds=old.seconds + usage.seconds,
            )

    def probe(self, usage: Usage) -> None:
        """Add one probe."""
        with self._lock:
            tokens = usage.prompt_tokens + usage.completion_tokens
            old = self._tally
            self._tally = replace(old, probes=old.probes + 1, probe_tokens=old.probe_tokens + tokens)

    def embedding(self, texts: int) -> None:
        """Add texts that were embedded."""
        with self._lock:
            self._tally = replace(self._tally, embedded_texts=self._tally.embedded_texts + texts)
