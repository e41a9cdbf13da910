"""The sample as a whole: same seed same bytes, other seed other life, nothing after its end, formats that parse."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthside.sample_life import DEFAULT_SEED, MIN_DAYS, SampleLife, generate
from hearthside.sample_life.cast import draw_cast
from tests.sample_life.conftest import LAST_DAY
from tests.sample_life.reading_back import app_uses, chats, document, lines, only, own_messages


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_same_arguments_give_the_same_bytes(tmp_path: Path, first: SampleLife) -> None:
    again = generate(tmp_path / "again", seed=DEFAULT_SEED, last_day=LAST_DAY)
    assert _bytes(again.folder) == _bytes(first.folder)
    assert (again.facts, again.threads, again.counts) == (first.facts, first.threads, first.counts)


def test_neighbouring_seeds_are_other_lives(tmp_path: Path, first: SampleLife) -> None:
    others = [generate(tmp_path / str(seed), seed=seed, last_day=LAST_DAY) for seed in range(100, 104)]
    for other in others:
        assert other.full_name != first.full_name
        shared = {friend.name for friend in other.friends} & {friend.name for friend in first.friends}
        assert len(shared) <= 2
        assert other.places != first.places
        assert set(_bytes(other.folder)) != set(_bytes(first.folder))  # chats and tracks carry names
    lives = [first, *others]
    assert len({life.zone for life in lives}) >= 3
    assert len({life.threads.quiet_visit for life in lives}) >= 2
    assert len({life.facts[-4:] for life in lives}) == len(lives)


def test_zones_cover_the_world() -> None:
    zones = {draw_cast(random.Random(f"{seed} cast")).zone.key for seed in range(8)}
    noon = datetime(2026, 1, 15, 12, tzinfo=UTC)
    assert len({noon.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones}) >= 3
    assert any(not zone.startswith("Europe/") for zone in zones)


def test_too_few_days_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 31 days"):
        generate(tmp_path, seed=1, last_day=LAST_DAY, days=MIN_DAYS - 1)


@pytest.mark.parametrize("weekday", range(7))
def test_any_last_day_and_length(tmp_path: Path, weekday: int) -> None:
    last_day = date(2027, 3, 1) + timedelta(days=weekday)  # Monday to Sunday
    life = generate(tmp_path, seed=900 + weekday, last_day=last_day, days=MIN_DAYS + 5 * weekday)
    assert life.days[0].date == life.first_day == last_day - timedelta(days=MIN_DAYS + 5 * weekday - 1)
    assert life.now == datetime.combine(last_day, time(17), tzinfo=ZoneInfo(life.zone))
    assert life.days[-1].blocks[-1].end == life.now
    assert len(own_messages(life)) >= 400


def test_nothing_after_the_end(life: SampleLife) -> None:
    assert life.now.astimezone(ZoneInfo(life.zone)).time() == time(17)
    ends = [message.time for message in chats(life)] + [end for _, end, _ in app_uses(life)]
    for product in ("Search", "YouTube"):
        rows = document(life, f"takeout/My Activity/{product}/MyActivity.json")
        ends += [datetime.fromisoformat(row["time"]) for row in rows]
    ends += [datetime.fromtimestamp(row["tst"], tz=UTC) for row in lines(only(life, "owntracks"))]
    for history in document(life, "home_assistant/history.json"):
        ends += [datetime.fromisoformat(row["last_changed"]) for row in history]
    for talk in document(life, "omi/omi-conversations.json"):
        ends.append(datetime.fromisoformat(talk["finished_at"]))
    for row in lines(life.folder / "glasses/glasses.jsonl"):
        seconds = row["duration_s"] if row["type"] == "caption" else row["step_ms"] * len(row["targets"]) / 1000
        ends.append(datetime.fromisoformat(row["time"]) + timedelta(seconds=seconds))
    for row in lines(life.folder / "oura/oura-activity.jsonl"):
        ends.append(datetime.fromisoformat(row["day_start"]) + timedelta(minutes=len(row["met_1min"])))
    ends += [datetime.fromisoformat(row["bedtime_end"]) for row in lines(life.folder / "oura/oura-sleep.jsonl")]
    ends += [datetime.fromisoformat(row["endTime"]) for row in lines(only(life, "google_fit"))]
    assert max(ends) <= life.now
    assert min(ends) >= life.days[0].asleep


def test_volumes_of_an_ordinary_life(life: SampleLife) -> None:
    days = len(life.days)
    captions = sum(row["type"] == "caption" for row in lines(life.folder / "glasses/glasses.jsonl"))
    assert 20 <= captions / days <= 40
    assert sum(row["type"] == "gaze" for row in lines(life.folder / "glasses/glasses.jsonl")) >= 30
    assert 10 <= life.counts["omi/omi-conversations.json"] / days <= 30
    assert 100 <= life.counts["home_assistant/history.json"] / days <= 200
    assert 40 <= len(app_uses(life)) / days <= 80
    assert 3 <= life.counts["takeout/My Activity/Search/MyActivity.json"] / days <= 10
    assert {name: life.counts[f"oura/oura-{name}.jsonl"] for name in ("sleep", "activity", "readiness")} == {
        "sleep": days,
        "activity": days,
        "readiness": days,
    }


def test_counts_are_the_files_own(life: SampleLife) -> None:
    written: dict[str, int] = {}
    for message in chats(life):
        name = f"whatsapp/WhatsApp Chat with {message.chat}.txt"
        written[name] = written.get(name, 0) + 1
    for path in life.folder.rglob("*.jsonl"):
        written[path.relative_to(life.folder).as_posix()] = len(lines(path))
    for product in ("Search", "YouTube"):
        name = f"takeout/My Activity/{product}/MyActivity.json"
        written[name] = len(document(life, name))
    buckets = document(life, "activitywatch/aw-buckets-export.json")["buckets"].values()
    written["activitywatch/aw-buckets-export.json"] = sum(len(bucket["events"]) for bucket in buckets)
    written["home_assistant/history.json"] = sum(len(h) for h in document(life, "home_assistant/history.json"))
    talks = document(life, "omi/omi-conversations.json")
    written["omi/omi-conversations.json"] = sum(len(talk["transcript_segments"]) for talk in talks)
    assert written == dict(life.counts)


def test_the_folder_says_that_it_is_invented(life: SampleLife) -> None:
    note = (life.folder / "README.txt").read_text(encoding="utf-8")
    assert "INVENTED" in note
    for value in (life.full_name, life.town, life.zone, str(life.seed), str(life.first_day), str(life.last_day)):
        assert value in note
    assert all(name in note for name in life.counts)


def test_no_template_sign_is_left(life: SampleLife) -> None:
    texts = [message.text for message in chats(life)]
    texts += [row["text"] for row in lines(life.folder / "glasses/glasses.jsonl") if row["type"] == "caption"]
    texts += [s["text"] for t in document(life, "omi/omi-conversations.json") for s in t["transcript_segments"]]
    texts += [row["title"] for row in document(life, "takeout/My Activity/Search/MyActivity.json")]
    assert [text for text in texts if set("{}[]|") & set(text) or "  " in text or not text.strip()] == []
