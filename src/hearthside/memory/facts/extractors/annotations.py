"""What a capable model found in the person's own words at night, each finding checked against the very words."""

from __future__ import annotations

from collections.abc import Mapping

from hearthside.events import Event, Json, Origin, iso_day
from hearthside.memory.facts.annotation import KIND, TOPICS
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, Span, make_fact

NAME = "annotations"
TITLE = "Read at night"
KINDS = frozenset({"annotation"})

_SURE = 0.6


def extract(ground: Ground) -> list[Fact]:
    """Facts of journalled annotations whose span is still in a living record of the person's own words."""
    found = [item for item in ground.journal.read(kinds=[KIND], end_ms=ground.present_ms)]
    findings = [
        finding for item in found if isinstance(item.record, Event) for finding in item.record.payload["findings"]
    ]
    sources = ground.journal.get(bytes.fromhex(str(finding["id"])) for finding in findings)
    facts = []
    for finding in findings:
        stored = sources.get(bytes.fromhex(str(finding["id"])))
        if stored is not None and isinstance(stored.record, Event):
            fact = _fact(stored.id, stored.record, finding)
            if fact is not None:
                facts.append(fact)
    return facts


def _fact(identity: bytes, event: Event, finding: Mapping[str, Json]) -> Fact | None:
    start, end, value = int(finding["start"]), int(finding["end"]), str(finding["value"])
    if event.origin is not Origin.SELF or event.text[start:end] != value or not value.strip():
        return None
    predicate = str(finding["predicate"])
    topic = TOPICS.get(predicate)
    if topic is None:
        return None
    return make_fact(
        NAME, topic, predicate, value, f"You said of yourself ({predicate.replace('_', ' ')}): “{value}”.",
        (identity,), valid_from=iso_day((event.start_ms + (event.offset_min or 0) * 60_000) // 86_400_000), sure=_SURE,
        spans=(Span(identity, start, end),),
    )  # fmt: skip
