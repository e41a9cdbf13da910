"""Google Takeout "My Activity" (JSON): searches typed, videos watched, pages visited, and whatever else Google kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from urllib.parse import parse_qs, unquote_plus, urlsplit

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Rejected, Trust, ms_of
from hearthside.sources.reading import Opened, Sample, words

NAME = "google_my_activity"
TITLE = "Google My Activity"
_CLOCK = "export:google"
_LIST_OF_OBJECTS = re.compile(r"\s*\[\s*\{")
_SEARCH_PARAMETERS = ("q", "search_query", "query")
# Words Google puts before or after the name of what was watched or visited, by language of the account.
_BEFORE = {
    "search": ("Searched for ", "Gesucht nach: ", "Has buscado ", "Vous avez recherché ", "Hai cercato "),
    "watch": ("Watched ", "Has visto ", "Vous avez regardé ", "Hai guardato ", "Você assistiu a ", "看过 ", "观看了 "),
    "page_visit": (
        "Visited ",
        "Has visitado ",
        "Vous avez consulté ",
        "Hai visitato ",
        "Visitou ",
        "访问了 ",
        "访问过 ",
    ),
}
_AFTER = {
    "search": (" gesucht", " を検索しました"),
    "watch": (" angesehen", " bekeken", " を視聴しました"),
    "page_visit": (" aufgerufen", " besucht", " bezocht", " にアクセスしました"),
}


class _Act(NamedTuple):
    """What an entry is about: its kind and the words to show."""

    kind: str
    words: str


def recognise(sample: Sample) -> float:
    """A list of objects with title, time and products."""
    text = sample.text
    if not _LIST_OF_OBJECTS.match(text) or '"title"' not in text or not re.search(r'"time"\s*:\s*"\d{4}-', text):
        return 0.0
    named = [name for name in ('"products"', '"header"', '"titleUrl"', '"activityControls"') if name in text]
    return 0.9 if len(named) > 1 else 0.6 if named else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One event an entry: `search`, `watch`, `page_visit`, or `activity` for everything else."""
    document = opened.json_document()
    if isinstance(document, Rejected):
        yield document
    elif not isinstance(document, list):
        yield opened.reject("the file is not a list of activities", b"", 1, "start")
    else:
        for number, entry in enumerate(document, start=1):
            yield from opened.guarded(number, entry, _entry, where=f"entry {number}")


def _entry(number: int, entry: Json) -> Iterable[Record]:
    if not isinstance(entry, dict):
        raise ValueError("this entry is not a JSON object")
    act = _act(words(entry, "title").replace("\u00a0", " ").strip(), entry)
    typed = act.kind == "search"
    yield Event(
        source=NAME,
        kind=act.kind,
        layer=Layer.TEXT,
        start_ms=ms_of(datetime.fromisoformat(entry["time"])),
        # What was typed is the person's own; titles of videos and pages are other people's words.
        origin=Origin.SELF if typed else Origin.WEB,
        trust=Trust.OWN if typed else Trust.UNKNOWN,
        payload={**entry, "query": act.words} if typed else entry,
        clock=_CLOCK,
        text=act.words,
        record=number,
    )


def _act(title: str, entry: dict[str, Json]) -> _Act:
    """Kind and words; judged by the address where there is one, since the title is in the account's language."""
    host, path, parameters = _address(_text(entry.get("titleUrl")))
    if _is_advert(entry):
        return _Act("activity", title)
    if query := _query(host, path, parameters):
        return _Act("search", query)
    if _is_youtube(host) and (path == "/watch" or host == "youtu.be" or path.startswith("/shorts/")):
        return _Act("watch", _bare(title, "watch"))
    if _is_google(host) and path == "/url":
        return _Act("page_visit", _bare(title, "page_visit"))
    for kind, beginnings in _BEFORE.items():
        if title.startswith(beginnings):
            return _Act(kind, _bare(title, kind))
    return _Act("activity", title or _text(entry.get("header")))


def _address(link: str) -> tuple[str, str, str]:
    """Host, path and parameters; empty when the link is none, since an entry is more than its link."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return "", "", ""
    return (parts.hostname or "").lower(), parts.path, parts.query


def _is_advert(entry: dict[str, Json]) -> bool:
    """Adverts are listed among the videos watched, but nobody chose them."""
    details = entry.get("details")
    names = [detail.get("name") for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    return any("Google Ads" in _text(name) for name in names)


def _query(host: str, path: str, query: str) -> str:
    """The words typed, from the address of a search; "" when it is none."""
    if _is_google(host) and path.startswith("/maps/search/"):
        return unquote_plus(path.split("/")[3]).strip()
    searching = (_is_google(host) and path in ("/search", "/maps", "/maps/search")) or (
        _is_youtube(host) and path == "/results"
    )
    if not searching:
        return ""
    values = parse_qs(query)
    return next((values[name][0].strip() for name in _SEARCH_PARAMETERS if name in values), "")


def _bare(title: str, kind: str) -> str:
    """The title without the words for the act; whole when its language is not known here."""
    for beginning in _BEFORE[kind]:
        if title.startswith(beginning):
            return title.removeprefix(beginning)
    for end in _AFTER[kind]:
        if title.endswith(end):
            return title.removesuffix(end)
    return title


def _is_google(host: str) -> bool:
    return re.fullmatch(r"(?:[a-z]+\.)?google(?:\.[a-z]{2,3}){1,2}", host) is not None


def _is_youtube(host: str) -> bool:
    return host == "youtu.be" or host == "youtube.com" or host.endswith(".youtube.com")


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
