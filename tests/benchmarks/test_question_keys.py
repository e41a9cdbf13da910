"""The questions of the memory benchmark: keys of a folder small enough to work out by hand, counts, independence."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.question_answers import ANSWERS, Life, Slots, read
from benchmarks.question_keys import VARIANTS, paraphrases, questions
from benchmarks.question_wording import TEMPLATES, show
from tests.shared_data import shared_data

ROOT = Path(__file__).resolve().parents[2]
BODY_AND_COMPUTER = ("oura-sleep", "oura-activity", "rescuetime-time-tracking")


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))


def _night(evening: str, bed: str, wake: str, asleep_h: float, offset: str = "+01:00") -> dict[str, Any]:
    """A night in March 2021; `bed` and `wake` as "DD HH:MM"."""
    start, end = (f"2021-03-{at[:2]}T{at[3:]}:00{offset}" for at in (bed, wake))
    return {"summary_date": f"2021-03-{evening}", "bedtime_start": start, "bedtime_end": end, "is_longest": 1,
            "total": asleep_h * 3600, "duration": 9 * 3600, "hypnogram_5min": "2"}  # fmt: skip


@pytest.fixture
def life(tmp_path: Path) -> Life:
    """Six nights, seven days of steps, six of computer, some plays, weights, posts, podcasts and workouts."""
    _write(tmp_path / "sleep.jsonl.gz", [
        _night("01", "01 23:00", "02 07:00", 7), _night("02", "02 23:30", "03 07:30", 6),
        _night("03", "04 00:30", "04 08:00", 5), _night("04", "04 23:00", "05 07:00", 7.5),
        _night("05", "06 01:00", "06 10:00", 8.25), _night("09", "09 23:00", "10 06:30", 6.25),
        _night("09", "09 23:00", "10 06:30", 6.75), {"bedtime_start": "not longest", "total": None},
    ])  # fmt: skip
    steps = {"01": 4000, "02": 10001, "03": 12000, "04": 11000, "05": 9999, "06": 15000, "09": 10500}
    _write(tmp_path / "activity.jsonl.gz", [{"summary_date": f"2021-03-{d}", "steps": n} for d, n in steps.items()])
    work = {"01": 3600, "02": 7200, "03": 9000, "04": 1800, "05": 5400, "08": 3600, "09": 0}
    _write(tmp_path / "rescuetime.jsonl.gz", [
        {"day": f"2021-03-{day}", "kind": kind, "items": [["Business", s], ["Utilities", 900]] if s else []}
        for day, s in work.items() for kind in ("top-overview", "top-categories")
    ])  # fmt: skip
    noon = 1_614_600_000  # 2021-03-01 12:00 UTC
    plays = [(0, "Ann", "x"), (0, "Ann", "x"), (1, "Ann", "y"), (3, "Bob", "z"), (9, "Ann", "y"), (9.4, "Cy", "late")]
    _write(tmp_path / "music.jsonl.gz", [
        {"uts": noon + int(86_400 * d), "artist": artist, "track": track, "album": "A"} for d, artist, track in plays
    ])  # fmt: skip
    kilograms = {"2021-03-01": 80, "2021-03-05": 77.4, "2021-03-09": 78.1}
    weighed = [json.dumps({"day": day, "weight": kg}) for day, kg in kilograms.items()]
    (tmp_path / "weight.jsonl").write_text("\n".join(weighed), encoding="utf-8")  # not gzipped: read, too
    written = "Mon Mar 01 12:00:00 +0000 2021"
    _write(tmp_path / "tweets.jsonl.gz", [{"created_at": written, "id": i, "text": "t", "source": "w"} for i in "ab"])
    _write(tmp_path / "likes.jsonl.gz", [{"created_at": written, "id": i, "text": "t"} for i in "abc"])
    episodes = [("Show B", "1"), ("Show A", "2"), ("Show B", "1")]
    _write(tmp_path / "pods.jsonl.gz", [{"day": "2021-03-02", "podcast": show, "uuid": i} for show, i in episodes])
    _write(tmp_path / "walks.jsonl.gz", [
        {"startTimeMillis": str(1000 * (noon + 60 * n)), "endTimeMillis": str(1000 * (noon + 60 * n + 30)),
         "activityType": 93, "name": "Walking"} for n in range(4)
    ])  # fmt: skip
    return read(tmp_path)


@pytest.mark.parametrize(
    ("kind", "slots", "key"),
    [
        ("sleep_amount", {"which": "nights", "period": "2021-03"}, 6),
        ("sleep_amount", {"which": "average", "period": "2021"}, 6.75),  # the later row of the 9th counts
        ("sleep_extreme", {"which": "longest", "period": "2021-03"}, "2021-03-06"),
        ("sleep_extreme", {"which": "shortest", "period": "2021-03"}, "2021-03-04"),
        ("sleep_clock", {"which": "bedtime", "days": "all", "period": "2021-03"}, "23:40"),
        ("sleep_clock", {"which": "wake", "days": "weekdays", "period": "2021-03"}, "07:12"),
        ("sleep_on_date", {"date": "2021-03-06"}, 8.25),
        ("sleep_on_date", {"date": "2021-03-07"}, None),
        ("last_sleep_under", {"hours": "6.5"}, "2021-03-04"),
        ("last_sleep_under", {"hours": "4"}, None),
        ("steps_amount", {"which": "total", "days": "all", "period": "2021-03"}, 72500),
        ("steps_amount", {"which": "average", "days": "all", "period": "2021-03"}, 10357),
        ("steps_amount", {"which": "average", "days": "Tuesday", "period": "2021"}, None),  # 10,250.5: half a step
        ("steps_top_day", {"period": "2021-03"}, "2021-03-06"),
        ("steps_streak", {"which": "streak", "threshold": "10000", "period": "ever"}, 3),
        ("steps_streak", {"which": "days", "threshold": "10000", "period": "2021-03"}, 5),
        ("steps_streak", {"which": "days", "threshold": "11000", "period": "2021-03"}, None),  # hit exactly
        ("computer_hours", {"which": "total", "days": "all", "category": "any", "period": "2021-03"}, 10.0),
        ("computer_hours", {"which": "total", "days": "all", "category": "Utilities", "period": "2021-03"}, 1.5),
        ("computer_hours", {"which": "average", "days": "Monday", "category": "any", "period": "2021"}, 1.25),
        ("computer_top_category", {"period": "2021-03"}, "Business"),
        ("computer_top_day", {"period": "2021-03"}, "2021-03-03"),
        ("artist_first_last", {"which": "first", "artist": "Ann"}, "2021-03-01"),
        ("artist_first_last", {"which": "last", "artist": "Ann"}, "2021-03-10"),
        ("artist_first_last", {"which": "last", "artist": "Cy"}, None),  # 21:36 UTC: two local days
        ("artist_plays", {"artist": "Ann", "period": "ever"}, 3),
        ("plays_total", {"period": "2021-03"}, 5),
        ("music_top", {"which": "artist", "period": "2021-03"}, "Ann"),
        ("music_top", {"which": "track", "period": "2021"}, "y"),
        ("played_on_date", {"date": "2021-03-04"}, ("Bob",)),
        ("weight", {"which": "first"}, 80),
        ("weight", {"which": "lowest"}, 77.4),
        ("weight", {"which": "change", "date_a": "2021-03-01", "date_b": "2021-03-09"}, -1.9),
        ("longest_gap", {"which": "sleep"}, 3),
        ("longest_gap", {"which": "music"}, 5),
        ("longest_gap", {"which": "computer"}, 2),
        ("longest_gap", {"which": "steps", "period": "2021"}, None),  # the rest of the year is emptier
        ("podcasts", {"which": "count", "period": "2021-03"}, 2),
        ("podcasts", {"which": "shows", "period": "2021-03"}, ("Show A", "Show B")),
        ("posts_likes", {"which": "tweets", "period": "2021"}, 2),
        ("posts_likes", {"which": "likes", "period": "2021-03"}, 3),
        ("workouts", {"activity": "walking", "period": "2021"}, 4),
    ],
)
def test_keys_of_a_small_life(life: Life, kind: str, slots: Slots, key: object) -> None:
    answer = ANSWERS[kind](life, slots)
    assert (answer and answer[0]) == key


def test_every_variant_has_three_different_phrasings() -> None:
    assert {variant.name for variant in VARIANTS} == set(TEMPLATES)
    assert all(len(set(templates)) >= 3 for templates in TEMPLATES.values())


def test_slots_are_shown_as_people_write_them() -> None:
    slots = {"date": "2021-03-02", "period": "2021-03", "threshold": "10000", "days": "Monday"}
    text = "{date} {date:us} {date:ordinal} {period} {period:lower} {period:short} {threshold} {threshold:k} {days}"
    assert show(text, slots) == (
        "2 March 2021 March 2, 2021 2nd of March 2021 March 2021 march 2021 Mar 2021 10,000 10k Mondays"
    )


def test_questions_about_a_real_life() -> None:
    folder = shared_data("life_person_A")
    asked = questions(folder)
    assert asked == questions(folder)
    assert asked != questions(folder, seed=2)
    assert len(asked) >= 240
    assert len({q.id for q in asked}) == len({q.text for q in asked}) == len(asked)
    phrasings = Counter(q.kind for q in asked)
    assert len(phrasings) >= 16
    assert min(phrasings.values()) >= 3


def test_paraphrases_of_a_real_life() -> None:
    rephrased = paraphrases(shared_data("life_person_A"))
    assert len(rephrased) >= 60
    assert len({q.text for q in rephrased}) == len(rephrased)
    assert min(Counter(q.kind for q in rephrased).values()) >= 3  # a doubtful key is left out
    templates = {template.casefold() for found in TEMPLATES.values() for template in found}
    rows = json.loads((ROOT / "benchmarks" / "question_paraphrases.json").read_text(encoding="utf-8"))
    assert not templates & {row["text"].casefold() for row in rows}


def test_sleep_activity_and_computer_alone_suffice(tmp_path: Path) -> None:
    folder = shared_data("life_person_A")
    for name in BODY_AND_COMPUTER:
        (tmp_path / f"{name}.jsonl.gz").symlink_to(folder / f"{name}.jsonl.gz")
    asked = questions(tmp_path)
    assert len(asked) >= 100
    assert len({q.kind for q in asked}) >= 12
    assert {q.kind for q in paraphrases(tmp_path)} <= {q.kind for q in asked}


def test_paraphrases_take_other_slots_in_another_life(tmp_path: Path) -> None:
    first = date(2031, 1, 1)
    days = [(first + timedelta(days=n)).isoformat() for n in range(200)]
    _write(tmp_path / "a.jsonl.gz", [{"summary_date": d, "steps": 5000 + 37 * n} for n, d in enumerate(days)])
    rephrased = paraphrases(tmp_path)
    assert {q.kind for q in rephrased} >= {"steps_amount", "steps_top_day"}
    assert all("2031" in q.text for q in rephrased if q.kind == "steps_top_day")


def test_the_keys_share_no_code_with_the_product() -> None:
    program = "import sys, benchmarks.question_keys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert not loaded & {"hearthside", "numpy", "pandas"}
