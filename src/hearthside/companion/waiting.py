"""Questions that wait for the language model: put off by the person, answered once when it is back, or taken back.

Each wish is a journal event of the person's, and so is its end, which is written in one piece with the later answer:
what waits is known after a restart, and nothing is answered twice.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum

from hearthside.errors import Refused
from hearthside.events import Event, Json, Layer, Origin, Trust
from hearthside.journal import Journal

KIND = "answer_later"
"""Kind of the wishes and of their ends."""

SOURCE = "companion"


class WishState(StrEnum):
    """What became of a wish."""

    WAITS = "waits"
    WITHDRAWN = "withdrawn"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class WaitingQuestion:
    """A question that is to be answered again.

    Attributes:
        id: hex id of the journalled question.
        text: the person's words.
        asked_ms: when it was asked, UTC milliseconds.
    """

    id: str
    text: str
    conversation: str
    asked_ms: int


class Waiting:
    """What waits in one journal; calls may come from several threads."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._known: tuple[int, dict[str, tuple[WishState, int]]] = (-1, {})

    def questions(self) -> list[WaitingQuestion]:
        """What waits now, put off longest ago first."""
        return self._of([one for one, (state, _) in self._words().items() if state is WishState.WAITS])

    def answered(self, since_ms: int) -> list[WaitingQuestion]:
        """What was answered later since then, the newest first."""
        known = self._words().items()
        return self._of([one for one, (state, at) in known if state is WishState.ANSWERED and at >= since_ms][::-1])

    def _of(self, questions: list[str]) -> list[WaitingQuestion]:
        if not questions:
            return []
        stored = self._journal.get(bytes.fromhex(identity) for identity in questions)  # what was forgotten is not there
        return [
            WaitingQuestion(
                item.id.hex(), item.record.text, str(item.record.payload.get("conversation_id", "")),
                item.record.start_ms,
            )
            for item in stored.values()
            if isinstance(item.record, Event)
        ]  # fmt: skip

    def state(self, question: str) -> WishState | None:
        """What became of a question that was put off, by its hex id; None when it never was."""
        known = self._words().get(question)
        return None if known is None else known[0]

    def put_off(self, question: str, at_ms: int) -> None:
        """Let a question wait for the model; one that waits already is left alone.

        Raises:
            Refused: ``later-unknown``, there is no such question; ``later-not-needed``, nothing was missing from its
                answer, or it was answered again already.
        """
        with self._lock:
            state = self.state(question)
            if state is WishState.WAITS:
                return
            if state is WishState.ANSWERED or not self._is_improvable(self._asked(question)):
                raise Refused(
                    "later-not-needed", "Nothing is missing from the answer to this question; it was not put off."
                )
            self._journal.append([self._wish(question, WishState.WAITS, at_ms)])

    def withdraw(self, question: str, at_ms: int) -> None:
        """Let a question wait no longer. Raises Refused (``later-not-waiting``) when it does not wait."""
        with self._lock:
            if self.state(question) is not WishState.WAITS:
                raise Refused("later-not-waiting", "This question does not wait (any more); nothing was changed.")
            self._journal.append([self._wish(question, WishState.WITHDRAWN, at_ms)])

    def keep(self, answer: Event, at_ms: int) -> bool:
        """Journal the later answer to a question, and that it is answered, in one piece.

        Returns:
            False where the question does not wait (any more): nothing was kept.
        """
        question = str(answer.payload["question"])
        with self._lock:
            if self.state(question) is not WishState.WAITS:
                return False
            self._journal.append([answer, self._wish(question, WishState.ANSWERED, at_ms)])
            return True

    def answer_to(self, question: str) -> Event | None:
        """The later answer to a question, or None."""
        if self.state(question) is not WishState.ANSWERED:
            return None
        return next((one for one in self._answers(self._asked(question)) if one.payload.get("later")), None)

    def _words(self) -> dict[str, tuple[WishState, int]]:
        """Question to the last word on it, and when; read again only when the journal has grown."""
        seq = self._journal.head().seq
        if self._known[0] != seq:
            found: dict[str, tuple[WishState, int]] = {}
            for item in sorted(self._journal.read(kinds=[KIND]), key=lambda stored: stored.seq):
                if isinstance(item.record, Event):
                    question = str(item.record.payload["question"])
                    found.pop(question, None)  # put off again: it goes to the end
                    found[question] = WishState(item.record.payload["state"]), item.record.start_ms
            self._known = (seq, found)
        return self._known[1]

    def _asked(self, question: str) -> Event:
        try:
            raw = bytes.fromhex(question)
        except ValueError:
            raw = b""
        stored = self._journal.get([raw]).get(raw) if raw else None
        asked = stored.record if stored is not None else None
        if not isinstance(asked, Event) or asked.kind != "question":
            raise Refused("later-unknown", "There is no such question; it may have been forgotten.")
        return asked

    def _answers(self, asked: Event) -> list[Event]:
        """What was answered to a question, in the order of time."""
        found = (item.record for item in self._journal.read(asked.start_ms, kinds=["answer"], sources=[SOURCE]))
        wanted = asked.id.hex()
        return [one for one in found if isinstance(one, Event) and one.payload.get("question") == wanted]

    def _is_improvable(self, asked: Event) -> bool:
        return any(one.payload.get("improvable") for one in self._answers(asked))

    def _wish(self, question: str, state: WishState, at_ms: int) -> Event:
        payload: dict[str, Json] = {"question": question, "state": state.value}
        # The key tells two wishes apart that say the same in the same millisecond: on, off, on.
        key = str(self._journal.head().seq)
        return Event(
            SOURCE, KIND, Layer.BEHAVIOURAL, at_ms, Origin.SELF, Trust.OWN, payload, clock="station", key=key
        )  # fmt: skip


def first_answer(journal: Journal, question: Event) -> Event | None:
    """What was answered to a question at once, or None."""
    wanted = question.id.hex()
    for item in journal.read(question.start_ms, kinds=["answer"], sources=[SOURCE]):
        answer = item.record
        if isinstance(answer, Event) and answer.payload.get("question") == wanted and not answer.payload.get("later"):
            return answer
    return None
