"""The person's word on what is remembered: correct, forget, pin; journalled, and applied whenever memory is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from hearthside.errors import Refused
from hearthside.events import Event, Layer, Origin, Trust, iso_day
from hearthside.journal import Journal
from hearthside.memory.facts.fact import Fact, fact_id
from hearthside.memory.preferences.preference import Preference

KIND = "memory_decision"
SOURCE = "person"
_LONGEST = 400
MOODS, LOW, HELPED = "\0moods", "low", "helped"
"""Stand where the subject and predicate of a fact do; no fact begins with a zero byte."""


class Verdict(StrEnum):
    """What the person decided about one item of memory."""

    CORRECT = "correct"  # it is otherwise: `value` is what holds
    FORGET = "forget"  # do not believe or show it any more
    PIN = "pin"  # it holds, whatever the records say
    UNDO = "undo"  # as if nothing had been decided


@dataclass(frozen=True, slots=True)
class MemoryDecision:
    """One decision.

    Attributes:
        id: of the journal record, the evidence of what follows from it.
        item: id of the fact, preference, low stretch or thing that helped.
        verdict: what was decided; value: the person's words for a correction, else "".
        subject, predicate, topic: of the fact corrected, so that the correction outlives it; "" for preferences.
            Of moods the subject is `MOODS`, the predicate `LOW` or `HELPED`, and the topic says which one.
        day: UTC day of the decision, ISO; at_ms: UTC ms.
    """

    id: bytes
    item: str
    verdict: Verdict
    value: str
    subject: str
    predicate: str
    topic: str
    day: str
    at_ms: int
    single: bool = False

    @property
    def of_moods(self) -> bool:
        """Whether it is about a low stretch or about what helped."""
        return self.subject == MOODS


def decide_fact(journal: Journal, fact: Fact, verdict: Verdict, at_ms: int, value: str = "") -> None:
    """Record a decision about a fact; acknowledged when it is on disk.

    Raises:
        Refused: a correction without a value, or one that is too long.
    """
    said = _said(verdict, value)
    _record(journal, fact.id, verdict, said, (fact.subject, fact.predicate, fact.topic, fact.single), at_ms)


def decide_preference(journal: Journal, preference: Preference, verdict: Verdict, at_ms: int) -> None:
    """Record that a preference is to be forgotten, pinned, or neither.

    Raises:
        Refused: a preference is counted, not stated, so there is nothing to correct.
    """
    if verdict is Verdict.CORRECT:
        raise Refused(
            "preference-not-stated", "A preference is counted from records; forget or pin it. Nothing was changed."
        )
    _record(journal, preference.id, verdict, "", ("", "", "", False), at_ms)


def decide_mood(
    journal: Journal, item: str, which: tuple[str, str], verdict: Verdict, at_ms: int, value: str = ""
) -> None:
    """Record a decision about a low stretch or about something that helped.

    Args:
        which: `LOW` with its first and last day as ``2026-03-04/2026-03-06``, or `HELPED` with its name.

    Raises:
        Refused: a correction without a value, or one that is too long.
    """
    _record(journal, item, verdict, _said(verdict, value), (MOODS, *which, False), at_ms)


def take_back(journal: Journal, decision: MemoryDecision, at_ms: int) -> None:
    """Record that a decision holds no more."""
    about = (decision.subject, decision.predicate, decision.topic, decision.single)
    _record(journal, decision.item, Verdict.UNDO, "", about, at_ms)


def _said(verdict: Verdict, value: str) -> str:
    said = " ".join(value.split())
    if verdict is Verdict.CORRECT and not 0 < len(said) <= _LONGEST:
        raise Refused(
            "memory-correction-empty",
            f"A correction needs words, at most {_LONGEST} characters of them; nothing was changed.",
        )
    return said


def _record(
    journal: Journal, item: str, verdict: Verdict, value: str, about: tuple[str, str, str, bool], at_ms: int
) -> None:
    subject, predicate, topic, single = about
    payload = {
        "item": item, "verdict": verdict.value, "value": value, "subject": subject, "predicate": predicate,
        "topic": topic, "single": single,
    }  # fmt: skip
    key = str(journal.head().seq)  # tells two decisions apart that say the same in the same millisecond
    journal.append(
        [Event(SOURCE, KIND, Layer.BEHAVIOURAL, at_ms, Origin.SELF, Trust.OWN, payload, clock="station", key=key)]
    )


def decisions(journal: Journal) -> dict[str, MemoryDecision]:
    """The last decision about each item; undone ones are left out."""
    found: dict[str, MemoryDecision] = {}
    for stored in sorted(journal.read(kinds=[KIND]), key=lambda item: item.seq):
        if not isinstance(stored.record, Event):
            continue
        p, at_ms = stored.record.payload, stored.record.start_ms
        one = MemoryDecision(
            stored.id, p["item"], Verdict(p["verdict"]), p["value"], p["subject"], p["predicate"], p["topic"],
            iso_day(at_ms // 86_400_000), at_ms, bool(p.get("single")),
        )  # fmt: skip
        found.pop(one.item, None)
        if one.verdict is not Verdict.UNDO:
            found[one.item] = one
    return found


def apply_to_facts(facts: Iterable[Fact], decided: Mapping[str, MemoryDecision]) -> list[Fact]:
    """Facts as the person decided: forgotten ones gone, pinned ones open, corrected ones replaced by the person's word.

    A corrected value stays corrected however often the records say the former one again, also after a rebuild: what was
    corrected is named by its id, which does not change. Of a subject with one value the person's word closes every
    other that had begun before it; what begins later stands beside it as a contradiction.
    """
    order = {item: place for place, item in enumerate(decided)}  # as they were decided
    corrections = [one for one in decided.values() if one.verdict is Verdict.CORRECT and not one.of_moods]
    kept = []
    for fact in facts:
        verdict = decided[fact.id].verdict if fact.id in decided else None
        if verdict in {Verdict.FORGET, Verdict.CORRECT}:
            continue
        kept.append(replace(fact, decided="pinned", valid_to="", sure=1.0) if verdict is Verdict.PIN else fact)
    for one in corrections:
        said = _corrected(one)
        decision = decided.get(said.id)
        taken_back = decision is not None and decision.verdict in {Verdict.FORGET, Verdict.CORRECT}
        if taken_back and order[said.id] > order[one.item]:  # the correction itself was corrected or forgotten later
            continue
        kept = [_beside(fact, said, one) for fact in kept if fact.id != said.id]
        kept.append(_told_apart(said, kept))
    return kept


def _corrected(one: MemoryDecision) -> Fact:
    return Fact(
        fact_id(one.subject, one.predicate, one.value), one.topic, one.subject, one.predicate, one.value,
        f"{one.value} ({one.predicate.partition(':')[0].replace('_', ' ')}; your own correction).", one.day, "",
        (one.id,), 1.0, "person", single=one.single, decided="corrected",
    )  # fmt: skip


def _beside(fact: Fact, said: Fact, one: MemoryDecision) -> Fact:
    """Another fact of the same subject, closed by the correction or contradicting it."""
    same = (fact.subject, fact.predicate) == (said.subject, said.predicate) and said.single
    if not same or fact.decided:
        return fact
    if fact.valid_from <= one.day:
        return fact if fact.valid_to and fact.valid_to <= one.day else replace(fact, valid_to=one.day)
    return replace(fact, contradicts=tuple(dict.fromkeys((*fact.contradicts, said.id))))


def _told_apart(said: Fact, others: Iterable[Fact]) -> Fact:
    return replace(said, contradicts=tuple(fact.id for fact in others if said.id in fact.contradicts))


def apply_to_preferences(preferences: Iterable[Preference], decided: Mapping[str, MemoryDecision]) -> list[Preference]:
    """Preferences as the person decided: forgotten ones gone, pinned ones marked."""
    kept = []
    for preference in preferences:
        verdict = decided[preference.id].verdict if preference.id in decided else None
        if verdict is not Verdict.FORGET:
            kept.append(replace(preference, decided="pinned") if verdict is Verdict.PIN else preference)
    return kept
