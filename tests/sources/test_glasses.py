"""Glasses lines: captions, gaze samples, and everything docs/formats.md says is refused."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Item, Json, Layer, Origin, Rejected, ms_of
from hearthside.sources import glasses, recognise
from hearthside.sources.reading import Opened, Sample

START = ms_of(datetime(2026, 11, 20, 17, 31, 5, tzinfo=UTC))
CAPTION = {
    "type": "caption", "time": "2026-11-20T18:31:05+01:00", "duration_s": 30, "text": "A menu on a wooden table.",
    "objects": ["menu", "candle"], "people": ["Mira"], "place": "Osteria", "image_id": "i1",
}  # fmt: skip
GAZE = {"type": "gaze", "time": "2026-11-20T18:31:05+01:00", "step_ms": 1000, "targets": ["menu", "menu", None]}


def read(folder: Path, *rows: Json) -> list[Item]:
    path = folder / "glasses.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    return list(glasses.read(Opened(path, glasses.NAME)))


def test_captions_and_gaze_are_intervals_with_the_persons_offset(tmp_path: Path) -> None:
    caption, gaze = read(tmp_path, CAPTION, GAZE)
    assert isinstance(caption, Event) and isinstance(gaze, Event)
    assert (caption.kind, caption.text) == ("caption", "A menu on a wooden table.")
    assert (caption.start_ms, caption.end_ms, caption.offset_min) == (START, START + 30_000, 60)
    assert (caption.layer, caption.origin) == (Layer.VISUAL, Origin.DEVICE)
    assert set(caption.payload) == {"text", "objects", "people", "place", "image_id"}
    assert (gaze.kind, gaze.text, gaze.start_ms, gaze.end_ms) == ("gaze", "", START, START + 3_000)
    assert gaze.payload == {"step_ms": 1000, "targets": ["menu", "menu", None]}
    assert (caption.record, gaze.record) == (1, 2)


def test_a_caption_may_be_an_instant_and_z_carries_no_offset(tmp_path: Path) -> None:
    (event,) = read(tmp_path, {"type": "caption", "time": "2026-11-20T17:31:05Z", "text": "A street."})
    assert isinstance(event, Event)
    assert (event.start_ms, event.end_ms, event.offset_min) == (START, None, None)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**CAPTION, "type": "photo"}, "neither caption nor gaze"),
        ({**CAPTION, "time": "2026-11-20T18:31:05"}, "a time without a zone has no place on the time axis"),
        ({**CAPTION, "text": ""}, "holds no words"),
        ({**CAPTION, "objects": "menu"}, "objects is not a list of labels"),
        ({**CAPTION, "people": [5]}, "people is not a list of labels"),
        ({**CAPTION, "place": 5}, "the place is not text"),
        ({**CAPTION, "duration_s": -1}, "duration_s is not"),
        ({**CAPTION, "duration_s": 1e12}, "duration_s is not"),
        ({**GAZE, "targets": []}, "targets is not a list"),
        ({**GAZE, "targets": ["menu", 5]}, "targets is not a list"),
        ({**GAZE, "step_ms": 0}, "step_ms is not"),
        ({**GAZE, "step_ms": 0.5}, "step_ms is not"),
        ({"type": "gaze", "time": CAPTION["time"], "step_ms": 5}, "field 'targets' is missing"),
    ],
)
def test_bad_lines_are_rejected_alone(tmp_path: Path, row: Json, reason: str) -> None:
    bad, good = read(tmp_path, row, GAZE)
    assert isinstance(bad, Rejected) and reason in bad.reason
    assert isinstance(good, Event)


def test_recognises_its_own_and_nothing_else(tmp_path: Path) -> None:
    for row in (CAPTION, GAZE, {**GAZE, "targets": ["menu"] * 20_000}):
        content = orjson.dumps(row)
        assert recognise(Sample("x", content[:65_536])) is glasses
        assert recognise(Sample("x", b"\xef\xbb\xbf" + content[:65_536])) is glasses
    for other in (
        b'{"type":"caption"}',
        b'{"type":"gaze","time":"x"}',
        b'[{"type":"caption","time":1,"text":""}]',
        b"",
    ):
        assert glasses.recognise(Sample("x", other)) == 0.0
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(orjson.dumps(CAPTION)))
    assert len(list(glasses.read(Opened(path, glasses.NAME)))) == 1
