"""Simulated devices: clocks that drift, swing with the day and jump, and that talk to the station over a network.

The parameters are those of performance.md section 2; times here are ms from the beginning of the simulation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hearthside.alignment.clocks.exchanges import Exchange
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS

START_MS = 1_767_225_600_000  # 1 January 2026, UTC
NETWORKS = ("wifi", "mobile")
STEPS_PER_30_DAYS = 3.0
OFFLINE_SHARE = 0.35  # of the day, from midnight on
MISSED_THEN = 0.95

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Device:
    """One clock.

    Attributes:
        grid_ms: (n,) true times, one a minute.
        drift_ms: (n,) true minus device time at those, without the steps.
        steps_ms: (k,) true times of the steps, in order.
        sizes_ms: (k,) what each adds to true minus device time.
    """

    grid_ms: Floats
    drift_ms: Floats
    steps_ms: Floats
    sizes_ms: Floats

    def epoch(self, true_ms: Floats) -> npt.NDArray[np.int64]:
        """How many steps came before each time."""
        return np.searchsorted(self.steps_ms, true_ms, side="right")

    def shift_ms(self, true_ms: Floats) -> Floats:
        """True minus device time at true times."""
        stepped = np.concatenate([[0.0], np.cumsum(self.sizes_ms)])
        drift: Floats = np.interp(true_ms, self.grid_ms, self.drift_ms)
        steps: Floats = stepped[self.epoch(true_ms)]
        return drift + steps

    def says(self, true_ms: Floats) -> Floats:
        """What the device's clock says at true times, UTC ms."""
        return START_MS + true_ms - self.shift_ms(true_ms)


def make_device(rng: np.random.Generator, days: int, steps: bool) -> Device:
    """A clock off by up to 5 s and 30 ppm, whose skew wanders by 0.02 ppm/sqrt(h) and swings by 1.5 ppm with the day.

    Steps, 3 in 30 days: a third each of about 2 s, of about 2 min, and of an hour ahead or back.
    """
    grid = np.arange(days * DAY_MS // MINUTE_MS, dtype=np.float64) * MINUTE_MS
    wander = np.cumsum(rng.normal(0, 0.02 * np.sqrt(MINUTE_MS / HOUR_MS), len(grid)))
    swing = 1.5 * np.sin(2 * np.pi * (grid / DAY_MS + rng.uniform()))
    skew = (rng.uniform(-30, 30) + wander + swing) * 1e-6
    drift = rng.uniform(-5_000, 5_000) + np.concatenate([[0.0], np.cumsum(skew[:-1] * MINUTE_MS)])
    count = int(rng.poisson(STEPS_PER_30_DAYS * days / 30)) if steps else 0
    when = np.sort(rng.uniform(0, grid[-1], count))
    kinds = rng.integers(0, 3, count)
    sizes = np.choose(
        kinds, [rng.normal(0, 2_000, count), rng.normal(0, 120_000, count), HOUR_MS * rng.choice([-1, 1], count)]
    )
    return Device(grid, drift, when, sizes.astype(np.float64))


def make_exchanges(
    rng: np.random.Generator, device: Device, network: str, every_ms: int, named: bool
) -> list[tuple[int, Exchange]]:
    """(epoch, exchange) in order of time, offline for about 8 hours a day.

    Args:
        named: the client names its epochs, and so leaves out an exchange during which the clock was set.
    """
    sent = np.arange(0, device.grid_ms[-1], every_ms)
    sent = sent + rng.uniform(0, MINUTE_MS, len(sent))
    offline = ((sent / DAY_MS) % 1 < OFFLINE_SHARE) & (rng.random(len(sent)) < MISSED_THEN)
    sent = sent[~offline & (sent < device.grid_ms[-1] - MINUTE_MS)]
    there = _delays(rng, len(sent), network)
    back = _delays(rng, len(sent), network) * (1.0 if network == "wifi" else 0.8)
    received = sent + there
    answered = received + 1.0
    returned = answered + back
    epochs, ends = device.epoch(sent), device.epoch(returned)
    t1, t2, t3, t4 = device.says(sent), START_MS + received, START_MS + answered, device.says(returned)
    return [
        (int(epochs[k]), Exchange(*map(float, (t1[k], t2[k], t3[k], t4[k]))))
        for k in range(len(sent))
        if epochs[k] == ends[k] or (not named and t4[k] >= t1[k])
    ]


def _delays(rng: np.random.Generator, count: int, network: str) -> Floats:
    """One-way delays in ms: 2 ms and a short queue on Wi-Fi, 25 ms and a long tail on the phone network."""
    spikes = rng.random(count) < 0.05
    if network == "wifi":
        return 2 + rng.exponential(4, count) + spikes * rng.exponential(150, count)
    return 25 + rng.lognormal(np.log(30), 0.9, count) + spikes * rng.exponential(800, count)
