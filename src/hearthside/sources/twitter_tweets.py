"""Own tweets: one public post per JSON line; a retweet carries somebody else's words and is marked so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Trust, ms_of
from hearthside.sources.reading import Opened, Sample, words

NAME = "twitter_tweets"
TITLE = "Tweets"
_TIME = "%a %b %d %H:%M:%S %z %Y"  # Tue Feb 25 20:36:58 +0000 2020


def recognise(sample: Sample) -> float:
    """Tweets say which program sent them; liked tweets do not."""
    rows = sample.json_lines(20)
    return 0.9 if any({"created_at", "id", "text", "source"} <= row.keys() for row in rows) else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `post` a line."""
    return opened.json_lines(_tweet)


def _tweet(line: int, row: dict[str, Json]) -> Iterable[Record]:
    text, identity = words(row, "text"), words(row, "id")
    written = datetime.strptime(words(row, "created_at"), _TIME)  # noqa: DTZ007 - the format has a zone
    retweet = text.startswith("RT @")
    yield Event(
        source=NAME,
        kind="post",
        layer=Layer.TEXT,
        start_ms=ms_of(written),
        origin=Origin.WEB if retweet else Origin.SELF,
        trust=Trust.UNKNOWN if retweet else Trust.OWN,
        payload=row,
        clock="export:twitter",
        text=text,
        uncertainty_ms=1000,
        key=identity,
        record=line,
    )
