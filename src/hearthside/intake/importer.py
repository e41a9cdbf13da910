"""Importing files: recognise, read in batches, journal, acknowledge; stoppable, pausable, and safe to start again."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hearthside.errors import RetryLater
from hearthside.events import Event, Item, Rejected
from hearthside.intake.batches import Batches, Group, by_record
from hearthside.intake.cursors import EVERY_MS, EVERY_RECORDS, LEAST_RECORDS, Cursor, Cursors
from hearthside.intake.files import Found, search
from hearthside.intake.pauses import Pauses
from hearthside.intake.report import FileReport, ImportReport, Outcome, Progress
from hearthside.journal import Journal
from hearthside.journal.disk import DISK_CODES, DiskGuard
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
from hearthside.sources.trail import FileChanged, Trail

# Read and written in turn: SQLite gives the interpreter up for each row, and a second thread that parses meanwhile
# would keep it for 5 ms each time; measured, that gains nothing and costs up to a fifth.
BATCH_ITEMS = 2000
BATCH_BYTES = 4 * 1024 * 1024  # unpacked; a batch of huge records is closed earlier
_PAUSE_LOOK_S = 0.5  # how often a paused import looks whether it was stopped
_STOPPED = "stopped here; what was read is kept, and importing again goes on"
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
    name: str = ""  # of the file being read


@dataclass(slots=True)
class _Reader:
    """One file being read: what it is, and where its next cursor may be set."""

    file: Found
    source: Source
    sample: Sample
    entry: FileReport
    trail: Trail
    since: int  # see Cursor
    at_record: int  # records read when the last cursor was set
    at_ms: int  # and when that was
    lasting: bool = True  # nothing was refused so far that may be taken another time


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
        pause: asked at the same places; waits up to so many seconds for the person's pause to end and says whether it
            still holds. Of a `threading.Event` that is set while work may go on: ``lambda s: not event.wait(s)``.
        disk: asked before each batch; None: the disk is not watched.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], int],
        reading: Reading,
        progress: Callable[[Progress], None],
        stop: Callable[[], bool],
        pause: Callable[[float], bool] = lambda seconds: False,
        disk: DiskGuard | None = None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._reading = reading
        self._progress = progress
        self._stop = stop
        self._pause = pause
        self._disk = disk
        self._pauses = Pauses(journal)
        self._cursors = Cursors(journal, clock, reading)
        self._batches = Batches(journal, clock, self._pauses.count_own)

    def import_paths(self, paths: Sequence[Path]) -> ImportReport:
        """Import files, folders (walked) and zip archives (looked into).

        Where the disk is nearly full the import stops with the sentence that says so; what was read so far is kept.

        Raises:
            RetryLater: the journal refused a batch; all batches before it are kept.
        """
        with _seldom_collecting():
            return self._import_all(paths)

    def _import_all(self, paths: Sequence[Path]) -> ImportReport:
        found = search(paths)
        report = ImportReport(missing=found.missing, hidden=found.hidden)
        run = _Run(report, len(found.files), sum(file.size for file in found.files))
        for number, file in enumerate(found.files):
            if self._must_stop(run):
                report.stopped, report.files_left = True, len(found.files) - number
                break
            entry = FileReport(file.path)
            report.files.append(entry)
            run.position, run.name = 0, file.path.name
            self._tell(run)
            self._import_file(file, entry, run)
            run.bytes_before += file.size if entry.outcome is not Outcome.STOPPED else run.position
            _log.info("%s: %s, %d new of %d", entry.source or "-", entry.outcome, entry.new, entry.read)
            if entry.outcome is Outcome.STOPPED:
                report.stopped, report.files_left = True, len(found.files) - number - 1
                break
        run.position, run.name = 0, ""
        finished = [entry for entry in report.files if entry.outcome is not Outcome.STOPPED]
        self._tell(run, done=len(finished))
        return report

    # -- one file ----------------------------------------------------------------------------------------------------

    def _import_file(self, file: Found, entry: FileReport, run: _Run) -> None:
        try:
            self._look_into(file, entry, run)
        except _Stopped:
            entry.outcome, entry.note = Outcome.STOPPED, _STOPPED
        except RetryLater as error:
            if error.code not in DISK_CODES:
                raise
            entry.outcome, entry.note = Outcome.STOPPED, error.message

    def _look_into(self, file: Found, entry: FileReport, run: _Run) -> None:
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
        if self._pauses.has(source.NAME):
            _pause(entry)
            return
        cursor = self._cursors.find(source, sample)
        try:
            self._read_records(file, source, sample, entry, run, cursor)
        except FileChanged:
            self._read_records(file, source, sample, entry, run, None)

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
        self._check_disk()
        entry.outcome, entry.note = outcome, problem
        rejected = Rejected("intake", problem, raw[:RAW_KEPT_BYTES], f"{entry.path.name}, whole file", 1)
        self._batches.keep([[rejected]], entry, run.report)

    def _read_records(
        self, file: Found, source: Source, sample: Sample, entry: FileReport, run: _Run, cursor: Cursor | None
    ) -> None:
        """Read a file from the cursor on, in batches.

        Raises:
            FileChanged: the cursor does not fit; nothing was counted.
        """

        def seen(position: int, unpacked: int) -> None:
            run.unpacked += unpacked
            run.position = min(position, file.size)
            self._tell(run)
            if self._must_stop(run):
                raise _Stopped

        trail = Trail(cursor.mark if cursor is not None else None)
        opened = Opened(file.path, source.NAME, self._reading, file.archive, seen, trail)
        since = cursor.since if cursor is not None else self._journal.head().seq
        read = cursor.read if cursor is not None else 0
        reader = _Reader(file, source, sample, entry, trail, since, read, self._clock())
        run.unpacked = 0
        groups = by_record(unfailing(source, opened))
        if cursor is None:
            self._take_all(groups, reader, run)
            return
        for first in groups:  # by now the bytes before the cursor were compared
            cursor.count_into(entry)
            self._take_all(_with_first(first, groups), reader, run)
            return
        cursor.count_into(entry)

    def _take_all(self, groups: Iterator[Group], reader: _Reader, run: _Run) -> None:
        batch: list[Group] = []
        items, noted = 0, reader.trail.newest
        try:
            for group in groups:
                batch.append(group)
                items += len(group)
                full = items >= BATCH_ITEMS or run.unpacked >= BATCH_BYTES
                at_mark = False
                if reader.trail.newest is not noted:  # the batch holds all that lies before the mark, and nothing more
                    noted = reader.trail.newest
                    at_mark = self._is_cursor_due(reader, len(batch))
                if not (full or at_mark):
                    continue
                if not self._take(batch, reader, run, at_mark):
                    return
                batch, items, run.unpacked = [], 0, 0
                self._tell(run)
                if self._must_stop(run):
                    raise _Stopped
        except _Stopped:
            self._take(batch, reader, run)  # what was read before the stop need not be read again
            raise
        self._take(batch, reader, run)

    def _is_cursor_due(self, reader: _Reader, waiting: int) -> bool:
        passed = reader.entry.read + waiting - reader.at_record
        late = passed >= LEAST_RECORDS and self._clock() - reader.at_ms >= EVERY_MS
        return reader.lasting and (passed >= EVERY_RECORDS or late)

    def _take(self, batch: list[Group], reader: _Reader, run: _Run, at_mark: bool = False) -> bool:
        """Journal a batch; False when the source was paused meanwhile and nothing of the batch was taken."""
        entry = reader.entry
        if self._pauses.has(entry.source):
            _pause(entry)
            return False
        self._check_disk()

        def closing() -> Event | None:
            return self._cursor_event(batch, reader) if at_mark else None

        reader.lasting &= self._batches.keep(batch, entry, run.report, closing)
        return True

    def _cursor_event(self, batch: list[Group], reader: _Reader) -> Event | None:
        """The cursor that covers everything up to the end of this batch."""
        mark = reader.trail.sealed()
        if mark is None:
            return None
        entry = reader.entry
        reasons = dict(entry.reasons)
        refused = [item for group in batch if (item := _refused(group)) is not None]
        after = FileReport(entry.path, reasons=reasons)
        for item in refused:
            after.count_rejected(item.reason)
        reader.at_record, reader.at_ms = entry.read + len(batch), self._clock()
        counted = Cursor(mark, reader.since, reader.at_record, entry.rejected + len(refused), after.reasons)
        return self._cursors.event(reader.source, reader.sample, counted)

    # -- the person and the disk -------------------------------------------------------------------------------------

    def _must_stop(self, run: _Run) -> bool:
        """Whether the person stopped the import; returns only when no pause holds."""
        if self._stop():
            return True
        if self._pause(0):
            self._tell(run, paused=True)
            while self._pause(_PAUSE_LOOK_S):
                if self._stop():
                    return True
            self._tell(run)
        return False

    def _check_disk(self) -> None:
        if self._disk is not None:
            self._disk.check_capture()

    def _tell(self, run: _Run, done: int | None = None, paused: bool = False) -> None:
        files_done = max(len(run.report.files) - 1, 0) if done is None else done
        self._progress(
            Progress(
                file=run.name,
                files_done=files_done,
                files_total=run.files_total,
                bytes_done=run.bytes_before + run.position,
                bytes_total=run.bytes_total,
                records=run.report.read,
                paused=paused,
            )
        )


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for circular garbage a hundred times more seldom: records hold none, and each look passes over all of them.

    Measured, that is 5 to 15 % of an import.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _pause(entry: FileReport) -> None:
    entry.outcome = Outcome.PAUSED
    entry.note = f"{entry.title} is paused, so nothing more was taken; the file stays. End the pause and import again."


def _with_first(first: Group, others: Iterator[Group]) -> Iterator[Group]:
    yield first
    yield from others


def _refused(group: Group) -> Rejected | None:
    return next((item for item in group if isinstance(item, Rejected)), None)


def unfailing(source: Source, opened: Opened) -> Iterator[Item]:
    """The items of a file; a source that fails all the same ends its file, not the import."""
    record = 0
    try:
        for item in source.read(opened):
            record = item.record
            yield item
    except (_Stopped, FileChanged):
        raise
    except Exception as error:  # noqa: BLE001 - a fault in one source must not cost the other files
        _log.error("source %s failed after record %d (%s)", source.NAME, record, type(error).__name__)
        reason = f"reading ended here, because the source failed ({type(error).__name__}); what came before was read"
        yield opened.reject(reason, b"", 0, f"after record {record}")
