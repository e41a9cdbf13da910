"""Questions that wait in the demo house: put off, withdrawn, and answered when its model is back."""

from __future__ import annotations

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.errors import Refused
from hearthside.web.waiting_views import WaitingView

LATER = "Ravi asked about dinner, and you wrote: “no fish please”."


class DemoWaiting:
    """Plays `WaitingHouse`; `back` plays the model's return."""

    def __init__(self, canary: str = "") -> None:
        self.canary = canary
        self.waits: dict[str, WaitingView] = {}
        self.back = False

    def questions(self) -> list[WaitingView]:
        return list(self.waits.values())

    def answered(self) -> list[WaitingView]:
        return []

    def put_off(self, question: str) -> None:
        self.waits[question] = WaitingView(question, f"{self.canary}No fish?", "demo", "2026-03-31 21:45")

    def withdraw(self, question: str) -> None:
        if self.waits.pop(question, None) is None:
            raise Refused("later-not-waiting", "This question does not wait (any more); nothing was changed.")

    def answer_to(self, question: str) -> Answer | None:
        if not self.back or question not in self.waits:
            return None
        said = self.canary + LATER
        return Answer(said, AnswerMode.QUOTED, asked="What about fish?", question=question, later=True)
