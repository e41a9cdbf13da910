"""Looking at everything in the journal: every page, every link of the chain, every record against its columns, keys.

Several looks, because each sees what the others cannot. Reading all pages finds a flipped bit in any of them, used or
not, and the first bytes, which no cipher covers, are compared. SQLite's own check finds an old page put back where an
index and its table disagree; the stamp finds one in the small tables. The walk over the chain finds what was changed,
taken out or put back in the rows. The keyring finds rows whose key is gone, and destroyed keys that came back. A whole
file put back from earlier is seen only against a head that is kept elsewhere (`heads`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import orjson

from hearthside.errors import HearthsideError, NeedsPerson
from hearthside.events import id_before_format_2
from hearthside.journal import files, tally
from hearthside.journal.keyring import KEY_MISSING, Keyring
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.pages import wrong_in_pages
from hearthside.journal.sealing import commitments, link, prepare_body, unseal
from hearthside.journal.stamp import stamp_is_right
from hearthside.journal.year_file import ALL_ROWS, Head, Replaced, Row, YearFile, genesis

_FAULTS_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written: where, and what is wrong in one sentence."""

    where: str
    what: str


@dataclass(slots=True)
class VerifyReport:
    """What was found.

    Attributes:
        records: how many records the chain has.
        forgotten: how many of them hold no content any more.
        bad_seq: records whose content, columns or link are wrong, or that are missing.
        faults: everything wrong, in the order in which it was found, at most 1,000.
    """

    records: int = 0
    forgotten: int = 0
    bad_seq: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing is wrong."""
        return not self.faults

    def add(self, where: str, what: str, seq: int | None = None) -> None:
        """One thing more that is wrong."""
        if seq is not None:
            self.bad_seq.append(seq)
        if len(self.faults) < _FAULTS_LISTED:
            self.faults.append(Fault(where, what))


Again = Callable[[YearFile], YearFile]
Progress = Callable[[int, int], None]


def verify(
    year_files: Sequence[YearFile],
    keyring: Keyring | None,
    progress: Progress | None = None,
    again: Again | None = None,
) -> VerifyReport:
    """Look at everything; damage is reported, not raised.

    Args:
        keyring: None when it does not open; then what is in the records is not looked at.
        again: gives the file that took the place of one that was replaced meanwhile; None when nobody else is there.
    """
    look = _Look(keyring, progress, again or _same, year_files[-1] if year_files else None)
    for file in year_files:
        while True:
            try:
                look.at(file)
                break
            except Replaced:
                file = look.again(file)
    look.at_keyring()
    return look.report


def _same(file: YearFile) -> YearFile:
    raise file.damaged()  # nobody else has the journal open, so nobody replaced it


def verify_closed(vault: Path, roots: Sequence[bytes], vfs: str | None = None) -> VerifyReport:
    """Look at the journal of a vault that does not open as a whole, file by file.

    Args:
        vault: the vault's folder.
        roots: the journal's keys, the one in force first.
    """
    folder, unopened, opened = vault / "journal", VerifyReport(), list[YearFile]()
    keyring = None
    try:
        if files.current(folder, files.KEYRING) is None:
            unopened.add("keyring", "it is gone")
        else:
            keyring = Keyring(folder, keyring_keys(roots), vfs)
    except (HearthsideError, apsw.Error) as error:
        unopened.add("keyring", _not_opened(error))
    for path in files.year_files(folder):
        try:
            opened.append(YearFile(path, year_keys(roots), vfs))
        except (HearthsideError, apsw.Error, ValueError) as error:
            unopened.add(path.name, _not_opened(error))
    report = verify(opened, keyring)
    report.faults[:0] = unopened.faults
    for closable in (*opened, keyring):
        if closable is not None:
            closable.close()
    return report


def _not_opened(error: Exception) -> str:
    return f"it does not open ({error.code if isinstance(error, HearthsideError) else type(error).__name__})"


class _Look:
    """One look over a journal.

    Args:
        newest: the file that ends with the last record, for the progress.
    """

    def __init__(
        self, keyring: Keyring | None, progress: Progress | None, again: Again, newest: YearFile | None
    ) -> None:
        self.report = VerifyReport()
        self._keyring, self._progress, self.again = keyring, progress, again
        self._head: Head | None = genesis()  # where the next file must continue; None after one that cannot be read
        self._dead, self._used = set[int](), dict[int, YearFile]()
        self._total = 0
        if newest is not None:
            try:
                self._total = newest.head().seq
            except (HearthsideError, apsw.Error, Replaced):
                self._total = newest.before.seq

    def at(self, file: YearFile) -> None:
        """One year file, as it stands on the disk now."""
        name, report = file.path.name, self.report
        if self._head is not None and file.before != self._head:
            report.add(name, "it does not continue the chain of the file before it", file.first_seq)
        try:
            file.checkpoint()
            with file.fresh() as connection, _one_moment(connection):
                for what in _wrong_in_file(file, connection):
                    report.add(name, what)
            # Another one: in a transaction nothing can be read any more after a bad page.
            with file.fresh() as connection, _one_moment(connection):
                self._head = self._walk(file, connection)
                report.records = self._head.seq
        except (HearthsideError, apsw.Error, ValueError, TypeError) as error:
            first = max(report.records, file.before.seq) + 1
            report.add(name, f"it cannot be read from record {first:,} on ({type(error).__name__})", first)
            self._head = None

    def _walk(self, file: YearFile, connection: apsw.Connection) -> Head:
        """Every row in order; returns the head that the rows have."""
        seq, chain, linked = file.before.seq, file.before.chain, True
        counts = _Counts(connection)
        for values in connection.execute(ALL_ROWS):
            row = Row(*values)
            wrong = "" if row.seq == seq + 1 else f"records {seq + 1:,} to {row.seq - 1:,} are missing"
            if row.sealed is None or row.key is None:
                self.report.forgotten += 1
                wrong = wrong or ("" if (row.sealed, row.key) == (None, None) else "it is half forgotten")
            else:
                self._used.setdefault(row.key, file)
                counts.add(row)
                wrong = wrong or self._wrong_in(row, file)
            following = link(chain, row.commitment)
            if row.chain is not None and following != row.chain:
                wrong = wrong or "the chain up to here is not what was written"
            if wrong:
                self.report.add(f"{file.path.name}, record {row.seq:,}", wrong, row.seq)
            seq, chain, linked = row.seq, row.chain or following, row.chain is not None
            self.report.records = seq
            if self._progress is not None and seq % 1000 == 0:
                self._progress(seq, self._total)
        if not linked:
            self.report.add(file.path.name, "its last records are missing", seq)
        if counts.differ():
            self.report.add(file.path.name, "its counts of records are not those of its records")
        self._dead |= {int(row[0]) for row in connection.execute("SELECT id FROM dead_key")}
        return Head(seq, chain)

    def _wrong_in(self, row: Row, file: YearFile) -> str:
        """What is wrong with a record, or ""."""
        if self._keyring is None:
            return ""
        try:
            return _wrong_in_record(row, self._keyring)
        except NeedsPerson as error:
            if error.code != KEY_MISSING:
                raise
        # Forgetting may have emptied it, or sealed it anew, since it was read.
        now = next(file.whole_rows(row.seq, row.seq), row)
        if now.key == row.key:
            return "the key that opens it is missing"
        return "" if now.key is None else self._wrong_in(now, file)

    def at_keyring(self) -> None:
        """The keyring, and what the year files say about it."""
        keyring, report = self._keyring, self.report
        if keyring is None:
            return
        try:
            for what in keyring.check_pages():
                report.add("keyring", what)
            there, last = keyring.ids(), keyring.last_id()
        except (apsw.Error, HearthsideError) as error:
            report.add("keyring", f"it cannot be read ({type(error).__name__})")
            return
        for key_id in sorted(self._dead & there):
            report.add("keyring", f"key {key_id} was destroyed and is back: an old page was put back")
        missing = [key_id for key_id in self._used.keys() - there if self._is_needed(key_id)]
        if missing:
            report.add("keyring", f"{len(missing):,} keys that records need are missing")
        if max((*self._dead, *self._used), default=0) > last:
            report.add("keyring", "the number of its last key is an earlier one")

    def _is_needed(self, key_id: int) -> bool:
        """Whether records lie under a key still; forgetting may have sealed them anew since they were read."""
        file = self._used[key_id]
        while True:
            try:
                rows = file.rows("SELECT 1 FROM record WHERE key = ? LIMIT 1", (key_id,))
                return next(rows, None) is not None
            except Replaced:
                file = self.again(file)
            except HearthsideError:
                return True


class _Counts:
    """Counts by key of what the walk sees, held against those that the file keeps."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._upto = tally.counted_upto(connection)
        self._kept = {row[0]: row[1:] for row in connection.execute("SELECT * FROM tally")}
        self._seen: dict[int, tuple[str, int, int, int]] = {}

    def add(self, row: Row) -> None:
        """One record."""
        if row.seq > self._upto or row.key is None:
            return
        end = row.start_ms if row.end_ms is None else row.end_ms
        source, count, first, last = self._seen.get(row.key, (row.source, 0, row.start_ms, end))
        self._seen[row.key] = (source, count + 1, min(first, row.start_ms), max(last, end))

    def differ(self) -> bool:
        """Whether the kept ones are others."""
        return self._kept != self._seen


def _wrong_in_file(file: YearFile, connection: apsw.Connection) -> Iterator[str]:
    """What is wrong with a file besides its records, in sentences."""
    salt = file.meta().get("salt", "")
    yield from {file.wrong_at_opening, files.wrong_in_header(file.path, salt)} - {""}
    if wrong := wrong_in_pages(connection):
        yield from wrong
    elif not stamp_is_right(connection):
        yield "its small tables are not what was written: an old page was put back"


@contextmanager
def _one_moment(connection: apsw.Connection) -> Iterator[None]:
    """Everything inside sees the file as it was at one moment, whatever others write."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _wrong_in_record(row: Row, keyring: Keyring) -> str:
    try:
        cipher = keyring.by_id(row.key or 0).cipher
    except apsw.Error:
        return "it cannot be opened"
    try:
        inside = unseal(cipher, row.seq, row.sealed or b"")
        body = orjson.loads(inside.raw)
        p = prepare_body(body)
    except (HearthsideError, ValueError, KeyError, TypeError):
        return "it cannot be opened"
    if row.commitment not in commitments(inside):
        return "its content is not what the chain was told"
    columns = (p.source, p.kind, p.start_ms, p.end_ms, p.offset_min)
    if columns != (row.source, row.kind, row.start_ms, row.end_ms, row.offset_min):
        return "its columns do not say what its content says"
    if row.id not in (p.id, id_before_format_2(p.raw)):
        return "its id is not that of its content"
    return ""
