"""What the companion says: an answer with its evidence, an offer with its reason, a proposed home action."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from hearthside.memory.hits import Hit


class AnswerMode(StrEnum):
    """How an answer came about; shown beside it."""

    COMPUTED = "computed"  # counted, summed or looked up in the life stream
    QUOTED = "quoted"  # the person's own evidence, quoted
    UNKNOWN = "unknown"  # nothing supports an answer
    CONVERSATION = "conversation"  # small talk: nothing about the person is claimed


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        text: what is said.
        mode: how it came about.
        query: the typed query in plain words, where it was computed.
        value: the computed value, where there is one, as text.
        evidence: what it rests on.
        worded_by: name of the model (and adapter) that worded it, or "" for plain code.
        limited: what is missing from this answer and why (the compute node is away), or "".
        asked: the whole question that a follow-up was completed to, or "" where it stood on its own; of a later answer
            always the question.
        question: hex id of the journalled question, or "".
        improvable: the language model was missing, so asking again when it is back may give more.
        later: this was answered when the model was back, to a question that had waited for it.
    """

    text: str
    mode: AnswerMode
    query: str = ""
    value: str = ""
    evidence: list[Hit] = field(default_factory=list)
    worded_by: str = ""
    limited: str = ""
    asked: str = ""
    question: str = ""
    improvable: bool = False
    later: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text while an answer is streaming."""

    text: str


AnswerPart: TypeAlias = Piece | Answer
"""A streamed answer is pieces and then, last, the whole Answer; its text replaces the pieces."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation as it is shown; `id` is the hex id of its event."""

    at_ms: int
    local: str
    who: str  # "you" or "hearthside"
    text: str
    answer: Answer | None
    id: str = ""


class Reaction(StrEnum):
    """The three things a person can say to an offer."""

    USEFUL = "useful"
    NOT_NOW = "not_now"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing the companion says unasked.

    Attributes:
        id: hex id of the journalled offer.
        rule: name of the decision rule.
        text: what is said.
        reason: why now, in one sentence.
        evidence: what it rests on.
    """

    id: str
    rule: str
    at_ms: int
    text: str
    reason: str
    evidence: list[Hit]


@dataclass(frozen=True, slots=True)
class HomeProposal:
    """A home action proposed from the life stream; done only after a tap.

    Attributes:
        state: ``proposed``, ``done``, ``undone``, ``dismissed`` or ``refused``.
        can_undo: whether the earlier state can be brought back.
    """

    id: str
    at_ms: int
    text: str
    reason: str
    entity: str
    state: str
    can_undo: bool
    evidence: list[Hit]
