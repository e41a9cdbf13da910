"""Leaving with everything: the whole of a vault in open formats, readable without Hearthside, not encrypted."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from hearthside import __version__
from hearthside.alignment.stream import LifeStream
from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.events import Json
from hearthside.inference.adapters import AdapterRegistry
from hearthside.journal import Head, Journal
from hearthside.journal.decisions import decided
from hearthside.journal.disk import free_bytes
from hearthside.journal.media import MediaStore
from hearthside.journal.sealing import Opened, SealedRow, link
from hearthside.journal.year_file import genesis
from hearthside.leaving import minutes, originals, tables
from hearthside.leaving.folder import ExportFolder, OutFile
from hearthside.leaving.json_lines import identity_of, line_of, line_without_content
from hearthside.leaving.manifest import Manifest, Year
from hearthside.leaving.originals import STEP_BYTES, Originals
from hearthside.leaving.pace import Pace, ProgressTold, Stopped
from hearthside.leaving.parquet import Column, ParquetFile
from hearthside.leaving.readme import readme

NOT_ENCRYPTED = (
    "This export is not encrypted: whoever can read the folder can read this life. Keep it on a disk you trust."
)
_ROWS_AT_ONCE = 500
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DAY_STEPS = 20  # a day of minutes takes about as long as so many records
# What a journal of so many bytes becomes, measured on real data: JSON Lines with their hex, and the tables.
_LINE_BYTES, _DAY_BYTES, _GROWTH = 400, 20_000, 1.2


@dataclass(frozen=True, slots=True)
class Belongings:
    """What a person leaves with: the rooms of one vault that keep something.

    Attributes:
        vault: the vault's folder.
        vault_id: `Vault.id`.
        media: None where the vault has no media store.
        media_address_key: the key the store makes addresses with.
    """

    vault: Path
    vault_id: str
    journal: Journal
    stream: LifeStream
    registry: AdapterRegistry
    media: MediaStore | None = None
    media_address_key: bytes = b""


@dataclass(slots=True)
class ExportReport:
    """What was written.

    Attributes:
        stopped: the person stopped it; nothing was left behind.
        counts: records, forgotten, damaged, events, series, samples, occurrences, minutes, media, adapters, ledger.
        size: bytes of all files.
        problems: what could not be exported, one sentence each.
    """

    folder: Path
    stopped: bool = False
    head: Head = field(default_factory=genesis)
    counts: dict[str, int] = field(default_factory=dict)
    size: int = 0
    problems: list[str] = field(default_factory=list)

    def in_words(self) -> str:
        """For the person."""
        if self.stopped:
            return f"The export was stopped; what was written of it to {self.folder} was removed again."
        counts = self.counts
        left_out = (
            f" {len(self.problems):,} things could not be exported; the README lists them." if self.problems else ""
        )
        return (
            f"{counts['records']:,} records, {counts['media']:,} media files and {counts['adapters']:,} adapters are in"
            f" {self.folder} ({self.size / 1e6:,.1f} MB).{left_out} {NOT_ENCRYPTED}"
        )


def export_everything(
    house: Belongings,
    folder: Path,
    clock: Callable[[], int],
    progress: ProgressTold | None = None,
    stop: Callable[[], bool] = lambda: False,
    pause: Callable[[float], bool] = lambda seconds: False,
    free: Callable[[Path], int] = free_bytes,
) -> ExportReport:
    """Write everything in open formats into a folder that is empty or does not exist.

    Until it is whole the folder is marked unfinished; stopped or failed, everything written is removed again; killed,
    the mark stays and the next export into the folder begins anew.

    Args:
        clock: UTC milliseconds.
        progress, stop, pause: see `Pace`.
        free: gives the free bytes of the disk that holds a folder.

    Raises:
        Refused: the folder holds something else, lies in the vault, or another export writes there.
        NeedsPerson: the disk has too little room; nothing was written.
        RetryLater: the disk failed, or something was forgotten meanwhile; nothing of the export was left.
    """
    target = ExportFolder(folder, house.vault)
    pace = Pace(progress, stop, pause)
    house.stream.update(stop=stop)
    lanes = minutes.survey(house.stream)
    _check_room(folder, _estimated_bytes(house, lanes.days), free)
    run = _Run(house, target, pace, ExportReport(folder), lanes)
    try:
        target.begin()
        run.write_all(clock())
    except Stopped:
        target.discard()
        return ExportReport(folder, stopped=True)
    except OSError as error:
        target.discard()
        raise _disk_failed(folder, error) from error
    except BaseException:
        target.discard()
        raise
    pace.end()
    return run.report


@dataclass(slots=True)
class _Run:
    """One export under way."""

    house: Belongings
    target: ExportFolder
    pace: Pace
    report: ExportReport
    lanes: minutes.Lanes
    named: Originals = field(default_factory=Originals)

    def write_all(self, made_ms: int) -> None:
        journal, counts = self.house.journal, self.report.counts
        changed = {year: journal.changed_upto(year) for year, _, _ in journal.years()}
        self._expect()
        # What is derived comes first: then all of it is in the journal that follows, however much arrives meanwhile.
        columns = self._life_stream()
        bounds = self.house.stream.bounds() or ("", "")
        years = self._journal()
        counts["media"] = self._media()
        counts["adapters"] = self._adapters()
        self._settings()
        # Forgotten after it was written here: the copy must not outlive it unnoticed.
        if any(journal.changed_upto(year) != before for year, before in changed.items()):
            raise RetryLater(
                "export-forgotten-meanwhile",
                "Something was forgotten while the export was written, so the export was removed again. Run it anew.",
            )
        key = self.house.media_address_key.hex() if self.house.media is not None else ""
        manifest = Manifest(
            __version__, self.house.vault_id, made_ms, self.report.head, years, *bounds, key, counts,
            tuple(self.report.problems), self.target.files,
        )  # fmt: skip
        self.target.write("README.md", readme(manifest, columns))
        self.target.finish(manifest.to_json())
        self.report.size = sum(fact.size for fact in self.target.files.values())

    def _expect(self) -> None:
        occurrences = sum(self.house.stream.counts().values())
        media = _media_bytes(self.house) // STEP_BYTES
        self.pace.expect(self.house.journal.head().seq + occurrences + self.lanes.days * _DAY_STEPS + media)

    # -- the life stream ---------------------------------------------------------------------------------------------

    def _life_stream(self) -> Sequence[Column]:
        columns = self.lanes.columns()
        with self.target.create("life_stream.parquet") as out:
            file = ParquetFile(out, columns)
            for days in minutes.add_days(file, self.house.stream, self.lanes):
                self.pace.step(days * _DAY_STEPS)
            file.close()
            self.report.counts["minutes"] = file.rows
        with self.target.create("occurrences.parquet") as out:
            file = ParquetFile(out, tables.OCCURRENCES)
            for found in tables.occurrences_by_day(self.house.stream):
                tables.add_occurrences(file, found)
                self.pace.step(len(found))
            file.close()
            self.report.counts["occurrences"] = file.rows
        return columns

    # -- the journal -------------------------------------------------------------------------------------------------

    def _journal(self) -> tuple[Year, ...]:
        found = tuple(Year(*year) for year in self.house.journal.years())
        counts = self.report.counts
        counts.update({"records": 0, "forgotten": 0, "damaged": 0, "series": 0, "ledger": 0})
        with ExitStack() as stack:
            events = ParquetFile(stack.enter_context(self.target.create("events.parquet")), tables.EVENTS)
            series = ParquetFile(stack.enter_context(self.target.create("series.parquet")), tables.SERIES)
            ledger = stack.enter_context(self.target.create("ledger.jsonl"))
            rows = _Rows(events, series, ledger, tables.LocalTime(self.house.stream), counts, self.named)
            for year in found:
                with self.target.create(year.file) as out:
                    self._year(year, out, rows)
            events.close()
            series.close()
            counts["events"], counts["samples"] = events.rows, series.rows
        if self.house.journal.chain_at(self.report.head.seq) != self.report.head.chain:
            self.report.problems.append(
                "The records do not make the chain that the journal holds; `hearthside verify` says where."
            )
        if counts["damaged"]:
            self.report.problems.append(
                f"{counts['damaged']:,} records are damaged on the disk and have no content here."
                " `hearthside repair` puts them back from a backup; export again after it."
            )
        return found

    def _year(self, year: Year, out: OutFile, rows: _Rows) -> None:
        after = year.first - 1
        while after < year.last:
            batch = list(self._batch(year.year, after, min(_ROWS_AT_ONCE, year.last - after)))
            if not batch:
                break
            for row, inside, readable in batch:
                out.write(rows.line(row, inside, readable))
                self.report.head = Head(row.seq, link(self.report.head.chain, row.commitment))
            after = batch[-1][0].seq
            self.pace.step(len(batch))

    def _batch(self, year: int, after: int, limit: int) -> Iterator[tuple[SealedRow, Opened | None, bool]]:
        """Rows with what is inside, and whether it could be read; where one of them cannot, one by one."""
        journal = self.house.journal
        try:
            yield from ((row, inside, True) for row, inside in journal.opened_rows(year, after, limit))
            return
        except NeedsPerson:
            pass
        for row in journal.sealed_rows(year, after, limit):
            try:
                yield from ((row, inside, True) for row, inside in journal.opened_rows(year, row.seq - 1, 1))
            except NeedsPerson:
                yield row, None, False

    # -- the rest ----------------------------------------------------------------------------------------------------

    def _media(self) -> int:
        if self.house.media is None:
            return 0
        return originals.write_originals(
            self.target, self.house.media, self.named, self.report.problems, self.pace.step
        )

    def _adapters(self) -> int:
        count, known = 0, []
        for entry in self.house.registry.entries():
            facts: dict[str, Json] = asdict(entry)
            try:
                content = self.house.registry.bytes_of(entry.id)
            except HearthsideError as error:
                if error.code != "adapter-dropped":
                    self.report.problems.append(f"An adapter was left out: {error.message}")
            else:
                facts["file"] = f"adapters/{entry.id}.gguf"
                self.target.write(facts["file"], content)
                count += 1
            known.append(facts)
            self.pace.step(0)
        document = orjson.dumps(known, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        self.target.write("adapters/adapters.json", document)
        return count

    def _settings(self) -> None:
        document = {"decisions": decided(self.house.journal)}
        self.target.write(
            "settings.json",
            orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE),
        )


@dataclass(slots=True)
class _Rows:
    """Where the records of the journal go, each into its line and its table."""

    events: ParquetFile
    series: ParquetFile
    ledger: OutFile
    clock: tables.LocalTime
    counts: dict[str, int]
    named: Originals

    def line(self, row: SealedRow, inside: Opened | None, readable: bool) -> bytes:
        """The line of a record, which is counted, and added to its table."""
        self.counts["records"] += 1
        if inside is None:
            why = "forgotten" if readable else "damaged"
            self.counts[why] += 1
            return line_without_content(row.seq, row.commitment, why)
        try:
            body = orjson.loads(inside.raw)
            identity = identity_of(row, inside, body)
        except ValueError:
            self.counts["damaged"] += 1
            return line_without_content(row.seq, row.commitment, "damaged")
        self._add(row.seq, identity.hex(), inside.received_ms, body)
        return line_of(row, inside, body, identity)

    def _add(self, seq: int, identity: str, received_ms: int, body: dict[str, Json]) -> None:
        if body["type"] == "series":
            self.counts["series"] += 1
            tables.add_series(self.series, seq, identity, received_ms, body, self.clock)
            return
        tables.add_event(self.events, seq, identity, received_ms, body, self.clock)
        self.named.note(body)
        if body["kind"] == "ledger":
            self.counts["ledger"] += 1
            line = {"at_ms": body["start_ms"], **body["payload"]}
            self.ledger.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def _estimated_bytes(house: Belongings, days: int) -> int:
    """About how much room an export takes, rather too much than too little."""
    journal = sum(path.stat().st_size for path in house.journal.folder.iterdir() if path.is_file())
    adapters = sum(path.stat().st_size for path in (house.vault / "adapters").glob("*.sealed"))
    lines = _LINE_BYTES * house.journal.head().seq
    return int(_GROWTH * journal) + lines + _DAY_BYTES * days + _media_bytes(house) + adapters


def _media_bytes(house: Belongings) -> int:
    size = 0
    for address in house.media.addresses() if house.media is not None else ():
        with suppress(FileNotFoundError):  # forgotten meanwhile
            size += house.media.path(address).stat().st_size if house.media is not None else 0
    return size


def _check_room(folder: Path, needed: int, free: Callable[[Path], int]) -> None:
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    there = free(place)
    if there < needed:
        raise NeedsPerson(
            "export-no-room",
            f"The export needs about {needed / 1e9:.1f} GB, and the disk of {folder} has {there / 1e9:.1f} GB free;"
            " nothing was written. Free some space, or name a folder on another disk.",
        )


def _disk_failed(folder: Path, error: OSError) -> RetryLater:
    if error.errno in _FULL:
        return RetryLater(
            "export-disk-full",
            f"The disk of {folder} is full; what was written of the export was removed again, the vault is untouched."
            " Make room, or name a folder on another disk.",
        )
    return RetryLater(
        "export-not-written",
        f"The disk of {folder} failed ({errno.errorcode.get(error.errno or 0, 'unknown error')}); the export is not"
        " whole and the vault is untouched. Look at the disk and run it again.",
    )
