"""ActivityWatch exports: kinds by bucket type, intervals, private tabs, damaged buckets."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Item, Json, Origin, Rejected, Trust, ms_of
from hearthside.sources import activitywatch, recognise
from hearthside.sources.reading import Opened, Sample

TIME = "2026-11-20T17:05:00.250000+00:00"
START = ms_of(datetime(2026, 11, 20, 17, 5, tzinfo=UTC)) + 250


def bucket(bucket_type: str, *events: Json) -> Json:
    return {"id": "x", "type": bucket_type, "client": "aw", "hostname": "desk", "events": list(events)}


def event(duration: Json, **data: Json) -> Json:
    return {"id": 7, "timestamp": TIME, "duration": duration, "data": data}


def export(**buckets: Json) -> bytes:
    return orjson.dumps({"buckets": buckets})


def read(folder: Path, content: bytes) -> list[Item]:
    path = folder / "aw-buckets-export.json"
    path.write_bytes(content)
    return list(activitywatch.read(Opened(path, activitywatch.NAME)))


def test_each_bucket_type_has_its_kind(tmp_path: Path) -> None:
    content = export(
        window=bucket("currentwindow", event(90.5, app="Editor", title="letter.txt")),
        afk=bucket("afkstatus", event(600, status="afk"), event(60, status="not-afk")),
        web=bucket("web.tab.current", event(30, url="https://a.example", title="A page", incognito=False)),
        code=bucket("app.editor.activity", event(0, file="main.py", project="home", language="python")),
    )
    window, away, back, tab, code = read(tmp_path, content)
    assert all(isinstance(item, Event) for item in (window, away, back, tab, code))
    assert isinstance(window, Event) and isinstance(away, Event) and isinstance(back, Event)
    assert isinstance(tab, Event) and isinstance(code, Event)
    assert (window.kind, window.text) == ("app_use", "Editor – letter.txt")
    assert (window.start_ms, window.end_ms) == (START, START + 90_500)
    assert (window.payload["app"], window.payload["title"], window.payload["host"]) == ("Editor", "letter.txt", "desk")
    assert (window.origin, window.trust, window.offset_min) == (Origin.DEVICE, Trust.OWN, None)
    assert (away.kind, away.text, back.text) == ("afk", "away from the keyboard", "at the keyboard")
    assert (tab.kind, tab.text, tab.origin, tab.trust) == ("page_visit", "A page", Origin.WEB, Trust.UNKNOWN)
    assert (code.kind, code.text, code.end_ms) == ("activity", "main.py – home – python", None)
    assert [item.record for item in (window, away, back, tab, code)] == [1, 2, 3, 4, 5]


def test_private_tabs_are_refused_without_keeping_what_they_showed(tmp_path: Path) -> None:
    content = export(web=bucket("web.tab.current", event(30, url="https://secret.example", title="x", incognito=True)))
    (item,) = read(tmp_path, content)
    assert isinstance(item, Rejected)
    assert item.reason == "private browsing is not kept"
    assert item.raw == b"" and "secret" not in item.place


@pytest.mark.parametrize("duration", [-1, "60", True, None, 1e300, 40 * 86_400])
def test_impossible_durations_are_rejected(tmp_path: Path, duration: Json) -> None:
    (item,) = read(tmp_path, export(window=bucket("currentwindow", event(duration, app="a", title="b"))))
    assert isinstance(item, Rejected) and "duration" in item.reason


def test_damaged_buckets_and_events_do_not_stop_the_others(tmp_path: Path) -> None:
    good = event(1, app="a", title="a")
    content = export(
        none=5,
        empty={"type": "currentwindow"},
        window=bucket("currentwindow", 5, {"timestamp": TIME}, {**good, "timestamp": "2026-11-20T17:05:00"}, good),
    )
    items = read(tmp_path, content)
    assert [isinstance(item, Rejected) for item in items] == [True] * 5 + [False]
    assert [item.record for item in items] == [1, 2, 3, 4, 5, 6]
    assert isinstance(items[2], Rejected) and items[2].place == "aw-buckets-export.json, bucket window, event 1"
    assert isinstance(items[5], Event) and items[5].text == "a"


def test_new_ids_of_the_database_do_not_make_new_events(tmp_path: Path) -> None:
    first = event(5, app="a", title="b")
    content = export(window=bucket("currentwindow", first)), export(window=bucket("currentwindow", {**first, "id": 99}))
    (one,), (two,) = read(tmp_path, content[0]), read(tmp_path, content[1])
    assert isinstance(one, Event) and isinstance(two, Event) and one.id == two.id


def test_recognises_its_own_and_nothing_else(tmp_path: Path) -> None:
    content = export(window=bucket("currentwindow", event(5, app="a", title="b")))
    assert recognise(Sample("x", content)) is activitywatch
    assert recognise(Sample("x", b"\xef\xbb\xbf" + content[:80])) is activitywatch
    for other in (b'{"bucket": {}}', b'[{"buckets": {"type": 1}}]', b"buckets", b""):
        assert activitywatch.recognise(Sample("x", other)) == 0.0
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(content))
    assert len(list(activitywatch.read(Opened(path, activitywatch.NAME)))) == 1
    (broken,) = read(tmp_path, content[:-9])
    assert isinstance(broken, Rejected)
