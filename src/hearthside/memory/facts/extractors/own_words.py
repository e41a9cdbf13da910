"""What the person said about themselves: statements in their own words, closed where they say that it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import ME, Fact, Span, make_fact
from hearthside.memory.facts.phrases import PHRASES, Phrase
from hearthside.memory.facts.wording import told
from hearthside.memory.gleanings import Row

NAME = "own_words"
TITLE = "Your own words"
KINDS = frozenset({"message", "utterance", "post"})

_BY_PREDICATE: dict[str, Phrase] = {phrase.predicate: phrase for phrase in reversed(PHRASES)}
_OPPOSITES = {"likes": "dislikes", "dislikes": "likes"}
_ENDABLE = frozenset({"likes", "started", "plays", "learns", "studies", "works_at", "works_as", "condition", "diet"})


def extract(ground: Ground) -> list[Fact]:
    """One fact for each thing stated; what was said on several days has all of them as evidence."""
    rows = [row for row in ground.statements if not row[8] and row[6] < ground.present_ms]
    rows.sort(key=lambda row: (row[6], row[7]))
    facts: dict[str, Fact] = {}
    for row in rows:
        fact = stated(row, NAME)
        known = facts.get(fact.id)
        facts[fact.id] = fact if known is None else _again(known, fact)
        _end_others(facts, fact)
    return list(facts.values())


def stated(row: Row, extractor: str, *, subject: str = ME, said_by: str = "") -> Fact:
    """The fact that one row of `facts.gleaning` states."""
    name, value, role, start, end, day, _, identity, _ = row
    phrase = _BY_PREDICATE[name]
    evidence = bytes.fromhex(identity)
    predicate = f"{name}:{role}" if role else name
    sentence = told(name, phrase.sentence, value, role)
    fact = make_fact(
        extractor, phrase.topic, predicate, value, sentence, (evidence,), valid_from=day, sure=phrase.sure,
        spans=(Span(evidence, start, end),), single=phrase.single, said_by=said_by, subject=subject,
    )  # fmt: skip
    return replace(fact, valid_from="", valid_to=day) if name == "used_to" else fact


def _again(known: Fact, fact: Fact) -> Fact:
    """Said again: open once more when it had been closed, and surer."""
    evidence, spans = (*known.evidence, *fact.evidence), (*known.spans, *fact.spans)
    return replace(
        known, evidence=tuple(dict.fromkeys((evidence[0], *evidence[-4:]))), spans=(spans[0], *spans[1:][-4:]),
        sure=round(min(0.95, known.sure + 0.05), 3), valid_to=fact.valid_to,
        valid_from=fact.valid_from if known.valid_to and not fact.valid_to else known.valid_from,
    )  # fmt: skip


def _end_others(facts: dict[str, Fact], said: Fact) -> None:
    """Close what this contradicts or ends and what was said on an earlier day; of the same day both stay."""
    for other in _ended(facts.values(), said):
        facts[other.id] = replace(other, valid_to=said.valid_from or said.valid_to)


def _ended(facts: Iterable[Fact], said: Fact) -> list[Fact]:
    at = said.valid_from or said.valid_to
    value = said.value.casefold()
    ends = _BY_PREDICATE[said.predicate.partition(":")[0]].ends
    found = []
    for other in facts:
        if other.valid_to or other.id == said.id or not other.valid_from < at:
            continue
        opposite = _OPPOSITES.get(said.predicate) == other.predicate and other.value.casefold() == value
        ended = ends and other.predicate in _ENDABLE and (other.value.casefold() in value)
        if opposite or ended:
            found.append(other)
    return found
