"""What the pages show of questions that wait for the language model, and what they may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hearthside.companion.answers import Answer


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A question that is answered again when the model is back.

    Attributes:
        id: hex id of the question.
        local: when it was asked, by the person's clock.
    """

    id: str
    text: str
    conversation: str
    local: str


class WaitingHouse(Protocol):
    """Everything about questions that wait."""

    def questions(self) -> list[WaitingView]:
        """What waits, put off longest ago first."""
        ...

    def answered(self) -> list[WaitingView]:
        """What was answered later in the last days, the newest first."""
        ...

    def put_off(self, question: str) -> None:
        """Let a question, by its hex id, wait for the model. Raises Refused where nothing was missing."""
        ...

    def withdraw(self, question: str) -> None:
        """Let it wait no longer. Raises Refused where it does not wait."""
        ...

    def answer_to(self, question: str) -> Answer | None:
        """The later answer to a question, once it is there."""
        ...
