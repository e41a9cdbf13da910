"""Bringing an export back: into an empty vault as the same chain of records, into another as records it did not have.

The bodies of records must not change, or the chain would be another one, and they name media by addresses that a key
of the vault makes. So the export carries that key and the vault that is made takes it over: every record finds its
files again, and the store proves each file against its address. The key opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import apsw
import orjson

from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.events import Event, Json, Record, record_from_body
from hearthside.journal import Journal, files
from hearthside.journal.attachments import FIELD
from hearthside.journal.decisions import KIND as DECISION
from hearthside.journal.decisions import decided
from hearthside.journal.keyring import Keyring
from hearthside.journal.media import MediaStore
from hearthside.journal.restoring import Restoring
from hearthside.journal.sealing import Opened, prepare_body
from hearthside.leaving.json_lines import BadLine, Line, damaged_lines, read_lines
from hearthside.leaving.manifest import Fault, Manifest, Year, faults_in, inside, read_manifest
from hearthside.leaving.originals import LIST, STEP_BYTES, Original, read_list
from hearthside.leaving.pace import Pace, ProgressTold, Stopped

OpenMedia: TypeAlias = Callable[[Keyring, bytes], MediaStore]
"""Gives the media store of the vault that is made; from now on it makes addresses with the key that is passed."""

_BATCH = 2000
_FAULTS_TOLD = 5
_OF = "of"  # by which a perceived record names the record it was perceived in


@dataclass(slots=True)
class BringBackReport:
    """What was brought back.

    Attributes:
        identical: the journal is the exported one: same positions, ids, commitments and head.
        stopped: the person stopped it; an empty vault is empty still, another keeps what was added until then.
        records: read from the export, without the forgotten and the damaged.
        new: added; of an identical journal all of them.
        known: the vault had them already.
        forgotten: places without content.
        left_out: records of the house itself that were not taken into a vault that has its own.
        media: files put into the store.
        undecided: decisions of the export about which this vault has none: for the person to decide anew.
        adapters: personal adapters that lie in the export and were not taken back.
        faults: files that are damaged but were not needed.
    """

    identical: bool
    stopped: bool = False
    records: int = 0
    new: int = 0
    known: int = 0
    forgotten: int = 0
    left_out: int = 0
    media: int = 0
    undecided: dict[str, Json] = field(default_factory=dict)
    adapters: int = 0
    faults: list[Fault] = field(default_factory=list)

    def in_words(self) -> str:
        """For the person."""
        adapters = (
            f" {self.adapters:,} personal adapter(s) stay in the export; the night trains a new one."
            if self.adapters
            else ""
        )
        if self.identical:
            if self.stopped:
                return "Bringing back was stopped; the vault is as empty as before."
            return (
                f"The journal is back as it was, the same chain: {self.records:,} records, {self.media:,} media files,"
                f" {self.forgotten:,} forgotten ones still forgotten.{adapters}"
            )
        stopped = " It was stopped; bringing back again goes on." if self.stopped else ""
        names = ", ".join(sorted(self.undecided))
        undecided = f" Decided there and not here: {names}." if names else ""
        return (
            f"{self.new:,} records were added, {self.known:,} were there already; {self.left_out:,} of the other house"
            f" itself were left out.{stopped}{undecided}{adapters}"
        )


def bring_back(
    folder: Path,
    vault: Path,
    key: bytes,
    open_media: OpenMedia,
    progress: ProgressTold | None = None,
    stop: Callable[[], bool] = lambda: False,
    pause: Callable[[float], bool] = lambda seconds: False,
) -> BringBackReport:
    """Make the journal and media of a vault that has no record yet; nobody else may have its journal open.

    Nothing is in force before everything is proved: every file against its hash, every record against its commitment,
    every media file against its address, the chain against the head. Cut short, the vault is as empty as before.

    Args:
        folder: what `export_everything` wrote.
        vault: the vault's folder.
        key: 32 bytes, `vault.key("journal")`.
        open_media: see `OpenMedia`; asked only when the export has media.
        progress, stop, pause: see `Pace`.

    Raises:
        NeedsPerson: the export is unfinished, damaged or newer; the message names files and lines. Nothing was made.
        Refused: the vault has a journal already; see `add_to`.
        RetryLater: the disk failed; nothing was made.
    """
    manifest = read_manifest(folder)
    pace = _pace(manifest, progress, stop, pause)
    report = _report(manifest, identical=True)
    restoring = Restoring(vault, key)
    put: list[str] = []
    store: MediaStore | None = None
    try:
        report.faults = _check(folder, manifest, pace)
        for year in manifest.years:
            restoring.add_opened(year.year, _rows(folder, year, restoring.keyring, pace, report))
        if LIST in manifest.files and any(True for _ in read_list(folder)):
            store = open_media(restoring.keyring, bytes.fromhex(manifest.media_address_key))
            _put_all(folder, store, put, pace)
        restoring.finish(manifest.head.chain)
    except BaseException as error:
        _undo(vault, restoring.keyring, store, put)
        if isinstance(error, Stopped):
            return replace(_report(manifest, identical=True), stopped=True)
        if isinstance(error, OSError | apsw.Error):
            raise RetryLater(
                "bring-back-failed",
                f"The disk failed while {folder} was brought back; the vault is as empty as before."
                " Look at the disk and try again.",
            ) from error
        raise
    pace.end()
    report.media, report.new = len(put), report.records
    return report


def add_to(
    folder: Path,
    journal: Journal,
    media: MediaStore | None,
    leave_out: Collection[str],
    progress: ProgressTold | None = None,
    stop: Callable[[], bool] = lambda: False,
    pause: Callable[[float], bool] = lambda seconds: False,
) -> BringBackReport:
    """Add the records of an export to a vault that has records of its own; nothing twice, however often it is done.

    They go through the ordinary append and arrive now. What speaks of the other house itself is left out, decisions,
    consents and pauses too: they were made about that vault, and none is to be in force where nobody made it. A record
    that names media gets the addresses they have here.

    Args:
        media: None where the vault has no media store; records then keep the addresses of the export.
        leave_out: sources to leave out: those of the house itself, and any the person has paused.

    Raises:
        NeedsPerson: as `bring_back`; nothing was added.
        RetryLater: the journal or the disk refused; what was added before stays, and doing it again goes on.
    """
    manifest = read_manifest(folder)
    pace = _pace(manifest, progress, stop, pause)
    report = _report(manifest, identical=False)
    try:
        report.faults = _check(folder, manifest, pace)
        adding = _Adding(folder, journal, media, frozenset(leave_out), report)
        for year in manifest.years:
            for line in _lines(folder, year, pace, report):
                adding.take(line)
        adding.flush()
    except Stopped:
        report.stopped = True
        return report
    pace.end()
    ours = decided(journal)
    report.undecided = {name: value for name, value in adding.decided.items() if name not in ours}
    return report


class _Adding:
    """Records on their way into a vault that has its own."""

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        media: MediaStore | None,
        leave_out: frozenset[str],
        report: BringBackReport,
    ) -> None:
        self._folder, self._journal, self._media = folder, journal, media
        self._leave_out, self._report = leave_out, report
        self._originals = {original.address: original for original in read_list(folder)} if media is not None else {}
        self._here: dict[str, str] = {}  # address there -> address here
        self._renamed: dict[str, str] = {}  # id there -> id here, of records that name media
        self._batch: list[Record] = []
        self.decided: dict[str, Json] = {}

    def take(self, line: Line) -> None:
        """One record more."""
        if line.inside is None:
            return
        body = orjson.loads(line.inside.raw)
        if body["source"] in self._leave_out:
            self._report.left_out += 1
            if body["type"] == "event" and body["kind"] == DECISION:
                self.decided[body["payload"]["name"]] = body["payload"]["value"]
            return
        self._batch.append(self._at_home(record_from_body(body)))
        if len(self._batch) == _BATCH:
            self.flush()

    def flush(self) -> None:
        """Append what waits."""
        new = self._journal.append(self._batch)
        self._report.new += sum(new)
        self._report.known += len(new) - sum(new)
        self._batch.clear()

    def _at_home(self, record: Record) -> Record:
        """The record as this vault would keep it: with its own addresses of media, and ids that follow from them."""
        if not isinstance(record, Event):
            return record
        changes: dict[str, Json] = {}
        if self._originals and isinstance(record.payload.get(FIELD), list):
            changes[FIELD] = [self._reference(entry) for entry in record.payload[FIELD]]
        if (of := record.payload.get(_OF)) in self._renamed:
            changes[_OF] = self._renamed[of]
        if not changes:
            return record
        changed = replace(record, payload={**record.payload, **changes})
        if changed.id != record.id:
            self._renamed[record.id.hex()] = changed.id.hex()
        return changed

    def _reference(self, entry: Json) -> Json:
        address = entry.get("address") if isinstance(entry, dict) else None
        original = self._originals.get(address) if isinstance(address, str) else None
        if original is None or self._media is None:
            return entry
        if original.address not in self._here:
            with inside(self._folder, original.path).open("rb") as file:
                self._here[original.address] = self._media.put(file).address
            self._report.media += 1
        return {**entry, "address": self._here[original.address]}


def _pace(
    manifest: Manifest, progress: ProgressTold | None, stop: Callable[[], bool], pause: Callable[[float], bool]
) -> Pace:
    """Steps: every record once, and every 64 KiB of every file twice (checked, then put) or once."""
    pace = Pace(progress, stop, pause)
    pace.expect(
        manifest.head.seq + sum(_steps(fact.size) for fact in manifest.files.values()) + manifest.counts["media"]
    )
    return pace


def _steps(size: int) -> int:
    return size // STEP_BYTES


def _report(manifest: Manifest, identical: bool) -> BringBackReport:
    return BringBackReport(identical, adapters=sum(name.endswith(".gguf") for name in manifest.files))


def _check(folder: Path, manifest: Manifest, pace: Pace) -> list[Fault]:
    """Every file against its hash, before anything is made.

    Returns:
        Faults in files that are not needed to bring the life back.

    Raises:
        NeedsPerson: a file that is needed is damaged or missing.
    """
    left = 0

    def step(size: int) -> None:
        nonlocal left
        left += size
        pace.step(left // STEP_BYTES)
        left %= STEP_BYTES

    faults = list(faults_in(folder, manifest, sorted(manifest.files), step))
    needed = [fault for fault in faults if _is_needed(fault.path)]
    if not needed:
        return faults
    firsts = {year.file: year.first for year in manifest.years}
    named: list[Fault] = []
    for fault in needed:
        lines = damaged_lines(folder / fault.path, fault.path, firsts[fault.path]) if fault.path in firsts else []
        named += lines or [fault]
    told = "; ".join(fault.in_words() for fault in named[:_FAULTS_TOLD])
    more = f"; and {len(named) - _FAULTS_TOLD:,} more" if len(named) > _FAULTS_TOLD else ""
    raise NeedsPerson(
        "export-damaged",
        f"The export in {folder} is not what was written, so nothing was brought back: {told}{more}. Use another copy.",
    )


def _is_needed(name: str) -> bool:
    return name.startswith(("journal-", "media/")) or name == LIST


def _rows(
    folder: Path, year: Year, keyring: Keyring, pace: Pace, report: BringBackReport
) -> Iterator[tuple[int, bytes, Opened | None]]:
    lines = _lines(folder, year, pace, report)
    while batch := list(islice(lines, _BATCH)):
        # The keys of a batch at once: made one by one, each would wait for the disk.
        insides = [line.inside for line in batch if line.inside is not None]
        prepared = [prepare_body(orjson.loads(opened.raw), opened.raw) for opened in insides]
        keyring.current({(p.source, p.day) for p in prepared})
        for line in batch:
            yield line.seq, line.commitment, line.inside


def _lines(folder: Path, year: Year, pace: Pace, report: BringBackReport) -> Iterator[Line]:
    try:
        for line in read_lines(inside(folder, year.file)):
            if line.inside is None:
                report.forgotten += 1
            else:
                report.records += 1
            yield line
            if line.seq % 500 == 0:
                pace.step(500)
    except BadLine as error:
        raise NeedsPerson(
            "export-damaged", f"{folder / year.file} is not what was written ({error}); use another copy."
        ) from error


def _put_all(folder: Path, store: MediaStore, put: list[str], pace: Pace) -> None:
    for original in read_list(folder):
        put.append(original.address)  # first: what is cut off must be undone too
        _put(folder, store, original)
        pace.step()


def _put(folder: Path, store: MediaStore, original: Original) -> None:
    with inside(folder, original.path).open("rb") as file:
        media = store.put(file)
    if media.address != original.address:
        store.remove([media.address])
        raise NeedsPerson(
            "export-damaged",
            f"{folder / original.path} is not the file that the records name; nothing was brought back."
            " Use another copy.",
        )


def _undo(vault: Path, keyring: Keyring, store: MediaStore | None, put: list[str]) -> None:
    """Leave the vault as empty as it was; what cannot be undone now, the next try or opening sweeps."""
    folder = vault / "journal"
    if (folder / files.RESTORING).exists() or files.year_files(folder):
        return  # everything was proved and is being put in force; the next try begins anew where it was cut off
    with suppress(HearthsideError, OSError):
        if store is not None:
            store.remove(put)
    keyring.close()
    with suppress(OSError):
        files.sweep(folder)
        for _, path in files.revisions(folder).get(files.KEYRING, []):
            files.remove_database(path)
