"""Which model to take: what fits this machine, what it will be able to do, how fast, and why one is chosen, in words.

What a model of some size can do is a rule of thumb, not a measurement; the words say what to expect of it at home,
where facts come from the records and the model words them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hearthside.inference.catalogue import Entry
from hearthside.inference.fitting import Need, bytes_per_token, memory_needed, parameters, trained_context
from hearthside.inference.gguf_header import GgufHeader
from hearthside.inference.machine import KIND_WORDS, Machine
from hearthside.inference.probing import Measured

GIB = 2**30
READING_TOKENS_PER_S = 6.0
"""About as fast as one reads: 240 words a minute, one and a half tokens a word."""

_HALF_FULL = 2  # speed is told for a context that is half full

# Up to so many parameters: what to expect.
_ABILITIES = (
    (0.5e9, "words short answers from your records; small talk in short sentences only"),
    (1.2e9, "words answers from your records, follows simple wishes; invents when it has no evidence"),
    (2.6e9, "answers and short summaries from your records in good sentences; simple wishes"),
    (6e9, "good sentences, summaries of a day, several languages; follows wishes with a few conditions"),
    (16e9, "fluent conversation, summaries of weeks, follows complicated wishes and plans a few steps"),
    (40e9, "fluent conversation and reasoning over several steps; notices what contradicts itself"),
    (float("inf"), "the best that open models do: long reasoning, careful wording, plans of many steps"),
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Tokens a second to expect.

    Attributes:
        least: what the model measured here would make of this one's bytes; 0 when nothing was measured.
        most: what the memory allows; 0 when it was not measured.
        measured: of this very model, here; 0 when it was not.
    """

    least: float = 0.0
    most: float = 0.0
    measured: float = 0.0

    @property
    def expected(self) -> float:
        """The careful figure, 0 when nothing is known."""
        return self.measured or self.least or self.most

    def figure(self) -> str:
        """Tokens a second, for a narrow column."""
        if self.measured:
            return f"{_pace(self.measured)} measured"
        if self.least and self.most and self.most > 1.2 * self.least:
            return f"{_pace(self.least)} to {_pace(self.most)}"
        known = self.least or self.most
        return f"about {_pace(known)}" if known else "not known"

    def words(self) -> str:
        """For a sentence."""
        if self.measured:
            return f"{_pace(self.measured)} tokens/s, measured here"
        if self.least and self.most and self.most > 1.2 * self.least:
            return f"about {_pace(self.least)} to {_pace(self.most)} tokens/s"
        known = self.least or self.most
        return f"about {_pace(known)} tokens/s" if known else "speed not known here"


@dataclass(frozen=True, slots=True)
class Fit:
    """One model against one machine.

    Attributes:
        path: where its file is; None when it is in the catalogue only.
        exact: the need comes from the file's own header.
        context_tokens: of one completion, for which the need holds.
        size: parameters.
    """

    name: str
    title: str
    licence: str
    path: Path | None
    exact: bool
    need: Need
    machine: Machine
    context_tokens: int
    size: float
    ability: str
    pace: Pace

    @property
    def fits(self) -> bool:
        """Whether it may be loaded now."""
        return self.need.total <= self.machine.room

    @property
    def missing(self) -> int:
        """Bytes that are too few; 0 when it fits."""
        return max(0, self.need.total - self.machine.room)

    def sentence(self) -> str:
        """Whether it fits, in words."""
        kind = KIND_WORDS[self.machine.kind]
        if self.fits:
            need, room = gib(self.need.total), gib(self.machine.room)
            return f"{self.title} fits: it needs {need} of the {room} of {kind} that it may take."
        ever = self.need.total <= self.machine.total - self.machine.floor
        how = "Close other programs first" if ever else "This machine is too small for it"
        return f"{self.title} does not fit now: {gib(self.missing)} of {kind} are missing. {how}."


@dataclass(frozen=True, slots=True)
class Choice:
    """The model to take and why, in one sentence; None when none fits."""

    fit: Fit | None
    sentence: str


def fit_of_file(
    path: Path,
    header: GgufHeader,
    machine: Machine,
    context_tokens: int,
    *,
    parallel: int,
    pace: Pace,
    licence: str = "",
) -> Fit:
    """A file that is here, by its own header."""
    need = memory_needed(
        header, context_tokens, parallel=parallel, on_device=machine.on_device, unified=machine.kind == "unified"
    )
    size = float(parameters(header))
    told = str(header.metadata.get("general.name", "")) or path.stem
    licence = licence or str(header.metadata.get("general.license", ""))
    ability = ability_words(size, trained_context(header), "tokenizer.chat_template" in header.metadata)
    return Fit(path.stem, told, licence, path, True, need, machine, context_tokens, size, ability, pace)


def fit_of_entry(entry: Entry, machine: Machine, context_tokens: int, *, parallel: int, pace: Pace) -> Fit:
    """A model of the catalogue that is not here, by what its maker published."""
    need = entry.need(context_tokens, parallel=parallel, on_device=machine.on_device, unified=machine.kind == "unified")
    ability = ability_words(entry.parameters, entry.context_tokens, True, entry.thinks)
    told = (entry.name, entry.title, entry.licence)
    return Fit(*told, None, False, need, machine, context_tokens, entry.parameters, ability, pace)


def pace_of(read_bytes: int, measured: Iterable[Measured], bandwidth: float, own: Measured | None = None) -> Pace:
    """How fast a model speaks that reads so many bytes for a token.

    Args:
        measured: of other models here; the best of them counts, as a small one loses time that a large one does not.
        bandwidth: bytes a second that memory gives; 0 when it was not measured.
        own: of this very model.
    """
    best = max((one.bytes_per_s for one in measured), default=0.0)
    most = bandwidth / read_bytes
    return Pace(min(best / read_bytes, most or float("inf")), most, own.tokens_per_s if own else 0.0)


def read_bytes_of(header: GgufHeader, context_tokens: int) -> int:
    """Bytes a token costs when the context is half full."""
    return bytes_per_token(header, context_tokens // _HALF_FULL)


def ability_words(size: float, context: int, chats: bool, thinks: bool = False) -> str:
    """What to expect of a model with so many parameters, trained on so many tokens of context."""
    words = next(text for limit, text in _ABILITIES if size <= limit)
    notes = [words]
    if context:
        notes.append(f"reads up to {context:,} tokens")
    if thinks:
        notes.append("thinks in words first, which takes time")
    if not chats:
        notes.append("was not trained for conversation")
    return "; ".join(notes)


def choose(fits: Sequence[Fit]) -> Choice:
    """The largest that fits and speaks about as fast as one reads; the fastest that fits where none does."""
    able = [fit for fit in fits if fit.fits]
    if not able:
        need = min((fit.need.total for fit in fits), default=0)
        return Choice(None, f"No model fits now: the smallest needs {gib(need)}. Close other programs, or add memory.")
    quick = [fit for fit in able if fit.pace.expected >= READING_TOKENS_PER_S]
    larger = sorted((fit for fit in fits if not fit.fits), key=lambda fit: fit.size)
    if not quick:
        known = [fit for fit in able if fit.pace.expected]
        if not known:
            best = max(able, key=lambda fit: fit.size)
            why = "is the largest that fits; how fast it speaks was not measured"
            return Choice(best, f"{best.title} {why} (hearthside models check measures it).")
        best = max(known, key=lambda fit: fit.pace.expected)
        return Choice(
            best, f"{best.title} is the fastest that fits ({best.pace.words()}); none here keeps up with reading."
        )
    best = max(quick, key=lambda fit: fit.size)
    slower = any(fit.size > best.size for fit in able)
    limit = "; larger ones fit too, but speak slower than one reads" if slower else ""
    if not slower and larger:
        limit = f"; {larger[0].title} would need {gib(larger[0].missing)} more"
    return Choice(
        best,
        f"{best.title} is the largest that fits ({gib(best.need.total)} of {gib(best.machine.room)}) and keeps up with "
        f"reading ({best.pace.words()}){limit}.",
    )


def _pace(tokens_per_s: float) -> str:
    return f"{tokens_per_s:.0f}" if tokens_per_s >= 3 else f"{tokens_per_s:.1f}"


def gib(amount: float) -> str:
    """Bytes for people."""
    return f"{amount / GIB:.1f} GiB" if amount >= GIB / 10 else f"{amount / 2**20:.0f} MiB"
