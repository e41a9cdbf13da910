"""What was noted at home, and rooms in which sensors fired."""

from __future__ import annotations

from collections import Counter

from hearthside.alignment.episodes import home_activity
from hearthside.events import Origin
from tests.alignment.episodes.real import kasteren, mit_house
from tests.alignment.episodes.windows import Life, Said, at, find_all


def _fired(minute: float, text: str, lasting_min: float = 0) -> Said:
    start = at(0, 7, minute)
    end = start + round(lasting_min * 60_000) if lasting_min else None
    return Said("state", start, end, text, numbers=(("value", float("nan")),))


def test_a_noted_activity_is_an_episode_however_long() -> None:
    away = Said("activity", at(0, 19), at(2, 19), "leave house", origin=Origin.SELF)
    (found,) = find_all(Life([away]), home_activity)
    assert (found.label, found.start_ms, found.end_ms, found.sure) == ("leave house", at(0, 19), at(2, 19), 0.95)
    assert found.evidence == (away.id,)
    assert find_all(Life([Said("activity", at(0, 1), at(0, 2), "x")]), home_activity) == []


def test_firings_of_one_room_are_a_stay_in_it() -> None:
    life = Life(
        [_fired(0, "Fridge on"), _fired(5, "Cups cupboard on"), _fired(3, "Toilet flush on"), _fired(9, "Hall on")]
    )
    (found,) = find_all(life, home_activity)
    assert (found.label, found.start_ms, found.end_ms, found.sure) == ("in the kitchen", at(0, 7), at(0, 7, 5), 0.5)
    assert found.facts == {
        "noted": False,
        "room": "kitchen",
        "firings": 2,
        "sensors": ["Fridge on", "Cups cupboard on"],
    }


def test_a_door_left_open_keeps_nobody_in_the_room() -> None:
    life = Life([_fired(0, "Fridge on", 120), _fired(2, "Microwave on"), _fired(60, "Oven on"), _fired(61, "Oven off")])
    (found,) = find_all(life, home_activity)
    assert found.end_ms == at(0, 7, 2)


def test_readings_and_the_end_of_motion_are_no_firings() -> None:
    still = [_fired(0, "Kitchen motion no motion"), _fired(1, "Kitchen motion no motion"), _fired(2, "Kitchen clear")]
    warm = [Said("state", at(0, 7, i), text=f"Kitchen {i}.5 °C on", numbers=(("value", i + 0.5),)) for i in range(5)]
    assert find_all(Life(still + warm), home_activity) == []
    moved = [_fired(i, "Kitchen motion motion detected") for i in range(2)]
    assert len(find_all(Life(still + warm + moved), home_activity)) == 1


def test_every_noted_activity_of_the_real_homes_is_found() -> None:
    for life, activities in ((kasteren(), 245), (mit_house(), 295)):
        found = [e for e in find_all(life, home_activity) if e.facts["noted"]]
        notes = Counter(one.text for one in life.events if one.kind == "activity")
        assert len(found) == activities
        assert Counter(e.label for e in found) == notes


def test_rooms_agree_with_what_was_noted_in_the_real_home() -> None:
    life = kasteren()
    found = [e for e in find_all(life, home_activity) if e.facts.get("room") == "bathroom"]
    noted = [one for one in life.events if one.text in ("use toilet", "take shower")]
    spans = [(one.start_ms - 60_000, (one.end_ms or one.start_ms) + 60_000) for one in noted]
    told = sum(any(e.start_ms <= end and e.end_ms >= start for e in found) for start, end in spans)
    right = sum(any(e.start_ms <= end and e.end_ms >= start for start, end in spans) for e in found)
    assert told >= 0.95 * len(spans)
    assert right >= 0.8 * len(found)
