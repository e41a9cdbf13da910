"""Google Takeout's My Activity as JSON, newest first: searches and watched videos."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from hearthside.sample_life.files import write_json
from hearthside.sample_life.screen import Search, Watch


def write_takeout(folder: Path, searches: Sequence[Search], watches: Sequence[Watch]) -> dict[str, int]:
    """Two lists; records per file."""
    rows = {
        "Search": [_search(search) for search in reversed(searches)],
        "YouTube": [_watch(watch) for watch in reversed(watches)],
    }
    counts = {}
    for product, records in rows.items():
        name = f"takeout/My Activity/{product}/MyActivity.json"
        write_json(folder / name, records)
        counts[name] = len(records)
    return counts


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _search(search: Search) -> dict[str, Any]:
    return {
        "header": "Search",
        "title": f"Searched for {search.query}",
        "titleUrl": f"https://www.google.com/search?q={quote_plus(search.query)}",
        "time": _time(search.time),
        "products": ["Search"],
        "activityControls": ["Web & App Activity"],
    }


def _watch(watch: Watch) -> dict[str, Any]:
    video = hashlib.sha256(watch.title.encode()).hexdigest()[:11]
    return {
        "header": "YouTube",
        "title": f"Watched {watch.title}",
        "titleUrl": f"https://www.youtube.com/watch?v={video}",
        "subtitles": [
            {"name": watch.channel, "url": f"https://www.youtube.com/channel/invented-{quote_plus(watch.channel)}"}
        ],
        "time": _time(watch.time),
        "products": ["YouTube"],
        "activityControls": ["YouTube watch history"],
    }
