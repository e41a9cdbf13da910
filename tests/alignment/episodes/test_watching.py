"""Sessions of videos."""

from __future__ import annotations

from hearthside.alignment.episodes import watching
from tests.alignment.episodes.windows import Life, Said, at, find_all


def test_videos_up_to_half_an_hour_apart_are_one_session() -> None:
    videos = [Said("watch", at(0, 20, minute), text="A film") for minute in (0, 30, 60.5, 70)]
    found = find_all(Life(videos), watching)
    assert [(e.start_ms, e.end_ms, e.label, e.facts) for e in found] == [
        (at(0, 20), at(0, 20, 30), "watching videos", {"videos": 2}),
        (at(0, 21, 0.5), at(0, 21, 10), "watching videos", {"videos": 2}),
    ]


def test_one_video_is_no_session() -> None:
    assert find_all(Life([Said("watch", at(0, 20))]), watching) == []
