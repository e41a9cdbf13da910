"""Whereabouts kept in step with what changes are those worked out from nothing, whatever changed in whatever order."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment import whereabouts
from hearthside.alignment.episodes import Episode
from hearthside.alignment.finding import pack_episodes, unpack_episodes
from hearthside.alignment.geodesy import metres
from hearthside.alignment.hints_seen import note_hints, read_hints
from hearthside.alignment.movement import KINDS, movements
from hearthside.alignment.offsets import OffsetTrack
from hearthside.alignment.place_names import NamedPlace
from hearthside.alignment.places import Place, find_places
from hearthside.alignment.stay_table import stay_table
from hearthside.alignment.store import SCHEMA, next_version, remember
from hearthside.alignment.visits import GAP_MS, SAME_SPOT_M, Visit, visits_in, visits_of
from hearthside.alignment.whereabouts import Whereabouts
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS

DAY = 19_844  # 2024-05-01
SPOTS = ((52.0, 4.3), (52.0012, 4.3), (52.02, 4.35), (52.021, 4.352), (48.85, 2.35))
Whole = tuple[list[Place], list[Visit], list[Episode]]


def stays_on(rng: random.Random, day: int) -> list[Episode]:
    """Stays of a day as the finder gives them, some of which touch midnight, some shorter than a stay."""
    found: list[Episode] = []
    start = day * DAY_MS + rng.choice([0, 0, 3 * HOUR_MS])
    while start < (day + 1) * DAY_MS - MINUTE_MS:
        end = min(start + rng.choice([5, 30, 200, 600]) * MINUTE_MS, (day + 1) * DAY_MS - 1)
        lat, lon = rng.choice(SPOTS)
        facts = {
            "lat": round(lat + rng.gauss(0, 4e-4), 6), "lon": round(lon + rng.gauss(0, 4e-4), 6), "radius_m": 20.0,
            "fixes": rng.randrange(2, 100), "observed_ms": (end - start) // 2, "part": end - start < 20 * MINUTE_MS,
            "open_start": not found, "open_end": end % DAY_MS == DAY_MS - 1,
            "silent_before_ms": rng.randrange(2 * HOUR_MS), "silent_after_ms": rng.randrange(2 * HOUR_MS),
        }  # fmt: skip
        ids = (rng.randbytes(16), rng.randbytes(16))
        found.append(Episode("stay", start, end, "stayed in one place", ids, 0.5, facts))
        start = end + rng.choice([1, 5, 15, 90]) * MINUTE_MS
    return found


class Life:
    """A derived database of stays and names met, changed as the finders change it."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.connection = apsw.Connection(":memory:")
        self.connection.execute(SCHEMA)
        sql = "INSERT INTO stream VALUES (?, 'environmental', 'phone', ?, 0, '', 0)"
        self.connection.executemany(sql, [(1, "region_enter"), (2, "caption")])
        self.names: list[NamedPlace] = []
        self.offset_min = 0

    @property
    def track(self) -> OffsetTrack:
        """The person's offset: one over the whole life."""
        return OffsetTrack(np.zeros(1, np.int64), np.array([self.offset_min], np.int16), np.zeros(1, np.uint8))

    def stays(self, day: int, found: list[Episode]) -> None:
        """Stays of a day were found, or are no longer there."""
        self.connection.execute("DELETE FROM episode WHERE day = ? AND finder = 'stay'", (day,))
        if found:
            self.connection.execute("INSERT INTO episode VALUES (?, 'stay', ?)", (day, pack_episodes(found)))
        next_version(self.connection, "episodes")

    def change(self) -> None:
        """Something happens: records arrive, in order or late, are forgotten, or the person says something."""
        days = [int(day) for (day,) in self.connection.execute("SELECT day FROM episode ORDER BY day")] or [DAY]
        happens: list[Callable[[], object]] = [
            lambda: self._arrives(days[-1] + 1),
            lambda: self._arrives(days[-1] + 3),
            lambda: self._arrives(self.rng.choice(days)),
            lambda: self._arrives(days[0] - 1),
            lambda: self.stays(self.rng.choice(days), []),
            self._hint,
            self._name,
            self._travel,
            lambda: next_version(self.connection, "episodes"),
        ]
        self.rng.choice(happens)()

    def _arrives(self, day: int) -> None:
        self.stays(day, stays_on(self.rng, day))

    def _hint(self) -> None:
        day, number = DAY + self.rng.randrange(20), self.rng.choice([1, 2])
        spot = self.rng.choice(["null,null", f"{SPOTS[2][0]},{SPOTS[2][1]}"]) if number == 1 else "null,null"
        rows = [f'[{day * DAY_MS + k * HOUR_MS},"{self.rng.choice(["Bakery", "Bar", " "])}",{spot}]' for k in range(9)]
        note_hints(self.connection, number, day, f"[{','.join(rows)}]".encode() if self.rng.random() < 0.8 else b"")

    def _name(self) -> None:
        if self.names and self.rng.random() < 0.4:
            self.names.pop(0)
        else:
            self.names.append(NamedPlace(*self.rng.choice(SPOTS), 150.0, self.rng.choice(["Home", "Mira's", "gym"])))

    def _travel(self) -> None:
        self.offset_min = self.rng.choice([0, -420, 540])
        remember(self.connection, "track", str(self.offset_min))

    def anew(self) -> Whole:
        """Everything worked out at once, by the functions for a whole life."""
        bodies = self.connection.execute("SELECT body FROM episode WHERE finder = 'stay' ORDER BY day")
        stays = [one for (body,) in bodies for one in unpack_episodes(body)]
        hints = read_hints(self.connection)
        places, visits = find_places(visits_of(stays), self.track.at, self.names, hints)
        return places, visits, movements(visits, places, self.track.at)

    def kept(self, where: Whereabouts) -> Whole:
        """What is kept says now."""
        places = where.places(self.connection, self.track)
        moving = where.episodes(self.connection, self.track, None, None, KINDS)
        return places, where.visits(self.connection, self.track, None, None), moving


def ordered(whole: Whole) -> str:
    """Every figure of it, in the order in which it is given out."""
    places, visits, moving = whole
    by_time = sorted(moving, key=lambda e: (e.start_ms, e.end_ms, e.kind, e.label))
    return repr((sorted(places, key=lambda place: (-place.dwell_ms, place.id)), visits, by_time))


@pytest.mark.parametrize("block", [1, 7, 512])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_kept_is_what_is_worked_out_from_nothing(block: int, seed: int) -> None:
    rng = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whereabouts, "_BLOCK", block)
        life = Life(rng)
        where = Whereabouts(lambda: life.names)
        for day in range(DAY, DAY + rng.randrange(20)):
            life.stays(day, stays_on(rng, day))
        for _ in range(10):
            life.change()
            whole = life.anew()
            _check_part(life, where, whole, rng)  # first, so that not everything was made into objects before
            if rng.random() < 0.5:
                assert ordered(life.kept(where)) == ordered(whole)


def _check_part(life: Life, where: Whereabouts, whole: Whole, rng: random.Random) -> None:
    """What overlaps some days, and nothing else."""
    start = (DAY + rng.randrange(-2, 20)) * DAY_MS + rng.randrange(DAY_MS)
    end = start + rng.choice([1, HOUR_MS, 5 * DAY_MS])
    _, visits, moving = whole
    inside = [v for v in visits if v.end_ms > start and v.start_ms < end]
    assert repr(where.visits(life.connection, life.track, start, end)) == repr(inside)
    found = where.episodes(life.connection, life.track, start, end, ["trip", "home"])
    wanted = [e for e in moving if e.kind in ("trip", "home") and e.end_ms > start and e.start_ms < end]
    assert repr(found) == repr(sorted(wanted, key=lambda e: (e.start_ms, e.end_ms, e.kind, e.label)))


def test_what_did_not_change_is_not_made_again() -> None:
    rng = random.Random(1)
    life = Life(rng)
    for day in range(DAY, DAY + 400):
        life.stays(day, stays_on(rng, day))
    where = Whereabouts(lambda: life.names)
    before = life.kept(where)
    next_version(life.connection, "episodes")  # some other finder found something
    assert all(one is other for one, other in zip(life.kept(where)[1], before[1], strict=True))
    life.stays(DAY + 400, stays_on(rng, DAY + 400))
    after = life.kept(where)
    assert len(after[1]) > len(before[1]) > 1000
    assert all(one is other for one, other in zip(after[1][:1000], before[1], strict=False))


def test_other_evidence_for_the_same_stay_counts_as_a_change() -> None:
    life = Life(random.Random(4))
    where = Whereabouts(lambda: [])
    found = [stay for day in range(DAY, DAY + 200) for stay in stays_on(life.rng, day)]
    for day in range(DAY, DAY + 200):
        life.stays(day, [stay for stay in found if stay.start_ms // DAY_MS == day])
    life.kept(where)
    day = DAY + 3
    others = [replace(s, evidence=(bytes(16), s.evidence[-1])) for s in found if s.start_ms // DAY_MS == day]
    life.stays(day, others)
    assert ordered(life.kept(where)) == ordered(life.anew())


def test_nothing_is_left_of_what_another_file_held() -> None:
    life, other = Life(random.Random(2)), Life(random.Random(3))
    where = Whereabouts(lambda: [])
    for day in range(DAY, DAY + 5):
        life.stays(day, stays_on(life.rng, day))
        other.stays(day, stays_on(other.rng, day))
    life.kept(where)
    where.forget()
    assert ordered(other.kept(where)) == ordered(other.anew())


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_stays_are_grouped_as_one_after_the_other_would_group_them(seed: int) -> None:
    """The rule of `visits_of` gone through stay by stay; steps of 90 m at a time drift away from the longest stay."""
    rng = random.Random(seed)
    found, start, north = list[Episode](), DAY * DAY_MS, 0.0
    for _ in range(40):
        north += rng.choice([0, 0, 90, -90])
        end = start + rng.randrange(30, 60) * MINUTE_MS
        facts = {
            "lat": round(52 + north / 111_195, 6), "lon": 4.3, "radius_m": 20.0, "fixes": 5, "observed_ms": end - start,
            "part": False, "open_start": False, "open_end": False, "silent_before_ms": 0, "silent_after_ms": 0,
        }  # fmt: skip
        found.append(Episode("stay", start, end, "", (rng.randbytes(16),), 1.0, facts))
        start = end + rng.choice([GAP_MS, GAP_MS, GAP_MS + 1])
    groups: list[list[Episode]] = []
    for stay in found:
        last = groups[-1] if groups else []
        near = last and all(
            metres(o.facts["lat"], o.facts["lon"], stay.facts["lat"], stay.facts["lon"]) <= SAME_SPOT_M
            for o in (last[-1], max(last, key=lambda s: s.end_ms - s.start_ms))
        )
        if near and stay.start_ms - last[-1].end_ms <= GAP_MS:
            last.append(stay)
        else:
            groups.append([stay])
    table = visits_in(stay_table(found))
    assert [(int(a), int(b)) for a, b in zip(table.start_ms, table.end_ms, strict=True)] == [
        (group[0].start_ms, group[-1].end_ms) for group in groups
    ]
    assert [table.evidence_of(k)[0] for k in range(len(table))] == [group[0].evidence[0] for group in groups]
