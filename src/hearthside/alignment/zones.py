"""Time zones: which one a position lies in, offline, and what a zone's rules say over many years, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

GAP_MS = 6 * HOUR_MS
"""Positions farther apart in time belong to two runs: what happened between them is not known."""

FLICKER_MS = 30 * MINUTE_MS
"""Who is back in a zone within half an hour never left it: positions wander by kilometres along a border."""

FIRST_YEAR, LAST_YEAR = 1900, 2100
"""Rules are kept for these years, the last one included; before and after, the nearest one holds."""

_CELLS_A_DEGREE = 100  # a cell is 0.01 degrees, 1.1 km from south to north
_PROBE_S = 20 * 86_400  # no zone has changed its clocks twice within 20 days and been back where it was
_MAX_ZONES = 512


@dataclass(frozen=True, slots=True)
class ZoneRun:
    """A stretch of time whose positions lie in one zone.

    Attributes:
        first_ms, last_ms: times of the first and the last position, UTC ms, inclusive.
        zone: IANA name, e.g. ``Europe/Amsterdam``.
    """

    first_ms: int
    last_ms: int
    zone: str


@dataclass(frozen=True, slots=True)
class ZoneRules:
    """What a zone's clocks show, as a step function.

    Attributes:
        starts_ms: (n,) int64, ascending: from here on...
        offset_min: (n,) int64, ... this offset holds, minutes east of UTC. The first one also holds before.
    """

    starts_ms: Ints
    offset_min: Ints

    def at(self, ms: Ints) -> Ints:
        """The offset at each time, minutes."""
        return self.offset_min[np.maximum(np.searchsorted(self.starts_ms, ms, side="right") - 1, 0)]


# -- position to zone --------------------------------------------------------------------------------------------------


def zone_at(lat: float, lon: float) -> str:
    """IANA zone of a position in degrees (WGS 84); "" on the high seas and for what is no position.

    Borders are those of timezone-boundary-builder, simplified by at most 111 m. No network, no file of ours.
    """
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # also refuses NaN
        return ""
    zone = _finder()(lon, lat)
    return "" if zone.startswith("Etc/") else zone  # the sea: nobody's clock is set by it


def zone_runs(ms: Ints, lat: Floats, lon: Floats) -> list[ZoneRun]:
    """The zones that positions lie in, in order of time.

    Args:
        ms: (n,) times, UTC ms, in any order.
        lat, lon: (n,) degrees.

    Returns:
        Runs that do not overlap. A position in no zone says nothing; a gap of more than `GAP_MS` ends a run; an
        excursion of at most `FLICKER_MS` into other zones and back is no change.
    """
    order = np.lexsort((lon, lat, ms))
    times, (names, codes) = ms[order], _zones(lat[order], lon[order])
    known = codes != names[""]
    times, codes = times[known], codes[known]
    if not len(times):
        return []
    begins = np.flatnonzero(np.r_[True, (np.diff(codes) != 0) | (np.diff(times) > GAP_MS)])
    ends = np.r_[begins[1:], len(times)] - 1
    runs: list[ZoneRun] = []
    named = list(names)
    for first, last, code in zip(times[begins].tolist(), times[ends].tolist(), codes[begins].tolist(), strict=True):
        _append(runs, ZoneRun(first, last, named[code]))
    return runs


def _append(runs: list[ZoneRun], new: ZoneRun) -> None:
    """Add a run; one that returns to a zone left a moment ago goes on with it, and the excursion is forgotten."""
    back = len(runs)
    while back and new.first_ms - runs[back - 1].last_ms <= FLICKER_MS:
        back -= 1
        if runs[back].zone == new.zone:
            runs[back:] = [ZoneRun(runs[back].first_ms, new.last_ms, new.zone)]
            return
    runs.append(new)


def _zones(lat: Floats, lon: Floats) -> tuple[dict[str, int], Ints]:
    """Codes of zones by name, and the code of each position: most lie in few cells, nearly all cells in one zone."""
    names = {"": 0}
    fine = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)  # also refuses NaN
    row, column = (np.floor(np.where(fine, x, 0.0) * _CELLS_A_DEGREE).astype(np.int64) for x in (lat, lon))
    _, example, cell_of = np.unique(row * 100_000 + column, return_index=True, return_inverse=True)
    zones = [_cell_zone(*cell) for cell in zip(row[example].tolist(), column[example].tolist(), strict=True)]
    cell_codes = [-1 if zone is None else names.setdefault(zone, len(names)) for zone in zones]
    codes = np.where(fine, np.array(cell_codes, np.int64)[cell_of], 0)
    for i in np.flatnonzero(codes < 0).tolist():
        codes[i] = names.setdefault(zone_at(float(lat[i]), float(lon[i])), len(names))
    return names, codes


@lru_cache(maxsize=100_000)
def _cell_zone(south: int, west: int) -> str | None:
    """Zone of a cell, or None where a border runs through it: its corners or its middle lie in different zones."""
    points = ((south + a, west + b) for a, b in ((0.5, 0.5), (0, 0), (0, 1), (1, 0), (1, 1)))
    found = {zone_at(min(a / _CELLS_A_DEGREE, 90), min(b / _CELLS_A_DEGREE, 180)) for a, b in points}
    return found.pop() if len(found) == 1 else None


@lru_cache(maxsize=1)
def _finder() -> Callable[[float, float], str]:
    """(longitude, latitude) to zone; 35 MB are read at the first question and kept."""
    from tzfpy import get_tz

    return get_tz


# -- rules -------------------------------------------------------------------------------------------------------------


def known_zone(name: str) -> tzinfo | None:
    """The zone of an IANA name, or None when the installed time zone data has none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a folder, a path that leads elsewhere
        return None


@lru_cache(maxsize=_MAX_ZONES)
def zone_rules(zone: tzinfo, first_year: int = FIRST_YEAR, last_year: int = LAST_YEAR) -> ZoneRules:
    """A zone's offsets from one year through another, both included, rounded to minutes."""
    first_s = day_start_ms(f"{first_year:04}-01-01") // 1000
    last_s = day_start_ms(f"{last_year + 1:04}-01-01") // 1000
    starts, offsets = [first_s], [_offset_min(first_s, zone)]
    for probe in (*range(first_s + _PROBE_S, last_s, _PROBE_S), last_s):
        offset = _offset_min(probe, zone)
        while offset != offsets[-1]:  # twice when two changes lie between two probes
            change = _change_s(starts[-1] if probe - starts[-1] < _PROBE_S else probe - _PROBE_S, probe, zone)
            starts.append(change)
            offsets.append(_offset_min(change, zone))
    return ZoneRules(np.array(starts, np.int64) * 1000, np.array(offsets, np.int64))


def _change_s(low: int, high: int, zone: tzinfo) -> int:
    """The first second of another offset than that of `low`, in (low, high]."""
    before = _offset_min(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_min(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _offset_min(second: int, zone: tzinfo) -> int:
    offset = (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 60)


@lru_cache(maxsize=8)
def distinct_zones(first_year: int, last_year: int) -> tuple[tuple[tzinfo, ZoneRules], ...]:
    """One zone for each of the different ways in which the world's clocks go in these years, with its rules in them.

    From ``zonenow.tab`` of the time zone database: one zone for each set of rules in force from now on. Rules that
    only held in earlier years (Turkey before 2016) are missing.
    """
    table = (resources.files("tzdata") / "zoneinfo" / "zonenow.tab").read_text("utf-8")
    names = [line.split("\t")[2].strip() for line in table.splitlines() if line and not line.startswith("#")]
    found: dict[bytes, tuple[tzinfo, ZoneRules]] = {}
    for zone in map(known_zone, names):
        if zone is not None:
            rules = zone_rules(zone, first_year, last_year)
            found.setdefault(rules.starts_ms.tobytes() + rules.offset_min.tobytes(), (zone, rules))
    return tuple(found.values())


def year_of(ms: int) -> int:
    """The UTC year of a time, within the years of the rules."""
    year = 1970 + ms // (DAY_MS * 146_097 // 400)
    return min(max(year, FIRST_YEAR), LAST_YEAR)
