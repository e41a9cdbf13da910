"""The nightly audit: what memory holds must rest on a living source, and never on what the AI itself said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hearthside.events import Event, Json, Origin
from hearthside.journal import Journal, Stored
from hearthside.memory.facts.fact import Fact
from hearthside.memory.index import Index
from hearthside.memory.preferences.preference import Preference

_BATCH = 2000
_AI = frozenset({Origin.AI, Origin.AI_ACCEPTED, Origin.AI_EDITED})
_ABOUT = "preference"

TARGET = 0.05
"""Junk is to stay below this share."""


@dataclass(frozen=True, slots=True)
class MemoryAudit:
    """What the audit found in facts and preferences.

    Attributes:
        facts, preferences: how many there are.
        orphans: items without any living record.
        from_ai: items with a record that is the AI's own words.
        duplicates: items that say the same as another.
        contradictions: pairs of facts that say otherwise of the same time; shown, and no junk.
    """

    facts: int = 0
    preferences: int = 0
    orphans: int = 0
    from_ai: int = 0
    duplicates: int = 0
    contradictions: int = 0


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the audit found.

    Attributes:
        documents: entries of the index.
        orphans: entries without a living source.
        from_ai: entries that are the AI's own words.
        duplicates: entries with the same words, source and minute as another.
        memory: the same of what is known about the person.
    """

    documents: int
    orphans: int
    from_ai: int
    duplicates: int
    memory: MemoryAudit = MemoryAudit()

    @property
    def junk_share(self) -> float:
        """Orphans, own output and duplicates / all entries and items; 0 for an empty memory."""
        held = self.documents + self.memory.facts + self.memory.preferences
        junk = self.orphans + self.from_ai + self.duplicates
        junk += self.memory.orphans + self.memory.from_ai + self.memory.duplicates
        return junk / held if held else 0.0

    def in_words(self) -> str:
        """One or two sentences for the person."""
        found = (
            f"{self.documents:,} things can be found; {self.orphans} without a source, {self.from_ai} from the AI,"
            f" {self.duplicates} twice ({self.junk_share:.1%})."
        )
        memory = self.memory
        if not memory.facts + memory.preferences:
            return found
        return found + (
            f" {memory.facts:,} facts and {memory.preferences:,} preferences are known; {memory.orphans} without a"
            f" source, {memory.from_ai} from the AI, {memory.duplicates} twice, {memory.contradictions} contradictions."
        )

    def figures(self) -> dict[str, Json]:
        """For the journal and the health page."""
        memory = self.memory
        return {
            "junk_share": self.junk_share, "from_ai": self.from_ai + memory.from_ai, "documents": self.documents,
            "orphans": self.orphans + memory.orphans, "duplicates": self.duplicates + memory.duplicates,
            "contradictions": memory.contradictions, "facts": memory.facts, "preferences": memory.preferences,
        }  # fmt: skip


def audit(journal: Journal, index: Index, memory: MemoryAudit | None = None) -> AuditReport:
    """Look at every entry of the index; `memory` is what was found in the rest."""
    documents = orphans = from_ai = 0
    for ids in index.all_ids(_BATCH):
        stored = journal.get(ids)
        documents += len(ids)
        orphans += len(ids) - len(stored)
        from_ai += sum(isinstance(s.record, Event) and s.record.origin is Origin.AI for s in stored.values())
    return AuditReport(documents, orphans, from_ai, index.duplicates(), memory or MemoryAudit())


def audit_memory(journal: Journal, facts: Iterable[Fact], preferences: Iterable[Preference]) -> MemoryAudit:
    """Look at every fact and preference: each must have a record in the journal, and none may be the AI's words."""
    facts, preferences = list(facts), list(preferences)
    items = [fact.evidence for fact in facts] + [preference.evidence for preference in preferences]
    stored = journal.get(identity for evidence in items for identity in evidence)
    said = Counter((fact.subject, fact.predicate, fact.value.casefold(), fact.valid_from) for fact in facts)
    said.update((_ABOUT, preference.kind, preference.what.casefold(), "") for preference in preferences)
    pairs = {frozenset((fact.id, other)) for fact in facts for other in fact.contradicts}
    return MemoryAudit(
        len(facts),
        len(preferences),
        sum(not any(identity in stored for identity in evidence) for evidence in items),
        sum(any(_by_ai(stored.get(identity)) for identity in evidence) for evidence in items),
        sum(times - 1 for times in said.values()),
        len(pairs),
    )


def _by_ai(stored: Stored | None) -> bool:
    return stored is not None and isinstance(stored.record, Event) and stored.record.origin in _AI
