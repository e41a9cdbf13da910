"""What the journal says of clocks, kept in the derived database: exchanges, estimates, decisions, claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import apsw
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.alignment.aligning import Gathered, Row
from hearthside.alignment.clocks.exchanges import Exchange, read_exchange
from hearthside.alignment.clocks.faults import (
    GAP_DAYS,
    Claim,
    Decision,
    EventEvidence,
    apply_decisions,
    device_of,
    find_faults,
    read_claim,
    read_decision,
)
from hearthside.alignment.clocks.fitting import Fit, fit_clock
from hearthside.alignment.clocks.placement import Placement, trusted
from hearthside.events import DAY_MS, Json
from hearthside.sources import source_names

KINDS = ("clock_exchange", "clock_estimate", "clock_decision", "clock_claim")
SCHEMA = """
CREATE TABLE IF NOT EXISTS exchange (
    clock TEXT NOT NULL, t2_ms REAL NOT NULL, id BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (clock, t2_ms, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock_word (
    clock TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (clock, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock_day (
    clock TEXT NOT NULL, day INTEGER NOT NULL, events INTEGER NOT NULL, first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL, PRIMARY KEY (clock, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS clock_day_by_day ON clock_day (day);
"""
TABLES = ("exchange", "clock_word", "clock_day")
_DEVICE = "device:"
# From a day with events on to the last one that is less than GAP_DAYS later, or to the first of all that are later.
_DAYS = """
WITH RECURSIVE step (day) AS (
    SELECT min(day) FROM clock_day WHERE clock = ?1
    UNION ALL
    SELECT coalesce(
        (SELECT max(day) FROM clock_day WHERE clock = ?1 AND day > step.day AND day < step.day + ?2),
        (SELECT min(day) FROM clock_day WHERE clock = ?1 AND day > step.day)
    ) FROM step WHERE step.day IS NOT NULL
)
SELECT day FROM step WHERE day IS NOT NULL ORDER BY day
"""
Spoken: TypeAlias = "tuple[int, int, int]"
"""How many events, and the first and last raw time of them."""


def take(connection: apsw.Connection, rows: Iterable[Row]) -> set[str]:
    """Take in journal rows of the `KINDS`; the clocks they speak of. What cannot be read says nothing."""
    heard = set[str]()
    for identity, seq, body in rows:
        payload = body.payload
        clock = payload.get("clock")
        if not isinstance(clock, str):
            continue
        if body.kind == "clock_exchange":
            try:
                read_exchange(payload)
            except ValueError:
                continue
            connection.execute(
                "INSERT OR IGNORE INTO exchange VALUES (?, ?, ?, ?)",
                (clock, float(payload["t2_ms"]), identity, orjson.dumps(payload)),
            )
        else:
            values = (clock, seq, body.kind, orjson.dumps(payload))
            connection.execute("INSERT OR IGNORE INTO clock_word VALUES (?, ?, ?, ?)", values)
        heard |= {clock} if body.kind != "clock_claim" else _epochs_of(connection, clock)
    return heard


def _epochs_of(connection: apsw.Connection, device: str) -> set[str]:
    """Every clock of a device of which anything is known."""
    return {clock for clock in clocks(connection) if device_of(clock) == device}


def count_days(connection: apsw.Connection, spoken: Mapping[tuple[str, int], Spoken]) -> set[str]:
    """Add (events, first and last raw ms) by (clock, raw UTC day); the clocks they speak of. Devices only."""
    rows = [(clock, day, *said) for (clock, day), said in spoken.items() if clock.startswith(_DEVICE)]
    connection.executemany(
        "INSERT INTO clock_day VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events,"
        " first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)",
        rows,
    )
    return {str(row[0]) for row in rows}


def count(connection: apsw.Connection, spoken: Mapping[tuple[str, int], Spoken]) -> set[str]:
    """Like `count_days`; the clocks of which something else must be thought now.

    That is where what events alone say against a clock is another than before: exchanges only take away from it. So a
    batch of events of a clock that nothing is said against costs no new fit of all its exchanges. A clock first heard
    of is among them: what was said of its device counts for it too.
    """
    told = sorted({clock for clock, _ in spoken if clock.startswith(_DEVICE)})
    before = [evidence_of(connection, clock) for clock in told]
    count_days(connection, spoken)
    return {
        clock for clock, seen in zip(told, before, strict=True) if not seen.days or _differ(connection, clock, seen)
    }


def _differ(connection: apsw.Connection, clock: str, before: EventEvidence) -> bool:
    """Whether events say something else against a clock than they did."""
    return find_faults(clock, (), before) != find_faults(clock, (), evidence_of(connection, clock))


def spoken_in(rows: Gathered, upto: int | None = None) -> dict[tuple[str, int], Spoken]:
    """How many events, first and last raw ms, by (clock, raw UTC day), of device clocks; up to a journal position.

    Of live devices only: what a source reads from files is a recording, and may be as old as it likes. An event of
    which only the day is known says nothing of a clock.
    """
    found: dict[tuple[str, int], Spoken] = {}
    if rows.name.source in source_names():
        return found
    clocks = set(rows.clocks)
    for clock in sorted(clock for clock in clocks if clock.startswith(_DEVICE)):
        starts = _starts(rows, clock if len(clocks) > 1 else None, upto)
        if not len(starts):
            continue
        starts.sort()
        days = starts // DAY_MS
        for day in np.unique(days).tolist():
            first, end = np.searchsorted(days, [day, day + 1])
            found[clock, day] = (int(end - first), int(starts[first]), int(starts[end - 1]))
    return found


def _starts(rows: Gathered, clock: str | None, upto: int | None) -> npt.NDArray[np.int64]:
    """When the events of a clock begin (None: of all) of which more than the day is known."""
    wanted = np.ones(len(rows), dtype=np.bool_)
    if rows.codes:
        wanted &= (np.array(rows.codes, dtype=np.int64) & 1) == 0
    if upto is not None:
        wanted &= np.array(rows.seqs, dtype=np.int64) <= upto
    if clock is not None:
        wanted &= np.array([other == clock for other in rows.clocks], dtype=np.bool_)
    return np.array(rows.starts, dtype=np.int64)[wanted]


def added(one: Spoken | None, other: Spoken) -> Spoken:
    """Both together."""
    return other if one is None else (one[0] + other[0], min(one[1], other[1]), max(one[2], other[2]))


def forget_days(connection: apsw.Connection, days: Iterable[int]) -> set[str]:
    """Drop the counts of raw UTC days, to be counted again; the clocks they spoke of."""
    heard = set[str]()
    for day in days:
        heard |= {str(row[0]) for row in connection.execute("SELECT clock FROM clock_day WHERE day = ?", (day,))}
        connection.execute("DELETE FROM clock_day WHERE day = ?", (day,))
    return heard


def clocks(connection: apsw.Connection, counted: bool = True) -> list[str]:
    """Every clock of which anything is known; with `counted` also by nothing but its events."""
    events = " UNION SELECT clock FROM clock_day" if counted else ""
    sql = f"SELECT clock FROM exchange UNION SELECT clock FROM clock_word{events} ORDER BY 1"
    return [str(row[0]) for row in connection.execute(sql)]


def exchanges_of(connection: apsw.Connection, clock: str) -> list[Exchange]:
    """The exchanges of a clock, in order of the station's time."""
    rows = connection.execute("SELECT body FROM exchange WHERE clock = ? ORDER BY t2_ms, id", (clock,))
    return [read_exchange(orjson.loads(row[0])) for row in rows]


def evidence_of(connection: apsw.Connection, clock: str) -> EventEvidence:
    """When the events of a clock happened, by its own time.

    Of days with events that lie close together only some are told: the first, which counts for all of them, the last,
    and between them as few as leave no two `GAP_DAYS` apart. That is all that faults are found by, and of ten years it
    is a dozen days.
    """
    days = [int(row[0]) for row in connection.execute(_DAYS, (clock, GAP_DAYS))]
    if not days:
        return EventEvidence(0, None, None, ())
    begins = [k for k in range(len(days)) if not k or days[k] - days[k - 1] >= GAP_DAYS]
    counts = dict.fromkeys(days, 0)
    sql = "SELECT sum(events), min(first_ms), max(last_ms) FROM clock_day WHERE clock = ? AND day BETWEEN ? AND ?"
    bounds = list[int]()
    for k, end in zip(begins, [*begins[1:], len(days)], strict=True):
        [(events, first, last)] = list(connection.execute(sql, (clock, days[k], days[end - 1])))
        counts[days[k]] = int(events)
        bounds += [int(first), int(last)]
    return EventEvidence(sum(counts.values()), bounds[0], bounds[-1], tuple(counts.items()))


def decisions_of(connection: apsw.Connection, clock: str) -> list[Decision]:
    """What the person decided on a clock, in order."""
    sql = "SELECT body FROM clock_word WHERE clock = ? AND kind = 'clock_decision' ORDER BY seq"
    return [read_decision(orjson.loads(row[0])) for row in connection.execute(sql, (clock,))]


def claims_of(connection: apsw.Connection, clock: str) -> list[Claim]:
    """Which clients stamped the clocks of this clock's device."""
    sql = "SELECT body FROM clock_word WHERE clock = ? AND kind = 'clock_claim' ORDER BY seq"
    return [read_claim(orjson.loads(row[0])) for row in connection.execute(sql, (device_of(clock),))]


def estimate_of(connection: apsw.Connection, clock: str) -> dict[str, Json] | None:
    """The latest estimate from content, or None."""
    sql = "SELECT body FROM clock_word WHERE clock = ? AND kind = 'clock_estimate' ORDER BY seq DESC LIMIT 1"
    row = connection.execute(sql, (clock,)).fetchone()
    return None if row is None else dict(orjson.loads(row[0]))


def placement_of(connection: apsw.Connection, clock: str, counted: bool = True) -> Placement:
    """What all that is known of a clock comes to; without `counted` as if none of its events were known yet."""
    exchanges = exchanges_of(connection, clock)
    fit = fit_clock(exchanges) if exchanges else Fit(_estimated(estimate_of(connection, clock)), [])
    seen = evidence_of(connection, clock) if counted else EventEvidence(0, None, None, ())
    faults = find_faults(clock, exchanges, seen, fit.ambiguous, claims_of(connection, clock))
    held, shifts = apply_decisions(faults, decisions_of(connection, clock))
    placement = _whole_ms(fit.placement)
    for first, last, shift in shifts:
        placement = _shifted(placement, first, last, shift)
    return Placement(placement.knots_ms, placement.shift_ms, placement.sigma_ms, tuple(held))


def _estimated(estimate: Mapping[str, Json] | None) -> Placement:
    if estimate is None or not estimate.get("shift_ms"):
        return trusted()
    return Placement(
        np.zeros(1, np.int64), np.array([float(estimate["shift_ms"])]), np.array([float(estimate["sigma_ms"])])
    )


def _whole_ms(placement: Placement) -> Placement:
    """To whole milliseconds, so that what a new exchange hardly changes does not change at all."""
    return Placement(placement.knots_ms, np.rint(placement.shift_ms), np.ceil(placement.sigma_ms), placement.held)


def _shifted(placement: Placement, first_ms: int, last_ms: int, shift_ms: int) -> Placement:
    """The placement with what the person said of [first, last)."""
    edges = np.array([first_ms - 1, first_ms, last_ms - 1, last_ms], dtype=np.int64)
    knots = placement.knots_ms if len(placement.knots_ms) else np.zeros(1, np.int64)
    shift = placement.shift_ms if len(placement.knots_ms) else np.zeros(1)
    sigma = placement.sigma_ms if len(placement.knots_ms) else np.zeros(1)
    outside = (knots < edges[0]) | (knots > edges[3])
    at = np.interp(edges[[0, 3]], knots, shift), np.interp(edges[[0, 3]], knots, sigma)
    all_knots = np.concatenate([knots[outside], edges])
    all_shift = np.concatenate([shift[outside], [at[0][0], shift_ms, shift_ms, at[0][1]]])
    all_sigma = np.concatenate([sigma[outside], [at[1][0], 0.0, 0.0, at[1][1]]])
    order = np.argsort(all_knots, kind="stable")
    return Placement(all_knots[order], all_shift[order], all_sigma[order], placement.held)
