"""The parts of the page of beliefs as markup: items, topics, the person's word, what was counted."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from hearthside.web.drawing_knowing import month_words, span_line, spark, strength_bar, trend_chart
from hearthside.web.known_views import (
    PAST,
    TREND_WORDS,
    CountedPart,
    KnownItem,
    KnownTopic,
    KnownView,
    Word,
)
from hearthside.web.markup import badge, day_words, join, tag

DECIDED_WORDS = {"pinned": "pinned by you", "corrected": "you told me so"}
TREND_MEANING = {
    "unheard": "Too little of this kind was recorded lately to say how it is now.",
    "said": "Somebody said so of themselves; it is no belief about you.",
    "helped": "Better days followed low days with it more often than those without. That is no proof of a cause.",
    "unsure": "Better days may have followed it by chance.",
    PAST: "It was so and is no longer.",
}


def head_body(view: KnownView) -> Markup:
    """How much there is, and of which day it is true."""
    words = (
        f"{view.facts:,} facts and {view.preferences:,} tastes and habits are believed; {view.counted:,} things were"
        f" counted for them. You have corrected, hidden or pinned {len(view.words):,}. As of {day_words(view.day)}."
    )
    return tag("p", words, cls="quiet")


def topic_links(topics: Sequence[KnownTopic], moods: bool) -> Markup:
    """Ways to the topics, each with how many beliefs it has."""
    links = [
        tag("a", topic.title, " ", tag("span", f"{len(topic.items()):,}", cls="count"), href=f"#topic-{topic.key}")
        for topic in topics
    ]
    if moods:
        links.append(tag("a", "Moods", href="#topic-moods"))
    return tag("div", *links, cls="known-topics", role="navigation", aria_label="Topics")


def topic_head(topic: KnownTopic) -> Markup:
    """A topic's title with its counts."""
    items = topic.items()
    past = sum(item.past for item in items)
    words = f"{len(items) - past:,} now, {past:,} past" if past else f"{len(items):,}"
    return join([tag("span", topic.title), tag("span", words, cls="quiet")])


def item_body(item: KnownItem, first: str, last: str, note: str = "") -> Markup:
    """One belief.

    Args:
        first, last: of the life, local days, ISO.
        note: what was just done about it.
    """
    signs = [badge(TREND_WORDS.get(item.trend, item.trend), f"trend-{item.trend}", TREND_MEANING.get(item.trend, ""))]
    if item.decided:
        signs.append(badge(DECIDED_WORDS.get(item.decided, item.decided), "word-badge"))
    if item.against:
        signs.append(badge("contradicted", "warn"))
    facts = [*signs, strength_bar(item), tag("span", item.strength_words)]
    if not item.months and item.trend != "low" and (when := when_words(item)):
        facts.append(tag("span", when))
    words = [tag("p", item.sentence, cls="known-sentence"), tag("div", *facts, cls="known-facts")]
    if note:
        words.append(tag("p", note, cls="thanks small", role="status"))
    drawn = spark(item) if item.months else span_line(item, first, last)
    return tag("div", tag("div", *words), tag("div", drawn, cls="known-drawing"))


def when_words(item: KnownItem) -> str:
    """Since when, and until when, in words."""
    if item.since and item.until:
        return f"{day_short(item.since)} to {day_short(item.until)}"
    if item.since:
        return f"since {day_short(item.since)}"
    return f"until {day_short(item.until)}" if item.until else ""


def day_short(day: str) -> str:
    """``2019-03-04`` as ``4 March 2019``."""
    return f"{int(day[8:10])} {month_words(day[:7])}"


def more_body(item: KnownItem, against: Sequence[KnownItem]) -> Markup:
    """What stands behind a belief, above its records."""
    parts = [trend_chart(item), tag("p", item.detail)]
    if item.since and item.trend != "low":
        parts.append(tag("p", f"First known on {day_short(item.since)}.", cls="quiet"))
    parts += [tag("p", tag("b", "Against it: "), other.sentence) for other in against]
    count = len(item.evidence)
    words = "1 record:" if count == 1 else f"{count} records, the first and the latest:"
    if item.trend in {"low", "helped", "unsure"}:
        words = "1 record:" if count == 1 else f"{count} records:" if count else "No record of a time when it lifted."
    return tag("div", *parts, tag("p", words, cls="quiet"))


def pair_body(one: KnownItem, other: KnownItem) -> Markup:
    """Two beliefs that cannot both be true, side by side."""

    def side(item: KnownItem) -> Markup:
        about = " · ".join(part for part in (when_words(item), item.strength_words) if part)
        return tag("div", tag("p", item.sentence), tag("p", about, cls="quiet small"))

    return tag("div", side(one), side(other), cls="known-pair")


def word_body(word: Word) -> Markup:
    """One decision of the person, with the record that holds it."""
    link = tag(
        "a", "record", href=f"/record/{word.record}", cls="quiet-link", aria_label="Show the record of your word"
    )
    return tag("p", word.sentence, " ", tag("span", day_short(word.day), cls="quiet small"), " ", link)


def found_words(beliefs: int, counted: int) -> Markup:
    """How much a filter let through."""
    words = "No belief holds" if not beliefs else "1 belief holds" if beliefs == 1 else f"{beliefs:,} beliefs hold"
    things = "1 thing" if counted == 1 else f"{counted:,} things"
    return tag("p", f"{words} these words, and {things} that were counted.", cls="quiet", role="status")


def counted_body(part: CountedPart) -> Markup:
    """What was counted, each with its latest record."""
    if not part.things:
        return tag("p", "Nothing of this kind fits.", cls="quiet small")
    rows = [
        tag(
            "li",
            tag("b", one.what),
            tag(
                "span", f"{one.days:,} d · {one.amount} · last ",
                tag("a", one.last_day, href=f"/record/{one.last}", cls="quiet-link") if one.last else one.last_day,
                cls="quiet", title=f"from {one.first_day} to {one.last_day}",
            ),
        )
        for one in part.things
    ]  # fmt: skip
    return tag("ul", *rows, cls="counted-list")
