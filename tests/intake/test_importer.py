"""Importing: counts per file, idempotence, bad input, stopping, pauses and perceivers."""

from __future__ import annotations

import base64
import gzip
import itertools
import os
import tracemalloc
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from hearthside.events import DAY_MS, HOUR_MS, Event, Item, Layer, Origin, Rejected, Series, Trust
from hearthside.intake import Importer, Outcome, Progress
from hearthside.intake.importer import unfailing
from hearthside.journal.disk import DiskGuard
from hearthside.sources.reading import Opened, Reading, Sample
from tests.contracts.source_files import SOURCE_FILES
from tests.intake.helpers import NOW_MS, importer, journal_in, pause, rejections
from tests.shared_data import shared_data


def _plays(count: int, first: int = 1_700_000_000) -> bytes:
    rows = ({"artist": "A", "track": f"T{n}", "album": "", "day": "2023-11-14", "uts": first + n} for n in range(count))
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def test_a_folder_is_imported_once(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    (exports / "deep").mkdir(parents=True)
    for name, content in SOURCE_FILES.items():
        (exports / "deep" / f"{name}.gz").write_bytes(gzip.compress(content))
    (exports / "README.txt").write_text("These are my exports.")
    (exports / ".hidden").write_bytes(SOURCE_FILES["last_fm"])
    with journal_in(tmp_path) as journal:
        first = importer(journal).import_paths([exports])
        head = journal.head()
        second = importer(journal).import_paths([exports])
        assert journal.head() == head
        assert journal.verify().bad_seq == []
    assert {file.source for file in first.files} == {*SOURCE_FILES, ""}
    assert (first.rejected, first.duplicate, first.new, first.exit_status) == (0, 0, first.read, 0)
    assert (second.new, second.duplicate, second.rejected, second.exit_status) == (0, first.read, 0, 0)
    assert first.hidden == 1
    (readme,) = [file for file in first.files if not file.source]
    assert readme.outcome is Outcome.NOT_DATA
    assert readme.note


def test_plain_and_packed_are_the_same_records(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(_plays(10))
    (tmp_path / "b.gz").write_bytes(gzip.compress(_plays(10)))
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([tmp_path / "a.jsonl", tmp_path / "b.gz"])
    assert [(file.new, file.duplicate) for file in report.files] == [(10, 0), (0, 10)]


def test_a_record_counts_once_however_many_parts_it_has(tmp_path: Path) -> None:
    path = tmp_path / "oura.jsonl"
    path.write_bytes(SOURCE_FILES["oura_activity"])
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([path])
        kept = [stored.record for stored in journal.read()]
    assert (report.read, report.new) == (2, 2)
    assert len(kept) == 6
    assert sum(len(record.values) for record in kept if isinstance(record, Series) and record.measure == "met") == 2880


def test_bad_lines_are_kept_apart_with_their_reason_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "plays.jsonl"
    path.write_bytes(_plays(3) + b'no json\n{"uts":1}\n\xff\xfe\n' + _plays(2, first=1_600_000_000))
    with journal_in(tmp_path) as journal:
        first = importer(journal).import_paths([path])
        os.utime(path, (1, 1))  # another copy of the file has another time
        head = journal.head()
        second = importer(journal, now_ms=NOW_MS + DAY_MS).import_paths([path])
        assert journal.head() == head
        kept = rejections(journal)
    (file,) = first.files
    assert (file.read, file.new, file.duplicate, file.rejected) == (8, 5, 0, 3)
    assert sum(file.reasons.values()) == 3
    assert file.reasons["field 'artist' is missing"] == 1
    assert first.exit_status == 1
    assert (second.files[0].duplicate, second.files[0].rejected, second.exit_status) == (5, 3, 1)
    assert sorted(base64.b64decode(item["raw"]) for item in kept) == [b"no json", b'{"uts":1}', b"\xff\xfe"]
    assert all(item["source"] == "last_fm" and item["reason"] and item["file"] == str(path) for item in kept)


@pytest.mark.parametrize(
    ("uts", "reason"),
    [
        ((NOW_MS + 37 * HOUR_MS) // 1000, "its time lies in the future"),
        (-3_000_000_000, "its time lies before 1900"),
    ],
)
def test_a_time_that_cannot_be_is_refused(uts: int, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "plays.jsonl"
    path.write_bytes(_plays(1) + _plays(1, first=uts))
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([path])
        (kept,) = rejections(journal)
    assert report.files[0].reasons == {reason: 1}
    assert (report.new, report.exit_status) == (1, 1)
    assert (kept["place"], kept["reason"]) == ("plays.jsonl, record 2", reason)
    assert orjson.loads(base64.b64decode(kept["raw"]))["uts"] == uts


def test_a_record_with_one_impossible_part_is_refused_whole(tmp_path: Path) -> None:
    row = orjson.loads(SOURCE_FILES["oura_activity"].splitlines()[0])
    path = tmp_path / "oura.jsonl"
    path.write_bytes(orjson.dumps({**row, "day_start": "2031-05-01T04:00:00+02:00"}))
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([path])
        assert [stored.record.kind for stored in journal.read()] == ["rejected"]
    assert (report.read, report.rejected, report.new) == (1, 1, 0)


def test_a_record_the_journal_cannot_hold_is_refused_and_its_neighbours_are_taken(tmp_path: Path) -> None:
    good, other = orjson.loads(SOURCE_FILES["google_my_activity"])
    deep = orjson.dumps({**good, "title": "deep", "deep": "HERE"}).replace(b'"HERE"', b"[" * 300 + b"]" * 300)
    path = tmp_path / "MyActivity.json"
    path.write_bytes(b"[" + orjson.dumps(good) + b"," + deep + b"," + orjson.dumps(other) + b"]")
    with journal_in(tmp_path) as journal:
        first = importer(journal).import_paths([path])
        head = journal.head()
        second = importer(journal).import_paths([path])
        assert journal.head() == head
        (kept,) = rejections(journal)
    assert (first.read, first.new, first.rejected, first.exit_status) == (3, 2, 1, 1)
    assert (second.duplicate, second.rejected) == (2, 1)
    assert kept["place"] == "MyActivity.json, record 2"
    assert b"deep" in base64.b64decode(kept["raw"])


class _FailingSource:
    """A source with a fault: it raises in the middle of a file."""

    NAME = "failing"
    TITLE = "Failing"

    def recognise(self, sample: Sample) -> float:
        return 1.0

    def read(self, opened: Opened) -> Iterator[Item]:
        yield Event("failing", "note", Layer.TEXT, 1, Origin.SELF, Trust.OWN, {}, "test", record=1)
        raise AssertionError("a fault")


def test_a_source_that_fails_ends_its_file_only(tmp_path: Path) -> None:
    first, second = unfailing(_FailingSource(), Opened(tmp_path / "x", "failing"))
    assert isinstance(first, Event)
    assert isinstance(second, Rejected)
    assert "AssertionError" in second.reason
    assert second.place == "x, after record 1"


def test_a_truncated_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "plays.gz"
    path.write_bytes(gzip.compress(_plays(5000))[:-2000])
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([path])
        head = journal.head()
        again = importer(journal).import_paths([path])
        assert journal.head() == head
    (file,) = report.files
    assert file.new > 1000
    assert (file.rejected, file.read, report.exit_status) == (1, file.new + 1, 1)
    assert "breaks off" in next(iter(file.reasons))
    assert (again.new, again.rejected) == (0, 1)


def test_a_gzip_that_breaks_off_at_once_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "plays.gz"
    path.write_bytes(gzip.compress(_plays(5000))[:12])
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([path])
        assert len(rejections(journal)) == 1
    assert report.files[0].outcome is Outcome.UNREADABLE
    assert report.exit_status == 2


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(100), b"a,b,c\n1,2,3\n", b"Dear diary, today\n"])
def test_a_file_of_another_format_is_refused_and_the_rest_is_taken(content: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "other.bin").write_bytes(content)
    with journal_in(tmp_path) as journal:
        alone = importer(journal).import_paths([folder])
        (folder / "plays").write_bytes(_plays(3))
        both = importer(journal).import_paths([folder])
        (kept,) = rejections(journal)
    assert alone.exit_status == 2
    assert alone.files[0].outcome is Outcome.UNKNOWN
    assert (both.new, both.rejected, both.exit_status) == (3, 1, 1)
    assert base64.b64decode(kept["raw"]) == content


def test_nothing_to_import_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").write_bytes(b"")
    with journal_in(tmp_path) as journal:
        missing = importer(journal).import_paths([tmp_path / "not there"])
        folder = importer(journal).import_paths([tmp_path / "folder"])
        empty = importer(journal).import_paths([tmp_path / "empty"])
        nothing = importer(journal).import_paths([])
        assert journal.head().seq == 0
    assert [report.exit_status for report in (missing, folder, empty, nothing)] == [2, 2, 2, 2]
    assert missing.missing == [tmp_path / "not there"]
    assert empty.files[0].outcome is Outcome.EMPTY


def test_a_missing_path_beside_good_ones_is_not_a_full_success(tmp_path: Path) -> None:
    (tmp_path / "plays").write_bytes(_plays(1))
    with journal_in(tmp_path) as journal:
        assert importer(journal).import_paths([tmp_path / "plays", tmp_path / "gone"]).exit_status == 1


def test_links_in_a_circle_end_and_files_are_read_once(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "plays").write_bytes(_plays(3))
    (folder / "inner" / "up").symlink_to(folder)
    (folder / "again").symlink_to(folder / "inner")
    (folder / "self").symlink_to(folder / "self")
    (folder / "nowhere").symlink_to(tmp_path / "gone")
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([folder, folder / "inner" / "plays"])
    assert (report.read, report.new) == (5, 3)
    assert sorted(file.path.name for file in report.files) == ["nowhere", "plays", "self"]
    assert {file.outcome for file in report.files if not file.source} == {Outcome.UNREADABLE}
    assert report.exit_status == 1


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([tmp_path / "pipe"])
    assert "regular file" in report.files[0].note


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "plays").write_bytes(_plays(2))
    # Opens, and fails at the first read; unlike a file without permissions it fails for root too.
    (folder / "broken").symlink_to("/proc/self/mem")
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([folder])
    (broken,) = [file for file in report.files if not file.source]
    assert broken.outcome is Outcome.UNREADABLE
    assert broken.note
    assert (report.new, report.exit_status) == (2, 1)


def test_a_name_that_is_not_utf8_does_not_stop_the_import(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/plays\xff"))
    path.write_bytes(_plays(1) + b"bad\n")
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([path])
        assert len(rejections(journal)) == 1
    assert (report.new, report.rejected) == (1, 1)


def test_a_huge_line_is_refused_within_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.write(_plays(1))
        file.seek(64 * 1024 * 1024, os.SEEK_CUR)
        file.write(b"\n" + _plays(1, first=1_600_000_000))
    with journal_in(tmp_path) as journal:
        tracemalloc.start()
        report = importer(journal).import_paths([path])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (report.new, report.rejected, report.exit_status) == (2, 1, 1)
    assert peak < 64 * 1024 * 1024


def test_many_large_records_do_not_pile_up(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    with path.open("wb") as file:
        file.write(_plays(1))
        for n in range(40):
            row = {"artist": "A", "track": "x" * 2_000_000, "album": "", "day": "2023-11-14", "uts": 1_600_000_000 + n}
            file.write(orjson.dumps(row) + b"\n")
    with journal_in(tmp_path) as journal:
        tracemalloc.start()
        report = importer(journal).import_paths([path])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert report.new == 41
    assert peak < 200_000_000  # bytes; in one batch they take nearly 400 MB


def test_zip_archives_are_looked_into(tmp_path: Path) -> None:
    archive = tmp_path / "takeout.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("Takeout/plays.jsonl", _plays(4))
        file.writestr("Takeout/packed.gz", gzip.compress(_plays(2, first=1_600_000_000)))
        file.writestr("Takeout/README.txt", b"hello")
        file.writestr("../outside", _plays(1, first=1_500_000_000))
        file.writestr("/etc/hostname", _plays(1, first=1_500_000_001))
    with journal_in(tmp_path) as journal:
        report = importer(journal).import_paths([archive])
        again = importer(journal).import_paths([archive])
    notes = {file.path.name: file for file in report.files}
    assert notes["plays.jsonl"].new == 4
    assert notes["packed.gz"].new == 2
    assert notes["README.txt"].outcome is Outcome.NOT_DATA
    assert notes["outside"].outcome is notes["hostname"].outcome is Outcome.UNREADABLE
    assert (report.new, again.new, again.duplicate) == (6, 0, 6)


def test_a_broken_zip_is_said(tmp_path: Path) -> None:
    archive = tmp_path / "takeout.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("plays.jsonl", _plays(400))
    whole = archive.read_bytes()
    with journal_in(tmp_path) as journal:
        archive.write_bytes(whole[:-30])
        cut = importer(journal).import_paths([archive])
        damaged = bytearray(whole)
        damaged[20_000] ^= 1  # the checksum of the member no longer fits
        archive.write_bytes(damaged)
        flipped = importer(journal).import_paths([archive])
    assert cut.files[0].outcome is Outcome.UNREADABLE
    assert cut.exit_status == 2
    assert (flipped.exit_status, flipped.rejected) == (2, 1)
    assert "CRC" in flipped.files[0].note


def test_stopping_keeps_what_was_acknowledged_and_a_second_import_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    rows = 30_000  # more than one piece of 1 MiB
    (folder / "a").write_bytes(_plays(rows))
    (folder / "b").write_bytes(_plays(5, first=1_600_000_000))
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    with journal_in(tmp_path) as journal:
        first = importer(journal, stop=stop).import_paths([folder])
        kept = journal.head().seq
        second = importer(journal).import_paths([folder])
        assert journal.verify().bad_seq == []
    assert first.stopped
    assert first.files_left == 1
    assert first.exit_status == 1
    assert first.files[0].outcome is Outcome.STOPPED
    assert 0 < first.new == kept < rows
    assert second.new == rows + 5 - kept
    assert second.duplicate == kept


def test_progress_only_goes_forward(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.gz").write_bytes(gzip.compress(_plays(2000, first=1_600_000_000 + 10_000 * n)))
    told: list[Progress] = []
    with journal_in(tmp_path) as journal:
        importer(journal, progress=told.append).import_paths([folder])
    for before, after in pairwise(told):
        assert (after.bytes_done, after.files_done, after.records) >= (before.bytes_done, before.files_done, 0)
        assert after.records >= before.records
    last = told[-1]
    assert (last.files_done, last.files_total, last.records) == (3, 3, 6000)
    assert last.bytes_done == last.bytes_total == sum(path.stat().st_size for path in folder.iterdir())
    assert {progress.file for progress in told} == {"0.gz", "1.gz", "2.gz", ""}


def test_a_pause_holds_the_import_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    path.write_bytes(_plays(3000))
    told: list[Progress] = []
    waits = iter([True, True, True, False])  # the first time it is asked, and while it waits

    def pause(seconds: float) -> bool:
        return next(waits, False)

    with journal_in(tmp_path) as journal:
        report = Importer(journal, lambda: NOW_MS, Reading(), told.append, lambda: False, pause).import_paths([path])
    assert (report.new, report.exit_status) == (3000, 0)
    assert [progress.paused for progress in told].count(True) == 1
    assert not told[-1].paused


def test_a_paused_import_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    path.write_bytes(_plays(3000))
    asked: list[float] = []

    def pause(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) > 2  # while the file is being read, and for good

    with journal_in(tmp_path) as journal:
        importer = Importer(journal, lambda: NOW_MS, Reading(), lambda p: None, lambda: len(asked) > 5, pause)
        report = importer.import_paths([path])
        assert journal.head().seq == report.new
    assert report.stopped
    assert report.files[0].outcome is Outcome.STOPPED
    assert {*asked[:3]} == {0}
    assert asked[3] > 0


def test_a_document_can_be_stopped_between_its_batches(tmp_path: Path) -> None:
    entry = orjson.loads(SOURCE_FILES["google_my_activity"])[0]
    path = tmp_path / "MyActivity.json"
    path.write_bytes(orjson.dumps([{**entry, "title": f"Searched for {n}"} for n in range(9000)]))
    batches = 0

    def progress(told: Progress) -> None:
        nonlocal batches
        batches += told.records > 0

    with journal_in(tmp_path) as journal:
        report = importer(journal, progress, stop=lambda: batches > 0).import_paths([path])
    assert report.stopped
    assert 0 < report.new < 9000


def test_a_disk_that_fills_stops_the_import_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "a").write_bytes(_plays(9000))
    (folder / "b").write_bytes(_plays(5, first=1_600_000_000))
    asked = itertools.count()
    ticks = itertools.count(NOW_MS, 2000)  # the disk is looked at each time

    def free(folder: Path) -> int:
        return 2**40 if next(asked) < 2 else 2**28 + 5

    with journal_in(tmp_path) as journal:
        guard = DiskGuard(tmp_path, lambda: next(ticks), free, soft_bytes=2**30)
        nearly_full = Importer(journal, lambda: NOW_MS, Reading(), lambda p: None, lambda: False, disk=guard)
        first = nearly_full.import_paths([folder])
        assert journal.head().seq == first.new
        second = importer(journal).import_paths([folder])
    assert 0 < first.new < 9000
    assert (first.exit_status, first.stopped, first.files_left) == (1, True, 1)
    assert first.files[0].outcome is Outcome.STOPPED
    assert "The disk is nearly full" in first.files[0].note
    assert (second.new, second.duplicate, second.exit_status) == (9005 - first.new, first.new, 0)


def test_a_source_paused_while_it_is_read_is_taken_no_further(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    path.write_bytes(_plays(9000))
    with journal_in(tmp_path) as journal:

        def progress(told: Progress) -> None:
            if told.records == 2000:
                pause(journal, "last_fm", True)

        report = importer(journal, progress).import_paths([path])
    assert report.files[0].outcome is Outcome.PAUSED
    assert report.new == 2000


def test_a_paused_source_is_refused_and_taken_after_the_pause(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "plays").write_bytes(_plays(3))
    (folder / "weight").write_bytes(SOURCE_FILES["oura_weight"])
    with journal_in(tmp_path) as journal:
        pause(journal, "last_fm", True)
        paused = importer(journal).import_paths([folder])
        pause(journal, "last_fm", False, now_ms=NOW_MS + 1)
        after = importer(journal).import_paths([folder])
    (plays, weight) = paused.files
    assert (plays.outcome, plays.read) == (Outcome.PAUSED, 0)
    assert "paused" in plays.note
    assert weight.new == 2
    assert paused.exit_status == 1
    assert (after.new, after.duplicate, after.exit_status) == (3, 2, 0)


def test_gaze_is_perceived_once(tmp_path: Path) -> None:
    path = tmp_path / "glasses.jsonl"
    path.write_bytes(SOURCE_FILES["glasses"])
    with journal_in(tmp_path) as journal:
        first = importer(journal).import_paths([path])
        head = journal.head()
        second = importer(journal).import_paths([path])
        assert journal.head() == head
        (gaze,) = [stored for stored in journal.read(kinds=["gaze"])]
        (dwell,) = [stored.record for stored in journal.read(kinds=["dwell"])]
    assert isinstance(dwell, Event)
    assert dwell.payload["of"] == gaze.id.hex()
    assert (first.read, first.new, first.perceived, second.perceived) == (2, 2, 1, 0)


def test_a_whole_life_is_imported_as_its_files_count(tmp_path: Path) -> None:
    folder = shared_data("life_person_A")
    with journal_in(tmp_path) as journal:
        first = importer(journal).import_paths([folder])
        head = journal.head()
        second = importer(journal).import_paths([folder])
        assert journal.head() == head
        met = sum(len(s.record.values) for s in journal.read(kinds=["met"]) if isinstance(s.record, Series))
        assert journal.verify().bad_seq == []
    for file in first.files:
        if file.path.suffix == ".gz":
            with gzip.open(file.path) as stream:
                lines = sum(1 for line in stream if line.strip())
            assert (file.read, file.new, file.duplicate, file.rejected) == (lines, lines, 0, 0), file.path.name
        else:
            assert file.outcome is Outcome.NOT_DATA
    assert first.read == 50_803
    assert met == 1_614_240
    assert first.exit_status == second.exit_status == 0
    assert (second.new, second.duplicate, second.rejected) == (0, first.read, 0)
