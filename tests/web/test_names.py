"""One name for each source, kind and episode, and lengths of time in words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from hearthside.sources import load_source, source_names
from hearthside.web.names import episode_title, length_words, name_words, source_words, span_words


def test_every_source_is_called_what_it_calls_itself() -> None:
    assert {name: source_words(name) for name in source_names()} == {n: load_source(n).TITLE for n in source_names()}
    names = ("last_fm", "home_assistant", "gaze_dwell", "heart_strap", "")
    assert [source_words(name) for name in names] == ["Last.fm", "Home Assistant", "Gaze dwell", "Heart strap", ""]


def test_kinds_and_episodes_are_words() -> None:
    assert (name_words("app_use"), episode_title("visit"), episode_title("nap_time")) == (
        "App use",
        "Place",
        "Nap time",
    )


@pytest.mark.parametrize(
    ("ms", "length", "span"),
    [
        (0, "0 min", "0 s"), (59 * MINUTE_MS, "59 min", "59 min"), (65 * MINUTE_MS, "1 h 05 min", "1 h 5 min"),
        (DAY_MS - HOUR_MS, "23 h 00 min", "23 h 0 min"), (3 * DAY_MS, "72 h 00 min", "3 d"),
    ],
)  # fmt: skip
def test_lengths_of_time(ms: int, length: str, span: str) -> None:
    assert (length_words(ms), span_words(ms)) == (length, span)


def test_the_terminal_needs_no_web_server_to_name_things() -> None:
    loaded = "import sys, hearthside.app.printing, hearthside.app.health; sys.exit('nicegui' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
