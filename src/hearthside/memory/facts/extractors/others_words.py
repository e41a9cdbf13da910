"""What known people said about themselves: kept as what they said, never as a fact about the person."""

from __future__ import annotations

from dataclasses import replace

from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.extractors.own_words import stated
from hearthside.memory.facts.fact import Fact

NAME = "others_words"
TITLE = "What others said"
KINDS = frozenset({"message", "utterance"})

_WORTH_KNOWING = frozenset(
    {"allergic_to", "diet", "birthday", "lives_in", "works_at", "works_as", "likes", "dislikes", "pet", "condition"}
)
_LONGEST_QUOTE = 160


def extract(ground: Ground) -> list[Fact]:
    """Statements of others on a few subjects, each as a quotation with its speaker."""
    rows = [row for row in ground.statements if row[8] and row[0] in _WORTH_KNOWING and row[6] < ground.present_ms]
    rows.sort(key=lambda row: (row[6], row[7]))
    texts = {
        identity: " ".join(stored.record.text.split())
        for identity, stored in ground.journal.get({bytes.fromhex(row[7]) for row in rows}).items()
        if hasattr(stored.record, "text")
    }
    facts: dict[str, Fact] = {}
    for row in rows:
        fact = stated(row, NAME, subject=row[8], said_by=row[8])
        said = texts.get(fact.evidence[0], "")
        if not said or fact.id in facts:
            continue
        facts[fact.id] = replace(fact, sentence=f"{row[8]} said: “{said[:_LONGEST_QUOTE]}”", single=False)
    return list(facts.values())
