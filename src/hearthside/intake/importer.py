"""Importing files: recognise, read in batches, check, journal, acknowledge; stoppable, and safe to start again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from hearthside.errors import Refused
from hearthside.events import Event, Item, Record, Rejected
from hearthside.intake import plausible
from hearthside.intake.files import Found, search
from hearthside.intake.pauses import paused_sources
from hearthside.intake.perceive import perceivable_kinds, perceive_new
from hearthside.intake.quarantine import Quarantine
from hearthside.intake.report import FileReport, ImportReport, Outcome, Progress
from hearthside.journal import Journal
from hearthside.logs import logger
from hearthside.sources import Source, recognise
from hearthside.sources.reading import (
    RAW_KEPT_BYTES,
    UNREADABLE,
    Opened,
    Reading,
    Sample,
    read_later_sample,
    read_sample,
)

BATCH_ITEMS = 500
BATCH_BYTES = 8 * 1024 * 1024  # unpacked; a batch of huge records is closed earlier
_NOTES = ("readme", "source", "license", "licence", "copying", "notice", "changelog", "attribution")
_NOTE_SUFFIXES = ("", ".txt", ".md", ".rst")
_log = logger("intake")


class _Stopped(Exception):
    """The person stopped the import; not an error, but the way out of the middle of a huge line."""


@dataclass(slots=True)
class _Run:
    """Where one call of `import_paths` is."""

    report: ImportReport
    files_total: int
    bytes_total: int
    bytes_before: int = 0  # of the files that are finished
    position: int = 0  # in the file being read
    unpacked: int = 0  # bytes read since the last batch


class Importer:
    """Imports exports of any known format into one journal.

    A record counts as taken only when the journal has acknowledged it. Whatever interrupts an import, starting it again
    goes on where it was: what is there already is a duplicate, and a second import adds nothing.

    Args:
        journal: where records go.
        clock: UTC milliseconds; what lies in the future is judged by it.
        reading: what sources may know about the person (zone, own names).
        progress: told at the start of each file, while it is read and at the end.
        stop: asked between pieces of a file and between files; True ends the import after what is acknowledged.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], int],
        reading: Reading,
        progress: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._reading = reading
        self._progress = progress
        self._stop = stop
        self._quarantine = Quarantine(journal)

    def import_paths(self, paths: Sequence[Path]) -> ImportReport:
        """Import files, folders (walked) and zip archives (looked into).

        Raises:
            RetryLater: the disk refused a batch; all batches before it are kept.
        """
        found = search(paths)
        report = ImportReport(missing=found.missing, hidden=found.hidden)
        run = _Run(report, len(found.files), sum(file.size for file in found.files))
        for number, file in enumerate(found.files):
            if self._stop():
                report.stopped, report.files_left = True, len(found.files) - number
                break
            entry = FileReport(file.path)
            report.files.append(entry)
            run.position = 0
            self._tell(run, file.path.name)
            self._import_file(file, entry, run)
            run.bytes_before += file.size if entry.outcome is not Outcome.STOPPED else run.position
            _log.info("%s: %s, %d new of %d", entry.source or "-", entry.outcome, entry.new, entry.read)
            if entry.outcome is Outcome.STOPPED:
                report.stopped, report.files_left = True, len(found.files) - number - 1
                break
        run.position = 0
        finished = [entry for entry in report.files if entry.outcome is not Outcome.STOPPED]
        self._tell(run, "", done=len(finished))
        return report

    # -- one file ----------------------------------------------------------------------------------------------------

    def _import_file(self, file: Found, entry: FileReport, run: _Run) -> None:
        if file.problem:
            self._refuse_file(entry, run, Outcome.UNREADABLE, file.problem, b"")
            return
        try:
            sample = read_sample(file.path, file.archive)
        except UNREADABLE as error:
            problem = f"it cannot be opened ({getattr(error, 'strerror', None) or error})"
            self._refuse_file(entry, run, Outcome.UNREADABLE, problem, b"")
            return
        source = recognise(sample)
        if source is None and b"\n" not in sample.head and not sample.broken:
            later = read_later_sample(file.path, file.archive)
            source = recognise(later) if later is not None else None
        if source is None:
            self._not_recognised(sample, entry, run)
            return
        entry.source, entry.title = source.NAME, source.TITLE
        if source.NAME in paused_sources(self._journal):
            _pause(entry)
            return
        try:
            self._read_records(file, source, entry, run)
        except _Stopped:
            entry.outcome = Outcome.STOPPED
            entry.note = "stopped here; what was read is kept, and importing again goes on"

    def _not_recognised(self, sample: Sample, entry: FileReport, run: _Run) -> None:
        if sample.broken:
            problem = f"it breaks off at its beginning ({sample.broken}), so nobody can tell what it is"
            self._refuse_file(entry, run, Outcome.UNREADABLE, problem, sample.head)
        elif not sample.head.strip():
            entry.outcome, entry.note = Outcome.EMPTY, "the file is empty"
        elif entry.path.name.lower().startswith(_NOTES) and entry.path.suffix.lower() in _NOTE_SUFFIXES:
            entry.outcome, entry.note = Outcome.NOT_DATA, "not recognised as data; taken for a note beside the data"
        else:
            self._refuse_file(entry, run, Outcome.UNKNOWN, "no source recognises this format", sample.head)

    def _refuse_file(self, entry: FileReport, run: _Run, outcome: Outcome, problem: str, raw: bytes) -> None:
        """A whole file counts as one rejected record."""
        entry.outcome, entry.note = outcome, problem
        rejected = Rejected("intake", problem, raw[:RAW_KEPT_BYTES], f"{entry.path.name}, whole file", 1)
        self._commit([[rejected]], entry, run)

    def _read_records(self, file: Found, source: Source, entry: FileReport, run: _Run) -> None:
        def seen(position: int, unpacked: int) -> None:
            run.unpacked += unpacked
            run.position = min(position, file.size)
            self._tell(run, file.path.name)
            if self._stop():
                raise _Stopped

        opened = Opened(file.path, source.NAME, self._reading, file.archive, seen)
        run.unpacked = 0
        batch: list[list[Item]] = []
        items = 0
        try:
            for group in _by_record(unfailing(source, opened)):
                batch.append(group)
                items += len(group)
                if items < BATCH_ITEMS and run.unpacked < BATCH_BYTES:
                    continue
                if not self._take(batch, entry, run):
                    return
                batch, items, run.unpacked = [], 0, 0
                self._tell(run, file.path.name)
        except _Stopped:
            self._take(batch, entry, run)  # what was read before the stop need not be read again
            raise
        self._take(batch, entry, run)

    def _take(self, batch: list[list[Item]], entry: FileReport, run: _Run) -> bool:
        """Journal a batch; False when the source was paused meanwhile and nothing of the batch was taken."""
        if entry.source in paused_sources(self._journal):
            _pause(entry)
            return False
        self._commit(batch, entry, run)
        return True

    # -- one batch ---------------------------------------------------------------------------------------------------

    def _commit(self, batch: list[list[Item]], entry: FileReport, run: _Run) -> None:
        """Check and journal a batch in one transaction, with what perceivers see in it, and count it."""
        now_ms = self._clock()
        checked = [_checked(group, entry.path.name, now_ms) for group in batch]
        try:
            self._append(checked, entry, run, now_ms)
        except Refused:  # a record the journal cannot hold; find it, keep the others
            for group in checked:
                try:
                    self._append([group], entry, run, now_ms)
                except Refused as error:
                    self._append([[_refusal(group, entry.path.name, error)]], entry, run, now_ms)

    def _append(self, groups: list[list[Item]], entry: FileReport, run: _Run, now_ms: int) -> None:
        records: list[Record] = []
        for group in groups:
            records.extend(item for item in group if not isinstance(item, Rejected))
        refused = [item for group in groups for item in group if isinstance(item, Rejected)]
        quarantined = [self._quarantine.event(item, entry.path, now_ms) for item in refused]
        # Perceived in the same transaction: a power cut never leaves an event whose perception was forgotten.
        perceived, failed = self._perceive(records)
        quarantined += [self._quarantine.event(item, entry.path, now_ms) for item in failed]
        kept = [event for event in quarantined if event is not None]
        try:
            flags = self._journal.append([*records, *perceived, *kept])
        except Exception:
            self._quarantine.forget(kept)
            raise
        run.report.perceived += sum(flags[len(records) : len(records) + len(perceived)])
        _count(groups, flags, entry)

    def _perceive(self, records: Iterable[Record]) -> tuple[list[Event], list[Rejected]]:
        kinds = perceivable_kinds()
        events = [record for record in records if isinstance(record, Event) and record.kind in kinds]
        if not events:
            return [], []
        known = self._journal.get([event.id for event in events])
        seen = list(perceive_new(event for event in events if event.id not in known))
        return (
            [item for item in seen if isinstance(item, Event)],
            [item for item in seen if isinstance(item, Rejected)],
        )

    def _tell(self, run: _Run, name: str, done: int | None = None) -> None:
        files_done = max(len(run.report.files) - 1, 0) if done is None else done
        self._progress(
            Progress(
                file=name,
                files_done=files_done,
                files_total=run.files_total,
                bytes_done=run.bytes_before + run.position,
                bytes_total=run.bytes_total,
                records=run.report.read,
            )
        )


def _pause(entry: FileReport) -> None:
    entry.outcome = Outcome.PAUSED
    entry.note = f"{entry.title} is paused, so nothing more was taken; the file stays. End the pause and import again."


def _by_record(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Items of the same source record together; an item without a record number stands alone."""
    group: list[Item] = []
    for item in items:
        if group and (item.record == 0 or item.record != group[0].record):
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def unfailing(source: Source, opened: Opened) -> Iterator[Item]:
    """The items of a file; a source that fails all the same ends its file, not the import."""
    record = 0
    try:
        for item in source.read(opened):
            record = item.record
            yield item
    except _Stopped:
        raise
    except Exception as error:  # noqa: BLE001 - a fault in one source must not cost the other files
        _log.error("source %s failed after record %d (%s)", source.NAME, record, type(error).__name__)
        reason = f"reading ended here, because the source failed ({type(error).__name__}); what came before was read"
        yield opened.reject(reason, b"", 0, f"after record {record}")


def _checked(group: list[Item], name: str, now_ms: int) -> list[Item]:
    """The group, or one `Rejected` in its place when a time in it cannot be true: never half a record."""
    for item in group:
        if not isinstance(item, Rejected) and (reason := plausible.implausible(item, now_ms)):
            return [_rejected(item, name, reason)]
    return group


def _refusal(group: list[Item], name: str, error: Refused) -> Rejected:
    first = next(item for item in group if not isinstance(item, Rejected))
    return _rejected(first, name, f"the journal cannot keep it ({error.__cause__})")


def _rejected(item: Record, name: str, reason: str) -> Rejected:
    body = item.body()
    try:
        raw = orjson.dumps(body.get("payload", body), option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raw = repr(body).encode("utf-8", "replace")
    return Rejected(item.source, reason, raw[:RAW_KEPT_BYTES], f"{name}, record {item.record}", item.record)


def _count(groups: list[list[Item]], flags: list[bool], entry: FileReport) -> None:
    """Count source records: a record is new when any of its parts is."""
    position = 0
    for group in groups:
        taken = sum(not isinstance(item, Rejected) for item in group)
        refusal = next((item for item in group if isinstance(item, Rejected)), None)
        if refusal is not None:
            entry.count_rejected(refusal.reason)
        else:
            entry.count_taken(any(flags[position : position + taken]))
        position += taken
