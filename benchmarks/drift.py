"""Tastes that change: next month's top artists and top category of computer use, foretold from the past alone.

Run: ``.venv/bin/python benchmarks/drift.py --data DIR [--smoke]``. DIR is a folder of exports with plays (Last.fm) or
days of computer use (RescueTime); more files do no harm. The last line is one JSON object.

The files go through sources, intake, journal, life stream and the memory room. For each calendar month (the person's
local days) after the first `WARM_UP` months in which anything was counted, three rankings are made at its beginning
from what lies before it: ours (`memory.preferences.forecast`), all-time counts, and the counts of the last month in
which anything was counted. What then happened is counted from the journal's own payloads, not by the memory room.

`hit_*`: for artists the mean over months of |foretold 10 ∩ actual top 10| / 10. Where artists tie for the last of the
ten places, each of them counts for the share of them that has a place. `category_hit_*`: share of months whose top
category (RescueTime's overview) was foretold. `*_over_*`: mean difference by month, with the 90 % interval of a
bootstrap over months.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.life import import_folder, open_vault_in
from hearthside.app.rooms import Rooms
from hearthside.events import Event, day_number
from hearthside.memory.knowing import Knowing
from hearthside.memory.preferences.forecast import Forecast, forecasts, top
from hearthside.memory.preferences.tally import Tally, month_name, month_of, month_start

FILES = ("last-fm*", "rescuetime*")
WARM_UP = 6
RESAMPLES = 10_000
METHODS = ("ours", "alltime", "lastmonth")
Months = dict[int, Counter[str]]


@dataclass(frozen=True, slots=True)
class Task:
    """Something to foretell: the kind of preference, how many places, and what happened by month."""

    name: str
    kind: str
    places: int
    actual: Months


def actual_by_month(rooms: Rooms, kind: str, counted: Callable[[Event], list[tuple[str, float]]]) -> Months:
    """Counts by calendar month of the person's local days, read from the journal's payloads."""
    placed = {o.id: o.local_day for o in rooms.stream.occurrences(kinds=[kind])}
    found: Months = defaultdict(Counter)
    for item in rooms.journal.read(kinds=[kind]):
        if item.id in placed and isinstance(item.record, Event):
            for name, weight in counted(item.record):
                month = int(month_of(np.array([day_number(placed[item.id])], dtype=np.int64))[0])
                found[month][" ".join(name.split())] += weight  # type: ignore[assignment]
    return dict(found)


def played(event: Event) -> list[tuple[str, float]]:
    """The artist of a play."""
    return [(str(event.payload["artist"]), 1.0)]


def worked(event: Event) -> list[tuple[str, float]]:
    """Seconds by category of a day, at the level of the overview."""
    return [(str(n), float(s)) for n, s in event.payload["items"]] if event.payload["kind"] == "top-overview" else []


def hits(foretold: Sequence[str], actual: Mapping[str, float], places: int) -> float:
    """Share of the places foretold; those who tie for the last place share it."""
    ranked = sorted(actual.values(), reverse=True)
    edge = ranked[min(places, len(ranked)) - 1]
    above = sum(value > edge for value in ranked)
    tied = sum(value == edge for value in ranked)
    share = min(1.0, (places - above) / tied)
    got = sum(1.0 if actual.get(name, 0) > edge else share if actual.get(name, 0) == edge else 0.0 for name in foretold)
    return got / places


def rankings(tally: Tally, month: int, months: Sequence[int], places: int, ours: Forecast) -> dict[str, list[str]]:
    """What each method foretells at the beginning of a month; `ours` is our forecast at its beginning."""
    day = month_start(month)
    past = tally.before(day)
    last = max(m for m in months if m < month)
    lately = month_of(past.day) == last
    names = len(tally.names)
    scores: dict[str, npt.NDArray[Any]] = {
        "ours": ours.share,
        "alltime": np.bincount(past.item, past.weight, names),
        "lastmonth": np.bincount(past.item[lately], past.weight[lately], names),
    }
    return {method: [tally.names[i] for i in top(score, tally, day, places)] for method, score in scores.items()}


def walk(task: Task, tally: Tally) -> dict[str, npt.NDArray[np.float64]]:
    """Hits of each method, (months,), month by month."""
    months = sorted(task.actual)
    found: dict[str, list[float]] = {method: [] for method in METHODS}
    ours = forecasts(tally, [month_start(month) for month in months[WARM_UP:]])
    for month, our in zip(months[WARM_UP:], ours, strict=True):
        foretold = rankings(tally, month, months, task.places, our)
        for method in METHODS:
            found[method].append(hits(foretold[method], task.actual[month], task.places))
    return {method: np.array(values) for method, values in found.items()}


def interval(difference: npt.NDArray[np.float64]) -> list[float]:
    """Mean and the 5th and 95th percentile of the mean over bootstrap samples of months."""
    drawn = np.random.default_rng(0).integers(0, len(difference), (RESAMPLES, len(difference)))
    means = difference[drawn].mean(axis=1)
    return [round(float(x), 4) for x in (difference.mean(), *np.quantile(means, (0.05, 0.95)))]


def report(task: Task, tally: Tally, smoke: bool) -> dict[str, object]:
    """Print the table of one task; its figures under the names of the last line."""
    months = sorted(task.actual)
    if smoke:
        kept = months[: WARM_UP + 12]
        task = Task(task.name, task.kind, task.places, {m: task.actual[m] for m in kept})
    if len(task.actual) <= WARM_UP + 1:
        return {}
    found = walk(task, tally)
    [learned] = forecasts(tally, [month_start(sorted(task.actual)[-1])])
    prefix = "" if task.name == "artist" else f"{task.name}_"
    figures: dict[str, object] = {f"{prefix}hit_{m}": round(float(found[m].mean()), 4) for m in METHODS}
    print(f"\n{task.name}: top {task.places}, {len(found['ours'])} months from"
          f" {month_name(sorted(task.actual)[WARM_UP])} to {month_name(sorted(task.actual)[-1])}")  # fmt: skip
    print(f"  half-life learned {learned.half_life_days:g} days, weights of week/month/half year/always"
          f" {np.round(learned.scale_weights, 2).tolist()}, change {learned.change_weights.sum():.2f}")  # fmt: skip
    print(f"  {'':12}{'hit':>8}{'ours minus':>14}{'90 % interval':>22}")
    print(f"  {'ours':12}{found['ours'].mean():8.4f}")
    late = len(found["ours"]) * 7 // 10
    for method in METHODS[1:]:
        mean, low, high = interval(found["ours"] - found[method])
        figures[f"{prefix}over_{method}"] = [mean, low, high]
        figures[f"{prefix}over_{method}_last_30_percent"] = interval(found["ours"][late:] - found[method][late:])
        print(f"  {method:12}{found[method].mean():8.4f}{mean:14.4f}{f'{low:.4f} .. {high:.4f}':>22}")
    figures[f"{prefix}months"] = len(found["ours"])
    figures[f"{prefix}half_life_days"] = learned.half_life_days
    figures[f"{prefix}change_weights"] = np.round(learned.change_weights, 3).tolist()
    figures[f"{prefix}scale_weights"] = np.round(learned.scale_weights, 3).tolist()
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 when nothing could be foretold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--smoke", action="store_true", help="the first months only")
    options = parser.parse_args(arguments)
    paths = sorted(path for pattern in FILES for path in options.data.glob(pattern))
    with tempfile.TemporaryDirectory(prefix="drift-") as name:
        rooms = open_vault_in(Path(name))
        imported = import_folder(rooms, paths)
        knowing = Knowing(rooms.vault.folder, rooms.vault.key("knowing"), rooms.stream, rooms.journal, rooms.clock)
        began = time.perf_counter()
        tallies = knowing.tallies()
        gleaned = time.perf_counter()
        tasks = [
            Task("artist", "artist", 10, actual_by_month(rooms, "listen", played)),
            Task("category", "category", 1, actual_by_month(rooms, "app_time_day", worked)),
        ]
        figures: dict[str, object] = {}
        for task in tasks:
            if task.kind in tallies:
                figures |= report(task, tallies[task.kind], options.smoke)
        figures["gleaned_s"] = round(gleaned - began, 2)
        figures["forecasts_s"] = round(time.perf_counter() - gleaned, 2)
        rooms.close()
    print()
    print(json.dumps({"benchmark": "drift", "smoke": options.smoke, **imported, **figures}))
    return 0 if "hit_ours" in figures or "category_hit_ours" in figures else 1


if __name__ == "__main__":
    raise SystemExit(main())
