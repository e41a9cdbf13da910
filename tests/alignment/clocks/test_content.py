"""Clocks set by what they recorded: found when there is evidence, and never believed when there is none."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.clocks import read_life, try_windows
from hearthside.alignment.clocks.content import (
    STEP_MS,
    Estimate,
    estimate_by_exclusion,
    estimate_by_inclusion,
    estimate_by_shared,
)
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from tests.shared_data import shared_data

Ints = npt.NDArray[np.int64]
BEGIN_MS = 1_700_000_000_000 // DAY_MS * DAY_MS


def nights(rng: np.random.Generator, days: int) -> Ints:
    """About eight hours from about eleven on, each an hour or so off."""
    begin = BEGIN_MS + (np.arange(days) * 24 + 23 + rng.normal(0, 1, days)) * HOUR_MS
    return np.column_stack([begin, begin + rng.normal(8, 0.8, days) * HOUR_MS]).astype(np.int64)


def songs(rng: np.random.Generator, slept: Ints, first: float = 0.0, last: float = 1.0, per_day: int = 12) -> Ints:
    """Songs in the waking hours, as shares of them: 0 is waking up, 1 falling asleep."""
    woken, asleep = slept[:-1, 1:], slept[1:, :1]
    return np.sort((woken + (asleep - woken) * rng.uniform(first, last, (len(woken), per_day))).reshape(-1).astype(int))


def found(estimate: Estimate | None) -> Estimate:
    """The estimate, which must be there."""
    assert estimate is not None
    return estimate


@pytest.mark.parametrize("shift_h", [-11.9, -7.25, -0.5, 0.0, 3.0, 11.9])
def test_songs_find_their_place_between_the_nights(shift_h: float) -> None:
    rng = np.random.default_rng(1)
    slept = nights(rng, 200)
    estimate = found(estimate_by_exclusion(songs(rng, slept) - round(shift_h * HOUR_MS), slept))
    assert estimate.confident
    assert abs(estimate.shift_ms - shift_h * HOUR_MS) <= 15 * MINUTE_MS
    assert estimate.score >= 2.5 and estimate.n >= 30


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(-36, 36))
def test_moving_the_clock_moves_the_estimate_and_nothing_else(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    slept = nights(rng, 120)
    played = songs(rng, slept)
    one = found(estimate_by_exclusion(played, slept))
    moved = rng.permutation(played - steps * STEP_MS)
    other = found(estimate_by_exclusion(moved, rng.permutation(slept)))
    assert other.shift_ms == one.shift_ms + steps * STEP_MS
    assert (other.sigma_ms, other.confident) == (one.sigma_ms, one.confident)


def test_songs_of_the_evening_only_leave_hours_open_and_that_is_said() -> None:
    """Moved to the next morning they would lie outside of sleep just as well."""
    rng = np.random.default_rng(2)
    slept = nights(rng, 300)
    estimate = found(estimate_by_exclusion(songs(rng, slept, first=0.8), slept))
    assert not estimate.confident
    assert estimate.sigma_ms > 2 * HOUR_MS
    assert abs(estimate.shift_ms) <= 3 * estimate.sigma_ms


def test_songs_that_have_nothing_to_do_with_the_nights_are_not_believed() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        slept = nights(rng, 200)
        anywhere = rng.integers(slept[0, 0], slept[-1, 1], 2_000)
        estimate = estimate_by_exclusion(anywhere, slept)
        assert estimate is None or not estimate.confident


def test_every_day_at_the_same_minute_the_next_day_fits_as_well() -> None:
    """With nights and songs by the clock a shift of 12 hours back or ahead is one and the same."""
    days = np.arange(120, dtype=np.int64)[:, None] * DAY_MS + BEGIN_MS
    slept = np.column_stack([days[:, 0] + 23 * HOUR_MS, days[:, 0] + 31 * HOUR_MS])
    played = (days + np.arange(29, 92, dtype=np.int64) * 15 * MINUTE_MS).reshape(-1)  # 7:15 to 22:45
    assert found(estimate_by_exclusion(played, slept)).confident
    assert not found(estimate_by_exclusion(played + 12 * HOUR_MS, slept)).confident


def test_a_playlist_that_goes_on_in_some_nights_does_no_harm() -> None:
    rng = np.random.default_rng(4)
    slept = nights(rng, 250)
    fallen_asleep = slept[rng.random(len(slept)) < 0.1, 0]
    through = (fallen_asleep[:, None] + np.arange(40) * 4 * MINUTE_MS).reshape(-1)
    estimate = found(estimate_by_exclusion(np.concatenate([songs(rng, slept), through]) + 5 * HOUR_MS, slept))
    assert estimate.confident
    assert abs(estimate.shift_ms + 5 * HOUR_MS) <= 30 * MINUTE_MS


def test_too_little_is_nothing() -> None:
    rng = np.random.default_rng(5)
    slept, none = nights(rng, 200), np.zeros(0, np.int64)
    assert estimate_by_exclusion(none, slept) is None
    assert estimate_by_exclusion(songs(rng, slept)[:20], slept) is None
    assert estimate_by_exclusion(songs(rng, slept), np.zeros((0, 2), np.int64)) is None
    assert estimate_by_exclusion(songs(rng, slept), slept[:10]) is None
    assert estimate_by_exclusion(songs(rng, slept) + 1000 * DAY_MS, slept) is None
    assert estimate_by_inclusion(none, slept) is None
    assert estimate_by_inclusion(songs(rng, slept), np.zeros((0, 2), np.int64)) is None
    assert estimate_by_shared(none, none) is None


@pytest.mark.parametrize("shift_h", [-11.0, 0.0, 1.5, 8.0])
def test_walks_find_the_times_of_movement(shift_h: float) -> None:
    """Of a hundred walks most were noticed, among ten other bursts of movement a day."""
    rng = np.random.default_rng(6)
    walks = BEGIN_MS + (np.arange(100) * 24 + rng.uniform(8, 20, 100)) * HOUR_MS
    noticed = walks[rng.random(100) < 0.8]
    others = BEGIN_MS + rng.uniform(0, 100, 1_000) * DAY_MS
    spans = np.concatenate([np.column_stack([noticed - 15 * MINUTE_MS, noticed + 15 * MINUTE_MS]),
                            np.column_stack([others, others + 5 * MINUTE_MS])])  # fmt: skip
    shift = round(shift_h * HOUR_MS)
    estimate = found(estimate_by_inclusion(walks.astype(np.int64) - shift, spans.astype(np.int64)))
    assert estimate.confident
    assert abs(estimate.shift_ms - shift) <= 10 * MINUTE_MS


def heard(rng: np.random.Generator, shared: int, jitter_ms: int, shift_ms: int) -> tuple[Ints, Ints]:
    """Two recordings of a day of which each misses 30 % of what happened and has twice as much of its own."""
    events = rng.uniform(0, DAY_MS, shared)
    a, b = (
        np.concatenate([kept + rng.normal(0, jitter_ms, len(kept)), rng.uniform(0, DAY_MS, 2 * shared)])
        for kept in (events[rng.random(shared) > 0.3], events[rng.random(shared) > 0.3])
    )
    return np.rint(a - shift_ms).astype(np.int64), np.rint(b).astype(np.int64)


@pytest.mark.parametrize("jitter_ms", [30, 300, 2_000])
def test_shared_events_pile_up_at_the_shift(jitter_ms: int) -> None:
    believed = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shift = int(rng.uniform(-2 * HOUR_MS, 2 * HOUR_MS))
        estimate = found(estimate_by_shared(*heard(rng, 300, jitter_ms, shift), jitter_ms=jitter_ms))
        believed += estimate.confident
        if estimate.confident:
            assert abs(estimate.shift_ms - shift) <= 4 * estimate.sigma_ms
            assert estimate.sigma_ms <= jitter_ms
            assert estimate.n >= 30
    assert believed >= 18


def test_recordings_that_share_nothing_are_not_believed() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        a, b = (np.sort(rng.integers(0, DAY_MS, 1_000)) for _ in range(2))
        estimate = estimate_by_shared(a, b)
        assert estimate is None or not estimate.confident


def test_a_beat_fits_at_every_beat_and_is_not_believed() -> None:
    """A pump that runs every ten minutes says nothing of which run was which."""
    beat = np.arange(0, 3 * DAY_MS, 10 * MINUTE_MS, dtype=np.int64)
    estimate = found(estimate_by_shared(beat + 1_234, beat))
    assert not estimate.confident


def test_many_differences_are_counted_in_pieces_to_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = heard(np.random.default_rng(9), 300, 300, 500_000)
    whole = estimate_by_shared(a, b, jitter_ms=300)
    monkeypatch.setattr("hearthside.alignment.clocks.content.PAIRS_AT_ONCE", 1_000)
    assert estimate_by_shared(a, b, jitter_ms=300) == whole


# -- a real life -------------------------------------------------------------------------------------------------------


def test_a_real_year_of_songs_is_recovered_from_the_nights() -> None:
    """The first 20 windows of the benchmark, which has 50."""
    life = read_life(shared_data("life_person_A"))
    assert life is not None
    errors, confident, _ = try_windows(*life, days=365, count=20)
    assert (confident & (np.abs(errors) <= 60)).mean() >= 0.9
    assert not (confident & (np.abs(errors) > 60)).any()


def test_real_walks_are_recovered_from_the_movement_of_a_ring() -> None:
    """Two sources of one life: walks of a phone, and times above 3 MET by a ring (Ainsworth et al. 2011: walking)."""
    walks, spans = _walks(shared_data("life_person_A")), _movement(shared_data("life_person_A"))
    for shift_h in (-10.0, 0.0, 7.5):
        estimate = found(estimate_by_inclusion(walks - round(shift_h * HOUR_MS), spans))
        assert estimate.confident
        assert abs(estimate.shift_ms - shift_h * HOUR_MS) <= 5 * MINUTE_MS


def _rows(path: Path) -> list[dict[str, object]]:
    with gzip.open(path) as lines:
        return [orjson.loads(line) for line in lines]


def _walks(data: Path) -> Ints:
    """The middles of walks, UTC ms."""
    rows = _rows(data / "google-fit-walking.jsonl.gz")
    spans = {(int(str(row["startTimeMillis"])), int(str(row["endTimeMillis"]))) for row in rows}
    return np.array(sorted((a + b) // 2 for a, b in spans), dtype=np.int64)


def _movement(data: Path) -> Ints:
    """(m, 2) runs of minutes above 3 MET, UTC ms."""
    found_: list[tuple[int, int]] = []
    for row in _rows(data / "oura-activity.jsonl.gz"):
        begin = round(datetime.fromisoformat(str(row["day_start"])).timestamp() * 1000)
        moving = np.concatenate([[False], np.asarray(row["met_1min"], dtype=np.float64) >= 3, [False]])
        edges = np.flatnonzero(np.diff(moving.astype(np.int8)))
        found_ += [(begin + a * MINUTE_MS, begin + b * MINUTE_MS) for a, b in edges.reshape(-1, 2).tolist()]
    return np.array(found_, dtype=np.int64)
