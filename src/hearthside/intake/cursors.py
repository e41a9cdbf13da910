"""How far a large file was imported, kept in the journal beside the records themselves, so that going on is cheap.

A cursor is journalled in the same call as the last records it covers: either both are there or neither. It names the
place by the digest of every byte before it, so that it fits only a file that begins with exactly these bytes, whatever
its name, packed or not, and also one that has grown since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from hearthside.events import Event, Json, Layer, Origin, Trust
from hearthside.intake.report import FileReport
from hearthside.journal import Journal
from hearthside.sources import Source, exact_json, json_parts, load_source, reading, trail
from hearthside.sources.reading import HEAD_BYTES, Reading, Sample
from hearthside.sources.trail import Mark

SOURCE = "intake"
KIND = "cursor"
EVERY_RECORDS = 50_000
EVERY_MS = 10_000  # or after so long, when at least
LEAST_RECORDS = 2_000  # so many were read since
_ERASURE = "erasure"  # the kind of event that says that something was forgotten
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where an import of a file got to.

    Attributes:
        mark: the first record that is not covered, and what lies before it.
        since: position in the journal at which the import of the file began; a later erasure may have removed what
            the cursor covers, and makes it void.
        read: records before the mark; `rejected` of them were refused, for `reasons`.
    """

    mark: Mark
    since: int
    read: int
    rejected: int
    reasons: dict[str, int] = field(default_factory=dict)

    def count_into(self, entry: FileReport) -> None:
        """Count what is not read again: known, or refused as before."""
        entry.read += self.read
        entry.rejected += self.rejected
        entry.duplicate += self.read - self.rejected
        for reason, count in self.reasons.items():
            entry.reasons[reason] = entry.reasons.get(reason, 0) + count
        entry.note = f"went on after {self.read:,} records that an earlier import had read"


class Cursors:
    """The cursors of one journal, as they are when an import begins."""

    def __init__(self, journal: Journal, clock: Callable[[], int], known: Reading) -> None:
        self._journal, self._clock, self._reading = journal, clock, known

    def find(self, source: Source, sample: Sample) -> Cursor | None:
        """The farthest cursor of a file that begins like this one, or None."""
        if len(sample.head) < HEAD_BYTES:  # a smaller file is read again in a moment
            return None
        wanted = self._identity(source, sample)
        erased = max((stored.seq for stored in self._journal.read(kinds=[_ERASURE])), default=0)
        best: Cursor | None = None
        for stored in self._journal.read(kinds=[KIND], sources=[SOURCE]):
            if isinstance(stored.record, Event) and stored.record.key == wanted:
                cursor = _cursor(stored.record.payload)
                if erased <= cursor.since and (best is None or cursor.mark.offset > best.mark.offset):
                    best = cursor
        return best

    def event(self, source: Source, sample: Sample, cursor: Cursor) -> Event:
        """The event to journal with the last records before the mark."""
        mark = cursor.mark
        return Event(
            source=SOURCE,
            kind=KIND,
            layer=Layer.TEXT,  # a system kind is part of no lane; the field needs a value
            start_ms=self._clock(),
            origin=Origin.DEVICE,
            trust=Trust.OWN,
            payload={
                "source": source.NAME,
                "record": mark.record,
                "offset": mark.offset,
                "section": mark.section,
                "digest": mark.digest.hex(),
                "since": cursor.since,
                "read": cursor.read,
                "rejected": cursor.rejected,
                "reasons": dict(cursor.reasons),
            },
            clock="station",
            key=self._identity(source, sample),
        )

    def _identity(self, source: Source, sample: Sample) -> str:
        """What must be the same for a cursor to hold: the file's head, the source, its code, and what it may know.

        A source that reads differently after an update reads old files again from the beginning.
        """
        digest = hashlib.blake2b(_code_of(source.NAME), digest_size=_DIGEST_BYTES)
        for part in (str(self._reading.zone), *sorted(self._reading.self_names)):
            digest.update(part.encode("utf-8", "replace") + b"\0")
        digest.update(sample.head)
        return digest.hexdigest()


@cache
def _code_of(name: str) -> bytes:
    """A digest over a source's own code and that of the reading it rests on."""
    digest = hashlib.blake2b(name.encode() + b"\0", digest_size=_DIGEST_BYTES)
    for module in (load_source(name), exact_json, json_parts, reading, trail):
        digest.update(Path(str(getattr(module, "__file__", ""))).read_bytes())
    return digest.digest()


def _cursor(payload: Json) -> Cursor:
    mark = Mark(payload["record"], payload["offset"], payload["section"], bytes.fromhex(payload["digest"]))
    return Cursor(mark, payload["since"], payload["read"], payload["rejected"], dict(payload["reasons"]))
