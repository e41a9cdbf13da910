"""My Activity: kinds by address in any language, adverts, bad entries, and files cut to their first 64 KiB."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Item, Json, Layer, Origin, Rejected, Trust, ms_of
from hearthside.sources import google_my_activity, recognise
from hearthside.sources.reading import HEAD_BYTES, Opened, Sample

SEARCH = {
    "header": "Search",
    "title": "Searched for ramen near me",
    "titleUrl": "https://www.google.com/search?q=ramen+near+me",
    "time": "2026-11-20T17:05:00.123Z",
    "products": ["Search"],
}
WATCH = {
    "header": "YouTube",
    "title": "Watched Knife skills",
    "titleUrl": "https://www.youtube.com/watch?v=abc",
    "subtitles": [{"name": "A cook", "url": "https://www.youtube.com/channel/x"}],
    "time": "2026-11-20T18:00:00Z",
    "products": ["YouTube"],
}


def read(folder: Path, entries: Json) -> list[Item]:
    path = folder / "MyActivity.json"
    path.write_bytes(orjson.dumps(entries))
    return list(google_my_activity.read(Opened(path, google_my_activity.NAME)))


def test_a_search_is_the_persons_own_and_a_video_is_not(tmp_path: Path) -> None:
    search, watch = read(tmp_path, [SEARCH, WATCH])
    assert isinstance(search, Event) and isinstance(watch, Event)
    assert (search.kind, search.text, search.layer) == ("search", "ramen near me", Layer.TEXT)
    assert (search.origin, search.trust) == (Origin.SELF, Trust.OWN)
    assert search.start_ms == ms_of(datetime(2026, 11, 20, 17, 5, tzinfo=UTC)) + 123
    assert search.payload == {**SEARCH, "query": "ramen near me"}
    assert (watch.kind, watch.text) == ("watch", "Knife skills")
    assert (watch.origin, watch.trust) == (Origin.WEB, Trust.UNKNOWN)
    assert (search.record, watch.record) == (1, 2)


@pytest.mark.parametrize(
    ("title", "url", "kind", "text"),
    [
        ("Hai cercato sushi a Roma", "https://www.google.it/search?q=sushi+a+Roma", "search", "sushi a Roma"),
        ("「ラーメン」を検索しました", "https://www.google.co.jp/search?q=%E3%83%A9%E3%83%BC", "search", "ラー"),
        ("Searched for curry", "https://www.youtube.com/results?search_query=curry", "search", "curry"),
        ("Searched for pho", "https://www.google.com/maps/search/pho+soup/@52.5,13.4", "search", "pho soup"),
        ("Searched for\u00a0old entry", "", "search", "old entry"),
        ("Messer schärfen angesehen", "https://www.youtube.com/watch?v=1", "watch", "Messer schärfen"),
        ("Katsottu Veitset", "https://www.youtube.com/watch?v=1", "watch", "Katsottu Veitset"),  # words not known
        ("Visited A page", "https://www.google.com/url?q=https://a.example/", "page_visit", "A page"),
        ("Visited Another", "https://b.example/", "page_visit", "Another"),
        ("Used Translate", "", "activity", "Used Translate"),
        ("Watched a thing", "https://evil.example/watch?v=1", "watch", "a thing"),
        ("Visited a broken link", "http://[", "page_visit", "a broken link"),
        ("Searched elsewhere", "https://notgoogle.com/search?q=x", "activity", "Searched elsewhere"),
    ],
)
def test_kind_comes_from_the_address_before_the_words(
    tmp_path: Path, title: str, url: str, kind: str, text: str
) -> None:
    (event,) = read(tmp_path, [{"title": title, "titleUrl": url, "time": "2026-11-20T17:05:00Z"}])
    assert isinstance(event, Event)
    assert (event.kind, event.text) == (kind, text)


def test_adverts_among_the_videos_are_not_watched(tmp_path: Path) -> None:
    (event,) = read(tmp_path, [{**WATCH, "details": [{"name": "From Google Ads"}]}])
    assert isinstance(event, Event) and event.kind == "activity"


def test_bad_entries_are_rejected_alone_with_their_place(tmp_path: Path) -> None:
    items = read(tmp_path, [{"title": "no time"}, "text", {**SEARCH, "time": "2026-11-20T17:05:00"}, SEARCH])
    reasons = [item.reason for item in items if isinstance(item, Rejected)]
    assert reasons == [
        "field 'time' is missing",
        "this entry is not a JSON object",
        "a time without a zone has no place on the time axis",
    ]
    assert [item.record for item in items] == [1, 2, 3, 4]
    assert isinstance(items[0], Rejected) and items[0].place == "MyActivity.json, entry 1"
    assert orjson.loads(items[0].raw) == {"title": "no time"}


def test_a_document_of_another_shape_is_one_rejection(tmp_path: Path) -> None:
    (item,) = read(tmp_path, {"a": 1})
    assert isinstance(item, Rejected)


def test_packed_and_marked_files_give_the_same_ids(tmp_path: Path) -> None:
    plain = [item.id for item in read(tmp_path, [SEARCH, WATCH]) if isinstance(item, Event)]
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + orjson.dumps([SEARCH, WATCH])))
    packed = google_my_activity.read(Opened(path, google_my_activity.NAME))
    assert [item.id for item in packed if isinstance(item, Event)] == plain


def test_recognises_its_own_even_when_cut_and_nothing_else() -> None:
    whole = orjson.dumps([SEARCH, WATCH] * 500, option=orjson.OPT_INDENT_2)
    assert len(whole) > HEAD_BYTES
    assert recognise(Sample("x", whole[:HEAD_BYTES])) is google_my_activity
    assert recognise(Sample("x", b"\xef\xbb\xbf" + whole[:HEAD_BYTES])) is google_my_activity
    for other in (b"[]", b'{"title": "a"}', b'[{"title": "a", "time": 5}]', b'[{"title":"a","time":"2026-01-01"}]'):
        assert google_my_activity.recognise(Sample("x", other)) == 0.0
