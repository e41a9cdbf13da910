"""The development set of free wordings has the shape that its readers expect: kinds, slots, counts, no repeats."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.question_answers import WEEKDAYS
from benchmarks.question_keys import VARIANTS
from benchmarks.question_wording import show

MINIMUM = 12  # wordings a kind
KINDS = {variant.kind for variant in VARIANTS}
WHICH = {kind: {v.fixed["which"] for v in VARIANTS if v.kind == kind and "which" in v.fixed} for kind in KINDS}
NAMES = {
    "sleep_amount": "which period", "sleep_extreme": "which period", "sleep_clock": "which days period",
    "sleep_on_date": "date", "last_sleep_under": "hours", "steps_amount": "which days period",
    "steps_top_day": "period", "steps_top_weekday": "period", "steps_streak": "which threshold period",
    "artist_first_last": "which artist", "artist_plays": "artist period", "plays_total": "period",
    "music_top": "which period", "played_on_date": "date", "computer_hours": "which category days period",
    "computer_top_category": "period", "computer_top_day": "period", "coding_hours": "period", "weight": "which",
    "longest_gap": "which", "podcasts": "which period", "posts_likes": "which period",
    "comparison": "which period_a period_b", "workouts": "activity period",
}  # fmt: skip
MORE = {("weight", "on_date"): {"date"}, ("weight", "change"): {"date_a", "date_b"}}
OPTIONAL = {"longest_gap": {"period"}}
_MONTH = r"20\d\d-(?:0[1-9]|1[0-2])"
_PERIOD = re.compile(rf"20\d\d|{_MONTH}|{_MONTH}/{_MONTH}")


class Wording(NamedTuple):
    """One free wording; a `period` "2021-03/2021-05" is first and last month, and is written out in the text."""

    id: str
    kind: str
    text: str
    slots: dict[str, str]


@pytest.fixture(scope="module")
def wordings() -> list[Wording]:
    """All rows of the file."""
    rows = json.loads(Path(__file__).with_name("wordings.json").read_text(encoding="utf-8"))
    return [Wording(**row) for row in rows]


def _valid(kind: str, name: str, value: str) -> bool:
    if name.startswith("date"):
        return date.fromisoformat(value).isoformat() == value
    if name.startswith("period"):
        first, _, last = value.partition("/")
        ever = value == "ever" and kind in ("steps_streak", "artist_plays")
        return ever or (_PERIOD.fullmatch(value) is not None and (not last or first < last))
    if name == "days":
        return value in ("all", "weekdays", "weekends", *WEEKDAYS)
    if name == "which":
        return value in WHICH[kind]
    return float(value) > 0 if name in ("hours", "threshold") else bool(value.strip())


def test_every_kind_has_enough_wordings_and_no_other_kind_has_any(wordings: list[Wording]) -> None:
    counts = Counter(w.kind for w in wordings)
    assert set(counts) == KINDS == set(NAMES)
    assert {kind: n for kind, n in counts.items() if n < MINIMUM} == {}


def test_every_variant_of_a_kind_is_worded(wordings: list[Wording]) -> None:
    for kind, values in WHICH.items():
        assert {w.slots["which"] for w in wordings if w.kind == kind and "which" in w.slots} == values


def test_ids_are_unique_and_name_their_kind(wordings: list[Wording]) -> None:
    assert [key for key, n in Counter(w.id for w in wordings).items() if n > 1] == []
    assert [w.id for w in wordings if not re.fullmatch(rf"{w.kind}-\d\d", w.id)] == []


def test_slots_are_complete_and_their_values_well_formed(wordings: list[Wording]) -> None:
    for w in wordings:
        needed = set(NAMES[w.kind].split()) | MORE.get((w.kind, w.slots.get("which", "")), set())
        assert needed <= set(w.slots) <= needed | OPTIONAL.get(w.kind, set()), w.id
        assert [name for name, value in w.slots.items() if not _valid(w.kind, name, value)] == [], w.id


def test_every_text_can_be_shown_and_a_span_of_months_is_written_out(wordings: list[Wording]) -> None:
    for w in wordings:
        assert "{" not in show(w.text, w.slots), w.id
        assert "/" not in w.slots.get("period", "") or "{period" not in w.text, w.id


def test_no_text_occurs_twice(wordings: list[Wording]) -> None:
    plain = [re.sub(r"\W+", " ", show(w.text, w.slots).casefold()).strip() for w in wordings]
    assert [text for text, n in Counter(plain).items() if n > 1] == []
    templates = [re.sub(r"\W+", " ", re.sub(r":\w+", "", w.text).casefold()).strip() for w in wordings]
    repeated = {text for text, n in Counter(templates).items() if n > 1}
    assert repeated == set()
