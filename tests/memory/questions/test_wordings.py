"""The free wordings of the development set come to the topic and to what is asked for of their kind."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.question_wording import show
from hearthside.memory.questions import Names, Take, read
from tests.memory.questions.lives import NOW, some_names

_ROWS = json.loads(Path(__file__).with_name("wordings.json").read_text(encoding="utf-8"))
_V, _D, _N = {Take.VALUE}, {Take.DAY, Take.BEST}, {Take.NAMES}
EXPECTED: dict[str, tuple[set[str], set[Take]]] = {
    "sleep_amount": ({"sleep"}, _V), "sleep_extreme": ({"sleep"}, _D), "sleep_clock": ({"bed", "wake"}, _V),
    "sleep_on_date": ({"sleep"}, _V), "last_sleep_under": ({"sleep"}, _D), "steps_amount": ({"steps"}, _V),
    "steps_top_day": ({"steps"}, _D), "steps_top_weekday": ({"steps"}, {Take.BEST}), "steps_streak": ({"steps"}, _V),
    "artist_first_last": ({"music"}, _D), "artist_plays": ({"music"}, _V), "plays_total": ({"music"}, _V),
    "music_top": ({"music"}, {Take.BEST}), "played_on_date": ({"music"}, _N), "computer_hours": ({"computer"}, _V),
    "computer_top_category": ({"computer"}, {Take.BEST}), "computer_top_day": ({"computer"}, _D),
    "coding_hours": ({"coding"}, _V), "weight": ({"weight"}, {Take.VALUE, Take.CHANGE}),
    "longest_gap": ({"music", "sleep", "steps", "computer"}, _V), "podcasts": ({"podcast"}, {Take.NUMBER, Take.NAMES}),
    "posts_likes": ({"post", "like"}, _V), "comparison": ({"sleep", "steps", "computer", "music"}, {Take.MORE}),
    "workouts": ({"workout"}, _V),
}  # fmt: skip
"""Of each kind the topics and the takes that can be right."""
READ_AT_LEAST = 0.95


def _names() -> Names:
    """The names that the wordings ask about, beside others."""
    names = some_names()
    for sort, slot in (("artist", "artist"), ("activity", "activity"), ("item", "category")):
        named = (row["slots"].get(slot, "any") for row in _ROWS)
        names.add(sort, {name: 5 for name in named if name != "any"})
    return names


def test_nearly_all_are_read_and_none_as_something_else() -> None:
    names, read_at_all, wrong = _names(), 0, list[str]()
    for row in _ROWS:
        found = read(show(row["text"], row["slots"]), names, NOW, 60)
        topics, takes = EXPECTED[row["kind"]]
        if found is not None:
            read_at_all += 1
            wrong += [row["id"]] if found.topic not in topics or found.take not in takes else []
    assert wrong == []
    assert read_at_all / len(_ROWS) >= READ_AT_LEAST


def test_the_time_of_the_slots_is_the_time_of_the_query() -> None:
    names, wrong = _names(), list[str]()
    for row in _ROWS:
        slots = row["slots"]
        wanted = slots.get("date", slots.get("period", ""))
        found = read(show(row["text"], slots), names, NOW, 60)
        if found is None or "/" in wanted or not wanted.startswith("20"):
            continue
        first, last = found.query.select.where.days
        wrong += [row["id"]] if {(first or "")[: len(wanted)], (last or "")[: len(wanted)]} != {wanted} else []
    assert wrong == []
