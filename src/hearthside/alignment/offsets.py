"""The person's UTC offset through travel and daylight saving, from what the sources carry."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import numpy as np
import numpy.typing as npt

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS

REACH_MS = 36 * HOUR_MS
"""An observation of the offset speaks for 36 hours either way: two nights of a ring that is worn every night."""

MINUTES = 1440


def minute_offsets(
    day: int, observed: npt.NDArray[np.int64], zone: tzinfo
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
    """Offset of each minute of a UTC day.

    Args:
        day: days since 1970-01-01.
        observed: shape (n, 2), rows (time in ms, offset in minutes) in order of time, covering the day and 36 h around.
        zone: the home zone, used where no observation is near.

    Returns:
        (1440,) offsets in minutes, and (1440,) whether a source carried it. The latest observation at or before the
        minute wins, else the next one after it.
    """
    starts = day * DAY_MS + np.arange(MINUTES, dtype=np.int64) * MINUTE_MS
    home = _zone_offsets(starts, zone)
    if not len(observed):
        return home, np.zeros(MINUTES, dtype=np.bool_)
    times, values = observed[:, 0], observed[:, 1]
    before = np.searchsorted(times, starts, side="right") - 1
    after = np.minimum(before + 1, len(times) - 1)
    near_before = (before >= 0) & (starts - times[np.maximum(before, 0)] <= REACH_MS)
    near_after = (times[after] >= starts) & (times[after] - starts <= REACH_MS)
    offsets = np.where(near_before, values[np.maximum(before, 0)], np.where(near_after, values[after], home))
    return offsets.astype(np.int16), near_before | near_after


def _zone_offsets(starts: npt.NDArray[np.int64], zone: tzinfo) -> npt.NDArray[np.int16]:
    """Zone offsets of 1440 minutes; zones change on whole quarter hours, so every 15th minute is asked."""
    asked = [_offset_at(int(ms), zone) for ms in starts[::15]]
    return np.repeat(np.array(asked, dtype=np.int16), 15)


def _offset_at(ms: int, zone: tzinfo) -> int:
    try:
        offset = datetime.fromtimestamp(ms / 1000, tz=UTC).astimezone(zone).utcoffset()
    except (OverflowError, ValueError):  # beyond the calendar: years 1 to 9999
        return 0
    return 0 if offset is None else round(offset.total_seconds() / 60)
