"""Which sources the person has paused: the newest `pause:<source>` setting in the journal counts."""

from __future__ import annotations

from hearthside.events import Event
from hearthside.journal import Journal

_PREFIX = "pause:"


def paused_sources(journal: Journal) -> set[str]:
    """Names of the sources from which nothing may be taken now."""
    paused: dict[str, bool] = {}
    for stored in sorted(journal.read(kinds=["setting"]), key=lambda stored: (stored.record.start_ms, stored.seq)):
        if isinstance(stored.record, Event):
            name = str(stored.record.payload.get("name", ""))
            if name.startswith(_PREFIX):
                paused[name.removeprefix(_PREFIX)] = bool(stored.record.payload.get("value"))
    return {name for name, value in paused.items() if value}


class Pauses:
    """The pauses in force, read again only when somebody else has written to the journal since."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._seen = -1  # records in the journal for which `_paused` holds
        self._paused: set[str] = set()

    def has(self, source: str) -> bool:
        """Whether a source is paused."""
        seq = self._journal.head().seq
        if seq != self._seen:
            self._paused, self._seen = paused_sources(self._journal), seq
        return source in self._paused

    def count_own(self, records: int) -> None:
        """This import itself has written so many records, none of them a setting."""
        self._seen += records
