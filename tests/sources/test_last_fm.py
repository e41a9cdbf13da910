"""Songs played."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Json, Layer, Origin, Precision, Rejected, Trust
from hearthside.sources import last_fm
from hearthside.sources.reading import Opened
from tests.contracts.source_files import SOURCE_FILES

ROW: dict[str, Json] = orjson.loads(SOURCE_FILES["last_fm"].splitlines()[0])


def _read(folder: Path, row: dict[str, Json]) -> Event | Rejected:
    path = folder / "export"
    path.write_bytes(orjson.dumps(row))
    (item,) = last_fm.read(Opened(path, last_fm.NAME))
    assert isinstance(item, Event | Rejected)
    return item


def test_a_play_is_an_instant_in_utc(tmp_path: Path) -> None:
    event = _read(tmp_path, ROW)
    assert isinstance(event, Event)
    assert (event.kind, event.layer, event.start_ms) == ("listen", Layer.AUDITORY, 1_714_562_000_000)
    assert (event.origin, event.trust, event.precision) == (Origin.SELF, Trust.OWN, Precision.INSTANT)
    assert (event.offset_min, event.end_ms) == (None, None)
    assert event.text == "The Invented – Low Water"
    assert event.payload == ROW


@pytest.mark.parametrize("changes", [{"uts": "soon"}, {"uts": None}, {"uts": 1.5}, {"artist": 1}, {"track": None}])
def test_a_wrong_play_is_refused(changes: dict[str, Json], tmp_path: Path) -> None:
    assert isinstance(_read(tmp_path, {**ROW, **changes}), Rejected)


def test_a_song_that_is_playing_now_has_no_time_and_is_refused(tmp_path: Path) -> None:
    item = _read(tmp_path, {name: value for name, value in ROW.items() if name != "uts"})
    assert isinstance(item, Rejected)
    assert item.reason == "field 'uts' is missing"
