"""What every episode finder must hold: local, ordered, with evidence, the same from any batches, none from silence."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.columns import EventColumns
from hearthside.alignment.episodes import Episode, Window, finder_names, finders_reading, load_finder
from tests.alignment.episodes.random_lives import DAYS, random_life
from tests.alignment.episodes.windows import DAY, Life, streams, window_of
from tests.reference.episodes import REFERENCES

_SEEDS = st.integers(0, 2**32 - 1)


def _life(name: str, seed: int) -> Life:
    finder = load_finder(name)
    return random_life(random.Random(seed), finder.KINDS, finder.MEASURES)


def _found(name: str, life: Life) -> list[tuple[int, list[Episode]]]:
    """What is found on each day of a life, and on two on either side."""
    finder, ready = load_finder(name), streams(life.events)
    days = range(DAY - 2, DAY + DAYS + 4)
    return [(day, finder.find(window_of(life, finder, day, ready=ready))) for day in days]


def _pieces(columns: EventColumns, rng: random.Random) -> list[EventColumns]:
    """The same events in two batches, either of which may be empty."""
    chosen = np.array([rng.random() < 0.5 for _ in range(len(columns))], np.bool_)
    return [_part(columns, np.flatnonzero(mask)) for mask in (chosen, ~chosen)]


def _part(columns: EventColumns, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> EventColumns:
    names = "ids start_ms end_ms raw_ms uncertainty_ms carried_min precision origin trust amount".split()
    return replace(
        columns,
        **{name: getattr(columns, name)[rows] for name in names},
        text=[columns.text[i] for i in rows],
        note=[columns.note[i] for i in rows],
        numbers={name: values[rows] for name, values in columns.numbers.items()},
    )


@pytest.mark.parametrize("name", finder_names())
def test_it_says_what_it_is(name: str) -> None:
    finder = load_finder(name)
    assert name == finder.NAME
    assert finder.TITLE
    assert finder.KINDS | finder.MEASURES
    assert isinstance(finder.KINDS, frozenset)
    assert isinstance(finder.MEASURES, frozenset)
    assert finder.REACH_DAYS >= 0
    assert finder.VERSION >= 1


def test_finders_are_known_by_what_they_read() -> None:
    assert [finder.NAME for finder in finders_reading({"listen"}, set())] == ["listening"]
    assert [finder.NAME for finder in finders_reading(set(), {"met"})] == ["exercise"]
    assert finders_reading({"weather"}, {"hrv"}) == []


@pytest.mark.parametrize("name", finder_names())
def test_silence_gives_nothing(name: str) -> None:
    finder = load_finder(name)
    nothing = Life([], {("ring", measure): np.full(DAYS * 1440, np.nan) for measure in finder.MEASURES})
    assert [found for _, found in _found(name, nothing) if found] == []
    empty = window_of(_life(name, 1), finder, DAY + 2)
    columns = {kind: [_part(part, np.zeros(0, np.int64)) for part in parts] for kind, parts in empty.columns.items()}
    assert finder.find(replace(empty, columns=columns, samples={})) == []
    assert finder.find(replace(empty, columns={}, samples={})) == []


@settings(max_examples=12, deadline=None)
@given(seed=_SEEDS)
@pytest.mark.parametrize("name", finder_names())
def test_episodes_are_well_formed(name: str, seed: int) -> None:
    life = _life(name, seed)
    ids = {one.id: one.start_ms for one in life.events}
    for day, found in _found(name, life):
        assert [episode.start_ms for episode in found] == sorted(episode.start_ms for episode in found)
        for episode in found:
            assert episode.kind == name
            assert episode.start_ms // 86_400_000 == day
            assert episode.end_ms >= episode.start_ms
            assert episode.label
            assert 0 < episode.sure <= 1
            assert orjson.loads(orjson.dumps(episode.facts)) == episode.facts
            assert set(episode.evidence) <= set(ids)
            assert len(set(episode.evidence)) == len(episode.evidence)
            times = [ids[identity] for identity in episode.evidence]
            assert times == sorted(times)


@settings(max_examples=12, deadline=None)
@given(seed=_SEEDS)
@pytest.mark.parametrize("name", finder_names())
def test_a_wider_window_gives_the_same(name: str, seed: int) -> None:
    life, finder = _life(name, seed), load_finder(name)
    ready = streams(life.events)
    for day, found in _found(name, life):
        for more in (1, 8):
            wider = window_of(life, finder, day, finder.REACH_DAYS + more, ready)
            assert finder.find(wider) == found


@settings(max_examples=12, deadline=None)
@given(seed=_SEEDS)
@pytest.mark.parametrize("name", finder_names())
def test_order_and_batches_of_columns_do_not_matter(name: str, seed: int) -> None:
    life, finder, rng = _life(name, seed), load_finder(name), random.Random(seed)
    for day in range(DAY, DAY + DAYS):
        window = window_of(life, finder, day)
        found = finder.find(window)
        assert finder.find(window) == found
        assert finder.find(_mixed(window, rng)) == found


def _mixed(window: Window, rng: random.Random) -> Window:
    columns = {}
    for kind, parts in window.columns.items():
        pieces = [piece for part in parts for piece in _pieces(part, rng)]
        rng.shuffle(pieces)
        columns[kind] = pieces
    samples = {measure: runs[::-1] for measure, runs in window.samples.items()}
    return replace(window, columns=columns, samples=samples)


def test_every_finder_of_this_room_has_a_reference() -> None:
    assert set(finder_names()) - {"stay"} == set(
        REFERENCES
    )  # stay points have theirs in tests/reference/stay_points.py


@settings(max_examples=30, deadline=None)
@given(seed=_SEEDS)
@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_day_by_day_it_finds_what_the_reference_finds(name: str, seed: int) -> None:
    life = _life(name, seed)
    found = [(e.start_ms, e.end_ms, e.label) for _, episodes in _found(name, life) for e in episodes]
    assert sorted(found) == sorted(REFERENCES[name](life))


@pytest.mark.soak
@settings(max_examples=3000, deadline=None)
@given(seed=_SEEDS)
@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_many_lives_against_the_reference(name: str, seed: int) -> None:
    life = _life(name, seed)
    found = [(e.start_ms, e.end_ms, e.label) for _, episodes in _found(name, life) for e in episodes]
    assert sorted(found) == sorted(REFERENCES[name](life))


def test_random_lives_hold_episodes() -> None:
    """The tests above would hold for finders that never find anything."""
    for name in finder_names():
        assert any(found for seed in range(20) for _, found in _found(name, _life(name, seed))), name
