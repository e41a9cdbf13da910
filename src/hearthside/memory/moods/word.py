"""The person's word on moods: a low stretch that was none, something that helps whatever the records say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hearthside.memory.decisions import HELPED, LOW, MemoryDecision, Verdict
from hearthside.memory.moods.days import LowStretch, MoodDay
from hearthside.memory.moods.helped import Helped, helped_id

_REFUTED = frozenset({Verdict.FORGET, Verdict.CORRECT})


def which_low(stretch: LowStretch) -> tuple[str, str]:
    """What a decision about a stretch names, so that it finds it again when its edges move."""
    return LOW, f"{stretch.first_day}/{stretch.last_day}"


def apply_to_low(stretches: Iterable[LowStretch], decided: Mapping[str, MemoryDecision]) -> list[LowStretch]:
    """Stretches as the person decided, in order: forgotten ones gone, corrected ones with the person's words.

    A decision holds for every stretch that shares a day with the one decided about: what was read later may move its
    edges, or part it. A pinned or corrected one that the records show no more stays, with the person's word alone.
    """
    words = _about(decided, LOW)
    kept, met = list[LowStretch](), set[str]()
    for stretch in stretches:
        word = next((w for w in words if _shares_a_day(w, stretch)), None)
        if word is None:
            kept.append(stretch)
        elif word.verdict is not Verdict.FORGET and word.item not in met:
            kept.append(_told(stretch, word))
        met |= {word.item} if word else set()
    for word in words:
        if word.verdict is not Verdict.FORGET and word.item not in met:
            first, _, last = word.topic.partition("/")
            kept.append(_told(LowStretch(first, last, "", ()), word))
    return sorted(kept, key=lambda one: one.first_day)


def not_low(days: Sequence[MoodDay], decided: Mapping[str, MemoryDecision]) -> list[MoodDay]:
    """The days, those of stretches that the person forgot or corrected not low any more."""
    spans = [tuple(w.topic.split("/")) for w in _about(decided, LOW) if w.verdict in _REFUTED]
    return [
        replace(day, low=False) if day.low and any(first <= day.day <= last for first, last in spans) else day
        for day in days
    ]


def apply_to_helped(found: Iterable[Helped], decided: Mapping[str, MemoryDecision]) -> list[Helped]:
    """What helped as the person decided, the person's word first: forgotten gone, corrected in the person's words."""
    found = list(found)
    names = {one.id for one in found}
    words = {word.item: word for word in _about(decided, HELPED)}
    known = [_as_decided(one, words.get(one.id)) for one in found]
    lost = [_as_decided(_unknown(word.topic), word) for item, word in words.items() if item not in names]
    kept = [one for one in (*known, *lost) if one is not None]
    return sorted(kept, key=lambda one: not one.decided)


def _about(decided: Mapping[str, MemoryDecision], predicate: str) -> list[MemoryDecision]:
    return [word for word in decided.values() if word.of_moods and word.predicate == predicate]


def _shares_a_day(word: MemoryDecision, stretch: LowStretch) -> bool:
    first, _, last = word.topic.partition("/")
    return stretch.first_day <= last and first <= stretch.last_day


def _told(stretch: LowStretch, word: MemoryDecision) -> LowStretch:
    said = "pinned" if word.verdict is Verdict.PIN else "corrected"
    return replace(stretch, id=word.item, decided=said, note=word.value, word=word.id)


def _unknown(name: str) -> Helped:
    return Helped(name, 0, 0, 0, 0, None, False, "", (), "", helped_id(name))


def _as_decided(one: Helped, word: MemoryDecision | None) -> Helped | None:
    if word is None:
        return one
    if word.verdict is Verdict.FORGET:
        return None
    evidence = tuple(dict.fromkeys((*one.evidence, word.id)))
    if word.verdict is Verdict.PIN:
        sentence = f"You said that it helps. {one.sentence}".strip()
        return replace(one, says=True, evidence=evidence, sentence=sentence, decided="pinned")
    sentence = f"Your own word, in place of “{one.name}”."
    return replace(one, name=word.value, says=True, evidence=(word.id,), sentence=sentence, decided="corrected")
