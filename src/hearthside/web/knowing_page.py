"""What is believed about the person, by topic: each belief with its evidence, its trend and the person's word."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from nicegui import events, ui
from nicegui.elements.mixins.text_element import TextElement
from starlette.requests import Request

from hearthside.memory.decisions import Verdict
from hearthside.web.calls import Problem, call
from hearthside.web.controls import button, html, native, text
from hearthside.web.drawing_knowing import mood_chart
from hearthside.web.knowing_parts import (
    counted_body,
    found_words,
    head_body,
    item_body,
    more_body,
    pair_body,
    topic_head,
    topic_links,
    word_body,
)
from hearthside.web.known_views import CountedPart, KnownGroup, KnownItem, KnownTopic, KnownView, Word
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import hit_list, tag

HEAD = '<link rel="stylesheet" href="/static/known.css">'
FEW = 5
"""So many of a group are shown before the rest is asked for."""

MANY = 40
MOST_WORDS = 8
SETTLE_MS = 60
PATIENCE_S = 30.0
LOOKING = "Looking through what is known …"
NOTHING = "Nothing is believed yet. Beliefs come from your records: bring some in, and look again."
ABOUT = (
    "Everything the memory holds about you, and what it rests on. Nothing is kept out of this page. Your word counts"
    " more than the records: correct what is wrong, hide what you do not want, pin what is to stay."
)
DONE = {
    Verdict.PIN: "Pinned: it stays, whatever the records say.",
    Verdict.FORGET: "This is not believed any more. Its records stay; to be rid of those too, use hearthside forget.",
    Verdict.CORRECT: "Your word holds from now on.",
    Verdict.UNDO: "Taken back.",
}


def register(shells: Shells) -> None:
    """The page at ``/known``."""

    @ui.page("/known", title="What I believe · Hearthside", response_timeout=60)
    async def known(request: Request) -> None:
        shell = shells.of(request)
        ui.add_head_html(HEAD)
        async with frame(shell, "known") as page:
            text("What I believe about you", "h1")
            waiting = text(LOOKING, "p", "quiet")
            waiting.props["role"] = "status"
            try:
                await ui.context.client.connected(PATIENCE_S)  # the page is there already while a long life is read
            except TimeoutError:
                return  # nobody looks
            view = await call(shell.house.known.view)
            waiting.delete()
            if isinstance(view, Problem):
                page.show(view)
            else:
                Beliefs(shell, page, view).show()


class Beliefs:
    """The page: what it shows, and the words it is filtered by, which never enter an address."""

    def __init__(self, shell: Shell, page: Frame, view: KnownView) -> None:
        self.shell, self.page, self.view = shell, page, view
        self.words: list[str] = []
        self.fits: dict[str, int] = {}  # how many counted things hold the words, by kind

    def show(self) -> None:
        """Build the page."""
        text(ABOUT, "p", "lead")
        self.head = html(head_body(self.view), cls="known-head")
        form = native("form", "known-filter", role="search", aria_label="Filter what is believed")
        form.on("submit", self._filter, js_handler="(e) => window.hearthside.sendFields(e, emit)")
        with form:
            field = tag("input", type="search", name="words", cls="field", placeholder="coffee", autocomplete="off",
                        aria_label="Show only what holds these words")  # fmt: skip
            html(field, "span")
            text("Filter", "button", "button").props["type"] = "submit"
        self.said = native("div", "known-holder", aria_live="polite")
        self.holder = native("div", "known-holder")
        self._fill()

    def _fill(self) -> None:
        """Show everything anew, or what the filter lets through."""
        self._fill_said()
        self.holder.clear()
        with self.holder:
            topics = [(topic, self._fitting(topic)) for topic in self.view.topics]
            if self.words:
                found = sum(len(items) for _, groups in topics for _, items in groups)
                found += len(self._holding([*self.view.moods.helped, *self.view.moods.low]))
                html(found_words(found, sum(self.fits.values())))
            elif not self.view.topics:
                text(NOTHING, "p", "card")
            else:
                html(topic_links(self.view.topics, bool(self.view.moods.days)))
            for topic, groups in topics:
                if groups:
                    self._topic(topic, groups)
            if self.view.moods.days or self.view.moods.low or self.view.moods.helped:
                self._moods()

    def _fill_said(self) -> None:
        """What contradicts itself, and what the person decided."""
        self.head.set_content(head_body(self.view))
        self.said.clear()
        with self.said:
            if self.words:
                return
            if self.view.against:
                with native("section", "card", aria_label="Contradictions"):
                    text("These cannot both be true", "h2")
                    html(tag("div", *[pair_body(*pair) for pair in self.view.against]))
            if self.view.words:
                with native("section", "card", aria_label="You told me so", id="your-word"):
                    text(f"You told me so ({len(self.view.words)})", "h2")
                    for word in self.view.words[:FEW]:
                        self._word(word)
                    rest = self.view.words[FEW:]
                    if rest:
                        _fold(f"Show {len(rest)} more", partial(self._words_of, rest))

    def _words_of(self, words: list[Word]) -> None:
        for word in words:
            self._word(word)

    def _word(self, word: Word) -> None:
        async def undo() -> None:
            outcome = await self.decide(word.item, Verdict.UNDO)
            if outcome is not None:
                self._fill()

        with native("div", "known-said"):
            html(word_body(word), "span")
            button("Undo", undo, "button-quiet", f"Undo: {word.sentence}")

    def _fitting(self, topic: KnownTopic) -> list[tuple[KnownGroup, list[KnownItem]]]:
        """Groups of a topic with the items that hold every word of the filter."""
        if not self.words:
            return [(group, group.items) for group in topic.groups]
        found = []
        for group in topic.groups:
            items = [i for i in group.items if all(w in f"{topic.title} {i.sentence}".casefold() for w in self.words)]
            if items or self.fits.get(group.kind):
                found.append((group, items))
        return found

    async def _filter(self, event: events.GenericEventArguments) -> None:
        fields: dict[str, Any] = event.args
        self.words = str(fields.get("words", "")).casefold().split()[:MOST_WORDS]
        kinds = [group.kind for topic in self.view.topics for group in topic.groups if group.kind and self.words]
        house, words = self.shell.house.known, " ".join(self.words)
        fits = await call(lambda: {kind: house.counted(kind, words).found for kind in kinds})
        if isinstance(fits, Problem):
            self.page.show(fits)
        else:
            self.fits = fits
            self._fill()

    # -- topics ------------------------------------------------------------------------------------------------------

    def _topic(self, topic: KnownTopic, groups: list[tuple[KnownGroup, list[KnownItem]]]) -> None:
        with native("section", "card known-topic", aria_label=topic.title, id=f"topic-{topic.key}"):
            html(topic_head(topic), "h2")
            for group, items in groups:
                with native("div", "known-group"):
                    if group.title:
                        text(group.title, "h3")
                    self._items([item for item in items if not item.past])
                    past = [item for item in items if item.past]
                    if past:
                        _fold(f"Past: {len(past)}", partial(self._items, past, MANY))
                    if group.kind:
                        self._counted(group)

    def _items(self, items: list[KnownItem], few: int = FEW) -> None:
        few = MANY if self.words else few
        shown, rest = items[:few], items[few:]
        if shown:
            with native("ul", "known-items"):
                for item in shown:
                    Row(self, item)
        if rest:
            _fold(f"Show {len(rest)} more", partial(self._items, rest, MANY))

    def _counted(self, group: KnownGroup) -> None:
        """Everything that was counted, whether believed or not."""
        words = " ".join(self.words)
        count = self.fits.get(group.kind, 0) if words else group.counted
        if not count:
            return
        what = f"Counted, and holding these words: {count:,}" if words else f"Everything counted: {count:,}"

        async def more(first: int, holder: ui.element) -> None:
            part = await call(self.shell.house.known.counted, group.kind, words, first)
            if isinstance(part, Problem):
                self.page.show(part)
                return
            with holder:
                self._counted_part(part, first, more, holder)

        fold = native("details", "counted")
        with fold:
            text(what, "summary")
            holder = native("div")
        loaded: list[bool] = []

        async def opened(_: events.GenericEventArguments) -> None:
            if not loaded:
                loaded.append(True)
                await more(0, holder)

        fold.on("toggle", opened, args=[])

    def _counted_part(
        self,
        part: CountedPart,
        first: int,
        more: Callable[[int, ui.element], Awaitable[None]],
        holder: ui.element,
    ) -> None:
        html(counted_body(part))
        after = first + len(part.things)
        if after < part.found:

            async def go_on() -> None:
                again.delete()
                await more(after, holder)

            again: TextElement = button(f"Show more of {part.found:,}", go_on, "button-quiet")

    def _moods(self) -> None:
        """How the days sounded, what helped, and when it was low: each with the person's word on it."""
        moods = self.view.moods
        helped, low = self._holding(moods.helped), self._holding(moods.low)
        if self.words and not helped + low:
            return
        with native("section", "card known-topic", aria_label="Moods", id="topic-moods"):
            text("Moods", "h2")
            if not self.words:
                html(mood_chart(moods.days))
                if any(day.low for day in moods.days):
                    text("Above the line you sounded bright, below it dark; a dot marks low days.", "p", "quiet small")
                text(moods.caution, "p", "quiet small")
                if moods.last_time:
                    text(moods.last_time, "p", "known-last")
            said, unsure = [i for i in helped if i.trend == "helped"], [i for i in helped if i.trend != "helped"]
            for title, items, rest in (("What helped", said, unsure), ("Low stretches", low, [])):
                if items or rest:
                    with native("div", "known-group"):
                        text(title, "h3")
                        self._items(items)
                        if rest:
                            _fold(f"Not enough to say: {len(rest)}", partial(self._items, rest, MANY))

    def _holding(self, items: list[KnownItem]) -> list[KnownItem]:
        """Of what belongs to moods, the items that hold every word of the filter."""
        return [i for i in items if all(word in f"moods {i.sentence}".casefold() for word in self.words)]

    # -- the person's word -------------------------------------------------------------------------------------------

    async def decide(self, item: str, verdict: Verdict, value: str = "") -> KnownView | None:
        """Journal a decision; returns what is believed then, or None when it was refused, which the page says."""
        house = self.shell.house.known

        def act() -> KnownView:
            house.decide(item, verdict, value)
            return house.view()

        outcome = await call(act)
        if isinstance(outcome, Problem):
            self.page.show(outcome)
            return None
        self.view = outcome
        return outcome


def _fold(words: str, fill: Callable[[], None]) -> None:
    """A fold whose contents are made when it is first opened."""
    fold = native("details")
    with fold:
        text(words, "summary")
        holder = native("div")
    filled: list[bool] = []

    def opened(_: events.GenericEventArguments) -> None:
        if not filled:
            filled.append(True)
            with holder:
                fill()

    fold.on("toggle", opened, args=[])


class Row:
    """One belief: its sentence, strength and trend; its evidence on demand; and what can be done about it."""

    def __init__(self, beliefs: Beliefs, item: KnownItem) -> None:
        self.beliefs, self.item = beliefs, item
        self.row = native("li", "known-item")
        self._fill()

    def _fill(self, note: str = "") -> None:
        item, first, last = self.item, self.beliefs.page.overview.first_day, self.beliefs.page.overview.last_day
        self.row.clear()
        self.row.classes(replace="known-item" + (" known-past" if item.past else ""))
        with self.row:
            html(item_body(item, first, last, note), cls="known-body")
            with native("div", "known-buttons"):
                self.shown = button("Evidence", self._evidence, "button-quiet", f"Evidence: {item.sentence}")
                self.shown.props["aria-expanded"] = "false"
                if item.decided:
                    self._button("Undo", self._undo)
                else:
                    self._button("Pin", partial(self._decide, Verdict.PIN))
                if item.value is not None:
                    self._button("Correct", self._correct)
                self._button("Forget", partial(self._decide, Verdict.FORGET))
            self.more = native("div")

    def _button(self, words: str, action: Callable[[], Awaitable[None] | None]) -> TextElement:
        return button(words, action, "button-quiet", f"{words}: {self.item.sentence}")

    async def _evidence(self) -> None:
        """Open or close what it rests on."""
        was_open = self.shown.props["aria-expanded"] == "true"
        self.shown.props["aria-expanded"] = "false" if was_open else "true"
        self.shown.update()
        self.more.clear()
        if was_open:
            return
        hits = await call(self.beliefs.shell.house.known.evidence, self.item.evidence)
        if isinstance(hits, Problem):
            self.beliefs.page.show(hits)
            return
        against = [other for other in map(self.beliefs.view.item, self.item.against) if other is not None]
        with self.more, native("div", "known-more"):
            html(more_body(self.item, against))
            html(hit_list(hits))

    def _correct(self) -> None:
        """A field for what holds instead."""
        self.more.clear()

        async def save(event: events.GenericEventArguments) -> None:
            await self._decide(Verdict.CORRECT, str(event.args.get("words", "")))

        with self.more:
            form = native("form", "known-correct", aria_label=f"Correct: {self.item.sentence}")
            form.on("submit", save, js_handler="(e) => window.hearthside.sendFields(e, emit)")
            with form:
                field = tag("input", type="text", name="words", cls="field", value=self.item.value, required=True,
                            maxlength=400, autocomplete="off", aria_label="What holds instead")  # fmt: skip
                html(field, "span")
                text("Save", "button", "button button-primary").props["type"] = "submit"
                button("Cancel", self._close, "button-quiet")
        self._run(form, "?.querySelector('input')?.select()")

    def _close(self) -> None:
        self.more.clear()
        self._focus()

    async def _decide(self, verdict: Verdict, value: str = "") -> None:
        before = self.item
        view = await self.beliefs.decide(before.id, verdict, value)
        if view is None:
            return
        now = view.item(before.id) or view.item(before.undo)
        if now is not None:
            self.item = now
            self._fill(DONE[verdict])
        else:
            self._gone(before)
        self.beliefs._fill_said()
        self._focus()

    async def _undo(self) -> None:
        await self._decide_undo(self.item.undo)

    async def _decide_undo(self, item_id: str) -> None:
        view = await self.beliefs.decide(item_id, Verdict.UNDO)
        if view is None:
            return
        now = view.item(item_id)
        if now is not None:
            self.item = now
            self._fill(DONE[Verdict.UNDO])
        else:
            self.row.delete()
        self.beliefs._fill_said()
        self._focus()

    def _gone(self, item: KnownItem) -> None:
        """What stays where a belief was forgotten: the way back."""
        self.row.clear()
        with self.row, native("div", "known-said"):
            text(f"{DONE[Verdict.FORGET]} ({item.sentence})")
            button("Undo", partial(self._decide_undo, item.id), "button-quiet", f"Undo: {item.sentence}")

    def _focus(self) -> None:
        """Keep the keyboard where it was: on the first button of the row."""
        if not self.row.is_deleted:
            self._run(self.row, "?.querySelector('button')?.focus()")

    def _run(self, element: ui.element, what: str) -> None:
        """Do something to an element once the browser has it; through the page, as the button pressed may be gone."""
        self.row.client.run_javascript(f"setTimeout(() => getHtmlElement({element.id}){what}, {SETTLE_MS})")
