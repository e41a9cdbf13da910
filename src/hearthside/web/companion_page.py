"""The companion: a conversation with its evidence beside it, one timely offer, proposed home actions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from markupsafe import Markup
from nicegui import events, ui
from starlette.requests import Request

from hearthside.companion.answers import Answer, HomeProposal, Offer, Reaction, Turn
from hearthside.web.calls import LiveAnswer, Problem, call, follow
from hearthside.web.controls import button, html, native, set_disabled, text
from hearthside.web.house import Overview
from hearthside.web.later import LaterAnswers
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import answer_body, evidence, local_words, paragraphs, problem_card, tag
from hearthside.web.welcome import two_ways_in

VOICE_S = 5.0  # how often the page looks for a new offer or proposal; a look in the journal, never a model call
MAX_QUESTION = 4_000  # characters
REACTIONS = (
    (Reaction.USEFUL, "Useful", "Thank you. I will keep an eye on this."),
    (Reaction.NOT_NOW, "Not now", "All right. I will leave it for now."),
    (Reaction.NEVER, "Never", "Understood. I will not bring this up again."),
)
ENDED_PROPOSAL = {
    "done": "Done.",
    "undone": "Undone: it is as it was before.",
    "dismissed": "Left as it is.",
    "refused": "Refused: this is never done from here.",
}


def register(shells: Shells) -> None:
    """The page at ``/``: the two ways in while the vault is empty, else the conversation."""

    @ui.page("/", title="Hearthside", response_timeout=30)
    async def companion(request: Request) -> None:
        shell = shells.of(request)
        async with frame(shell, "companion") as page:
            if page.overview.empty:
                two_ways_in(shell, page)
            else:
                await Conversation(shell, page, request.state.conversation).show()


def suggestions(overview: Overview) -> list[str]:
    """Questions a newcomer can tap: the house's own, else three that can be computed from most vaults."""
    if overview.suggestions:
        return overview.suggestions[:4]
    if not overview.last_day:
        return []
    day = overview.last_day
    return [f"How long did I sleep on {day}?", f"What was I listening to on {day}?", f"How many messages on {day}?"]


def question_turn(words: str, local: str = "") -> Markup:
    """What the person said."""
    when = tag("p", local_words(local), cls="turn-time") if local else Markup("")
    return tag("article", tag("div", paragraphs(words), cls="bubble"), when, cls="turn turn-you", aria_label="You")


def answer_turn(answer: Answer) -> Markup:
    """What Hearthside said, with the evidence beside it (below it on a phone)."""
    side = tag("aside", evidence(answer.evidence), cls="turn-evidence", aria_label="Evidence")
    return tag("article", answer_body(answer), side, cls="turn turn-house", aria_label="Hearthside")


def past_turn(turn: Turn) -> Markup:
    """One turn of a conversation that is continued."""
    if turn.who == "you":
        return question_turn(turn.text, turn.local)
    if turn.answer is not None:
        return answer_turn(turn.answer)
    body = tag("div", paragraphs(turn.text), cls="bubble")
    return tag("article", body, cls="turn turn-house", aria_label="Hearthside")


class Conversation:
    """The live part of the page."""

    def __init__(self, shell: Shell, page: Frame, conversation: str) -> None:
        self.shell = shell
        self.page = page
        self.id = conversation
        self.later: LaterAnswers
        self.client = ui.context.client  # kept: a tapped suggestion is gone before its answer has come

    async def show(self) -> None:
        """Build the page; an answer still under way is picked up where it is."""
        turns = await call(self.shell.house.conversation, self.id)
        if isinstance(turns, Problem):
            self.page.show(turns)
            turns = []
        self._head(bool(turns))
        self.newcomer = native("div", "newcomer")
        if not turns:
            with self.newcomer:
                self._greeting()
        self.talk = native("div", "conversation", role="log", aria_label="Conversation")
        live = self.shell.answers.under_way(self.id)
        self.later = LaterAnswers(self.shell, self.page, self.talk, answer_turn)
        waiting = await self.later.begin(turns, self.id)
        with self.talk:
            for turn in turns:
                html(past_turn(turn))
                if turn.answer is not None:
                    self.later.under(turn.answer, waiting)
            if live is not None and not (turns and turns[-1].who == "you"):
                html(question_turn(live.question))
        Voice(self.shell, self.page, self.talk)
        self._composer()
        if live is not None:
            ui.timer(0, partial(self.answer, live), once=True)

    def _head(self, continued: bool) -> None:
        with native("div", "page-head"):
            text("Companion", "h1")
            if continued:
                html(tag("a", "New conversation", href="/new", cls="button button-quiet"))

    def _greeting(self) -> None:
        name = f", {self.page.overview.person}" if self.page.overview.person else ""
        text(f"Hello{name}. What would you like to know?", "p", "greeting")
        text("Answers are counted or quoted from your own records, and show what they rest on.", "p", "quiet")
        with native("div", "suggestions"):
            for question in suggestions(self.page.overview):
                button(question, partial(self.ask, question), "chip")

    def _composer(self) -> None:
        form = native("form", "composer", aria_label="Ask")
        form.on("submit", self._submitted, js_handler="(e) => window.hearthside.sendWords(e, emit)")
        with form:
            native(
                "textarea",
                "composer-words",
                name="words",
                rows=1,
                maxlength=MAX_QUESTION,
                placeholder="Ask about your days…",
                aria_label="Your question",
                autocomplete="off",
            )
            self.send = text("Ask", "button", "button button-primary")
            self.send.props["type"] = "submit"

    async def _submitted(self, event: events.GenericEventArguments) -> None:
        await self.ask(str(event.args))

    async def ask(self, question: str) -> None:
        """Put a question and show its answer as it comes."""
        question = question.strip()[:MAX_QUESTION]
        if not question or self.shell.answers.under_way(self.id) is not None:
            return
        live = self.shell.answers.start(question, self.id)
        self.newcomer.clear()
        with self.talk:
            html(question_turn(question))
        await self.answer(live)

    async def answer(self, live: LiveAnswer) -> None:
        """Show an answer while it streams, then whole. Leaving the page does not stop the answer itself."""
        set_disabled(self.send, True)
        with self.talk, native("article", "turn turn-house", aria_label="Hearthside", aria_busy="true") as turn:
            words = text("", "p", "bubble words streaming")
        async for so_far in follow(live):
            if self.client.is_deleted:
                return
            words.set_text(so_far)
        if self.client.is_deleted or live.end is None:
            return
        turn.delete()
        with self.talk:
            html(problem_card(live.end) if isinstance(live.end, Problem) else answer_turn(live.end), cls="turn-holder")
            if isinstance(live.end, Answer):
                self.later.under(live.end)
        set_disabled(self.send, False)


class Voice:
    """What the companion says unasked: at most one offer, and home actions that wait for a tap."""

    def __init__(self, shell: Shell, page: Frame, talk: ui.element) -> None:
        self.shell = shell
        self.page = page
        self.talk = talk  # what is said unasked stands in the conversation where it was said
        self.offer_id: str | None = None
        self.proposals: dict[str, tuple[HomeProposal, ui.element]] = {}
        ui.timer(VOICE_S, self.look)

    async def look(self) -> None:
        """Look for a new offer or proposal, and for changes of those shown."""
        now = await call(lambda: (self.shell.house.offer(), self.shell.house.proposals()))
        if isinstance(now, Problem):
            return  # looked for again soon; a page is not covered with the same problem every few seconds
        offer, proposals = now
        with self.talk:
            if offer is not None and offer.id != self.offer_id:
                self.offer_id = offer.id
                self._show_offer(offer)
            for proposal in proposals:
                shown = self.proposals.get(proposal.id)
                if shown is None:
                    self.proposals[proposal.id] = (proposal, native("div", "card proposal"))
                    self._show_proposal(proposal)
                elif shown[0] != proposal:
                    self._show_proposal(proposal)

    def _show_offer(self, offer: Offer) -> None:
        with native("div", "card offer") as card:
            html(offer_body(offer))
            with native("div", "buttons"):
                for number, (reaction, words, thanks) in enumerate(REACTIONS):
                    kind = "" if number == 0 else "button-quiet"
                    button(words, partial(self._react, card, offer.id, reaction, thanks), kind)

    async def _react(self, card: ui.element, offer_id: str, reaction: Reaction, thanks: str) -> None:
        outcome = await call(self.shell.house.react, offer_id, reaction)
        if isinstance(outcome, Problem):
            self.page.show(outcome)
            return
        card.clear()
        with card:
            text(thanks, "p", "thanks")

    def _show_proposal(self, proposal: HomeProposal) -> None:
        card = self.proposals[proposal.id][1]
        self.proposals[proposal.id] = (proposal, card)
        house = self.shell.house
        card.clear()
        with card:
            html(proposal_body(proposal))
            with native("div", "buttons"):
                if proposal.state == "proposed":
                    button("Do it", partial(self._settle, house.confirm_proposal, proposal.id))
                    button("No thanks", partial(self._dismiss, proposal.id), "button-quiet")
                elif proposal.can_undo:
                    button("Undo", partial(self._settle, house.undo_proposal, proposal.id), "button-quiet")

    async def _settle(self, action: Callable[[str], HomeProposal], proposal_id: str) -> None:
        outcome = await call(action, proposal_id)
        if isinstance(outcome, Problem):
            self.page.show(outcome)
        else:
            self._show_proposal(outcome)

    async def _dismiss(self, proposal_id: str) -> None:
        outcome = await call(self.shell.house.dismiss_proposal, proposal_id)
        if isinstance(outcome, Problem):
            self.page.show(outcome)
            return
        card = self.proposals[proposal_id][1]
        card.clear()
        with card:
            text(ENDED_PROPOSAL["dismissed"], "p", "thanks")


def offer_body(offer: Offer) -> Markup:
    """An offer: what it says, why now, what it rests on."""
    return tag(
        "div",
        tag("p", "A thought, unasked", cls="eyebrow"),
        tag("div", paragraphs(offer.text), cls="offer-words"),
        tag("p", tag("span", "Why now: ", cls="quiet"), offer.reason, cls="reason"),
        evidence(offer.evidence, open_=False),
    )


def proposal_body(proposal: HomeProposal) -> Markup:
    """A home action: what, why, on which device, and how it ended."""
    ended = ENDED_PROPOSAL.get(proposal.state, "")
    return tag(
        "div",
        tag("p", "For your home", cls="eyebrow"),
        tag("div", paragraphs(proposal.text), cls="offer-words"),
        tag("p", tag("span", "Why: ", cls="quiet"), proposal.reason, cls="reason"),
        tag("p", tag("span", "Device: ", cls="quiet"), tag("code", proposal.entity), cls="reason"),
        evidence(proposal.evidence, open_=False),
        tag("p", ended, cls="thanks") if ended else Markup(""),
    )
