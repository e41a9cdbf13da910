"""Clocks: how well exchanges, and content alone, set the clocks of simulated devices and of one real life.

Run: ``.venv/bin/python benchmarks/clocks.py [--data DIR] [--smoke]``. Simulated devices (`devices.py`) over a good and
a mobile network, exchanges every 15 minutes and every 2 hours, without and with steps of the clock. Every event goes
through the product's `Placement.correct`; beside it, on the same exchanges and events, "last offset" (the clock is set
whenever the device connects; it is told which exchange was the last, which no raw time says after a step) and one
straight line (least squares). With steps the device names its epochs, as clients of the station do; the same without
names is printed apart and is not in the last line.

The content half moves a year of songs by an unknown amount and asks for it back from the nights. Its windows overlap: a
life of three years has no fifty years that are independent.

The last line is one JSON object. Ratios are the worst over both networks, both rates, with and without steps;
`mobile_p95_ms` is the mobile network every 15 minutes without steps; `right_minute` the worst of all with steps.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.devices import NETWORKS, START_MS, Device, make_device, make_exchanges
from hearthside.alignment.clocks.content import estimate_by_exclusion
from hearthside.alignment.clocks.exchanges import Exchange
from hearthside.alignment.clocks.fitting import fit_clock
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event
from hearthside.sources import last_fm, oura_sleep
from hearthside.sources.reading import Opened

ROOT = Path(__file__).resolve().parents[1]
RATES_MS = (15 * MINUTE_MS, 2 * HOUR_MS)
FIRST_SEED, CONTENT_SEED = 1000, 365
WINDOWS, WINDOW_DAYS = 50, 365
REACH_MS = 12 * HOUR_MS
WITHIN_MS = HOUR_MS
COLUMNS = "{:36} {:>20} {:>22} {:>24} {:>8} {:>8} {:>7} {:>7}"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Size:
    """How much to simulate, and how many windows to try."""

    devices: int
    days: int
    events: int
    windows: int


FULL, SMOKE = Size(20, 30, 3_000, WINDOWS), Size(2, 4, 200, 3)


@dataclass(frozen=True, slots=True)
class Errors:
    """Of all events of one setting: corrected minus true time in ms by each way, and what the product says of itself.

    Attributes:
        product, last, line: (n,) by the product, by the last offset, by one line.
        doubt: (n,) what the product calls two standard deviations.
        held: (n,) in a range of the clock that stands for two times.
        minute: (n,) whether the product's time lies in the true minute.
        fit_s: seconds of processor time per fit.
    """

    product: Floats
    last: Floats
    line: Floats
    doubt: Floats
    held: Bools
    minute: Bools
    fit_s: Floats

    @property
    def ratios(self) -> tuple[float, float]:
        """The product's p95 over that of the last offset and that of one line."""
        return p95(self.product) / p95(self.last), p95(self.product) / p95(self.line)


def p95(errors: Floats) -> float:
    """The 95th percentile of the size of errors, ms."""
    return float(np.percentile(np.abs(errors), 95))


def simulate(size: Size, network: str, every_ms: int, steps: bool, named: bool) -> Errors:
    """One setting, all devices together."""
    parts = []
    for seed in range(FIRST_SEED, FIRST_SEED + size.devices):
        rng = np.random.default_rng(seed)
        device = make_device(rng, size.days, steps)
        exchanges = make_exchanges(rng, device, network, every_ms, named)
        events = np.sort(rng.uniform(HOUR_MS, device.grid_ms[-1] - HOUR_MS, size.events))
        parts.append(_errors(device, exchanges, events, named))
    return Errors(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _errors(
    device: Device, exchanges: Sequence[tuple[int, Exchange]], events: Floats, named: bool
) -> tuple[Floats, Floats, Floats, Floats, Bools, Bools, Floats]:
    """The columns of `Errors` for one device; `events` are true times in ms from the beginning."""
    true, raw = START_MS + events, np.rint(device.says(events)).astype(np.int64)
    epochs = device.epoch(events) if named else np.zeros(len(events), np.int64)
    placed, doubt, held = np.zeros_like(raw), np.zeros_like(raw), np.zeros(len(raw), np.bool_)
    seconds = []
    for epoch in np.unique(epochs):
        mine = epochs == epoch
        began = time.process_time()
        fit = fit_clock([exchange for k, exchange in exchanges if not named or k == epoch])
        seconds.append(time.process_time() - began)
        placed[mine], doubt[mine] = fit.placement.correct(raw[mine])
        for first, last in fit.ambiguous:
            held |= mine & (raw >= first) & (raw < last)
    every = [exchange for _, exchange in exchanges]
    by_last, by_line = raw + _last_offset(every, true) - true, raw + _line(every, raw) - true
    minute = placed // MINUTE_MS == true // MINUTE_MS
    return placed - true, by_last, by_line, doubt.astype(np.float64), held, minute, np.array(seconds)


def _last_offset(exchanges: Sequence[Exchange], true: Floats) -> Floats:
    """The offset of the last exchange before each true time."""
    shift = np.array([exchange.shift_ms for exchange in exchanges])
    at = np.array([exchange.t3_ms for exchange in exchanges])
    return np.asarray(shift[np.maximum(np.searchsorted(at, true, side="right") - 1, 0)])


def _line(exchanges: Sequence[Exchange], raw: Ints) -> Floats:
    """One straight line through all offsets, by least squares."""
    at = np.array([exchange.device_ms for exchange in exchanges]) - START_MS
    slope, begin = np.polyfit(at / DAY_MS, [exchange.shift_ms for exchange in exchanges], 1)
    return np.asarray(begin + slope * ((raw - START_MS) / DAY_MS))


def measure_exchanges(size: Size) -> dict[str, float]:
    """The simulated half: prints a line for each setting."""
    print(f"{size.devices} devices of {size.days} days, {size.events:,} events each; errors in ms, p50/p95/p99")
    titles = ("product", "last offset", "one line", "2 sigma", "minute", "held", "fit ms")
    print(COLUMNS.format("setting", *titles))
    found: dict[tuple[str, int, bool], Errors] = {}
    for network in NETWORKS:
        for every in RATES_MS:
            for steps in (False, True):
                found[network, every, steps] = errors = simulate(size, network, every, steps, named=True)
                _print(f"{network}, {every // MINUTE_MS} min{', steps, epochs named' * steps}", errors)
    for network in NETWORKS:
        for every in RATES_MS:
            _print(f"{network}, {every // MINUTE_MS} min, steps, no names", simulate(size, network, every, True, False))
    ratios = [errors.ratios for errors in found.values()]
    return {
        "mobile_p95_ms": round(p95(found["mobile", RATES_MS[0], False].product), 2),
        "p95_over_last_offset": round(max(last for last, _ in ratios), 4),
        "p95_over_line": round(max(line for _, line in ratios), 4),
        "right_minute": round(min(float(e.minute.mean()) for (*_, steps), e in found.items() if steps), 6),
    }


def _print(name: str, errors: Errors) -> None:
    """One setting; of the product what is not held back."""
    in_sight = ~errors.held
    ways = (errors.product[in_sight], errors.last, errors.line)
    percentiles = [np.percentile(np.abs(way), (50, 95, 99)) for way in ways]
    within = np.abs(errors.product) <= errors.doubt + 1
    print(
        COLUMNS.format(
            name,
            *("/".join(f"{value:,.1f}" if value < 100 else f"{value:,.0f}" for value in row) for row in percentiles),
            f"{within[in_sight].mean():.4f}",
            f"{errors.minute[in_sight].mean():.5f}",
            f"{errors.held.mean():.4f}",
            f"{errors.fit_s.mean() * 1000:.1f}",
        )
    )


# -- content -----------------------------------------------------------------------------------------------------------


def read_life(data: Path) -> tuple[Ints, Ints] | None:
    """(n,) songs and (m, 2) nights in UTC ms; None where a file is absent."""
    songs, nights = data / "last-fm-music.jsonl.gz", data / "oura-sleep.jsonl.gz"
    if not songs.exists() or not nights.exists():
        return None
    played = [e.start_ms for e in last_fm.read(Opened(songs, last_fm.NAME)) if isinstance(e, Event)]
    slept = {
        (e.start_ms, e.end_ms)
        for e in oura_sleep.read(Opened(nights, oura_sleep.NAME))
        if isinstance(e, Event) and e.end_ms is not None
    }
    return np.array(sorted(played), dtype=np.int64), np.array(sorted(slept), dtype=np.int64).reshape(-1, 2)


def try_windows(songs: Ints, nights: Ints, days: int, count: int) -> tuple[Floats, Bools, Floats]:
    """Of each window: error in minutes (NaN: nothing was found), whether it was confident, sigma in minutes."""
    rng = np.random.default_rng(CONTENT_SEED)
    first, last = max(songs[0], nights[0, 0]), min(songs[-1], nights[-1, 1]) - days * DAY_MS
    errors, confident, sigma = np.full(count, np.nan), np.zeros(count, np.bool_), np.full(count, np.nan)
    for k in range(count):
        begin, off = int(rng.uniform(first, last)), int(rng.uniform(-REACH_MS, REACH_MS))
        window = songs[(songs >= begin) & (songs < begin + days * DAY_MS)]
        estimate = estimate_by_exclusion(window - off, nights, REACH_MS)
        if estimate is not None:
            errors[k] = (estimate.shift_ms - off) / MINUTE_MS
            confident[k], sigma[k] = estimate.confident, estimate.sigma_ms / MINUTE_MS
    return errors, confident, sigma


def measure_content(data: Path, windows: int) -> dict[str, float | int | None]:
    """The real half; null where a file is absent."""
    life = read_life(data)
    if life is None:
        print("no life to measure content on")
        return {"content_recovered": None, "content_wrong": None}
    result: dict[str, float | int | None] = {}
    print(f"songs against nights, {windows} windows each: errors and sigma in minutes")
    for days in (90, 180, WINDOW_DAYS):
        errors, confident, sigma = try_windows(*life, days, windows)
        near = np.abs(errors) <= WITHIN_MS / MINUTE_MS
        wrong = int((confident & ~near).sum())
        print(
            f"{days:4} days: within an hour {near.mean():.2f}, confident {confident.mean():.2f}, confident and wrong"
            f" {wrong}; error p50 {np.nanmedian(np.abs(errors)):.0f}, largest {np.nanmax(np.abs(errors)):.0f},"
            f" sigma p50 {np.nanmedian(sigma):.0f}"
        )
        result = {"content_recovered": round(float((confident & near).mean()), 4), "content_wrong": wrong}
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "life_person_A")
    parser.add_argument("--smoke", action="store_true", help="few devices, few windows")
    arguments = parser.parse_args()
    size = SMOKE if arguments.smoke else FULL
    print(json.dumps(measure_exchanges(size) | measure_content(arguments.data, size.windows)))


if __name__ == "__main__":
    main()
