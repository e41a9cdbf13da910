"""Google Fit sessions of the person's sport: one workout a line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.files import write_json_lines
from hearthside.sample_life.timeline import Block, Day


def write_google_fit(folder: Path, cast: Cast, days: Sequence[Day], now: datetime) -> dict[str, int]:
    """One file named after the sport; workouts are counted."""
    name = f"google_fit/google-fit-{cast.sport['google'].lower().replace(' ', '-')}.jsonl"
    rows = [_session(cast, day, block) for day in days for block in day.of("sport") if block.end <= now]
    return {name: write_json_lines(folder / name, rows)}


def _session(cast: Cast, day: Day, block: Block) -> dict[str, Any]:
    start, end = round(block.start.timestamp() * 1000), round(block.end.timestamp() * 1000)
    return {
        "activeTimeMillis": str(end - start),
        "activityType": cast.sport["type"],
        "application": {"detailsUrl": "", "name": "", "packageName": "invented.sample.watch", "version": ""},
        "day": day.date.isoformat(),
        "endTime": _time(block.end),
        "endTimeMillis": str(end),
        "id": "sample-" + hashlib.sha256(str(start).encode()).hexdigest()[:16],
        "modifiedTimeMillis": str(end + 60_000),
        "name": cast.sport["google"],
        "startTime": _time(block.start),
        "startTimeMillis": str(start),
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
