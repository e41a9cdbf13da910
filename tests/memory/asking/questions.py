"""Random lives and random queries for the property tests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

import numpy as np
from hypothesis import strategies as st

from hearthside.alignment.episodes import Episode
from hearthside.errors import Refused
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer, Origin
from hearthside.memory.asking.query import (
    CLOCKS,
    OF_A_FIELD,
    PER_DAY,
    Filter,
    How,
    Is,
    Measure,
    Of,
    Query,
    Relation,
    Selection,
    What,
    checked,
)
from hearthside.memory.asking.query import Test as Condition
from tests.memory.asking.lives import START, Happened, Sampled, SmallLife, Spot, Stayed, Steps

DAYS = 6
_KINDS = {
    "listen": ("last_fm", Layer.AUDITORY), "app_use": ("phone", Layer.BEHAVIOURAL),
    "sleep": ("ring", Layer.BEHAVIOURAL), "message": ("chat", Layer.TEXT),
    "activity_day": ("ring", Layer.BEHAVIOURAL), "position": ("phone", Layer.ENVIRONMENTAL),
}  # fmt: skip


def some_life(seed: int) -> SmallLife:
    """Six days around the beginning of summer time, with a flight; a handful of everything, at few distinct times."""
    rng = random.Random(seed)

    def moment() -> int:
        grain = rng.choice([30 * MINUTE_MS, 30 * MINUTE_MS, MINUTE_MS, 1])
        return START + rng.randrange(DAYS * DAY_MS) // grain * grain

    life = SmallLife(
        [_event(rng, moment()) for _ in range(rng.randrange(30))],
        [_episode(rng, moment()) for _ in range(rng.randrange(8))],
        _visits(rng),
        [Spot("p1", "Home", "home"), Spot("p2", "Gym")],
    )
    if rng.random() < 0.7:
        changes = [(0, 60), (START + rng.randrange(DAYS * DAY_MS) // HOUR_MS * HOUR_MS, rng.choice([120, -300, 345]))]
        life.steps = Steps(tuple(changes))
    for _ in range(rng.randrange(3)):
        values = np.full(1440, np.nan)
        begin = rng.randrange(1440)
        values[begin : begin + rng.randrange(90)] = rng.randrange(1, 5)
        day = START // DAY_MS + rng.randrange(DAYS)
        life.sampled.setdefault(day, []).append(Sampled(rng.choice(["ring", "watch"]), "met", "MET", values))
    return life


def _event(rng: random.Random, start: int) -> Happened:
    kind = rng.choice(list(_KINDS))
    source, layer = _KINDS[kind]
    length = rng.choice([None, 0, 1, 30 * MINUTE_MS, 90 * MINUTE_MS, 7 * HOUR_MS, 30 * HOUR_MS])
    if kind in {"listen", "message", "position"}:
        length = rng.choice([None, None, length])
    by_day = kind == "activity_day"
    start = start // DAY_MS * DAY_MS if by_day else start
    end = None if length is None or by_day else start + length
    who = rng.choice(["Mira", "Jón", ""])
    return Happened(
        kind, start, end, source=rng.choice([source, source, "watch"]), layer=layer,
        text=rng.choice(["Björk – Jóga", "Radiohead – Creep", "Code – a.py", "hello", ""]),
        note=rng.choice([f"Family · {who}" if who else "", who, "Code"]),
        amount=rng.choice([None, float(rng.randrange(5)), rng.random() * 1e4]),
        origin=rng.choice([Origin.SELF, Origin.PERSON, Origin.DEVICE]), by_day=by_day,
        carried_min=rng.choice([None, None, 60, 120]),
        numbers={"lat": rng.choice([1.5, 2.5])} if kind == "position" and rng.random() < 0.8 else {},
    )  # fmt: skip


def _episode(rng: random.Random, start: int) -> Episode:
    end = start + rng.choice([30 * MINUTE_MS, 8 * HOUR_MS, HOUR_MS + 1])
    kind = rng.choice(["sleep", "work", "meal"])
    ids = tuple(sorted(rng.randbytes(16) for _ in range(rng.randrange(3))))
    return Episode(kind, start, end, rng.choice([kind, "talking with Mira"]), ids, rng.random())


def _visits(rng: random.Random) -> list[Stayed]:
    """Apart from one another, as visits are."""
    found, at = [], START
    while at < START + DAYS * DAY_MS:
        begin = at + rng.randrange(1, 10) * HOUR_MS
        at = begin + rng.randrange(1, 20) * HOUR_MS
        place, label = rng.choice([("p1", "Home"), ("p2", "Gym")])
        found.append(Stayed(begin, at, place, label, (rng.randbytes(16),)))
    return found


_DATES = [f"2023-03-{day:02d}" for day in range(19, 28)]
_TIMES = ["2023-03-21T08:00", "2023-03-22T12:00:30Z", "2023-03-24T00:00+02:00", "2023-03-26T02:30"]


def _few(values: Sequence[object], most: int = 2) -> st.SearchStrategy[tuple]:  # type: ignore[type-arg]
    return st.one_of(
        st.just(()),
        st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True).map(tuple),
    )


def _bounds(values: list[str]) -> st.SearchStrategy[tuple[str | None, str | None]]:
    edge = st.one_of(st.none(), st.sampled_from(values))
    return st.tuples(edge, edge)


WHATS = st.one_of(
    st.builds(What, st.just(Of.EVENTS), _few(list(_KINDS), 3)),
    st.builds(What, st.just(Of.EPISODES), st.lists(st.sampled_from(["sleep", "work", "meal"]), min_size=1, max_size=2,
                                                   unique=True).map(tuple)),
    st.builds(What, st.just(Of.VISITS), _few(["Home", "gym", "p2"])),
    st.just(What(Of.SAMPLES, ("met",))),
)  # fmt: skip
TESTS = st.one_of(
    st.builds(Condition, st.sampled_from(["artist", "label", "person", "text"]),
              st.sampled_from([Is.HOLDS, Is.HOLDS_NOT, Is.EQUAL, Is.UNEQUAL]),
              st.sampled_from(["björk", "Mira", "Code", "o", "it's \\ \"x\""])),
    st.builds(Condition, st.sampled_from(["amount", "duration", "lat"]),
              st.sampled_from([Is.EQUAL, Is.UNEQUAL, Is.LESS, Is.AT_MOST, Is.MORE, Is.AT_LEAST]),
              st.sampled_from([0.0, 2.0, 1800.0, 2.5])),
)  # fmt: skip
FILTERS = st.builds(
    Filter,
    days=_bounds(_DATES),
    times=st.one_of(st.just((None, None)), _bounds(_TIMES)),
    hours=st.one_of(st.none(), st.none(), st.sampled_from([(0, 480), (1320, 360), (510, 1440)])),
    weekdays=st.one_of(st.just(()), st.sampled_from([(0, 1, 2, 3, 4), (5, 6), (2,), (0, 6)])),
    months=st.one_of(st.just(()), st.just(()), st.just((3, 4))),
    sources=_few(["last_fm", "phone", "ring"]),
    layers=st.one_of(st.just(()), st.just(()), _few([Layer.AUDITORY, Layer.BEHAVIOURAL])),
    origins=st.one_of(st.just(()), st.just(()), _few([Origin.SELF, Origin.DEVICE])),
    words=st.one_of(st.just(()), st.just(()), _few(["a", "JÓGA"])),
    about=st.one_of(st.just(()), st.just(()), _few(["mira"], 1)),
    tests=st.one_of(st.just(()), st.just(()), st.lists(TESTS, min_size=1, max_size=2).map(tuple)),
    once=st.sampled_from([False, False, True]),
    longest=st.sampled_from([False, False, False, True]),
    apart=st.sampled_from([False, False, False, True]),
)
PLAIN = st.just(Filter())
_PLACES = st.sampled_from([1, -1, 2, -2])


def _relations(anchors: st.SearchStrategy[Selection]) -> st.SearchStrategy[tuple[Relation, ...]]:
    one = st.builds(
        Relation, st.sampled_from(list(How)), anchors, st.sampled_from([None, None, 1800, 7200, 86_400]),
        st.one_of(st.none(), _PLACES),
    )  # fmt: skip
    return st.one_of(st.just(()), st.just(()), st.lists(one, min_size=1, max_size=2).map(tuple))


@cache  # hypothesis looks over every new strategy anew
def _selections(depth: int) -> st.SearchStrategy[Selection]:
    relations = _relations(_selections(depth - 1)) if depth else st.just(())
    only = st.one_of(st.none(), st.none(), st.none(), _PLACES) if depth < 2 else st.one_of(*[st.none()] * 5, _PLACES)
    return st.builds(Selection, WHATS, st.one_of(PLAIN, FILTERS), relations, only)


_GROUPS = _few(["hour", "weekday", "day", "week", "month", "year", "month_of_year", "place", "person", "source", "kind",
                "layer", "origin", "label", "artist"])  # fmt: skip
_FIELDS = st.sampled_from(["amount", "duration", *CLOCKS, "lat"])
_MEASURES = st.sampled_from(list(Measure))
_ROWS = st.sampled_from([100, 1000])


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Queries whose parts go together."""
    measure = draw(_MEASURES)
    field = draw(_FIELDS) if measure in OF_A_FIELD else "amount"
    query = Query(
        draw(_selections(2)), measure, field, draw(_PLACES) if measure is Measure.NTH else None,
        draw(_GROUPS) if measure is not Measure.LIST else (),
        draw(st.booleans()) if measure in PER_DAY else False, draw(_ROWS),
    )  # fmt: skip
    return query if possible(query) else draw(_QUERIES)


_QUERIES = queries()


def possible(query: Query) -> bool:
    """Whether its parts go together."""
    try:
        checked(query)
    except Refused:
        return False
    return True
