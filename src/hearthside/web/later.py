"""Under an answer that lacked the model: a quiet way to have it answered when the model is back, and that answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from markupsafe import Markup
from nicegui import ui

from hearthside.companion.answers import Answer, Turn
from hearthside.web.calls import Problem, call
from hearthside.web.controls import button, html, native, text
from hearthside.web.layout import Frame, Shell
from hearthside.web.markup import tag
from hearthside.web.waiting_views import WaitingView

LOOK_S = 3.0  # how often the page looks for a later answer, while one is waited for; never a model call
PUT_OFF = "Answer this when the model is back"
WAITS = "This waits for the model and is answered here when it is back."
_ELSEWHERE = 5
ANSWERED = "Answered further down, now that the model is back."


def answered_later(turns: Iterable[Turn]) -> set[str]:
    """Ids of the questions of a conversation that were answered again."""
    return {turn.answer.question for turn in turns if turn.answer is not None and turn.answer.later}


def answered_elsewhere(questions: list[WaitingView]) -> Markup:
    """Questions of other conversations that were answered when the model was back, each with the way to it."""
    rows = [
        tag("li", tag("a", one.text, href=f"/continue/{one.conversation}"), " ", tag("span", one.local, cls="quiet"))
        for one in questions[:_ELSEWHERE]
    ]
    title = "1 later answer elsewhere" if len(questions) == 1 else f"{len(questions)} later answers elsewhere"
    return tag("details", tag("summary", title), tag("ul", *rows), cls="quiet")


class LaterAnswers:
    """What waits on one open page.

    Attributes:
        waits: where it is said that a question waits, by the question's id.
    """

    def __init__(self, shell: Shell, page: Frame, talk: ui.element, turn_of: Callable[[Answer], Markup]) -> None:
        self.shell, self.page, self.talk, self.turn_of = shell, page, talk, turn_of
        self.waits: dict[str, ui.element] = {}
        self.answered: set[str] = set()

    async def begin(self, turns: list[Turn], conversation: str) -> set[str]:
        """What waits when the page is opened; where that cannot be told, nothing does.

        Later answers in other conversations than this one are named above it.
        """
        self.answered = answered_later(turns)
        house = self.shell.house.waiting
        found = await call(lambda: ({one.id for one in house.questions()}, house.answered()))
        ui.timer(LOOK_S, self.look)  # not before: a page with a timer is sent as it is when it waits for something
        if isinstance(found, Problem):
            return set()
        elsewhere = [one for one in found[1] if one.conversation != conversation]
        if elsewhere:
            with self.talk:
                html(answered_elsewhere(elsewhere))
        return found[0]

    def under(self, answer: Answer, waiting: set[str] | frozenset[str] = frozenset()) -> None:
        """Offer to answer later, below an answer for which that can help; or say that it waits."""
        if not answer.improvable or not answer.question or answer.question in self.answered:
            return
        holder = native("div", "buttons later")
        if answer.question in waiting:
            self._say_it_waits(answer.question, holder)
        else:
            self._offer(answer.question, holder)

    async def look(self) -> None:
        """Show the later answers that have come since."""
        for question, holder in list(self.waits.items()):
            answer = await call(self.shell.house.waiting.answer_to, question)
            if isinstance(answer, Answer) and self.waits.pop(question, None) is not None:
                self.answered.add(question)
                holder.clear()
                with holder:
                    text(ANSWERED, "p", "quiet")
                with self.talk:
                    html(self.turn_of(answer), cls="turn-holder")

    def _offer(self, question: str, holder: ui.element) -> None:
        holder.clear()
        with holder:
            button(PUT_OFF, partial(self._put_off, question, holder), "button-quiet")

    def _say_it_waits(self, question: str, holder: ui.element) -> None:
        self.waits[question] = holder
        holder.clear()
        with holder:
            text(WAITS, "p", "quiet")
            button("Withdraw", partial(self._withdraw, question, holder), "button-quiet", "Do not answer later")

    async def _put_off(self, question: str, holder: ui.element) -> None:
        outcome = await call(self.shell.house.waiting.put_off, question)
        if isinstance(outcome, Problem):
            self.page.show(outcome)
        else:
            self._say_it_waits(question, holder)

    async def _withdraw(self, question: str, holder: ui.element) -> None:
        outcome = await call(self.shell.house.waiting.withdraw, question)
        if isinstance(outcome, Problem):  # answered a moment ago, most likely: the next look shows it
            self.page.show(outcome)
            return
        self.waits.pop(question, None)
        self._offer(question, holder)
