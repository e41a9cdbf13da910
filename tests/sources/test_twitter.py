"""Own tweets and liked tweets."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from hearthside.events import DAY_MS, Event, Json, Origin, Precision, Rejected, Trust, day_start_ms
from hearthside.sources import load_source
from hearthside.sources.reading import Opened
from tests.contracts.source_files import SOURCE_FILES


def _read(name: str, folder: Path, **changes: Json) -> Event | Rejected:
    path = folder / "export"
    path.write_bytes(orjson.dumps({**orjson.loads(SOURCE_FILES[name].splitlines()[0]), **changes}))
    (item,) = load_source(name).read(Opened(path, name))
    assert isinstance(item, Event | Rejected)
    return item


def test_a_tweet_is_the_persons_own_words_at_its_own_time(tmp_path: Path) -> None:
    event = _read("twitter_tweets", tmp_path)
    assert isinstance(event, Event)
    assert (event.kind, event.origin, event.trust, event.text) == ("post", Origin.SELF, Trust.OWN, "Rain again.")
    assert event.start_ms == day_start_ms("2024-05-01") + (11 * 60 + 20) * 60_000
    assert event.precision is Precision.INSTANT
    assert event.key == "1785600000000000001"


def test_a_retweet_is_somebody_elses_words(tmp_path: Path) -> None:
    event = _read("twitter_tweets", tmp_path, text="RT @ada: Sun!")
    assert isinstance(event, Event)
    assert (event.kind, event.origin, event.trust) == ("post", Origin.WEB, Trust.UNKNOWN)


def test_a_like_does_not_pretend_to_know_its_time(tmp_path: Path) -> None:
    event = _read("twitter_likes", tmp_path)
    assert isinstance(event, Event)
    assert (event.kind, event.origin, event.trust) == ("like", Origin.WEB, Trust.UNKNOWN)
    assert (event.precision, event.start_ms) == (Precision.DAY, day_start_ms("2024-05-01"))
    assert event.uncertainty_ms >= 30 * DAY_MS
    assert event.payload["created_at"] == "Wed May 01 11:20:00 +0000 2024"
    assert "unknown" in event.payload["day_means"]


@pytest.mark.parametrize("changes", [{"created_at": "2024-05-01"}, {"created_at": None}, {"text": 1}, {"id": 5}])
def test_a_wrong_tweet_is_refused(changes: dict[str, Json], tmp_path: Path) -> None:
    assert isinstance(_read("twitter_tweets", tmp_path, **changes), Rejected)


@pytest.mark.parametrize("changes", [{"day": "05/01/2024"}, {"day": None}, {"text": None}])
def test_a_wrong_like_is_refused(changes: dict[str, Json], tmp_path: Path) -> None:
    assert isinstance(_read("twitter_likes", tmp_path, **changes), Rejected)
