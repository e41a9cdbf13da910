"""Sessions of songs."""

from __future__ import annotations

from hearthside.alignment.episodes import listening
from tests.alignment.episodes.real import person_a
from tests.alignment.episodes.windows import Life, Said, at, find_all


def _song(hour: float, minute: float, text: str = "Ada – One") -> Said:
    return Said("listen", at(0, hour, minute), text=text, note="An album")


def test_a_session_is_named_after_the_artist_most_heard() -> None:
    songs = [_song(8, 0, "Ben – X"), _song(8, 4), _song(8, 8), _song(8, 12, "Cee – Y")]
    (found,) = find_all(Life(songs), listening)
    assert (found.start_ms, found.end_ms) == (at(0, 8), at(0, 8, 16))
    assert found.label == "listening to Ada and others"
    assert found.facts == {"songs": 4, "artists": 3, "artist": "Ada", "share": 0.5}
    assert found.evidence == tuple(song.id for song in songs)


def test_twenty_minutes_keep_a_session_together_and_more_do_not() -> None:
    songs = [_song(8, 0), _song(8, 20), _song(8, 40.1), _song(8, 50), _song(9, 30)]
    found = find_all(Life(songs), listening)
    assert [(e.start_ms, e.facts["songs"]) for e in found] == [(at(0, 8), 2), (at(0, 8, 40.1), 2)]


def test_many_songs_keep_the_first_and_last_as_evidence() -> None:
    songs = [_song(8, 3 * i) for i in range(50)]
    (found,) = find_all(Life(songs), listening)
    assert found.evidence == tuple(song.id for song in songs[:10] + songs[-10:])


def test_music_on_for_days_is_cut_at_midnight() -> None:
    songs = [_song(8, 15 * i) for i in range(4 * 60)]  # 60 hours
    found = find_all(Life(songs), listening)
    assert [e.start_ms for e in found] == [at(0, 8), at(1, 0), at(2, 0)]
    assert sum(e.facts["songs"] for e in found) == len(songs)


def test_a_day_total_is_no_session() -> None:
    assert find_all(Life([Said("listen", at(0, i), by_day=True, number=i) for i in range(2)]), listening) == []


def test_the_plays_of_person_a() -> None:
    life = person_a("last-fm")
    found = find_all(life, listening)
    assert len(life.events) == 33_223
    assert len(found) == 2749
    assert sum(e.facts["songs"] for e in found) > 0.97 * len(life.events)  # the rest are single songs
