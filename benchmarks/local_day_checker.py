"""Which local day each row of an Oura export belongs to, read from the raw files with the standard library alone.

It shares no code with the product. Of a night the day is the local date of ``bedtime_end`` as the file writes it; an
activity day is Oura's own, which begins at 04:00 local time, so it is the local date of ``day_start``; readiness and
weight have a date and nothing else.

Run: ``python benchmarks/local_day_checker.py DIR`` prints how many rows of each kind there are, and on how many days.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Placed(NamedTuple):
    """A row and its local day; `start_ms` is None for a row that has a day and no time."""

    kind: str
    start_ms: int | None
    local_day: str


def expected(paths: Iterable[Path]) -> Counter[Placed]:
    """Rows of all Oura files among these, with their local days; a row given twice, or anew, counts once."""
    rows: dict[tuple[str, str], Placed] = {}
    for path in sorted(paths):
        for row in _rows(path):
            found = _placed(row)
            if found is not None:
                name, placed = found
                rows[placed.kind, name] = placed
    return Counter(rows.values())


def errors(wanted: Counter[Placed], found: Counter[Placed]) -> int:
    """Rows on another day than wanted, missing, or there though nobody wants them."""
    return max((wanted - found).total(), (found - wanted).total())


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if ".json" not in path.name:
        return
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.name.endswith(".gz") else raw
    for line in text.decode("utf-8", "replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _placed(row: dict[str, Any]) -> tuple[str, Placed] | None:
    """What tells a row from others of its kind, and where it belongs; None for a row of something else."""
    if "bedtime_start" in row and "bedtime_end" in row and "hypnogram_5min" in row:
        start, end = datetime.fromisoformat(row["bedtime_start"]), datetime.fromisoformat(row["bedtime_end"])
        name = f"{row.get('summary_date')}/{row.get('period_id')}"
        return name, Placed("sleep", (start - _EPOCH) // timedelta(milliseconds=1), end.date().isoformat())
    if "day_start" in row and ("met_1min" in row or "class_5min" in row):
        day = datetime.fromisoformat(row["day_start"]).date().isoformat()
        return day, Placed("activity_day", None, day)
    if "score_recovery_index" in row and "score_resting_hr" in row:
        return f"{row['summary_date']}/{row.get('period_id')}", Placed("readiness_day", None, row["summary_date"])
    if set(row) == {"day", "weight"}:
        return row["day"], Placed("weight_day", None, row["day"])
    return None


def main() -> None:
    """Command line."""
    rows = expected(path for path in Path(sys.argv[1]).rglob("*") if path.is_file())
    for kind, count in sorted(Counter(row.kind for row in rows.elements()).items()):
        days = {row.local_day for row in rows if row.kind == kind}
        print(f"{kind:14} {count:6,} rows on {len(days):6,} days, {min(days)} to {max(days)}")


if __name__ == "__main__":
    main()
