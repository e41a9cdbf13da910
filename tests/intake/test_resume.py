"""Going on where an import was cut short: cheap, exact, and never over what the journal does not hold."""

from __future__ import annotations

import gzip
import itertools
import random
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Json, Layer, Origin, Trust
from hearthside.intake import Importer, ImportReport
from hearthside.journal import Journal
from hearthside.sources import reading
from hearthside.sources.exact_json import exact_object
from hearthside.sources.reading import Reading
from tests.intake.helpers import NOW_MS, importer, journal_in

ROWS = 24_000  # about 2.3 MB: several pieces
BAD = frozenset({10, 15_000, ROWS - 1})


def plays(count: int = ROWS, bad: frozenset[int] = BAD, album: str = "") -> bytes:
    """Plays as JSON lines; the lines at `bad` lack a field."""
    lines = []
    for n in range(count):
        row: dict[str, Json] = {"artist": "A", "track": f"T{n}", "album": album, "day": "2023-11-14", "uts": 10**9 + n}
        if n in bad:
            del row["artist"]
        lines.append(orjson.dumps(row) + b"\n")
    return b"".join(lines)


def points(count: int = ROWS) -> bytes:
    """A location history in one document."""
    rows = (
        {"latitudeE7": 525_000_000 + n, "longitudeE7": 134_000_000, "timestampMs": str(1_600_000_000_000 + n * 60_000)}
        for n in range(count)
    )
    return orjson.dumps({"locations": list(rows)})


def ticking() -> Callable[[], int]:
    """A clock by which a cursor is due at every piece of a file."""
    ticks = itertools.count(NOW_MS, 11_000)
    return lambda: next(ticks)


def import_file(journal: Journal, path: Path, cut_short: bool = False) -> ImportReport:
    """Import; the person may stop it as soon as there is a cursor."""

    def stop() -> bool:
        return cut_short and bool(cursors(journal))

    return Importer(journal, ticking(), Reading(), lambda progress: None, stop).import_paths([path])


def cursors(journal: Journal) -> list[Event]:
    return [item.record for item in journal.read(kinds=["cursor"]) if isinstance(item.record, Event)]


def resumed(report: ImportReport) -> bool:
    return "went on after" in report.files[0].note


def lives(journal: Journal) -> Counter[str]:
    """How often each play or point is in the journal."""
    found = journal.read(kinds=["listen", "position"])
    return Counter(str(item.record.start_ms) + str(item.record.kind) for item in found)


def _cut_short(journal: Journal, path: Path) -> ImportReport:
    report = import_file(journal, path, cut_short=True)
    assert report.stopped and 0 < report.new < ROWS - len(BAD)
    return report


def _in_zip(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Takeout/plays.jsonl", content)


@pytest.mark.parametrize("form", ["plain", "gzip", "zip"])
def test_a_second_import_goes_on_and_counts_as_if_it_had_read_everything(form: str, tmp_path: Path) -> None:
    path = tmp_path / "plays"
    if form == "zip":
        _in_zip(path, plays())
    else:
        path.write_bytes(gzip.compress(plays()) if form == "gzip" else plays())
    with journal_in(tmp_path) as journal:
        first = _cut_short(journal, path)
        second = import_file(journal, path)
        third = import_file(journal, path)
        assert lives(journal).total() == len(lives(journal)) == ROWS - len(BAD)
        assert len(list(journal.read(kinds=["rejected"]))) == len(BAD)
        assert journal.verify().bad_seq == []
    assert resumed(second) and resumed(third)
    assert (second.read, second.rejected) == (third.read, third.rejected) == (ROWS, len(BAD))
    assert second.new == ROWS - len(BAD) - first.new
    assert second.duplicate == first.new
    assert (third.new, third.duplicate) == (0, ROWS - len(BAD))
    for report in (second, third):
        assert report.files[0].reasons == {"field 'artist' is missing": len(BAD)}


def test_a_document_of_lists_goes_on_in_its_middle(tmp_path: Path) -> None:
    path = tmp_path / "Records.json"
    path.write_bytes(points())
    with journal_in(tmp_path) as journal:
        first = _cut_short(journal, path)
        second = import_file(journal, path)
        assert lives(journal).total() == len(lives(journal)) == ROWS
    assert resumed(second)
    assert (second.read, second.new, second.rejected) == (ROWS, ROWS - first.new, 0)


def test_what_was_skipped_is_not_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plays"
    path.write_bytes(plays())
    with journal_in(tmp_path) as journal:
        import_file(journal, path)
        covered = max(int(event.payload["record"]) for event in cursors(journal)) - 1
        parsed = 0

        def counting(raw: bytes) -> dict[str, Json]:
            nonlocal parsed
            parsed += bool(raw)  # what follows after the last line end is empty
            return exact_object(raw)

        monkeypatch.setattr(reading, "exact_object", counting)
        import_file(journal, path)
    assert 0 < covered < ROWS
    assert parsed == ROWS - covered


def test_a_file_that_has_grown_goes_on_and_a_renamed_and_packed_one_too(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    path.write_bytes(plays()[:-30])  # the last line is cut off
    with journal_in(tmp_path) as journal:
        import_file(journal, path)
        other = tmp_path / "newer.gz"
        other.write_bytes(gzip.compress(plays(ROWS + 5000)))
        grown = import_file(journal, other)
        assert len(lives(journal)) == ROWS + 5000 - len(BAD)
    assert resumed(grown)
    assert (grown.read, grown.new) == (ROWS + 5000, 5000)


@pytest.mark.parametrize("where", [100_000, 900_000])
def test_a_changed_file_is_read_from_the_beginning(where: int, tmp_path: Path) -> None:
    path = tmp_path / "plays"
    path.write_bytes(plays())
    with journal_in(tmp_path) as journal:
        import_file(journal, path)
        changed = bytearray(plays())
        place = changed.index(b'"T', where) + 1
        changed[place : place + 1] = b"X"  # the same length; one song has another name
        path.write_bytes(changed)
        second = import_file(journal, path)
        texts = [item.record.text for item in journal.read(kinds=["listen"]) if isinstance(item.record, Event)]
        assert any(text.startswith("A – X") for text in texts)
    assert not resumed(second)
    assert (second.read, second.new, second.rejected) == (ROWS, 1, len(BAD))


def test_a_file_that_was_cut_shorter_is_read_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    path.write_bytes(plays())
    with journal_in(tmp_path) as journal:
        import_file(journal, path)
        path.write_bytes(plays()[:200_000])
        second = import_file(journal, path)
    assert not resumed(second)
    assert (second.new, second.read) == (0, second.duplicate + second.rejected)
    assert second.read == plays()[:200_000].count(b"\n") + 1


def test_after_an_erasure_nothing_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    path.write_bytes(plays())
    with journal_in(tmp_path) as journal:
        import_file(journal, path)
        forgotten = [item.id for item in itertools.islice(journal.read(kinds=["listen"]), 7)]
        journal.forget(forgotten)
        journal.append(
            [Event("erasure", "erasure", Layer.BEHAVIOURAL, NOW_MS, Origin.SELF, Trust.OWN, {"n": 7}, clock="station")]
        )
        second = import_file(journal, path)
        third = import_file(journal, path)
    assert not resumed(second)
    assert (second.new, second.duplicate) == (7, ROWS - len(BAD) - 7)
    assert resumed(third) and third.new == 0


def test_an_erasure_during_an_import_voids_its_cursors(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    path.write_bytes(plays())
    with journal_in(tmp_path) as journal:
        asked = itertools.count()

        def stop() -> bool:
            if next(asked) == 5:  # somebody forgets what was imported a moment ago
                journal.forget([item.id for item in itertools.islice(journal.read(kinds=["listen"]), 5)])
                journal.append([Event("erasure", "erasure", Layer.TEXT, 1, Origin.SELF, Trust.OWN, {}, "station")])
            return False

        Importer(journal, ticking(), Reading(), lambda progress: None, stop).import_paths([path])
        assert cursors(journal)
        second = import_file(journal, path)
    assert not resumed(second)
    assert second.new == 5


def test_no_cursor_passes_a_record_that_may_be_taken_another_day(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    future = {"artist": "A", "track": "T", "album": "", "day": "", "uts": NOW_MS // 1000 + 10 * 86_400}
    path.write_bytes(plays(100, frozenset()) + orjson.dumps(future) + b"\n" + plays(bad=frozenset()))
    with journal_in(tmp_path) as journal:
        first = import_file(journal, path)
        assert cursors(journal) == []
        later = importer(journal, now_ms=NOW_MS + 20 * 86_400_000).import_paths([path])
    assert first.rejected == 1
    assert (later.new, later.rejected) == (1, 0)


def test_another_source_code_or_another_zone_reads_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plays"
    path.write_bytes(plays())
    with journal_in(tmp_path) as journal:
        import_file(journal, path)
        named = Importer(journal, ticking(), Reading(self_names=frozenset({"ada"})), lambda p: None, lambda: False)
        assert not resumed(named.import_paths([path]))
        from hearthside.intake import cursors as module

        monkeypatch.setattr(module, "_code_of", lambda name: b"an update")
        assert not resumed(import_file(journal, path))


def test_a_small_file_leaves_no_cursor(tmp_path: Path) -> None:
    path = tmp_path / "plays"
    path.write_bytes(plays(300, frozenset()))
    with journal_in(tmp_path) as journal:
        import_file(journal, path)
        assert cursors(journal) == []


def _killed_at(folder: Path, path: Path, records: int) -> bool:
    """Import in a program of its own and kill it as soon as it says that it has so many records; False: it ended."""
    command = [sys.executable, "-m", "tests.intake.resuming_child", str(folder), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("done"):
                return False
            if int(line) >= records:
                child.kill()
                child.wait()
                return True
        raise AssertionError("the child ended without a word")


def _kill_and_resume(folder: Path, path: Path, total: int, rejected: int, seed: int, kills: int) -> None:
    generator = random.Random(seed)
    for _ in range(kills):
        if not _killed_at(folder, path, generator.randrange(1, total)):
            break
    with journal_in(folder) as journal:
        before = lives(journal).total()
        report = import_file(journal, path)
        found = lives(journal)
        assert found.total() == len(found) == total - rejected
        assert len(list(journal.read(kinds=["rejected"]))) == rejected
        assert journal.verify().bad_seq == []
    assert (report.read, report.rejected, report.new) == (total, rejected, total - rejected - before)
    assert report.duplicate == before


@pytest.mark.parametrize("kind", ["lines", "document"])
def test_killed_at_any_moment_nothing_is_lost_or_kept_twice(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "export.gz"
    path.write_bytes(gzip.compress(plays() if kind == "lines" else points(), compresslevel=1))
    _kill_and_resume(tmp_path, path, ROWS, len(BAD) if kind == "lines" else 0, seed=5, kills=2)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_killed_many_times(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(plays() if seed % 2 else points())
    _kill_and_resume(tmp_path, path, ROWS, len(BAD) if seed % 2 else 0, seed, kills=6)
