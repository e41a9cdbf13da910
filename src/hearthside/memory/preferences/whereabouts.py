"""Where the person went and what they ate, counted like everything else: from visits and meals of the life stream."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from hearthside.memory.gleanings import Row

_NO_DISH = frozenset({"meal", "", "preparing a meal"})


def counted_visits(stream: LifeStream) -> Iterator[Row]:
    """Rows as of `gleaning.glean`: hours at each place but home, by local day of arrival."""
    homes = {place.id for place in stream.places() if place.role == "home"}
    visits = [v for v in stream.visits() if v.place_id not in homes and v.label and v.evidence]
    days = _local_days(stream, [v.start_ms for v in visits])
    for visit, day in zip(visits, days, strict=True):
        hours = (visit.end_ms - visit.start_ms) / HOUR_MS
        yield ["place", visit.label, day, hours, visit.start_ms, visit.evidence[0].hex()]


def counted_meals(stream: LifeStream) -> Iterator[Row]:
    """Rows as of `gleaning.glean`: meals that have a name of their own."""
    meals = [e for e in stream.episodes(kinds=["meal"]) if e.label.casefold() not in _NO_DISH and e.evidence]
    days = _local_days(stream, [meal.start_ms for meal in meals])
    for meal, day in zip(meals, days, strict=True):
        yield ["meal", meal.label, day, 1.0, meal.start_ms, meal.evidence[0].hex()]


def _local_days(stream: LifeStream, ms: list[int]) -> list[int]:
    times = np.array(ms, dtype=np.int64)
    found: list[int] = ((times + stream.track().at(times) * MINUTE_MS) // DAY_MS).tolist()
    return found
