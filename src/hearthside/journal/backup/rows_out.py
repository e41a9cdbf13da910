"""Backing up the rows of the journal: what is new since the last run, and what was forgotten or sealed anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hearthside.errors import NeedsPerson, RetryLater
from hearthside.journal.backup import segments
from hearthside.journal.backup.layout import CHANGED, SEGMENTS, Changes, Manifest, Segment
from hearthside.journal.backup.storing import Progress, Store
from hearthside.journal.heads import SignedHead
from hearthside.journal.journal import Journal
from hearthside.journal.sealing import SealedRow, damaged, link

_SMALL_SEGMENTS = 16  # so many at the end are joined into one: hourly runs would leave 8,760 a year
_CHANGES_PER_YEAR = 32
_ROWS_AT_ONCE = 2000
_LOOKS = 100  # forgetting goes on meanwhile; somewhere it must be still for the blink of a snapshot


@dataclass(frozen=True, slots=True)
class Rows:
    """What a run holds of the journal, and the keyring that opens exactly this."""

    segments: tuple[Segment, ...]
    changes: tuple[Changes, ...]
    marks: dict[int, int]
    snapshot: bytes
    new: int


def back_up_rows(
    journal: Journal, store: Store, before: Manifest | None, head: SignedHead, mend: Collection[str], progress: Progress
) -> Rows:
    """Store the rows up to a head.

    The order makes it whole although appending and forgetting go on: rows, then what changed, then the keyring; and
    when something changed before the keyring was read, what changed once more.

    Args:
        before: the last run of the same lineage, which this one adds to.
        mend: names of objects that are damaged and are written again.
    """
    kept = _kept_segments(before, mend)
    mended = {(s.first, s.last) for s in (before.segments if before else ()) if s.name in mend}
    made: list[Segment] = []
    years = [(year, first, min(last, head.seq)) for year, first, last in journal.years() if first <= head.seq]
    for year, first, last in years:
        for start, end in _holes([s for s in kept if s.year == year], first, last, mended):
            again = any(a <= end and start <= b for a, b in mended)
            made += _store_range(journal, store, year, start, end, again, progress, head.seq)
    whole = tuple(sorted([*kept, *made], key=lambda s: s.first))
    changes, marks, snapshot = _store_changes(journal, store, before, whole, mend, head.seq)
    needed = tuple(c for c in changes if _needed(c, whole))
    new = sum(s.last - s.first + 1 for s in made)
    return Rows(whole, needed, marks, snapshot, new)


def _kept_segments(before: Manifest | None, mend: Collection[str]) -> list[Segment]:
    """Segments of the last run that stay; small ones at the end go when there are many."""
    kept = sorted((s for s in (before.segments if before else ()) if s.name not in mend), key=lambda s: s.first)
    small = 0
    while small < len(kept) and _is_small(kept[-1 - small]) and kept[-1 - small].year == kept[-1].year:
        small += 1
    return kept[:-small] if small >= _SMALL_SEGMENTS else kept


def _is_small(segment: Segment) -> bool:
    return not segments.is_full(segment.last - segment.first + 1, segment.size)


def _holes(
    kept: list[Segment], first: int, last: int, mended: Collection[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Ranges of [first, last] that no segment covers; each one that is mended stays a range of its own."""
    edges = {start for start, _ in mended} | {end + 1 for _, end in mended}
    at = first
    for start, end in [*((s.first, s.last) for s in kept), (last + 1, last)]:
        for edge in [*sorted(edge for edge in edges if at < edge < start), start]:
            if at < edge:
                yield at, edge - 1
                at = edge
        at = max(at, end + 1)


def _store_range(
    journal: Journal,
    store: Store,
    year: int,
    first: int,
    last: int,
    again: bool,
    progress: Progress,
    total: int,
) -> Iterator[Segment]:
    chain = journal.chain_at(first - 1)
    mark = journal.changed_upto(year)
    for group in segments.pieces(_rows(journal, year, first, last)):
        for row in group:
            chain = link(chain or b"", row.commitment)
        kept = store.seal(
            f"{SEGMENTS}{year:04}/", f"{group[0].seq}-{group[-1].seq}", ".seg", segments.encode(group), again=again
        )
        yield Segment(kept.name, kept.size, year, group[0].seq, group[-1].seq, mark)
        progress("records", group[-1].seq, total)
        mark = journal.changed_upto(year)
    if chain != journal.chain_at(last):
        raise damaged(last)


def _rows(journal: Journal, year: int, first: int, last: int) -> Iterator[SealedRow]:
    at = first - 1
    while at < last:
        rows = journal.sealed_rows(year, at, min(_ROWS_AT_ONCE, last - at))
        for row in rows:
            if row.seq != at + 1:
                break
            at = row.seq
            yield row
        if not rows or at != rows[-1].seq:
            raise NeedsPerson(
                "journal-damaged",
                f"Record {at + 1:,} is missing from the journal, so this backup was not finished; the runs before it"
                " are untouched. `hearthside repair` puts it back from them.",
            )


def _store_changes(
    journal: Journal,
    store: Store,
    before: Manifest | None,
    whole: tuple[Segment, ...],
    mend: Collection[str],
    upto_seq: int,
) -> tuple[list[Changes], dict[int, int], bytes]:
    years = sorted({segment.year for segment in whole})
    changes: list[Changes] = []
    marks: dict[int, int] = {}
    for year in years:
        earlier = [c for c in (before.changes if before else ()) if c.year == year]
        lowest = min(s.mark for s in whole if s.year == year)
        if any(c.name in mend for c in earlier) or len(earlier) > _CHANGES_PER_YEAR:
            marks[year] = lowest
        else:
            changes += earlier
            marks[year] = before.marks.get(year, lowest) if before else lowest
    for _ in range(_LOOKS):
        for year in years:
            now = journal.changed_upto(year)
            if now > marks[year]:
                changes += _store_changed(journal, store, year, marks[year], now, upto_seq, bool(mend))
                marks[year] = now
        snapshot = journal.keyring.snapshot()
        # Nothing was forgotten between: the keyring opens every row as it was stored.
        if all(journal.changed_upto(year) == marks[year] for year in years):
            return changes, marks, snapshot
    raise RetryLater(
        "backup-busy", "Something is being forgotten all the time, so this backup run was given up. It comes again."
    )


def _store_changed(
    journal: Journal, store: Store, year: int, after: int, upto: int, upto_seq: int, again: bool
) -> Iterator[Changes]:
    rows = (row for row in journal.changed_rows(year, after) if row.seq <= upto_seq)
    for group in segments.pieces(rows):
        content = segments.encode(group)
        kept = store.seal(f"{CHANGED}{year:04}/", f"{after}-{upto}", ".seg", content, again=again)
        yield Changes(kept.name, kept.size, year, group[0].seq, group[-1].seq, after, upto)


def _needed(change: Changes, whole: tuple[Segment, ...]) -> bool:
    """Whether a segment is older than this change of its rows."""
    return any(
        s.year == change.year and s.mark < change.upto and s.first <= change.last and change.first <= s.last
        for s in whole
    )
