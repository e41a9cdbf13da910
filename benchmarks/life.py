"""One real life on one clock: import, life stream, and two checks that the time axis is right.

Run: ``.venv/bin/python benchmarks/life.py --data DIR [--smoke]``. DIR is a folder of exports (Oura, Last.fm, Google Fit
...); it may hold fewer files. Everything is read from the built life stream. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hearthside.alignment.block import DayBlock
from hearthside.alignment.stream import LifeStream
from hearthside.app.rooms import Rooms, open_rooms, system_clock
from hearthside.config import Settings
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from hearthside.intake import Importer

HOUR_SHIFTS = (-3, -2, -1, 0, 1, 2, 3)
MINUTE_SHIFTS = tuple(range(-10, 11))
SMOKE_FILES = 4


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


def measure(data: Path | None, smoke: bool) -> dict[str, float | int | None]:
    """All figures; null where the data for one is absent."""
    result: dict[str, float | int | None] = dict.fromkeys(
        ("songs_in_sleep", "songs_best_shift_h", "met_best_shift_min", "imported", "rejected", "import_s", "stream_s")
    )
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
