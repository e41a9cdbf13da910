"""What a capable model found in texts at night, each finding checked against the very words of a living record."""

from __future__ import annotations

from dataclasses import replace

from hearthside.events import Event, Origin, Trust, iso_day
from hearthside.journal import Journal
from hearthside.memory.facts.annotation import Finding, finding_of
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import NOT, READ, Fact, Span, make_fact
from hearthside.memory.facts.vocabulary import VOCABULARY, Predicate
from hearthside.memory.facts.wording import told
from hearthside.memory.held_model import KIND

NAME = READ
TITLE = "Read at night"
KINDS = frozenset({"annotation"})

_SURE = 0.55
"""Less than any phrase of plain code: a phrase is known word by word, a model is measured on a sample."""

_SURE_OF_OTHERS = 0.3
_OF_YOU = "said_of_you:"
_LONGEST_QUOTE = 160


def extract(ground: Ground) -> list[Fact]:
    """Facts of journalled findings whose span is still in a living record of who is said to have said it.

    Of a record that several models read, the last reading counts.
    """
    findings = _last_readings(ground.journal, ground.present_ms)
    sources = ground.journal.get(finding.id for _, finding in findings)
    facts: dict[str, Fact] = {}
    said = [(sources[finding.id].record, model, finding) for model, finding in findings if finding.id in sources]
    events = [(record, model, finding) for record, model, finding in said if isinstance(record, Event)]
    for event, model, finding in sorted(events, key=lambda one: (one[0].start_ms, one[2].id, one[2].start)):
        fact = _fact(event, model, finding) if event.start_ms < ground.present_ms else None
        if fact is not None:
            known = facts.get(fact.id)
            facts[fact.id] = fact if known is None else _again(known, fact)
    return list(facts.values())


def _last_readings(journal: Journal, present_ms: int) -> list[tuple[str, Finding]]:
    """Model and finding, of each record those of its last reading."""
    by_record: dict[str, list[tuple[str, Finding]]] = {}
    for item in journal.read(kinds=[KIND], end_ms=present_ms):
        if not isinstance(item.record, Event):
            continue
        payload = item.record.payload
        by_record |= {str(identity): [] for identity in payload["read"]}
        for body in payload["findings"]:
            by_record.setdefault(str(body["id"]), []).append((str(payload["model"]), finding_of(body)))
    return [one for found in by_record.values() for one in found]


def _fact(event: Event, model: str, finding: Finding) -> Fact | None:
    predicate = VOCABULARY.get(finding.predicate)
    if predicate is None or not finding.value.strip() or event.text[finding.start : finding.end] != finding.value:
        return None
    if finding.said_by:
        known = event.origin is Origin.PERSON and event.trust is not Trust.UNKNOWN
        return _of_you(event, model, finding, predicate) if known else None
    return _own(event, model, finding, predicate) if event.origin is Origin.SELF else None


def _own(event: Event, model: str, finding: Finding, predicate: Predicate) -> Fact:
    name = f"{predicate.name}:{finding.role}" if finding.role else predicate.name
    sentence = told(predicate.name, predicate.sentence, finding.value, finding.role).removesuffix(".")
    by = f"as {model.partition('#')[0]} read in your words."
    if not finding.holds:
        name, sentence = NOT + name, f"Not so, or no longer: {sentence[0].lower()}{sentence[1:]}"
    fact = make_fact(
        NAME, predicate.topic, name, finding.value, f"{sentence}, {by}", (finding.id,),
        valid_from=finding.since if finding.since and finding.holds else _day(event), sure=_SURE,
        spans=(Span(finding.id, finding.start, finding.end),), single=predicate.single and finding.holds,
    )  # fmt: skip
    return replace(fact, read_by=model)


def _of_you(event: Event, model: str, finding: Finding, predicate: Predicate) -> Fact:
    """What somebody said of the person stays what they said: it meets no fact of the person's own words."""
    quote = " ".join(event.text.split())[:_LONGEST_QUOTE]
    fact = make_fact(
        NAME, predicate.topic, f"{_OF_YOU}{'' if finding.holds else NOT}{predicate.name}", finding.value,
        f"{finding.said_by} said of you: “{quote}”", (finding.id,), valid_from=_day(event), sure=_SURE_OF_OTHERS,
        spans=(Span(finding.id, finding.start, finding.end),), said_by=finding.said_by,
    )  # fmt: skip
    return replace(fact, read_by=model)


def _again(known: Fact, fact: Fact) -> Fact:
    """Read in another text too: the first and the last four are kept."""
    evidence, spans = (*known.evidence, *fact.evidence), (*known.spans, *fact.spans)
    return replace(
        known, evidence=tuple(dict.fromkeys((evidence[0], *evidence[-4:]))), spans=(spans[0], *spans[1:][-4:]),
        valid_from=min(known.valid_from, fact.valid_from),
    )  # fmt: skip


def _day(event: Event) -> str:
    return iso_day((event.start_ms + (event.offset_min or 0) * 60_000) // 86_400_000)
