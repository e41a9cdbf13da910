"""What sources, kinds and episodes are called, and lengths of time in words: the same on pages and in the terminal.

No page is needed for it: the command line uses these words too, and starts without the web server.
"""

from __future__ import annotations

from functools import lru_cache

from hearthside import home
from hearthside.sources import load_source, source_names

EPISODE_WORDS = {
    "sleep": "Sleep",
    "work": "Work",
    "commute": "Commute",
    "trip": "On the way",
    "meal": "Meal",
    "conversation": "Conversation",
    "exercise": "Exercise",
    "listening": "Listening",
    "computer": "At the computer",
    "watching": "Watching",
    "home_activity": "At home",
    "visit": "Place",
}


@lru_cache(maxsize=256)
def source_words(source: str) -> str:
    """A source's name for people: ``oura_sleep`` as ``Oura sleep``.

    What a source that reads exports calls itself; of a live source, which has no such name, its own in words.
    """
    if source == home.NAME:
        return home.TITLE
    return load_source(source).TITLE if source in source_names() else name_words(source)


def name_words(name: str) -> str:
    """A name of the vocabulary (a kind, a measure) in words: ``app_use`` as ``App use``."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def episode_title(kind: str) -> str:
    """What a kind of episode is called."""
    return EPISODE_WORDS.get(kind, name_words(kind))


def length_words(length_ms: int) -> str:
    """A length of time in hours and minutes."""
    minutes = round(length_ms / 60_000)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def span_words(ms: int) -> str:
    """A length of time in its largest fitting unit, with the next smaller one where that matters."""
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86_400} d"
