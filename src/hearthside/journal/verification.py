"""Looking at everything in the journal: every page, every link of the chain, every record against its columns, keys.

Four looks, because each sees what the others cannot. A copy of all pages finds a flipped bit in any of them, used or
not. SQLite's own check finds an old page put back where an index and its table disagree. The walk over the chain finds
what was changed, taken out or put back in the rows. The keyring finds rows whose key is gone, and destroyed keys that
came back. A whole file put back from earlier is seen only against a head that is kept elsewhere (`heads`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import apsw
import orjson

from hearthside.errors import HearthsideError
from hearthside.events import id_before_format_2
from hearthside.journal.keyring import Keyring
from hearthside.journal.pages import check_every_page
from hearthside.journal.sealing import commitments, link, prepare_body, unseal
from hearthside.journal.year_file import Head, Row, YearFile, genesis

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


def verify(
    year_files: Sequence[YearFile], keyring: Keyring, progress: Callable[[int, int], None] | None = None
) -> VerifyReport:
    """Look at everything; damage is reported, not raised."""
    report = VerifyReport()
    dead, used = set[int](), set[int]()
    total = year_files[-1].head().seq if year_files and _readable(year_files[-1]) else 0
    head = genesis()
    for file in year_files:
        _check_pages(file, report)
        try:
            if file.before != head:
                report.add(file.path.name, "it does not continue the chain of the file before it", file.first_seq)
            head = _walk(file, keyring, report, used, progress, total)
            dead |= {int(row[0]) for row in file.rows("SELECT id FROM dead_key")}
        except (HearthsideError, apsw.Error, ValueError, TypeError) as error:
            report.add(file.path.name, f"it cannot be read to its end ({type(error).__name__})", head.seq + 1)
            head = file.before
    report.records = head.seq
    _check_keyring(keyring, dead, used, report)
    return report


def _readable(file: YearFile) -> bool:
    try:
        file.head()
    except (HearthsideError, apsw.Error):
        return False
    return True


def _check_pages(file: YearFile, report: VerifyReport) -> None:
    try:
        connection = file.reader()
        file.checkpoint()
        if wrong := check_every_page(connection, file.path.parent):
            report.add(file.path.name, wrong)
            return
        lines = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        for line in lines if lines != ["ok"] else ():
            report.add(file.path.name, f"its pages do not fit together: {line}")
    except (apsw.Error, HearthsideError) as error:
        report.add(file.path.name, f"its pages cannot be read ({type(error).__name__})")


def _walk(
    file: YearFile,
    keyring: Keyring,
    report: VerifyReport,
    used: set[int],
    progress: Callable[[int, int], None] | None,
    total: int,
) -> Head:
    """Every row in order; returns the head that the rows have."""
    seq, chain = file.before.seq, file.before.chain
    for row in file.whole_rows(0, 2**62):
        wrong = "" if row.seq == seq + 1 else f"records {seq + 1:,} to {row.seq - 1:,} are missing"
        if row.sealed is None:
            report.forgotten += 1
        else:
            used.add(int(row.key or 0))
            wrong = wrong or _wrong_in(row, keyring)
        linked = link(chain, row.commitment)
        if row.chain is not None and linked != row.chain:
            wrong = wrong or "the chain up to here is not what was written"
        if wrong:
            report.add(f"{file.path.name}, record {row.seq:,}", wrong, row.seq)
        seq, chain = row.seq, row.chain or linked
        if progress is not None and seq % 1000 == 0:
            progress(seq, total)
    return Head(seq, chain)


def _wrong_in(row: Row, keyring: Keyring) -> str:
    """What is wrong with a record, or ""."""
    try:
        inside = unseal(keyring.by_id(row.key or 0).cipher, row.seq, row.sealed or b"")
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


def _check_keyring(keyring: Keyring, dead: set[int], used: set[int], report: VerifyReport) -> None:
    try:
        if wrong := keyring.check_pages():
            report.add("keyring", wrong)
        there = keyring.ids()
    except (apsw.Error, HearthsideError) as error:
        report.add("keyring", f"it cannot be read ({type(error).__name__})")
        return
    for key_id in sorted(dead & there):
        report.add("keyring", f"key {key_id} was destroyed and is back: an old page was put back")
    missing = used - there
    if missing:
        report.add("keyring", f"{len(missing):,} keys that records need are missing")
