"""Leader clustering gone on with: to the bit what clustering all points from nothing gives."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.geodesy import DEGREE_M, Floats, distances_m, nearest
from hearthside.alignment.leaders import Leaders

Points = list[tuple[float, float, float]]


def points(rng: random.Random, count: int, lat: float, lon: float, spread_m: float) -> Points:
    """Points about a spot, or about a second one some hundred metres off; the same one now and then."""
    found: Points = []
    for _ in range(count):
        if found and rng.random() < 0.1:
            found.append(rng.choice(found))
            continue
        north = rng.gauss(rng.choice([0, 250]), spread_m) / DEGREE_M
        found.append((lat + north, lon + rng.gauss(0, spread_m) / DEGREE_M, float(rng.randrange(1, 10**8))))
    return found


def columns(found: Points) -> tuple[Floats, Floats, Floats]:
    lat, lon, weight = np.array(found, dtype=np.float64).reshape(-1, 3).T
    return lat, lon, weight


def state(leaders: Leaders) -> tuple[list[int], list[int], list[list[float]]]:
    return leaders.member.tolist(), leaders.founders, [centre.tolist() for centre in leaders.centres]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), where=st.sampled_from([(52.0, 4.3), (-17.0, 179.9999), (0.0, 0.0), (88.9, 20.0)]))
def test_going_on_gives_what_beginning_anew_gives(seed: int, where: tuple[float, float]) -> None:
    rng = random.Random(seed)
    spread_m = rng.choice([20, 90, 400])
    kept = points(rng, rng.randrange(40), *where, spread_m)
    going_on = Leaders()
    for _ in range(8):
        at = rng.randrange(len(kept) + 1)
        new = points(rng, rng.randrange(4), *where, spread_m)
        kept = [*kept[:at], *new, *kept[at + rng.randrange(3) :]]
        going_on.follow(*columns(kept))
        anew = Leaders()
        anew.follow(*columns(kept))
        assert state(going_on) == state(anew)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_nearest_in_reach_is_the_nearest_of_all(seed: int) -> None:
    rng = random.Random(seed)
    lat, lon, _ = columns(points(rng, rng.randrange(1, 30), 52.0, 4.3, 300))
    to_lat, to_lon, _ = columns(points(rng, 20, 52.0, 4.3, 300))
    found = nearest(lat, lon, to_lat, to_lon, 150.0)
    for k in range(20):
        away = distances_m(lat, lon, float(to_lat[k]), float(to_lon[k]))
        assert found[k] == (int(np.argmin(away)) if away.min() <= 150.0 else -1)
