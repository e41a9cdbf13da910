"""Stays, visits and places: speed, agreement with an invented life and with real ones, and stability.

Run: ``.venv/bin/python benchmarks/places.py [--data DIR] [--smoke]``. DIR holds ``geolife_sample`` and
``studentlife_gps_stress``; what needs a folder that is absent is null. The last line is one JSON object:

* ``day_ms``: median time to find the stays of a day with a fix every minute; ``fixes_per_s`` follows from it.
* ``visits_ms``, ``places_ms``, ``movement_ms``: a life of 30,000 stays at 400 places, put together as a whole.
* ``right_place``: of the minutes that an invented person spends in a place for 20 minutes or longer, the share inside a
  visit to the found place that most of that place's minutes fall into; ``way_in_visit``: of its minutes under way, the
  share inside a visit; ``places_found_ratio``: places found for each place that was there.
* ``order_same``: of 20 random arrival orders and batch splits, the share that gives the same places and visits, byte
  for byte; ``ids_kept``: of the places known halfway through, the share that has the same id at the end.
* ``labelled_way_in_stay``: of the time that GeoLife's person labelled as a trip and that has fixes, the share inside a
  stay (``labelled_way_min``: that time in minutes).
* ``next_place_1``, ``next_place_5``: StudentLife, the next place guessed as in ``shared/data/README.md`` (the most
  visited so far); not a figure to raise: a sanity check of how fine places are. There cells of 220 m give 0.474, 0.835.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import NO_END, NO_OFFSET, EventColumns
from hearthside.alignment.episodes import Episode, Window, stay
from hearthside.alignment.geodesy import DEGREE_M
from hearthside.alignment.movement import movements
from hearthside.alignment.places import Place, find_places
from hearthside.alignment.visits import Visit, visits_of
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Layer
from hearthside.sources import geolife, studentlife_gps
from hearthside.sources.reading import Opened

FIRST_DAY = 18_000
ORDERS = 20
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Figures = dict[str, float | int | None]


# -- columns -----------------------------------------------------------------------------------------------------------


def position_columns(t: Ints, lat: Floats, lon: Floats, accuracy_m: Floats, number: Ints) -> EventColumns:
    """Columns of positions; `number` makes the ids. In order of (start, id)."""
    order = np.lexsort((number, t))
    t, lat, lon, accuracy_m, n = t[order], lat[order], lon[order], accuracy_m[order], len(t)
    ids = np.zeros((n, 2), dtype=">i8")
    ids[:, 1] = number[order]
    codes = np.zeros(n, np.uint8)
    return EventColumns(
        Layer.ENVIRONMENTAL, "phone", "position", ids.view("V16").reshape(n), t, np.full(n, NO_END), t,
        np.zeros(n, np.int64), np.full(n, NO_OFFSET, np.int16), codes, codes, codes, np.full(n, np.nan), [""] * n,
        [""] * n, {"lat": lat, "lon": lon, "accuracy_m": accuracy_m},
    )  # fmt: skip


def days_of(t: Ints, lat: Floats, lon: Floats, accuracy_m: Floats) -> dict[int, EventColumns]:
    """Columns by UTC day; fixes are numbered in the order given."""
    number = np.arange(len(t), dtype=np.int64)
    order = np.argsort(t, kind="stable")
    day, first = np.unique(t[order] // DAY_MS, return_index=True)
    parts = np.split(order, first[1:])
    return {
        int(d): position_columns(t[part], lat[part], lon[part], accuracy_m[part], number[part])
        for d, part in zip(day, parts, strict=True)
    }


def stays_on(day: int, columns: EventColumns) -> list[Episode]:
    """The stays of one day."""
    offsets = np.zeros(1440, np.int16)
    return stay.find(Window(day, day * DAY_MS, (day + 1) * DAY_MS, {"position": [columns]}, {}, offsets))


# -- an invented life --------------------------------------------------------------------------------------------------


def invented(days: int, seed: int) -> tuple[Ints, Floats, Floats, Ints, Floats]:
    """A fix a minute of a person with a home, a work and 40 other places, some on the way from one to the next.

    Returns:
        (n,) each: time, latitude, longitude, the number of the place or -1 under way, accuracy in metres. 3 % of the
        fixes are missing, single ones and an hour at a time; 1 % lie 300 m off and say so in half of the cases.
    """
    rng = np.random.default_rng(seed)
    spots = rng.uniform(-9_000, 9_000, (42, 2))
    plan: list[tuple[int, int]] = []  # (place, minutes there)
    for day in range(days):
        weekday = day % 7 < 5
        plan += [(1, 480), (2 + int(rng.zipf(1.4)) % 40, int(rng.integers(25, 120)))] if weekday else []
        plan += [(2 + int(rng.integers(40)), int(rng.integers(25, 180))) for _ in range(int(rng.integers(0, 3)))]
        plan.append((0, 1 << 20))  # until the next morning
    at, where = np.full((days * 1440, 2), np.nan), np.full(days * 1440, -1)
    minute, day, here = 0, 0, spots[0]
    for place, length in plan:
        way = max(1, round(float(np.hypot(*(spots[place] - here))) / 400))  # 24 km/h
        steps = np.linspace(0, 1, way, endpoint=False)[:, None]
        _put(at, where, minute, here + steps * (spots[place] - here), -1)
        minute, here = minute + way, spots[place]
        if length == 1 << 20:
            day += 1
            length = max(60, day * 1440 + 8 * 60 + int(rng.integers(-30, 30)) - minute)
        _put(at, where, minute, np.broadcast_to(here, (length, 2)), place)
        minute += length
    n = min(minute, days * 1440)
    noise = rng.normal(0, 12, (n, 2))
    wrong = rng.random(n) < 0.01
    noise[wrong] += 300
    accuracy = np.where(wrong & (rng.random(n) < 0.5), 400.0, rng.uniform(5, 40, n))
    t = FIRST_DAY * DAY_MS + np.arange(n) * MINUTE_MS + rng.integers(0, 20_000, n)
    lat = 52.0 + (at[:n, 1] + noise[:, 1]) / DEGREE_M
    lon = 4.3 + (at[:n, 0] + noise[:, 0]) / (DEGREE_M * np.cos(np.radians(52.0)))
    kept = (rng.random(n) > 0.01) & np.repeat(rng.random(n // 60 + 1) > 0.02, 60)[:n]
    return t[kept], lat[kept], lon[kept], where[:n][kept], accuracy[kept]


def _put(at: Floats, where: Ints, minute: int, spots: Floats, place: int) -> None:
    room = max(0, min(len(spots), len(at) - minute))
    at[minute : minute + room], where[minute : minute + room] = spots[:room], place


def agreement(t: Ints, where: Ints, visits: Sequence[Visit]) -> Figures:
    """How the visits found agree with where the person was."""
    starts, ends = (np.array([getattr(v, name) for v in visits]) for name in ("start_ms", "end_ms"))
    k = np.searchsorted(starts, t, "right") - 1
    inside = (k >= 0) & (t <= ends[k])
    ids = np.array([v.place_id for v in visits])[k]
    long = _long_enough(t, where)
    right = 0
    for place in np.unique(where[long]):
        found = Counter(ids[long & inside & (where == place)].tolist())
        right += max(found.values(), default=0)
    there = len(np.unique(where[long]))
    return {
        "right_place": round(right / int(long.sum()), 4),
        "way_in_visit": round(float(inside[where < 0].mean()), 4),
        "places_found_ratio": round(len({v.place_id for v in visits}) / there, 3),
    }


def _long_enough(t: Ints, where: Ints) -> npt.NDArray[np.bool_]:
    """Fixes in a place where the person is for `STAY_MS`, without a silence."""
    cut = np.flatnonzero((np.diff(where) != 0) | (np.diff(t) > stay.SILENCE_MS)) + 1
    runs = np.split(np.arange(len(t)), cut)
    found = np.zeros(len(t), dtype=np.bool_)
    for run in runs:
        found[run] = where[run[0]] >= 0 and t[run[-1]] - t[run[0]] >= stay.STAY_MS
    return found


# -- stability ---------------------------------------------------------------------------------------------------------


def order_same(t: Ints, lat: Floats, lon: Floats, accuracy_m: Floats) -> float:
    """The share of random arrival orders, in batches, after which places and visits are the same."""
    number = np.arange(len(t), dtype=np.int64)
    expected = repr(find_places(visits_of(_found(days_of(t, lat, lon, accuracy_m)))))
    same = 0
    for seed in range(ORDERS):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(t))
        found: dict[int, list[Episode]] = {}
        arrived = np.zeros(len(t), dtype=np.bool_)
        for batch in np.array_split(order, int(rng.integers(1, 5))):
            arrived[batch] = True
            for day in np.unique(t[batch] // DAY_MS).tolist():
                part = rng.permutation(np.flatnonzero(arrived & (t // DAY_MS == day)))
                columns = position_columns(t[part], lat[part], lon[part], accuracy_m[part], number[part])
                found[day] = stays_on(day, columns)
        stays = [one for day in rng.permutation(sorted(found)).tolist() for one in found[day]]
        same += repr(find_places(visits_of(stays))) == expected
    return same / ORDERS


def ids_kept(stays: Sequence[Episode], places: Sequence[Place]) -> float:
    """The share of the places known halfway through whose id is there at the end."""
    half = (stays[0].start_ms + stays[-1].start_ms) // 2
    early, _ = find_places(visits_of(s for s in stays if s.start_ms < half))
    last = {place.id for place in places}
    return round(sum(place.id in last for place in early) / len(early), 4)


def _found(days: dict[int, EventColumns]) -> list[Episode]:
    return [one for day in sorted(days) for one in stays_on(day, days[day])]


# -- a long life -------------------------------------------------------------------------------------------------------


def many_stays(count: int, places: int, seed: int) -> list[Episode]:
    """Stays as the finder gives them, eight a day, at places that are visited as often as words are used."""
    rng = random.Random(seed)
    spots = [(52 + rng.uniform(-0.2, 0.2), 4.3 + rng.uniform(-0.3, 0.3)) for _ in range(places)]
    weights = [1 / (k + 1) for k in range(places)]
    found = []
    for k, (lat, lon) in enumerate(rng.choices(spots, weights, k=count)):
        start_ms = FIRST_DAY * DAY_MS + k * 3 * HOUR_MS
        facts = {
            "lat": round(lat + rng.gauss(0, 2e-4), 6), "lon": round(lon + rng.gauss(0, 2e-4), 6), "radius_m": 20.0,
            "fixes": 100, "observed_ms": 2 * HOUR_MS, "part": False, "open_start": False, "open_end": False,
            "silent_before_ms": MINUTE_MS, "silent_after_ms": MINUTE_MS,
        }  # fmt: skip
        ids = (k.to_bytes(16, "big"), (k + count).to_bytes(16, "big"))
        found.append(Episode("stay", start_ms, start_ms + 2 * HOUR_MS, "stayed in one place", ids, 1.0, facts))
    return found


def _best_ms(work: Callable[[], object], times: int = 3) -> float:
    """Shortest of a few runs, ms."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    return min(taken)


def long_life(count: int) -> Figures:
    """How long a whole life takes to put together."""
    stays = many_stays(count, 400, 7)
    visits = visits_of(stays)
    places, named = find_places(visits)
    return {
        "visits_ms": round(_best_ms(lambda: visits_of(stays)), 1),
        "places_ms": round(_best_ms(lambda: find_places(visits)), 1),
        "movement_ms": round(_best_ms(lambda: movements(named, places)), 1),
    }


# -- real lives --------------------------------------------------------------------------------------------------------


def _read(source: ModuleType, paths: Iterable[Path]) -> list[Event]:
    found = [item for path in sorted(paths) for item in source.read(Opened(path, source.NAME))]
    return [item for item in found if isinstance(item, Event)]


def _columns_of(events: Sequence[Event]) -> dict[int, EventColumns]:
    unique = {(e.start_ms, e.payload["lat"], e.payload["lon"]): e for e in events if e.kind == "position"}
    rows = np.array([[*key, e.payload.get("accuracy_m", np.nan)] for key, e in sorted(unique.items())])
    return days_of(rows[:, 0].astype(np.int64), rows[:, 1], rows[:, 2], rows[:, 3])


def labelled(folder: Path) -> Figures:
    """Stays during trips that a person labelled."""
    way_ms = inside_ms = 0
    for labels in folder.glob("geolife_modes/*/labels.txt"):
        days = _columns_of(_read(geolife, labels.parent.rglob("*.plt.gz")))
        fixes = np.concatenate([columns.start_ms for columns in days.values()])
        stays = _found(days)
        for trip in _read(geolife, [labels]):
            within = np.sort(fixes[(fixes >= trip.start_ms) & (fixes <= (trip.end_ms or 0))])
            if len(within) > 1:
                first, last = int(within[0]), int(within[-1])
                way_ms += last - first
                inside_ms += sum(max(0, min(s.end_ms, last) - max(s.start_ms, first)) for s in stays)
    minutes = round(way_ms / MINUTE_MS, 1)
    return {"labelled_way_min": minutes, "labelled_way_in_stay": round(inside_ms / way_ms, 4) if way_ms else None}


def next_places(folder: Path, most: int) -> Figures:
    """The most visited place so far, without the present one, as a guess at the next, for people with 50 visits."""
    asked = first = five = 0
    for path in sorted(folder.glob("gps/*.csv.gz"))[:most]:
        _, visits = find_places(visits_of(_found(_columns_of(_read(studentlife_gps, [path])))))
        ids = [v.place_id for k, v in enumerate(visits) if not k or v.place_id != visits[k - 1].place_id]
        if len(ids) < 50:
            continue
        counts: Counter[str] = Counter()
        for k, place in enumerate(ids):
            if k >= int(0.7 * len(ids)):
                guesses = [one for one, _ in counts.most_common(20) if one != ids[k - 1]]
                asked, first, five = asked + 1, first + (place in guesses[:1]), five + (place in guesses[:5])
            counts[place] += 1
    if not asked:
        return {"next_place_1": None, "next_place_5": None}
    return {"next_place_1": round(first / asked, 4), "next_place_5": round(five / asked, 4)}


# -- all of it ---------------------------------------------------------------------------------------------------------


def measure(data: Path | None, smoke: bool) -> Figures:
    """All figures."""
    t, lat, lon, where, accuracy = invented(14 if smoke else 365, seed=1)
    days = days_of(t, lat, lon, accuracy)
    taken = []
    stays: list[Episode] = []
    for day in sorted(days):
        began = time.perf_counter()
        stays += stays_on(day, days[day])
        taken.append(time.perf_counter() - began)
    places, visits = find_places(visits_of(stays))
    short = t < t[0] + (5 if smoke else 30) * DAY_MS
    figures: Figures = {
        "day_ms": round(1000 * statistics.median(taken), 3),
        "fixes_per_s": round(len(t) / sum(taken)),
        **long_life(1_000 if smoke else 30_000),
        **agreement(t, where, visits),
        "order_same": order_same(t[short], lat[short], lon[short], accuracy[short]),
        "ids_kept": ids_kept(stays, places),
        "labelled_way_min": None,
        "labelled_way_in_stay": None,
        "next_place_1": None,
        "next_place_5": None,
    }
    if data is not None and (data / "geolife_sample").is_dir():
        figures |= labelled(data / "geolife_sample")
    if data is not None and (data / "studentlife_gps_stress").is_dir():
        figures |= next_places(data / "studentlife_gps_stress", 2 if smoke else 99)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="the folder that holds the real data sets")
    parser.add_argument("--smoke", action="store_true", help="small and quick")
    arguments = parser.parse_args()
    figures = measure(arguments.data, arguments.smoke)
    for name, value in figures.items():
        print(f"{name:22} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
