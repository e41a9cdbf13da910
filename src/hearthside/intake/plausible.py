"""What a record's times must fulfil to be believed; a record that does not is refused with a reason.

A time that is possible and yet probably wrong (a device in 1970, one that is a year behind) is let in: which times of a
clock can be believed is judged over all that is known of it (`alignment/clocks/faults.py`), and may be judged anew.
"""

from __future__ import annotations

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Precision, Record, Series, day_start_ms

FUTURE_MS = 36 * HOUR_MS  # clocks run ahead, and the date line is 26 h wide
FUTURE_DAY_MS = 2 * DAY_MS
EARLIEST_MS = day_start_ms("1900-01-01")
LONGEST_MS = 31 * DAY_MS
_MAX_OFFSET_MIN = 18 * 60  # the widest a zone is allowed to lie from UTC


def implausible(record: Record, now_ms: int) -> str:
    """Why the times of a record cannot be true, or "" when they can.

    Args:
        record: what a source read.
        now_ms: present time, UTC milliseconds.
    """
    if record.end_ms is None and record.offset_min is None and EARLIEST_MS <= record.start_ms <= now_ms:
        return ""  # most are such: an instant in the past
    by_day = not isinstance(record, Series) and record.precision is Precision.DAY
    start_ms = record.start_ms
    end_ms = start_ms if record.end_ms is None else record.end_ms
    if isinstance(record, Series) and (record.step_ms <= 0 or len(record.values) == 0):
        return "its samples have no step or there are none"
    if end_ms < start_ms:
        return "it ends before it begins"
    if start_ms < EARLIEST_MS:
        return "its time lies before 1900"
    if end_ms > now_ms + (FUTURE_DAY_MS if by_day else FUTURE_MS):
        return "its time lies in the future"
    if not by_day and end_ms - start_ms > LONGEST_MS:
        return f"it lasts longer than {LONGEST_MS // DAY_MS} days"
    if record.offset_min is not None and abs(record.offset_min) > _MAX_OFFSET_MIN:
        return f"its UTC offset is larger than {_MAX_OFFSET_MIN * MINUTE_MS // HOUR_MS} hours"
    return ""
