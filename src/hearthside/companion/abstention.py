"""Whether what was found answers a question: signals of the evidence, weighed by a table that was set on data.

The weights are those of a logistic regression over questions that chats can and cannot answer, made by rule
(``benchmarks/abstain.py --calibrate``, docs/lab/0007). What ought to speak for an answer may not weigh against it, nor
the other way round: a signal whose weight came out with the wrong sign was left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from hearthside.companion.asked import Asked, Word, stems_of
from hearthside.events import Origin
from hearthside.memory.hits import Hit

FOR = ("own", "own_here", "here", "best", "rank", "together", "both", "whole")
AGAINST = (
    "taken", "taken_here", "type", "verb", "thing", "rarest", "rarest_type", "rarest_own", "new_type", "new_verb",
    "new_thing", "name", "nobody", "day",
)  # fmt: skip
# Set on LoCoMo's ten chats, never on REALTALK; the threshold is the least at which of every kind of question without an
# answer, the hardest too (an object swapped for another), 0.85 are refused.
WEIGHTS: dict[str, float] = {
    "own": 1.501,
    "rank": 1.200,
    "both": 0.437,
    "whole": 0.374,
    "taken_here": -3.344,
    "type": -0.825,
    "thing": -1.305,
    "rarest": -0.183,
    "rarest_type": -0.086,
    "rarest_own": -1.881,
    "new_type": -3.817,
    "new_thing": -3.481,
    "name": -0.785,
    "nobody": -2.771,
    "day": -5.889,
}
BIAS, THRESHOLD = 0.837, 1.065

# How a question's pieces of evidence are put in order before the best one is judged.
_ORDER = {"own_here": 1.0, "own": 0.5, "near": 0.35, "rank": 0.25, "day": -3.0}
_FIT_DAYS = 1  # what happened on a day is mostly told on it or on the day after
_SPOKEN = frozenset({"message", "utterance"})


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of evidence with what was said around it.

    Attributes:
        author: whose words it is: a name, or "" for the person's own and for what nobody said.
        rank: its place in the search's order, from 0.
        before, after: neighbours in the same conversation as (author, text), in order of time.
    """

    hit: Hit
    author: str
    rank: int
    before: tuple[tuple[str, str], ...] = ()
    after: tuple[tuple[str, str], ...] = ()

    @property
    def around(self) -> list[tuple[str, str]]:
        """It and its neighbours as (author, text), in order of time."""
        return [*self.before, (self.author, self.hit.text), *self.after]


@dataclass(frozen=True, slots=True)
class _Held:
    """Which words a passage holds: in itself, with its neighbours, and in what the people asked about said there."""

    here: frozenset[str]
    near: frozenset[str]
    own: frozenset[str]
    own_here: frozenset[str]


@dataclass(frozen=True, slots=True)
class Judged:
    """Passages, the best support first, and how well the best supports an answer: an answer is given from 0 on."""

    passages: tuple[Passage, ...]
    margin: float

    @property
    def answers(self) -> bool:
        """Whether there is enough to answer."""
        return bool(self.passages) and self.margin >= 0


def author_of(hit: Hit) -> str:
    """Whose words a hit is: a name, or "" for the person's own and for what nobody said."""
    if hit.origin is Origin.SELF or hit.kind not in _SPOKEN or not hit.note:
        return ""
    parts = hit.note.split(" · ")
    return parts[0] if hit.kind == "utterance" else parts[1] if len(parts) > 1 else parts[0]


def judge(asked: Asked, passages: Sequence[Passage]) -> Judged:
    """Put passages in order of their support, and weigh whether they answer the question."""
    if not passages:
        return Judged((), float("-inf"))
    order, found = signals(asked, passages)
    score = BIAS + sum(weight * found[name] for name, weight in WEIGHTS.items())
    return Judged(tuple(passages[i] for i in order), score - THRESHOLD)


def signals(asked: Asked, passages: Sequence[Passage]) -> tuple[list[int], dict[str, float]]:
    """The order of the passages by support, best first, and the signals of the question; most lie between 0 and 1.

    Words count by how telling they are (idf). "Own" is what the people asked about said themselves. Missing words are
    those that neither the best passage nor its neighbours hold: known ones, which other records do hold, and new ones;
    `whole`: none is missing.
    """
    held = [_held(asked, passage) for passage in passages]
    share = {name: [_share(asked, getattr(one, name)) for one in held] for name in ("here", "near", "own", "own_here")}
    misfit = [float(asked.days is not None and not _fits_days(asked.days, passage)) for passage in passages]
    support = [_support({name: share[name][i] for name in share} | {"rank": 1 / (1 + i), "day": misfit[i]})
               for i in range(len(passages))]  # fmt: skip
    order = sorted(range(len(passages)), key=lambda i: -support[i])
    top = order[0]
    found = {name: share[name][top] for name in ("own", "own_here", "here")}
    found |= {
        "best": max(share["near"]),
        "taken": max(share["near"]) - max(share["own"]),
        "taken_here": max(share["here"]) - max(share["own_here"]),
        "rank": 1 / (1 + top),
        "both": float("keyword" in passages[top].hit.why and "meaning" in passages[top].hit.why),
        "together": _together(asked, passages[top]),
        "nobody": float(not asked.people),
        "day": misfit[top],
    }
    return order, found | _missing(asked, held[top])


def _held(asked: Asked, passage: Passage) -> _Held:
    here = stems_of(passage.hit.text)
    said = [(author, stems_of(text)) for author, text in passage.around]
    own = [words for author, words in said if not asked.people or author in asked.people]
    own_here = here if not asked.people or passage.author in asked.people else frozenset[str]()
    return _Held(here, frozenset().union(*(words for _, words in said)), frozenset().union(*own), own_here)


def _support(one: Mapping[str, float]) -> float:
    return sum(weight * one[name] for name, weight in _ORDER.items())


def _missing(asked: Asked, held: _Held) -> dict[str, float]:
    """What the best passage and its neighbours do not hold, by what part it plays in the question."""
    missing = [word for word in asked.words if word.stem not in held.near]
    known, new = [word for word in missing if word.known], [word for word in missing if not word.known]
    top = max((word.weight for word in asked.words), default=1.0)
    unsaid = [word for word in asked.words if word.stem not in held.own]
    found = {role: _weight(known, role) / (asked.weight or 1.0) for role in ("type", "verb", "thing")}
    found |= {f"new_{role}": _weight(new, role) / (asked.weight or 1.0) for role in ("type", "verb", "thing")}
    return found | {
        "rarest": max((word.weight for word in known if word.role == "thing"), default=0.0) / top,
        "rarest_type": max((word.weight for word in known if word.role == "type"), default=0.0) / top,
        "rarest_own": max((word.weight for word in unsaid), default=0.0) / top,
        "whole": float(not missing),
        "name": float(any(word.name for word in missing)),
    }


def _weight(words: Iterable[Word], role: str) -> float:
    return sum(word.weight for word in words if word.role == role)


def _share(asked: Asked, held: frozenset[str]) -> float:
    return sum(word.weight for word in asked.words if word.stem in held) / (asked.weight or 1.0)


def _together(asked: Asked, passage: Passage) -> float:
    """Share of neighbouring words of the question that stand within one sentence of the passage."""
    stems = [word.stem for word in asked.words]
    sentences = [stems_of(part) for _, text in passage.around for part in re.split(r"[.!?\n]+", text)]
    if len(stems) < 2:
        return float(any(set(stems) <= held for held in sentences)) if stems else 0.0
    pairs = list(pairwise(stems))
    return sum(any({a, b} <= held for held in sentences) for a, b in pairs) / len(pairs)


def _fits_days(days: tuple[str, str], passage: Passage) -> bool:
    """Whether the passage was said on the days or next to them, or names their month or year."""
    said = date.fromisoformat(passage.hit.local[:10])
    first, last = (date.fromisoformat(day) for day in days)
    if first - timedelta(days=_FIT_DAYS) <= said <= last + timedelta(days=_FIT_DAYS):
        return True
    return re.search(rf"\b(?:{first:%B}|{first.year})\b", passage.hit.text) is not None
