"""One real life on one clock: import, life stream, and four checks that the time axis is right.

Run: ``.venv/bin/python benchmarks/life.py --data DIR [--smoke]``. DIR is a folder of exports (Oura, Last.fm, Google Fit
...); it may hold fewer files. The last line is one JSON object.

Songs inside sleep, MET during walks and local days are read from the built life stream. The UTC offset of a night is
inferred at its end (Oura stamps a whole night with the offset at which the person woke) from everything else that the
journal holds: other nights, and other sources, of which Oura's activity days carry the offset at 04:00.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks import local_day_checker
from hearthside.alignment.block import DayBlock
from hearthside.alignment.offsets import offset_track
from hearthside.alignment.stream import LifeStream
from hearthside.alignment.zones import ZoneRun, zone_runs
from hearthside.app.rooms import Rooms, home_zone, open_rooms, system_clock
from hearthside.config import Settings
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Precision
from hearthside.intake import Importer
from hearthside.journal import Journal

HOUR_SHIFTS = (-3, -2, -1, 0, 1, 2, 3)
MINUTE_SHIFTS = tuple(range(-10, 11))
SMOKE_FILES = 4
NIGHTS = "oura_sleep"
OURA = (NIGHTS, "oura_activity", "oura_readiness", "oura_weight")


def open_vault_in(folder: Path) -> Rooms:
    """A new vault in an empty folder."""
    return open_rooms(Settings(vault=folder / "vault", key_file=folder / "key"), system_clock)


def import_folder(rooms: Rooms, paths: Sequence[Path]) -> dict[str, float | int]:
    """Import, then build the life stream; seconds of each."""
    began = time.perf_counter()
    report = Importer(rooms.journal, rooms.clock, rooms.reading(), lambda _: None, lambda: False).import_paths(paths)
    imported = time.perf_counter()
    rooms.stream.update()
    built = time.perf_counter()
    for file in report.files:
        print(f"{file.path.name:44} {file.title or 'not recognised':24} {file.read:7,} read {file.new:7,} new"
              f" {file.duplicate:6,} known {file.rejected:6,} refused")  # fmt: skip
    return {
        "imported": report.new,
        "rejected": report.rejected,
        "import_s": round(imported - began, 2),
        "stream_s": round(built - imported, 2),
    }


def sleep_intervals(stream: LifeStream) -> npt.NDArray[np.int64]:
    """(n, 2) start and end in ms of the nights of the source that knows most of them, in order."""
    found = stream.occurrences(kinds=["sleep"])
    counts: dict[str, int] = {}
    for o in found:
        counts[o.source] = counts.get(o.source, 0) + 1
    if not counts:
        return np.zeros((0, 2), dtype=np.int64)
    best = max(counts, key=lambda source: counts[source])
    pairs = sorted({(o.start_ms, o.end_ms or o.start_ms) for o in found if o.source == best})
    return np.array(pairs, dtype=np.int64)


def songs_in_sleep(stream: LifeStream) -> dict[int, float] | None:
    """Share of songs that fall inside sleep, by shift of the songs in hours; None without songs or nights."""
    sleep = sleep_intervals(stream)
    songs = np.array([o.start_ms for o in stream.occurrences(kinds=["listen"])], dtype=np.int64)
    if not len(sleep) or not len(songs):
        return None
    songs = songs[(songs > sleep[0, 0]) & (songs < sleep[-1, 0 + 1])]
    if not len(songs):
        return None
    shares = {}
    for hours in HOUR_SHIFTS:
        moved = songs + hours * HOUR_MS
        night = np.searchsorted(sleep[:, 0], moved, side="right") - 1
        inside = (night >= 0) & (moved < sleep[np.maximum(night, 0), 1])
        shares[hours] = float(inside.mean())
    return shares


def met_during_walks(stream: LifeStream) -> dict[int, float] | None:
    """Mean MET during walks, by shift in minutes; None without walks or MET."""
    blocks = {block.day: values for block in stream.blocks() if (values := _met(block)) is not None}
    walks = {
        (o.start_ms // MINUTE_MS, (o.end_ms or o.start_ms) // MINUTE_MS)
        for o in stream.occurrences(kinds=["workout"], words=["walk"])
    }
    minutes = np.array([m for a, b in sorted(walks) for m in range(a, b)], dtype=np.int64)
    if not len(minutes) or not blocks:
        return None
    means = {}
    for shift in MINUTE_SHIFTS:
        values = np.array([_at(blocks, int(m) + shift) for m in minutes])
        if np.isnan(values).all():
            return None
        means[shift] = float(np.nanmean(values))
    return means


def _met(block: DayBlock) -> npt.NDArray[np.float64] | None:
    columns = [column.values for column in block.samples if column.measure == "met"]
    return columns[0] if columns else None


def _at(blocks: dict[int, npt.NDArray[np.float64]], minute: int) -> float:
    day, rest = divmod(minute, DAY_MS // MINUTE_MS)
    return float(blocks[day][rest]) if day in blocks else float("nan")


class Carried(NamedTuple):
    """What the journal says of the person's UTC offset.

    Attributes:
        observed: (n, 2) int64, rows (time in ms, offset in minutes), from records that know a time.
        by_night: (n,) which of `observed` come from Oura's nights.
        nights: (k, 3) int64, start and end in ms and offset in minutes of Oura's nights, in order.
        zones: where positions lie.
    """

    observed: npt.NDArray[np.int64]
    by_night: npt.NDArray[np.bool_]
    nights: npt.NDArray[np.int64]
    zones: list[ZoneRun]


def carried_offsets(journal: Journal) -> Carried:
    """Every offset in the journal, and every position."""
    rows, nights, places = set[tuple[int, int, bool]](), set[tuple[int, int, int]](), set[tuple[int, float, float]]()
    for item in journal.read():
        record = item.record
        if isinstance(record, Event) and record.kind == "position":
            places.add((record.start_ms, float(record.payload["lat"]), float(record.payload["lon"])))
        if record.offset_min is None or (isinstance(record, Event) and record.precision is Precision.DAY):
            continue
        rows.add((record.start_ms, record.offset_min, record.source == NIGHTS))
        if isinstance(record, Event) and (record.source, record.kind) == (NIGHTS, "sleep"):
            nights.add((record.start_ms, record.end_ms or record.start_ms, record.offset_min))
    table = np.array(sorted(rows), dtype=np.int64).reshape(-1, 3)
    where = np.array(sorted(places), dtype=np.float64).reshape(-1, 3)
    return Carried(
        table[:, :2], table[:, 2] == 1, np.array(sorted(nights), dtype=np.int64).reshape(-1, 3),
        zone_runs(where[:, 0].astype(np.int64), where[:, 1], where[:, 2]),
    )  # fmt: skip


def misses(carried: Carried, home: tzinfo, nights_only: bool) -> list[str]:
    """The nights whose offset at their end the track gives wrongly when all records of that night are left out."""
    rows = carried.observed[carried.by_night] if nights_only else carried.observed
    of_night = np.ones(len(rows), np.bool_) if nights_only else carried.by_night
    found = []
    for start, end, offset in carried.nights.tolist():
        others = rows[~(of_night & (rows[:, 0] == start))]
        track = offset_track(others, [] if nights_only else carried.zones, home)
        woke = np.array([end], np.int64)
        inferred, doubt = int(track.at(woke)[0]), int(track.doubt_ms(woke)[0]) // MINUTE_MS
        if inferred != offset:
            local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=end, minutes=offset)).replace(
                tzinfo=None
            )
            found.append(f"{local:%Y-%m-%d %H:%M} {offset:+5} min, inferred {inferred:+5} within {doubt}")
    return found


def offset_agreement(journal: Journal, home: tzinfo) -> float | None:
    """Share of Oura's nights whose UTC offset follows from everything else; None without nights."""
    carried = carried_offsets(journal)
    if not len(carried.nights):
        return None
    offsets, nights = carried.nights[:, 2], len(carried.nights)
    forward = float((offsets[1:] == offsets[:-1]).mean()) if nights > 1 else 1.0
    alone, wrong = misses(carried, home, nights_only=True), misses(carried, home, nights_only=False)
    print(f"UTC offset of a night: last night's carried forward {forward:.2%}, from other nights")
    print(f"{1 - len(alone) / nights:.2%}, from other nights and other sources {1 - len(wrong) / nights:.2%}; missed:")
    print(*wrong, sep="\n")
    return 1 - len(wrong) / nights


def local_day_errors(stream: LifeStream, paths: Sequence[Path]) -> int | None:
    """Rows of the life stream on another local day than the raw Oura files say; None without such files."""
    wanted = local_day_checker.expected(paths)
    if not wanted:
        return None
    found = Counter(
        local_day_checker.Placed(o.kind, None if o.precision is Precision.DAY else o.start_ms, o.local_day)
        for o in stream.occurrences(sources=OURA)
    )
    return local_day_checker.errors(wanted, found)


def measure(data: Path | None, smoke: bool) -> dict[str, float | int | None]:
    """All figures; null where the data for one is absent."""
    result: dict[str, float | int | None] = dict.fromkeys(
        (
            "songs_in_sleep", "songs_best_shift_h", "met_best_shift_min", "offset_agreement", "local_day_errors",
            "imported", "rejected", "import_s", "stream_s",
        )
    )  # fmt: skip
    if data is None or not data.exists():
        print("no data folder, nothing to measure")
        return result
    files = sorted(path for path in data.rglob("*") if path.is_file())
    if smoke:
        files = sorted(files, key=lambda path: (path.stat().st_size, path.name))[:SMOKE_FILES]
    scratch = Path(tempfile.mkdtemp(prefix="hearthside-life-"))
    rooms = open_vault_in(scratch)
    try:
        result |= import_folder(rooms, files)
        shares, means = songs_in_sleep(rooms.stream), met_during_walks(rooms.stream)
        if shares is not None:
            print("songs inside sleep by shift:", "  ".join(f"{h:+d} h {share:.2%}" for h, share in shares.items()))
            result["songs_in_sleep"] = round(shares[0], 5)
            result["songs_best_shift_h"] = min(shares, key=lambda hours: shares[hours])
        if means is not None:
            print("mean MET in walks by shift:", "  ".join(f"{m:+d} min {mean:.2f}" for m, mean in means.items()))
            result["met_best_shift_min"] = max(means, key=lambda minutes: means[minutes])
        agreement = offset_agreement(rooms.journal, home_zone(rooms.journal))
        result["offset_agreement"] = None if agreement is None else round(agreement, 5)
        result["local_day_errors"] = local_day_errors(rooms.stream, files)
    finally:
        rooms.close()
        shutil.rmtree(scratch, ignore_errors=True)
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--smoke", action="store_true", help="only the few smallest files")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.data, arguments.smoke)))


if __name__ == "__main__":
    main()
