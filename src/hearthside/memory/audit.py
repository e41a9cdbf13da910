"""The nightly audit: what memory holds must rest on a living source, and never on what the AI itself said."""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.events import Event, Origin
from hearthside.journal import Journal
from hearthside.memory.index import Index

_BATCH = 2000


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the audit found.

    Attributes:
        documents: entries of the index.
        orphans: entries without a living source.
        from_ai: entries that are the AI's own words.
        duplicates: entries with the same words, source and minute as another.
    """

    documents: int
    orphans: int
    from_ai: int
    duplicates: int

    @property
    def junk_share(self) -> float:
        """Orphans, own output and duplicates / documents; 0 for an empty index."""
        return (self.orphans + self.from_ai + self.duplicates) / self.documents if self.documents else 0.0

    def in_words(self) -> str:
        """One sentence for the person."""
        return (
            f"{self.documents:,} things can be found; {self.orphans} without a source, {self.from_ai} from the AI,"
            f" {self.duplicates} twice ({self.junk_share:.1%})."
        )


def audit(journal: Journal, index: Index) -> AuditReport:
    """Look at every entry of the index."""
    documents = orphans = from_ai = 0
    for ids in index.all_ids(_BATCH):
        stored = journal.get(ids)
        documents += len(ids)
        orphans += len(ids) - len(stored)
        from_ai += sum(isinstance(s.record, Event) and s.record.origin is Origin.AI for s in stored.values())
    return AuditReport(documents, orphans, from_ai, index.duplicates())
