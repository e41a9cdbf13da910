"""The threads are there to be picked up, the voice is the person's own, and the facts can be recomputed."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hearthside.sample_life import SampleLife
from hearthside.sample_life.grammar import capital, tables
from tests.sample_life.reading_back import Written, chats, document, lines, only, own_messages


def _day(life: SampleLife, at: datetime) -> str:
    return at.astimezone(ZoneInfo(life.zone)).date().isoformat()


def _said_on(life: SampleLife, day: object) -> str:
    return " ".join(m.text for m in chats(life) if _day(life, m.time) == str(day)).lower()


def _tones(life: SampleLife, first: object, last: object) -> Counter[str]:
    tones: Counter[str] = Counter()
    for talk in document(life, "omi/omi-conversations.json"):
        if str(first) <= _day(life, datetime.fromisoformat(talk["started_at"])) <= str(last):
            tones.update(s["tone"] for s in talk["transcript_segments"] if s["is_user"])
    return tones


def test_the_dinner_waits_for_a_decision(life: SampleLife) -> None:
    open_day = life.threads.open_dinner
    asked = [m for m in chats(life) if "where should we eat" in m.text.lower() and f"{open_day:%A}" in m.text]
    assert len(asked) == 1 and _day(life, asked[0].time) == str(life.last_day)
    everything = " ".join(m.text for m in chats(life)).lower()
    assert "vegetarian" in everything or "meat stock" in everything
    allergic = next(friend for friend in life.friends if friend.role == "allergic")
    allergen = allergic.note.removeprefix("allergic to ")
    assert any(m.chat == allergic.name and allergen in m.text.lower() for m in chats(life))
    rows = lines(life.folder / "glasses/glasses.jsonl")
    for day, table in life.threads.candidates:
        name = life.places[table].name
        assert any(row.get("place") == name and row["time"][:10] == str(day) for row in rows)
        gaze = [t for row in rows if row["type"] == "gaze" and row["time"][:10] == str(day) for t in row["targets"]]
        assert any(target and target.startswith("menu") for target in gaze)
    for dinner in life.threads.dinners:
        assert life.places[dinner.table].name.lower() in " ".join(
            _said_on(life, dinner.day + timedelta(days=shift)) for shift in (-2, -1, 0, 1)
        )
        assert any(
            row.get("place") == life.places[dinner.table].name and row["time"][:10] == str(dinner.day) for row in rows
        )


def test_the_diet_begins_firmly_and_fades(life: SampleLife) -> None:
    threads = life.threads
    assert "official" in _said_on(life, threads.diet_start)
    rows = [row for row in lines(life.folder / "glasses/glasses.jsonl") if row["type"] == "caption"]
    diet = next(diet for diet in tables("habits")["diet"] if diet["name"] == life.habits["diet"])
    good, bad = (tuple(map(capital, diet[kind])) for kind in ("good", "bad"))
    firm = [row["text"] for row in rows if str(threads.diet_start) < row["time"][:10] < str(threads.diet_fade)]
    fading = [row["text"] for row in rows if row["time"][:10] >= str(threads.diet_fade)]
    assert sum(text.startswith(good) for text in firm) >= 8
    assert sum(text.startswith(bad) for text in firm) == 0
    assert sum(text.startswith(bad) for text in fading) >= 2


def test_the_night_before_the_meeting_is_short(life: SampleLife) -> None:
    rows = lines(life.folder / "oura/oura-sleep.jsonl")
    hours = [row["duration"] / 3600 for row in rows]
    assert rows[-1]["bedtime_end"][:10] == str(life.last_day)
    assert 4.0 <= hours[-1] <= 5.0 and hours[-1] == min(hours)
    assert sum(7 <= h <= 9.5 for h in hours) >= 20
    assert life.threads.meeting == life.last_day + timedelta(days=1)
    assert life.threads.meeting_hour in _said_on(life, life.last_day)
    job = next(job for job in tables("jobs")["job"] if job["title"] == life.habits["job"])
    searched = [row["title"] for row in document(life, "takeout/My Activity/Search/MyActivity.json")]
    assert sum(title == f"Searched for {query}" for title in searched for query in job["meeting_searches"]) >= 2
    assert any(job["meeting"] in message.text for message in own_messages(life))


def test_the_mood_falls_lifts_and_falls_again(life: SampleLife) -> None:
    threads = life.threads
    low = _tones(life, threads.low_start, threads.quiet_visit - timedelta(days=1))
    lifted = _tones(life, threads.quiet_visit + timedelta(days=1), threads.lifted_end)
    end = _tones(life, min(threads.flat), life.last_day)
    assert set(low) == {"flat"} and set(end) == {"flat"}
    assert lifted["warm"] > sum(lifted.values()) * 0.6 and not lifted["flat"]
    evening = _tones(life, threads.quiet_visit, threads.quiet_visit)
    assert evening["warm"] >= 3
    place = life.places["quiet"]
    fixes = [row for row in lines(only(life, "owntracks")) if row["_type"] == "location"]
    near = [row for row in fixes if abs(row["lat"] - place.lat) < 3e-4 and abs(row["lon"] - place.lon) < 4e-4]
    visits = {
        _day(life, datetime.fromtimestamp(row["tst"], tz=ZoneInfo(life.zone))) for row in near if "vel" not in row
    }
    assert str(threads.quiet_visit) in visits
    lengths = {name: _mean_length(life, days) for name, days in _phases(life).items()}
    assert lengths["low"] < 0.8 * lengths["ordinary"]


def _phases(life: SampleLife) -> dict[str, set[str]]:
    flags = {str(day.date): day.flags for day in life.days}
    return {
        "low": {day for day, names in flags.items() if names & {"low", "flat"}},
        "ordinary": {day for day, names in flags.items() if not names & {"low", "flat"}},
    }


def _mean_length(life: SampleLife, days: set[str]) -> float:
    texts = [message.text for message in own_messages(life) if _day(life, message.time) in days]
    return sum(map(len, texts)) / len(texts)


def test_own_messages_are_many_and_hardly_repeat(life: SampleLife) -> None:
    own = own_messages(life)
    assert len(own) >= 450
    assert 750 <= sum(len(message.text) for message in own) / len(life.days) <= 1_350
    assert sum(40 <= len(message.text) <= 160 for message in own) / len(own) > 0.7
    since = str(life.last_day - timedelta(days=6))
    last = [message.text for message in own if _day(life, message.time) >= since]
    before = {message.text for message in own if _day(life, message.time) < since}
    assert len(last) >= 70
    assert sum(text in before for text in last) / len(last) < 0.1
    assert any("\n" in message.text for message in own)


def test_the_voice_is_the_persons_own(life: SampleLife) -> None:
    """Character trigrams learnt on the first three weeks tell the last week's own messages from the contacts'."""
    since = str(life.last_day - timedelta(days=6))
    messages = chats(life)
    early = [m for m in messages if _day(life, m.time) < since]
    late = [m for m in messages if _day(life, m.time) >= since]
    assert _accuracy(life, early, late, fold=False) > 0.9
    # Without capitals, the contacts' most visible habit, what remains is words and spelling.
    assert _accuracy(life, early, late, fold=True) > 0.85


def _accuracy(life: SampleLife, early: list[Written], late: list[Written], *, fold: bool) -> float:
    """Balanced accuracy of naive Bayes over character trigrams, add-one smoothing."""

    def trigrams(text: str) -> list[str]:
        text = f"\n{text.casefold() if fold else text}\n"
        return [text[n : n + 3] for n in range(len(text) - 2)]

    counts = {
        own: Counter(t for m in early if (m.sender in life.self_names) is own for t in trigrams(m.text))
        for own in (True, False)
    }
    kinds = len(counts[True] | counts[False])
    totals = {own: sum(counted.values()) + kinds for own, counted in counts.items()}

    def score(text: str, own: bool) -> float:
        return sum(math.log((counts[own][t] + 1) / totals[own]) for t in trigrams(text))

    hits: dict[bool, list[bool]] = {True: [], False: []}
    for message in late:
        own = message.sender in life.self_names
        hits[own].append((score(message.text, True) > score(message.text, False)) is own)
    return sum(sum(found) / len(found) for found in hits.values()) / 2


def test_facts_are_what_the_files_say(life: SampleLife) -> None:
    facts = {fact.question: fact for fact in life.facts}
    assert len(facts) == len(life.facts)  # no question twice
    for row in lines(life.folder / "oura/oura-sleep.jsonl"):
        day = row["bedtime_end"][:10]
        assert facts[f"How long did I sleep in the night to {day}?"].answer_value == round(row["total"] / 60)
    by_kind: dict[str, list[str | int | float]] = {}
    for fact in life.facts:
        by_kind.setdefault(fact.kind, []).append(fact.answer_value)
    own = own_messages(life)
    assert by_kind["count_messages"] == [len(own)]
    assert sorted(map(str, by_kind["last_words_to"])) == sorted(
        [m for m in own if m.chat == friend.name][-1].text for friend in life.friends
    )
    workouts = lines(only(life, "google_fit"))
    assert by_kind["count_workouts"] == [len(workouts)]
    assert by_kind["last_workout"] == [workouts[-1]["day"]]
    watched = document(life, "takeout/My Activity/YouTube/MyActivity.json")
    assert [f"Watched {title}" for title in by_kind["watching_at"]] == [
        next(row["title"] for row in watched if row["title"] == f"Watched {title}") for title in by_kind["watching_at"]
    ]
    assert by_kind["last_dinner_at"] == [str(life.threads.quiet_visit)]
    assert by_kind["count_searches"] == [life.counts["takeout/My Activity/Search/MyActivity.json"]]
