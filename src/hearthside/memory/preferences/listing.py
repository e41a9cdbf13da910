"""Preferences at a moment, from tallies: the strongest of each kind, and those that are past."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hearthside.events import iso_day
from hearthside.memory.preferences.forecast import Forecast, forecast
from hearthside.memory.preferences.gleaning import UNITS
from hearthside.memory.preferences.preference import Preference, Trend, preference_id
from hearthside.memory.preferences.tally import Ints, Tally, month_name, month_of
from hearthside.memory.preferences.trend import BEFORE_DAYS, LATELY_DAYS, Windows, trend_of, windows

STRONGEST = 25
"""So many of each kind are listed ..."""

PAST_LISTED = 15
"""... and so many of those that are past, most days first."""

LEAST_DAYS = 3
"""What was there on fewer days is no preference yet."""

YOUNG_DAYS = 120
"""What began no longer ago is drawn by week."""

_EVIDENCE = 4
_MONDAY = 3  # 1 January 1970 was a Thursday: days after the Monday before it


def preferences_at(tallies: Iterable[Tally], day: int) -> list[Preference]:
    """Every preference as known at the beginning of a local day, by kind, strongest first."""
    return [preference for tally in tallies for preference in _of_kind(tally, day)]


def _of_kind(tally: Tally, day: int) -> list[Preference]:
    past = tally.before(day)
    if not len(past):
        return []
    seen, expected = windows(past, day), forecast(past, day)
    enough = np.flatnonzero(seen.ever >= LEAST_DAYS)
    order = enough[np.argsort(-expected.share[enough], kind="stable")].tolist()
    trends = {item: trend_of(seen, item) for item in order}
    over = {Trend.PAST, Trend.UNHEARD}
    strongest = [item for item in order if trends[item] is not Trend.PAST][:STRONGEST]
    gone = [item for item in sorted(order, key=lambda i: -int(seen.ever[i])) if trends[item] in over][:PAST_LISTED]
    chosen = list(dict.fromkeys([*strongest, *gone]))
    by_item = _rows_by_item(past, chosen)
    return [_preference(past, day, item, by_item[item], trends[item], expected, seen) for item in chosen]


def _rows_by_item(past: Tally, chosen: list[int]) -> dict[int, Ints]:
    order = np.argsort(past.item, kind="stable")
    items = past.item[order]
    return {
        item: order[np.searchsorted(items, item, side="left") : np.searchsorted(items, item, side="right")]
        for item in chosen
    }


def _preference(
    past: Tally, day: int, item: int, rows: Ints, trend: Trend, expected: Forecast, seen: Windows
) -> Preference:
    days, weights = past.day[rows], past.weight[rows]
    evidence = [past.evidence[int(row)] for row in (rows[0], *rows[-(_EVIDENCE - 1) :])]
    return Preference(
        preference_id(past.kind, past.names[item]), past.kind, past.names[item], float(expected.share[item]), trend,
        expected.half_life_days, iso_day(int(days[0])), iso_day(int(days[-1])), len(days),
        float(weights.sum()), UNITS.get(past.kind, "times"), tuple(dict.fromkeys(one for one in evidence if one)),
        _months(days, weights, day), _why(seen, item, trend, iso_day(int(days[-1]))),
        weeks=_weeks(days, weights, day) if day - int(days[0]) <= YOUNG_DAYS else (),
    )  # fmt: skip


def _months(days: Ints, weights: np.typing.NDArray[np.float64], until: int) -> tuple[tuple[str, float], ...]:
    months = month_of(days)
    first, last = int(months[0]), int(month_of(np.array([until - 1], dtype=np.int64))[0])
    totals = np.bincount(months - first, weights, max(last - first + 1, 1))
    return tuple((month_name(first + n), round(float(total), 3)) for n, total in enumerate(totals))


def _weeks(days: Ints, weights: np.typing.NDArray[np.float64], until: int) -> tuple[tuple[str, float], ...]:
    weeks = (days + _MONDAY) // 7
    first, last = int(weeks[0]), (until - 1 + _MONDAY) // 7
    totals = np.bincount(weeks - first, weights, max(last - first + 1, 1))
    return tuple((iso_day((first + n) * 7 - _MONDAY), round(float(total), 3)) for n, total in enumerate(totals))


def _why(seen: Windows, item: int, trend: Trend, last: str) -> str:
    lately = f"on {int(seen.lately[item])} of {seen.heard_lately} days heard in the last {LATELY_DAYS}"
    before = f"{int(seen.before[item])} of {seen.heard_before} in the {BEFORE_DAYS} before"
    if trend is Trend.UNHEARD:
        return f"Nothing of this kind was heard on enough days to say; last on {last}."
    return f"It was there {lately}, and on {before}; last on {last}."
