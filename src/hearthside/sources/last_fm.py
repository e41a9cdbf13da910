"""Last.fm: one song played per JSON line, stamped by its start in UTC seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Trust
from hearthside.sources.reading import Opened, Sample, whole, words

NAME = "last_fm"
TITLE = "Last.fm"


def recognise(sample: Sample) -> float:
    """Plays have an artist, a track and `uts`."""
    return 0.9 if sample.has("uts", "artist", "track") else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `listen` a line."""
    return opened.json_lines(_play)


def _play(line: int, row: dict[str, Json]) -> Iterable[Record]:
    artist, track = words(row, "artist"), words(row, "track")
    uts = whole(row, "uts")
    event = Event(
        source=NAME,
        kind="listen",
        layer=Layer.AUDITORY,
        start_ms=uts * 1000,
        origin=Origin.SELF,
        trust=Trust.OWN,
        payload=row,
        clock="export:last_fm",
        text=f"{artist} – {track}" if artist and track else artist or track,
        uncertainty_ms=1000,
        key=f"{uts}/{artist}/{track}",
        record=line,
    )
    return (event,)
