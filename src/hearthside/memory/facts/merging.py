"""Putting together what extractors found: the same fact once, a value closed by the next, conflicts kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hearthside.events import day_number
from hearthside.journal import Journal
from hearthside.memory.facts.fact import NOT, READ, Fact

CONFLICT_DAYS = 30
"""Two values of what can have one only, first said within so many days of one another, contradict each other; a later
one follows the earlier one."""

_OPPOSITES = {"likes": "dislikes", "dislikes": "likes", "started": "stopped", "stopped": "started"}
_EVIDENCE = 6


def merged(found: Iterable[Fact]) -> list[Fact]:
    """All facts, none overwritten: the same said by several is one; see `CONFLICT_DAYS` for what differs."""
    by_id: dict[str, Fact] = {}
    for fact in found:
        known = by_id.get(fact.id)
        by_id[fact.id] = fact if known is None else _joined(known, fact)
    groups: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in by_id.values():
        if fact.single:
            groups[fact.subject, fact.predicate].append(fact)
    for group in groups.values():
        for fact in _in_turn(group):
            by_id[fact.id] = fact
    _denied(by_id)
    return _opposed(list(by_id.values()))


def _joined(one: Fact, other: Fact) -> Fact:
    """The same fact from two extractors or times."""
    first, second = sorted((one, other), key=lambda fact: (-fact.sure, fact.extractor))
    starts = [fact.valid_from for fact in (one, other) if fact.valid_from]
    evidence = tuple(dict.fromkeys((*first.evidence, *second.evidence)))[:_EVIDENCE]
    return replace(
        first, evidence=evidence, spans=(*first.spans, *second.spans), valid_from=min(starts, default=""),
        valid_to="" if not (one.valid_to and other.valid_to) else max(one.valid_to, other.valid_to),
    )  # fmt: skip


def _in_turn(group: Sequence[Fact]) -> list[Fact]:
    """Facts of which one value can hold at a time: each is closed by the next, or contradicts it."""
    ordered = sorted(group, key=lambda fact: (fact.valid_from, fact.id))
    for place, fact in enumerate(ordered):
        for later in range(place + 1, len(ordered)):
            other = ordered[later]
            if fact.valid_to and fact.valid_to <= other.valid_from:
                continue
            if _near(fact, other) or _too_weak(other, fact):
                ordered[place], ordered[later] = _against(ordered[place], other), _against(other, fact)
                fact = ordered[place]
            else:
                fact = ordered[place] = replace(ordered[place], valid_to=other.valid_from)
                break
    return ordered


def _denied(by_id: dict[str, Fact]) -> None:
    """Close what is later said not to be so, and the denial when it is said again after that."""
    for denial in [fact for fact in by_id.values() if fact.predicate.startswith(NOT)]:
        for fact in list(by_id.values()):
            if not _same_thing(denial, fact) or fact.valid_to:
                continue
            if fact.valid_from > denial.valid_from:
                by_id[denial.id] = replace(by_id[denial.id], valid_to=fact.valid_from)
            elif _too_weak(denial, fact) or fact.valid_from == denial.valid_from:
                by_id[fact.id] = _against(fact, denial)
                by_id[denial.id] = _against(by_id[denial.id], fact)
            else:
                by_id[fact.id] = replace(fact, valid_to=denial.valid_from)


def _same_thing(denial: Fact, fact: Fact) -> bool:
    same = (fact.subject, NOT + fact.predicate) == (denial.subject, denial.predicate)
    return same and fact.value.casefold() == denial.value.casefold()


def _too_weak(later: Fact, earlier: Fact) -> bool:
    """One reading of a model contradicts what plain code read in the person's words, and does not end it."""
    return later.weak and earlier.extractor != READ


def _near(one: Fact, other: Fact) -> bool:
    if not one.valid_from or not other.valid_from:
        return True
    return abs(day_number(one.valid_from) - day_number(other.valid_from)) <= CONFLICT_DAYS


def _against(fact: Fact, other: Fact) -> Fact:
    return replace(fact, contradicts=tuple(dict.fromkeys((*fact.contradicts, other.id))))


def _opposed(facts: list[Fact]) -> list[Fact]:
    """Mark what says the opposite of the same thing while both are open."""
    by_said = {(fact.subject, fact.predicate, fact.value.casefold()): place for place, fact in enumerate(facts)}
    for place, fact in enumerate(facts):
        other = by_said.get((fact.subject, _OPPOSITES.get(fact.predicate, ""), fact.value.casefold()))
        if other is not None and not fact.valid_to and not facts[other].valid_to:
            facts[place] = _against(facts[place], facts[other])
    return facts


def living(facts: Iterable[Fact], journal: Journal) -> list[Fact]:
    """Facts with a record still in the journal, each with the time its first one arrived."""
    held = list(facts)
    stored = journal.get(identity for fact in held for identity in fact.evidence)
    found = []
    for fact in held:
        evidence = tuple(identity for identity in fact.evidence if identity in stored)
        if evidence:
            learned = min(stored[identity].received_ms for identity in evidence)
            spans = tuple(span for span in fact.spans if span.id in stored)
            found.append(replace(fact, evidence=evidence, spans=spans, learned_ms=learned))
    return found
