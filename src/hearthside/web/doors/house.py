"""What the doors need of a vault, beside what the pages ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hearthside.companion.answers import Answer
from hearthside.events import Json
from hearthside.inference.side_models import Transcript


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model that clients can name.

    Attributes:
        id: ``hearthside``, or ``hearthside-`` and the first characters of the active adapter's id.
        created_ms: when it came to be, UTC milliseconds; 0 where that is not told.
    """

    id: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class TokensUsed:
    """What the meter of the compute node has counted since it started; all 0 while it is away."""

    prompt: int
    cached: int
    completion: int

    def since(self, before: TokensUsed) -> TokensUsed:
        """What was used between two looks; all 0 where the node started anew in between."""
        if self.prompt < before.prompt or self.completion < before.completion:
            return TokensUsed(0, 0, 0)
        return TokensUsed(self.prompt - before.prompt, self.cached - before.cached, self.completion - before.completion)


@dataclass(frozen=True, slots=True)
class KeptNote:
    """A note that a program keeps at the person's wish: words of a model, and never a fact.

    Attributes:
        id: hex id of the journal record.
        local: local clock time, ISO 8601 with offset.
        text: the words.
        kept_by: ``kept at the wish of <name of the token>``.
    """

    id: str
    at_ms: int
    local: str
    text: str
    kept_by: str


class DoorHouse(Protocol):
    """What the doors ask of a vault. Everything may block, and raises HearthsideError with a sentence."""

    def now_ms(self) -> int:
        """The present of the life, UTC milliseconds."""
        ...

    def models(self) -> list[OfferedModel]:
        """What answers now; ``hearthside`` first."""
        ...

    def tokens_used(self) -> TokensUsed:
        """The meter as it stands."""
        ...

    def conversation_with(self, prefix: str, question: str, answer: str) -> str:
        """The newest conversation whose id begins with the prefix and in which this was answered to that; or ""."""
        ...

    def record_wish(self, question: str, answer: Answer, conversation: str) -> str:
        """Keep a turn that the dialogue did not answer (a wish that is the client's to carry out); the question's id.

        Raises:
            Refused: ``question-empty``.
        """
        ...

    def wish(self, question_id: str, prefix: str) -> str:
        """The words of a question in a conversation with this prefix, or "": what the client's copy says may be made
        up."""
        ...

    def record_outcome(self, answer: Answer, question_id: str, prefix: str) -> str:
        """Keep what became of a wish, the same words once; its conversation, or "" where none of this prefix has it."""
        ...

    def transcribe(self, file: bytes) -> Transcript:
        """What a recording says, by the node that listens; kept nowhere.

        Args:
            file: a sound file, as it was sent.

        Raises:
            RetryLater: the node is away, or its machine is short of memory.
            NeedsPerson: ``side-model-missing``; no speech model is installed there.
            Refused: it is none that can be read, or too long.
        """
        ...

    def query(self, raw: bytes) -> dict[str, Json]:
        """The answer to a typed query in its JSON form.

        Raises:
            Refused: it is none, or cannot be computed, and why.
        """
        ...

    def remember(self, text: str, token_id: str, token_name: str) -> KeptNote:
        """Keep a note that came in through a program.

        Raises:
            Refused: ``note-wrong``: it is empty or too long; ``notes-paused``.
            NeedsPerson: the disk is nearly full.
        """
        ...

    def kept_notes(self, words: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[KeptNote]:
        """Notes that hold any of the words, those with most of them first; times are UTC ms, [start_ms, end_ms)."""
        ...
