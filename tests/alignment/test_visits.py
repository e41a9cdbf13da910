"""Visits: what is put together, what is not, and how much of it was seen."""

from __future__ import annotations

import random

from hearthside.alignment.visits import EVIDENCE, Visit, visits_of
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from tests.alignment.positions import Row, stays_of

DAY = 19_844  # 2024-05-01
METRE = 1 / 111_195  # degrees of latitude


def fixes(first_min: int, last_min: int, north_m: float = 0.0, step: int = 5) -> list[Row]:
    """Fixes from a minute of the first day on, up to and with another."""
    return [
        (DAY * DAY_MS + m * MINUTE_MS, 52 + north_m * METRE, 4.3, 10.0) for m in range(first_min, last_min + 1, step)
    ]


def visits(*rows: list[Row]) -> list[Visit]:
    return visits_of(stays_of([row for part in rows for row in part]))


def spans(found: list[Visit]) -> list[tuple[int, int]]:
    """Minutes since the first day began."""
    return [((v.start_ms - DAY * DAY_MS) // MINUTE_MS, (v.end_ms - DAY * DAY_MS) // MINUTE_MS) for v in found]


def test_midnight_does_not_cut_a_visit() -> None:
    (night,) = visits(fixes(22 * 60, 31 * 60))
    assert spans([night]) == [(22 * 60, 31 * 60)]
    assert (night.sure, night.fixes, night.unseen_ms) == (1.0, 109, -1)
    assert night.observed_ms == 9 * HOUR_MS
    assert (night.place_id, night.label) == ("", "")


def test_two_parts_around_midnight_are_a_visit_if_they_are_long_enough_together() -> None:
    assert spans(visits(fixes(1430, 1455))) == [(1430, 1455)]
    assert spans(visits(fixes(1430, 1445))) == []


def test_a_long_silence_over_midnight_is_not_filled() -> None:
    evening, morning = visits(fixes(1300, 1400), fixes(1480, 1600))
    assert spans([evening, morning]) == [(1300, 1400), (1480, 1600)]
    assert morning.unseen_ms >= 80 * MINUTE_MS
    assert len(visits(fixes(1300, 1400), fixes(1460, 1600))) == 1


def test_a_short_absence_does_not_end_a_visit_and_a_longer_one_does() -> None:
    away = fixes(101, 107, north_m=900, step=1)
    assert spans(visits(fixes(0, 100), away, fixes(108, 200))) == [(0, 198)]
    away = fixes(101, 112, north_m=900, step=1)
    assert spans(visits(fixes(0, 100), away, fixes(113, 200))) == [(0, 100), (113, 198)]


def test_two_spots_are_two_visits() -> None:
    here, there = visits(fixes(0, 100), fixes(105, 200, north_m=400))
    assert round((there.lat - here.lat) / METRE) == 400
    assert there.unseen_ms == 5 * MINUTE_MS


def test_what_is_dropped_between_two_visits_does_not_hide_a_silence() -> None:
    """A part at midnight lies between the two; before it was a silence of two hours."""
    first, second = visits(
        fixes(1000, 1290), fixes(1420, 1430, north_m=900), fixes(1445, 1500, north_m=5000), fixes(1505, 1560, 9000)
    )[:2]
    assert first.end_ms == fixes(1290, 1290)[0][0]
    assert second.unseen_ms >= 130 * MINUTE_MS


def test_a_day_without_a_stay_counts_as_unseen() -> None:
    _, later = visits(fixes(0, 100), fixes(2 * 1440 + 300, 2 * 1440 + 400, north_m=900))
    assert later.unseen_ms == (2 * 1440 + 200) * MINUTE_MS


def test_sparse_fixes_are_seen_in_part() -> None:
    (visit,) = visits(fixes(0, 400, step=40))
    assert visit.sure == 0.5


def test_evidence_is_the_first_and_the_last_records() -> None:
    (visit,) = visits(fixes(0, 10 * 1440 - 1))
    assert len(visit.evidence) == EVIDENCE
    stays = stays_of(fixes(0, 10 * 1440 - 1))
    assert visit.evidence[0] == stays[0].evidence[0]
    assert visit.evidence[-1] == stays[-1].evidence[-1]
    assert visit.fixes == 10 * 1440 // 5


def test_a_spot_on_the_date_line_is_one_spot() -> None:
    rows = [(DAY * DAY_MS + m * MINUTE_MS, -17.0, 179.9999 if m < 1440 else -179.9999, 10.0) for m in range(1300, 1600)]
    (visit,) = visits(rows)
    assert abs(visit.lon) > 179.9998


def test_the_order_of_stays_does_not_matter() -> None:
    stays = stays_of([*fixes(0, 900), *fixes(905, 1500, north_m=500), *fixes(1505, 3000)])
    expected = visits_of(stays)
    assert len(expected) == 3
    for seed in range(20):
        random.Random(seed).shuffle(stays)
        assert visits_of(stays) == expected
