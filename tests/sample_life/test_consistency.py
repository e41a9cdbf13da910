"""The layers of a sample life agree: one person, one time axis."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from hearthside.sample_life import Place, SampleLife, generate
from hearthside.sample_life.cast import draw_cast
from tests.sample_life.reading_back import (
    app_uses,
    chats,
    document,
    lines,
    only,
    own_messages,
    state_at,
    states,
)


def _nights(life: SampleLife) -> list[tuple[datetime, datetime]]:
    rows = lines(life.folder / "oura/oura-sleep.jsonl")
    return [(datetime.fromisoformat(row["bedtime_start"]), datetime.fromisoformat(row["bedtime_end"])) for row in rows]


def _asleep(life: SampleLife) -> Callable[[datetime], bool]:
    nights = _nights(life)
    return lambda at: any(start <= at < end for start, end in nights)


def _metres(row: dict[str, float], place: Place) -> float:
    north = (row["lat"] - place.lat) * 111_320
    east = (row["lon"] - place.lon) * 111_320 * math.cos(math.radians(place.lat))
    return math.hypot(north, east)


def test_the_timeline_has_no_gap(life: SampleLife) -> None:
    for day, following in pairwise(life.days):
        assert day.awake == day.blocks[0].start
        assert day.blocks[-1].end == following.asleep
    for day in life.days:
        assert all(before.end == after.start for before, after in pairwise(day.blocks))
        assert all(block.minutes > 0 for block in day.blocks)
        assert day.blocks[-1].place == life.places["home"]


def test_asleep_means_silent_and_dark(life: SampleLife) -> None:
    asleep = _asleep(life)
    assert [message for message in chats(life) if asleep(message.time)] == []
    assert [use for use in app_uses(life) if asleep(use[0]) or asleep(use[1])] == []
    captions = lines(life.folder / "glasses/glasses.jsonl")
    assert [row for row in captions if asleep(datetime.fromisoformat(row["time"]))] == []
    talks = document(life, "omi/omi-conversations.json")
    assert [talk for talk in talks if asleep(datetime.fromisoformat(talk["started_at"]))] == []
    for product in ("Search", "YouTube"):
        rows = document(life, f"takeout/My Activity/{product}/MyActivity.json")
        assert [row for row in rows if asleep(datetime.fromisoformat(row["time"]))] == []
    for room in ("bedroom", "kitchen", "living_room", "bathroom", "hallway"):
        history = states(life, f"light.{room}")
        for start, end in _nights(life):
            assert state_at(history, start + timedelta(seconds=1)) == "off", (room, start)
            assert state_at(history, end - timedelta(seconds=1)) == "off", (room, end)
            assert [at for at, state in history if start <= at < end and state == "on"] == []


def test_asleep_means_at_home(life: SampleLife) -> None:
    asleep = _asleep(life)
    fixes = [row for row in lines(only(life, "owntracks")) if row["_type"] == "location"]
    night_fixes = [row for row in fixes if asleep(datetime.fromtimestamp(row["tst"], tz=UTC))]
    assert len(night_fixes) > 8 * len(life.days)
    assert max(_metres(row, life.places["home"]) for row in night_fixes) < 40
    person = states(life, f"person.{life.first_name.lower()}")
    for start, end in _nights(life):
        assert state_at(person, start + timedelta(minutes=1)) == state_at(person, end) == "home"


def test_positions_and_the_home_agree_on_absence(life: SampleLife) -> None:
    person = states(life, f"person.{life.first_name.lower()}")
    home = life.places["home"]
    wrong = []
    for row in lines(only(life, "owntracks")):
        at = datetime.fromtimestamp(row["tst"], tz=UTC)
        edge = any(abs((when - at).total_seconds()) < 180 for when, _ in person)
        if row["_type"] == "location" and not edge and "vel" not in row:
            near = _metres(row, home) < 100
            if near != (state_at(person, at) == "home"):
                wrong.append(row)
    assert wrong == []
    left = [at for at, state in person if state == "not_home"]
    assert len(left) >= 25
    door = [at for at, state in states(life, "binary_sensor.front_door") if state == "on"]
    assert all(any(timedelta() < at - opened < timedelta(minutes=3) for opened in door) for at in left)


def test_the_commute_moves_when_the_person_leaves(life: SampleLife) -> None:
    fixes = [row for row in lines(only(life, "owntracks")) if row["_type"] == "location"]
    person = states(life, f"person.{life.first_name.lower()}")
    for at, state in person:
        if state == "not_home":
            after = [row for row in fixes if 0 <= row["tst"] - at.timestamp() < 420]
            assert any(row.get("vel", 0) >= 3 for row in after), at


def test_restaurant_captions_are_where_the_restaurant_is(life: SampleLife) -> None:
    fixes = [row for row in lines(only(life, "owntracks")) if row["_type"] == "location"]
    by_name = {place.name: place for place in life.places.values()}
    checked = set()
    for row in lines(life.folder / "glasses/glasses.jsonl"):
        place = by_name.get(row.get("place", ""))
        if place is not None:
            at = datetime.fromisoformat(row["time"]).timestamp()
            last = max((fix for fix in fixes if fix["tst"] <= at), key=lambda fix: fix["tst"])
            # The last fix is of this place, or of the way there when the person has only just arrived.
            assert _metres(last, place) < 60 or at - last["tst"] < 600
            checked.add(place.name)
    visited = {dinner.table for dinner in life.threads.dinners} | {"quiet"}
    assert {life.places[table].name for table in visited} <= checked


def test_people_are_heard_when_they_are_there(life: SampleLife) -> None:
    for talk in document(life, "omi/omi-conversations.json"):
        start, end = (datetime.fromisoformat(talk[name]) for name in ("started_at", "finished_at"))
        blocks = [block for day in life.days for block in day.blocks if block.start <= start and end <= block.end]
        assert len(blocks) == 1, talk["structured"]["title"]
        others = {s["speaker_name"] for s in talk["transcript_segments"] if not s["is_user"]}
        assert others <= set(blocks[0].people) | {"The cashier"}
        spans = [(s["start"], s["end"]) for s in talk["transcript_segments"]]
        assert all(a < b for a, b in spans) and all(x[1] <= y[0] for x, y in pairwise(spans))


def test_nobody_types_while_running_or_at_table(life: SampleLife) -> None:
    kept_away = [b for day in life.days for b in day.of("sport", "friends", "quiet", "hobby", "meeting")]
    minute = timedelta(minutes=1)
    bad = [m for m in own_messages(life) if any(b.start + minute < m.time < b.end - minute for b in kept_away)]
    assert bad == []


def test_workouts_show_in_the_body(life: SampleLife) -> None:
    minutes: dict[int, float] = {}
    for row in lines(life.folder / "oura/oura-activity.jsonl"):
        first = int(datetime.fromisoformat(row["day_start"]).timestamp()) // 60
        for number, met in enumerate(row["met_1min"]):
            assert first + number not in minutes
            minutes[first + number] = met
    workouts = lines(only(life, "google_fit"))
    assert len(workouts) >= 3
    for row in workouts:
        first, last = int(row["startTimeMillis"]) // 60_000, int(row["endTimeMillis"]) // 60_000
        inside = [minutes[m] for m in range(first, last)]
        assert sum(inside) / len(inside) > 4.5
    nights = [minutes[m] for start, end in _nights(life)[1:] for m in range(_minute(start) + 1, _minute(end))]
    assert sum(nights) / len(nights) < 1.0
    assert len(minutes) == max(minutes) - min(minutes) + 1  # no hole and no overlap, clock changes included


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60


def test_local_times_follow_the_zone_through_a_clock_change(tmp_path: Path) -> None:
    in_berlin = (seed for seed in range(100) if draw_cast(random.Random(f"{seed} cast")).zone.key == "Europe/Berlin")
    # UTC+2 until 25 October, UTC+1 from then on.
    life = generate(tmp_path, seed=next(in_berlin), last_day=date(2026, 11, 8))
    assert life.zone == "Europe/Berlin"
    rows = lines(life.folder / "oura/oura-sleep.jsonl")
    offsets = {row["bedtime_end"][:10]: row["bedtime_end"][-6:] for row in rows}
    assert offsets["2026-10-24"] == "+02:00"
    assert offsets["2026-10-25"] == offsets["2026-10-26"] == "+01:00"
    lengths = {row["day"]: len(row["met_1min"]) for row in lines(life.folder / "oura/oura-activity.jsonl")}
    assert (lengths["2026-10-23"], lengths["2026-10-24"], lengths["2026-10-25"]) == (1440, 1500, 1440)
    zone = ZoneInfo("Europe/Berlin")
    for row in lines(life.folder / "glasses/glasses.jsonl"):
        at = datetime.fromisoformat(row["time"])
        assert at.utcoffset() == at.astimezone(zone).utcoffset()
    # A chat's local minute and the phone's UTC time of the same chat are the same moment on both sides of the change.
    opened = [(start, end, data["title"]) for start, end, data in app_uses(life) if data["app"] == "WhatsApp"]
    for message in own_messages(life):
        title = f"Chat with {message.chat}"
        minute_end = message.time + timedelta(minutes=1)
        assert any(name == title and start < minute_end and message.time <= end for start, end, name in opened)


def test_a_night_adds_up(life: SampleLife) -> None:
    for row in lines(life.folder / "oura/oura-sleep.jsonl"):
        start, end = datetime.fromisoformat(row["bedtime_start"]), datetime.fromisoformat(row["bedtime_end"])
        seconds = (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds()
        assert row["duration"] == seconds
        assert row["total"] == row["deep"] + row["light"] + row["rem"] == row["duration"] - row["awake"]
        assert len(row["hypnogram_5min"]) == len(row["hr_5min"]) == len(row["rmssd_5min"]) == math.ceil(seconds / 300)
        assert start.astimezone(ZoneInfo(life.zone)).utcoffset() == start.utcoffset()
