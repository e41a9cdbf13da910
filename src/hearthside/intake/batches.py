"""One batch of records: checked, perceived, journalled in one call, counted once the journal has acknowledged it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import orjson

from hearthside.errors import Refused
from hearthside.events import Event, Item, Record, Rejected
from hearthside.intake import plausible
from hearthside.intake.perceive import perceivable_kinds, perceive_new
from hearthside.intake.quarantine import Quarantine
from hearthside.intake.report import FileReport, ImportReport
from hearthside.journal import Journal
from hearthside.sources.reading import RAW_KEPT_BYTES

Group = list[Item]
"""All items of one source record."""


class Batches:
    """Brings batches into one journal.

    Args:
        journal: where records go.
        clock: UTC milliseconds; what lies in the future is judged by it.
        written: told after each acknowledged call how many records were new to the journal.
    """

    def __init__(self, journal: Journal, clock: Callable[[], int], written: Callable[[int], None]) -> None:
        self._journal, self._clock, self._written = journal, clock, written
        self._quarantine = Quarantine(journal)

    def keep(
        self,
        groups: list[Group],
        entry: FileReport,
        report: ImportReport,
        closing: Callable[[], Event | None] = lambda: None,
    ) -> bool:
        """Check and journal a batch in one transaction, with what perceivers see in it, and count it.

        Args:
            groups: the items, those of one source record together.
            entry: the file's counts.
            closing: makes the event, if any, that goes into the same transaction as the last records; asked only when
                nothing was refused here that may be taken another time.

        Returns:
            False when something was refused here that may be taken another time: it lay in the future, or the journal
            could not hold it.

        Raises:
            RetryLater: the disk refused; of the batch that was being written nothing is kept.
        """
        now_ms = self._clock()
        lasting = _check(groups, entry.path.name, now_ms)
        last = closing() if lasting else None
        try:
            self._append(groups, entry, report, now_ms, last)
            return lasting
        except Refused:  # a record the journal cannot hold; find it, keep the others
            for group in groups:
                try:
                    self._append([group], entry, report, now_ms)
                except Refused as error:
                    self._append([[_refusal(group, entry.path.name, error)]], entry, report, now_ms)
            return False

    def _append(
        self, groups: list[Group], entry: FileReport, report: ImportReport, now_ms: int, last: Event | None = None
    ) -> None:
        items = [item for group in groups for item in group]
        records: list[Record] = [item for item in items if not isinstance(item, Rejected)]
        refused = [item for item in items if isinstance(item, Rejected)] if len(records) < len(items) else []
        # Perceived in the same transaction: a power cut never leaves an event whose perception was forgotten.
        perceived, failed = self._perceive(records)
        quarantined = [self._quarantine.event(item, entry.path, now_ms) for item in (*refused, *failed)]
        kept = [event for event in quarantined if event is not None]
        try:
            flags = self._journal.append([*records, *perceived, *kept, *([] if last is None else [last])])
        except Exception:
            self._quarantine.forget(kept)
            raise
        self._written(sum(flags))
        report.perceived += sum(flags[len(records) : len(records) + len(perceived)])
        _count(groups, flags, entry)

    def _perceive(self, records: Iterable[Record]) -> tuple[list[Event], list[Rejected]]:
        kinds = perceivable_kinds()
        events = [record for record in records if isinstance(record, Event) and record.kind in kinds]
        if not events:
            return [], []
        ids = [event.id for event in events]
        known = self._journal.get(ids)
        seen = list(perceive_new(event for event, identity in zip(events, ids, strict=True) if identity not in known))
        return (
            [item for item in seen if isinstance(item, Event)],
            [item for item in seen if isinstance(item, Rejected)],
        )


def by_record(items: Iterable[Item]) -> Iterator[Group]:
    """Items of the same source record together; an item without a record number stands alone."""
    group: Group = []
    current = 0
    for item in items:
        record = item.record
        if group and (record == 0 or record != current):
            yield group
            group = [item]
        else:
            group.append(item)
        current = record
    if group:
        yield group


def _check(groups: list[Group], name: str, now_ms: int) -> bool:
    """Put one `Rejected` in the place of a group with a time that cannot be true: never half a record.

    Returns:
        False when there was such a group; its time may be possible another day.
    """
    lasting = True
    for index, group in enumerate(groups):
        for item in group:
            if not isinstance(item, Rejected) and (reason := plausible.implausible(item, now_ms)):
                groups[index] = [_rejected(item, name, reason)]
                lasting = False
                break
    return lasting


def _refusal(group: Group, name: str, error: Refused) -> Rejected:
    first = next(item for item in group if not isinstance(item, Rejected))
    return _rejected(first, name, f"the journal cannot keep it ({error.__cause__})")


def _rejected(item: Record, name: str, reason: str) -> Rejected:
    body = item.body()
    try:
        raw = orjson.dumps(body.get("payload", body), option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raw = repr(body).encode("utf-8", "replace")
    return Rejected(item.source, reason, raw[:RAW_KEPT_BYTES], f"{name}, record {item.record}", item.record)


def _count(groups: list[Group], flags: list[bool], entry: FileReport) -> None:
    """Count source records: a record is new when any of its parts is."""
    position = 0
    for group in groups:
        first = group[0]
        if len(group) == 1 and not isinstance(first, Rejected):
            entry.count_taken(flags[position])
            position += 1
            continue
        taken = sum(not isinstance(item, Rejected) for item in group)
        refusal = next((item for item in group if isinstance(item, Rejected)), None)
        if refusal is not None:
            entry.count_rejected(refusal.reason)
        else:
            entry.count_taken(any(flags[position : position + taken]))
        position += taken
