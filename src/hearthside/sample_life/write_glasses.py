"""The documented JSONL of glasses: captions with objects and people, and gaze as one target per step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.files import write_json_lines
from hearthside.sample_life.sights import Caption, Gaze

_NAME = "glasses/glasses.jsonl"


def write_glasses(folder: Path, cast: Cast, captions: Sequence[Caption], gazes: Sequence[Gaze]) -> dict[str, int]:
    """One file in order of time; captions and gaze records are both counted."""
    rows = [(item.time, _caption(cast, item)) for item in captions] + [(item.time, _gaze(cast, item)) for item in gazes]
    ordered = [row for _, row in sorted(rows, key=lambda pair: (pair[0], pair[1]["type"]))]
    return {_NAME: write_json_lines(folder / _NAME, ordered)}


def _time(cast: Cast, at: datetime) -> str:
    return at.astimezone(cast.zone).isoformat(timespec="seconds")


def _caption(cast: Cast, caption: Caption) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": "caption",
        "time": _time(cast, caption.time),
        "duration_s": caption.duration_s,
        "text": caption.text,
        "objects": list(caption.objects),
        "people": list(caption.people),
    }
    return row | ({"place": caption.place} if caption.place else {})


def _gaze(cast: Cast, gaze: Gaze) -> dict[str, Any]:
    return {
        "type": "gaze",
        "time": _time(cast, gaze.time),
        "step_ms": gaze.step_ms,
        "targets": list(gaze.targets),
    }
