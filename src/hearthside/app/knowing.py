"""The beliefs as the page and the command line show them: by topic, with evidence and the person's word on each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hearthside.app.known_words import (
    GROUP_TITLES,
    OTHERS,
    TOPICS,
    TopicWords,
    about_words,
    amount_words,
    low_sentence,
    month_words,
    sentence_of,
)
from hearthside.app.rooms import Rooms
from hearthside.errors import Refused
from hearthside.events import iso_day, local_datetime
from hearthside.memory.decisions import KIND as DECISION
from hearthside.memory.decisions import MemoryDecision, Verdict
from hearthside.memory.facts.extractors import load_extractor
from hearthside.memory.facts.fact import Fact, fact_id
from hearthside.memory.hits import Hit
from hearthside.memory.knowing import Knowing
from hearthside.memory.moods.days import LowStretch
from hearthside.memory.moods.helped import Helped
from hearthside.memory.preferences.gleaning import TITLES, UNITS
from hearthside.memory.preferences.preference import Preference, Trend, preference_id
from hearthside.memory.preferences.tally import Tally
from hearthside.memory.search import hits_of
from hearthside.web.known_views import (
    PAST,
    Counted,
    CountedPart,
    KnownGroup,
    KnownItem,
    KnownTopic,
    KnownView,
    MoodPoint,
    MoodsView,
    Word,
)
from hearthside.web.names import name_words

COUNTED_AT_ONCE = 100
_EVIDENCE_OF_LOW = 6
_VERDICT_WORDS = {
    Verdict.CORRECT: "You corrected: {} What holds is: {}",
    Verdict.FORGET: "You asked me not to believe: {}",
    Verdict.PIN: "You pinned: {}",
}
_PAST_TENSE = (" used to ", " was ", " were ")
_GONE = "something whose records are gone."


class KnownDesk:
    """See `hearthside.web.known_views.KnownHouse` for what each method promises.

    Args:
        rooms: gives the rooms as they are now; new keys put others in their place.
    """

    def __init__(self, rooms: Callable[[], Rooms]) -> None:
        self._rooms = rooms
        self._unsaid: tuple[object, dict[str, str]] = (None, {})

    # -- what is believed --------------------------------------------------------------------------------------------

    def view(self) -> KnownView:
        """Everything that is believed now."""
        knowing = self._rooms().knowing
        preferences, facts, decided = knowing.preferences(), knowing.facts(), knowing.decided()
        tallies = knowing.tallies()
        undo = {one.id: one.item for one in decided}
        items = {p.id: preference_item(p, tallies.get(p.kind), _strongest(preferences, p.kind)) for p in preferences}
        items |= {fact.id: fact_item(fact, undo) for fact in facts}
        moods = moods_view(knowing)
        items |= {item.id: item for item in (*moods.low, *moods.helped)}
        return KnownView(
            self._today(), _topics(preferences, facts, items, tallies), len(facts), len(preferences),
            sum(len(tally.names) for tally in tallies.values()), _pairs(facts, items), self._words(decided, items),
            moods,
        )  # fmt: skip

    def decide(self, item: str, verdict: Verdict, value: str = "") -> None:
        """Correct, forget, pin or undo; a correction of a correction takes the place of the former one."""
        knowing = self._rooms().knowing
        former = _corrected_as(item, knowing.decided()) if verdict is Verdict.CORRECT else None
        if former is None:
            knowing.decide(item, verdict, value)
            return
        knowing.decide(former.item, Verdict.UNDO)
        try:
            knowing.decide(former.item, Verdict.CORRECT, value)
        except Refused:
            knowing.decide(former.item, Verdict.CORRECT, former.value)
            raise

    def evidence(self, ids: Iterable[str]) -> list[Hit]:
        """Records by id."""
        rooms = self._rooms()
        try:
            ranked = [(bytes.fromhex(one), 0.0, "") for one in ids]
        except ValueError as error:
            raise Refused("record-id-wrong", "This is no id of a record; nothing was looked up.") from error
        found = hits_of(rooms.journal, rooms.stream, ranked)
        return [replace(hit, text="Your own word on this") if hit.kind == DECISION else hit for hit in found]

    def counted(self, kind: str, words: str = "", first: int = 0) -> CountedPart:
        """What was counted of one kind, most days first."""
        tally = self._rooms().knowing.tallies().get(kind)
        return CountedPart(0) if tally is None else counted_part(tally, words, first)

    def _today(self) -> str:
        rooms = self._rooms()
        now = rooms.clock()
        return local_datetime(now, _offset_min(rooms, now)).date().isoformat()

    # -- the person's word -------------------------------------------------------------------------------------------

    def _words(self, decided: Sequence[MemoryDecision], items: Mapping[str, KnownItem]) -> list[Word]:
        shown = {item: known.sentence for item, known in items.items()}
        hidden = [one for one in decided if one.item not in shown]
        if hidden:
            told = [one for one in decided if one.value and not one.of_moods]
            said = {fact_id(one.subject, one.predicate, one.value): f"{one.value}." for one in told}
            shown = said | self._sentences_without_word(frozenset(one.item for one in hidden)) | shown
        rooms = self._rooms()
        return [
            Word(
                one.item, one.verdict,
                _VERDICT_WORDS[one.verdict].format(shown.get(one.item, _GONE), f"{one.value}."),
                local_datetime(one.at_ms, _offset_min(rooms, one.at_ms)).date().isoformat(), one.id.hex(),
            )
            for one in reversed(decided)
        ]  # fmt: skip

    def _sentences_without_word(self, hidden: frozenset[str]) -> dict[str, str]:
        """Sentences of what is not shown because of the person's word, as the records alone would have them."""
        rooms = self._rooms()
        state = (rooms.stream.version(), hidden)
        if self._unsaid[0] != state:
            self._unsaid = (state, _sentences_of(rooms.knowing, hidden))
        return self._unsaid[1]


def _corrected_as(item: str, decided: Iterable[MemoryDecision]) -> MemoryDecision | None:
    """The correction that made the fact of this id."""
    corrections = (one for one in decided if one.verdict is Verdict.CORRECT and not one.of_moods)
    return next((one for one in corrections if item == fact_id(one.subject, one.predicate, one.value)), None)


def _sentences_of(knowing: Knowing, hidden: frozenset[str]) -> dict[str, str]:
    found = {
        preference_id(kind, what): f"{TITLES.get(kind, name_words(kind))}: {what}."
        for kind, tally in knowing.tallies().items()
        for what in tally.names
    }
    if not hidden <= found.keys():
        facts, _, low, helped = knowing.undecided()
        found |= {one.id: f"{one.name} goes before better days." for one in helped}
        found |= {one.id: low_sentence(one) for one in low}
        found |= {one.id: one.sentence for one in facts}
    return {item: sentence for item, sentence in found.items() if item in hidden}


def _offset_min(rooms: Rooms, ms: int) -> int:
    return int(rooms.stream.track().at(np.array([ms], dtype=np.int64))[0])


# -- items -------------------------------------------------------------------------------------------------------------


def preference_item(preference: Preference, tally: Tally | None, strongest: float) -> KnownItem:
    """A preference for the page.

    Args:
        tally: what was counted of its kind.
        strongest: the greatest strength in its kind.
    """
    heard = (tally.day[0], tally.day[-1]) if tally is not None and len(tally) else None
    first, last = (iso_day(int(day)) for day in heard) if heard else (preference.first_day, preference.last_day)
    title = TITLES.get(preference.kind, name_words(preference.kind)).lower()
    share = preference.strength
    expected = "under 1 %" if share < 0.01 else f"about {100 * share:.0f} %"
    unheard = preference.trend is Trend.UNHEARD
    over = preference.trend is Trend.PAST
    when = "when last heard" if unheard else "expected in the next month"
    words = f"{expected} of “{title}” {when}"
    if over:
        words = f"{amount_words(preference.total, preference.unit)} in all"
    return KnownItem(
        preference.id, sentence_of(preference, first), about_words(preference),
        share / strongest if strongest > 0 else 0.0, words,
        str(preference.trend), preference.first_day,
        preference.last_day if unheard or over else "", preference.weeks or preference.months, preference.unit,
        last if preference.weeks else last[:7], tuple(one.hex() for one in preference.evidence), preference.decided,
        preference.id,
    )  # fmt: skip


def fact_item(fact: Fact, undo: Mapping[bytes, str]) -> KnownItem:
    """A fact for the page; `undo` gives the item of a decision by the id of its record."""
    trend = "said" if fact.said_by else PAST if fact.valid_to else "holds"
    source = "your own word" if fact.extractor == "person" else load_extractor(fact.extractor).TITLE.lower()
    learned = "" if not fact.learned_ms else f" Learned in {month_words(iso_day(fact.learned_ms // 86_400_000))}."
    times = "1 record" if len(fact.evidence) == 1 else f"{len(fact.evidence)} records"
    corrected = fact.decided == "corrected"
    sentence = fact.sentence
    if trend == PAST and not any(past in sentence for past in _PAST_TENSE):
        sentence = f"Formerly: {sentence}"
    return KnownItem(
        fact.id, sentence, f"From {source}; {times} shown.{learned}", fact.sure,
        "your own word" if fact.decided else f"{100 * fact.sure:.0f} % sure", trend, fact.valid_from, fact.valid_to,
        (), "", "", tuple(one.hex() for one in fact.evidence), fact.decided,
        undo.get(fact.evidence[0], fact.id) if corrected else fact.id, None if fact.said_by else fact.value,
        fact.contradicts,
    )  # fmt: skip


def _strongest(preferences: Iterable[Preference], kind: str) -> float:
    return max((p.strength for p in preferences if p.kind == kind), default=0.0)


# -- topics ------------------------------------------------------------------------------------------------------------


def _topics(
    preferences: Sequence[Preference],
    facts: Sequence[Fact],
    items: Mapping[str, KnownItem],
    tallies: Mapping[str, Tally],
) -> list[KnownTopic]:
    by_kind: dict[str, list[KnownItem]] = {}
    for preference in preferences:
        by_kind.setdefault(preference.kind, []).append(items[preference.id])
    by_fact: dict[str, list[KnownItem]] = {}
    for fact in facts:
        topic = OTHERS.facts[0] if fact.said_by else fact.topic
        by_fact.setdefault(topic, []).append(items[fact.id])
    topics = []
    for words in (*TOPICS, *_strange([*by_kind, *tallies], by_fact)):
        told = [item for name in words.facts for item in by_fact.get(name, [])]
        groups = [KnownGroup("Facts" if words.kinds else "", "", sorted(told, key=_order))] if told else []
        for kind in words.kinds:
            if kind in tallies or kind in by_kind:
                counted = len(tallies[kind].names) if kind in tallies else 0
                title = GROUP_TITLES.get(kind) or TITLES.get(kind, name_words(kind))
                groups.append(KnownGroup("" if title == words.title else title, kind, by_kind.get(kind, []), counted))
        if groups:
            topics.append(KnownTopic(words.key, words.title, groups))
    return topics


def _order(item: KnownItem) -> tuple[bool, str, float, str]:
    """What holds before what is past, the latest first."""
    return item.past, "".join(chr(255 - ord(sign)) for sign in item.until or ""), -item.strength, item.sentence


def _strange(kinds: Iterable[str], facts: Iterable[str]) -> list[TopicWords]:
    placed = {kind for words in TOPICS for kind in words.kinds} | {fact for words in TOPICS for fact in words.facts}
    own = dict.fromkeys([*(k for k in kinds if k not in placed), *(f for f in facts if f not in placed)])
    kinds, facts = set(kinds), set(facts)
    return [
        TopicWords(name, TITLES.get(name, name_words(name)), (name,) if name in kinds else (),
                   (name,) if name in facts else ())
        for name in own
    ]  # fmt: skip


def _pairs(facts: Sequence[Fact], items: Mapping[str, KnownItem]) -> list[tuple[KnownItem, KnownItem]]:
    pairs = {(min(f.id, other), max(f.id, other)) for f in facts for other in f.contradicts if other in items}
    return [(items[one], items[other]) for one, other in sorted(pairs)]


# -- what was counted, and moods ---------------------------------------------------------------------------------------


def counted_part(tally: Tally, words: str = "", first: int = 0) -> CountedPart:
    """Things of a tally whose names hold every word, most days first."""
    wanted = words.casefold().split()
    days = np.bincount(tally.item, minlength=len(tally.names))
    order = [int(i) for i in np.argsort(-days, kind="stable")]
    fitting = [i for i in order if all(word in tally.names[i].casefold() for word in wanted)]
    chosen = fitting[first : first + COUNTED_AT_ONCE]
    rows = {i: np.flatnonzero(tally.item == i) for i in chosen}
    unit = UNITS.get(tally.kind, "times")
    return CountedPart(
        len(fitting),
        [
            Counted(
                tally.names[i], int(days[i]), amount_words(float(tally.weight[rows[i]].sum()), unit),
                iso_day(int(tally.day[rows[i][0]])), iso_day(int(tally.day[rows[i][-1]])),
                tally.evidence[int(rows[i][-1])].hex(),
            )
            for i in chosen
        ],
    )  # fmt: skip


def moods_view(knowing: Knowing) -> MoodsView:
    """Moods and what helped, for the page."""
    found, last = knowing.moods(), knowing.last_time_low()
    points = [MoodPoint(day.day, day.score, day.low) for day in found.days]
    low, helped = [low_item(one) for one in found.low[::-1]], [helped_item(one) for one in knowing.helped()]
    return MoodsView(points, low, helped, found.caution, "" if last is None else last.sentence)


def low_item(stretch: LowStretch) -> KnownItem:
    """A low stretch for the page; its strength is how far under the usual its days were."""
    under = [day.usual - day.score for day in stretch.days if day.usual is not None]
    strength = min(1.0, sum(under) / len(under)) if under else 1.0
    heard = sum(day.heard for day in stretch.days)
    words = f"{strength:.2f} under your usual, on a scale from -1 to 1" if under else "your own word"
    detail = f"Read from {heard:,} texts with a feeling, on {len(stretch.days)} low days." if heard else ""
    if stretch.decided == "corrected":
        detail, strength, words = "Your own word; these days do not count as low.", 1.0, "your own word"
    return KnownItem(
        stretch.id, low_sentence(stretch), detail or "Your own word.", strength, words, "low", stretch.first_day,
        stretch.last_day, (), "", "", tuple(one.hex() for one in stretch.evidence)[:_EVIDENCE_OF_LOW],
        stretch.decided, stretch.id, stretch.note or "",
    )  # fmt: skip


def helped_item(one: Helped) -> KnownItem:
    """What went before better days; its strength is how often, of the low days with it, a better one followed."""
    strength = one.lifted_with / one.with_it if one.with_it else 1.0
    words = f"after {one.lifted_with} of {one.with_it} low days" if one.with_it else "your own word"
    if one.decided == "corrected":
        strength, words = 1.0, "your own word"
    name = one.name[:1].upper() + one.name[1:]
    return KnownItem(
        one.id, name if name.endswith(".") else f"{name}.", one.sentence, strength, words,
        "helped" if one.says else "unsure", "", "", (), "", "", tuple(e.hex() for e in one.evidence), one.decided,
        one.id, one.name,
    )  # fmt: skip
