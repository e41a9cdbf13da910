"""Birthdays and relations that a structured record states: address books, and what other programs send as `contact`."""

from __future__ import annotations

from hearthside.events import Event, iso_day
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, make_fact
from hearthside.memory.facts.wording import day_in_words, without_made_up_year

NAME = "contacts"
TITLE = "Contacts"
KINDS = frozenset({"contact"})

_FIELDS = (("birthday", "people", "birthday", "{name}’s birthday is {value}."),
           ("relation", "family", "relation", "{name} is your {value}."))  # fmt: skip


def extract(ground: Ground) -> list[Fact]:
    """Facts of `contact` events (payload ``name``, ``birthday``, ``relation``); the latest revision of each counts."""
    ids = [o.id for o in ground.stream.occurrences(kinds=["contact"], end_ms=ground.present_ms)]
    facts = []
    for identity, stored in ground.journal.get(ids).items():
        if not isinstance(stored.record, Event):
            continue
        payload, name = stored.record.payload, str(stored.record.payload.get("name") or "").strip()
        for field, topic, predicate, sentence in _FIELDS:
            value = str(payload.get(field) or "").strip()
            value = without_made_up_year(value) if field == "birthday" else value
            if name and value:
                facts.append(
                    make_fact(
                        NAME, topic, predicate, value, _said(sentence, name, value), (identity,),
                        subject=name, sure=0.95, single=True,
                        valid_from="" if field == "birthday" else iso_day(stored.record.start_ms // 86_400_000),
                    )
                )  # fmt: skip
    return facts


def _said(sentence: str, name: str, value: str) -> str:
    """Dates of address books are figures: 05-03 is 3 May."""
    return sentence.format(name=name, value=day_in_words(value) or value)
