"""One fact: what holds, from when to when, when it was learned, and what it rests on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

ME = "me"
"""The subject of facts about the person."""

READ = "annotations"
"""The extractor of what a model read."""

NOT = "not:"
"""In front of a predicate: it is said not to be so, or no longer."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which characters of a record's text say it: [start, end) of `id`."""

    id: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that holds, or held.

    Attributes:
        id: stays the same when everything is made anew: a hash of subject, predicate and value.
        topic: for the page: ``sleep``, ``places``, ``people``, ``family``, ``health`` ...
        subject: `ME`, or the name of somebody.
        predicate: ``lives_in``, ``usual_bedtime`` ...; value: in words or figures.
        sentence: for the person.
        valid_from, valid_to: local days, ISO, between which it is known to hold; "" open: nobody knows since when, or
            it still holds.
        learned_ms: when the first record that shows it arrived, UTC ms.
        evidence: journal ids, in order of time; of many the first and the last ones.
        spans: where texts say it.
        sure: 0 to 1, as its extractor documents it.
        extractor: which module found it; ``person`` for a correction.
        single: only one value can hold at a time.
        said_by: who said it: "" the person or their own records; else a name, and then it is only what they said.
        contradicts: ids of facts that say otherwise of the same time.
        decided: ``pinned`` or ``corrected`` by the person, else "".
        read_by: the model that read it in the words, "" for plain code.
    """

    id: str
    topic: str
    subject: str
    predicate: str
    value: str
    sentence: str
    valid_from: str
    valid_to: str
    evidence: tuple[bytes, ...]
    sure: float
    extractor: str
    spans: tuple[Span, ...] = ()
    single: bool = False
    said_by: str = ""
    learned_ms: int = 0
    contradicts: tuple[str, ...] = ()
    decided: str = ""
    read_by: str = ""

    @property
    def weak(self) -> bool:
        """Whether it rests on one reading of a model alone: that closes nothing the person said explicitly."""
        return self.extractor == READ and len(self.evidence) < 2

    def holds_on(self, day: str) -> bool:
        """Whether it holds on a local day, as far as is known."""
        return (not self.valid_from or self.valid_from <= day) and (not self.valid_to or day < self.valid_to)


def fact_id(subject: str, predicate: str, value: str, since: str = "") -> str:
    """32 hex digits from what is said, whatever its case; `since` tells apart what holds, ends and holds again."""
    said = "\0".join(("fact", subject.casefold(), predicate, " ".join(value.casefold().split()), since))
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def make_fact(
    extractor: str,
    topic: str,
    predicate: str,
    value: str,
    sentence: str,
    evidence: tuple[bytes, ...],
    *,
    subject: str = ME,
    valid_from: str = "",
    valid_to: str = "",
    sure: float = 0.9,
    spans: tuple[Span, ...] = (),
    single: bool = False,
    said_by: str = "",
    returns: bool = False,
) -> Fact:
    """A fact with its id; `returns`: the same value may end and hold again, each time as a fact of its own."""
    return Fact(
        fact_id(subject, predicate, value, valid_from[:7] if returns else ""),
        topic, subject, predicate, value, sentence, valid_from, valid_to,
        tuple(dict.fromkeys(evidence)), sure, extractor, spans, single, said_by,
    )  # fmt: skip
