"""The person's word on moods: it outlives what is made anew, and days that were not low count as such nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.errors import Refused
from hearthside.memory.decisions import Verdict
from tests.memory.known_lives import Known, known_life, said, spoken, trained

LOW = ((40, 42), (60, 61), (80, 82))  # days of the life, both included


def moody(life: Known) -> None:
    """Good days, and three low stretches that lift the day after climbing."""
    low = {day for first, last in LOW for day in range(first, last + 1)}
    for day in range(100):
        text = "I feel so sad and hopeless today" if day in low else "what a lovely happy day"
        life.take(*[said(day, text, key=f"{day}-{n}", ms=(9 + n) * 3_600_000) for n in range(3)])
    life.take(*[trained(last) for _, last in LOW])


def test_low_stretches_and_what_helped_have_ids_that_stay(tmp_path: Path) -> None:
    with known_life(tmp_path, 120) as life:
        moody(life)
        low, helped = life.knowing.moods().low, life.knowing.helped()
        assert len(low) == 3 and len({one.id for one in low}) == 3 and all(one.evidence for one in low)
        assert {one.name for one in helped} >= {"climbing"} and all(one.id for one in helped)
        life.knowing.rebuild()
        assert [one.id for one in life.knowing.moods().low] == [one.id for one in low]
        assert [one.id for one in life.knowing.helped()] == [one.id for one in helped]


def test_a_stretch_that_was_none_is_low_nowhere_until_that_is_taken_back(tmp_path: Path) -> None:
    with known_life(tmp_path, 120) as life:
        moody(life)
        before = life.knowing.moods()
        item = before.low[1].id
        life.knowing.decide(item, Verdict.FORGET)
        after = life.knowing.moods()
        assert [one.id for one in after.low] == [before.low[0].id, before.low[2].id]
        assert sum(day.low for day in after.days) == sum(day.low for day in before.days) - 2
        assert [one.with_it + one.without for one in life.knowing.helped()] == [6, 6]
        life.knowing.rebuild()
        assert item not in [one.id for one in life.knowing.moods().low]
        assert item in [one.id for one in life.knowing.undecided()[2]]
        life.knowing.decide(item, Verdict.UNDO)
        assert life.knowing.moods() == before


def test_a_correction_holds_when_the_edges_of_the_stretch_move(tmp_path: Path) -> None:
    with known_life(tmp_path, 120) as life:
        moody(life)
        first = life.knowing.moods().low[0]
        life.knowing.decide(first.id, Verdict.CORRECT, " I had  a cold ")
        life.take(*[said(39, "I am so sad and hopeless", key=f"x{n}", ms=(13 + n) * 3_600_000) for n in range(9)])
        moved = life.knowing.moods().low[0]
        assert moved.first_day < first.first_day
        assert (moved.id, moved.decided, moved.note) == (first.id, "corrected", "I had a cold")
        assert set(life.vault.journal.get([moved.evidence[-1]])) == {moved.word}
        with pytest.raises(Refused):
            life.knowing.decide(first.id, Verdict.CORRECT, "  ")


def test_what_is_pinned_stays_when_the_records_show_it_no_more(tmp_path: Path) -> None:
    with known_life(tmp_path, 120) as life:
        moody(life)
        low, [climbing, _] = life.knowing.moods().low[2], sorted(life.knowing.helped(), key=lambda one: one.name)
        life.knowing.decide(low.id, Verdict.PIN)
        life.knowing.decide(climbing.id, Verdict.PIN)
        told = life.knowing.helped()[0]
        assert (told.name, told.says, told.decided) == ("climbing", True, "pinned")
        gone = [o.id for o in life.vault.stream.occurrences() if o.kind in ("message", "workout")]
        days = {o.start_ms // 86_400_000 for o in life.vault.stream.occurrences()}
        life.vault.journal.forget(gone)
        life.vault.stream.mark_days_dirty(days)
        life.vault.stream.update()
        [kept] = life.knowing.moods().low
        assert (kept.first_day, kept.last_day, kept.decided, kept.days) == (low.first_day, low.last_day, "pinned", ())
        [helped] = life.knowing.helped()
        assert (helped.name, helped.decided, len(helped.evidence)) == ("climbing", "pinned", 1)


def test_what_helped_is_forgotten_or_told_in_the_persons_words(tmp_path: Path) -> None:
    with known_life(tmp_path, 120) as life:
        moody(life)
        ids = {one.name: one.id for one in life.knowing.helped()}
        life.knowing.decide(ids["exercise"], Verdict.FORGET)
        life.knowing.decide(ids["climbing"], Verdict.CORRECT, "being outside with Ida")
        [helped] = life.knowing.helped()
        assert (helped.name, helped.decided, helped.id) == ("being outside with Ida", "corrected", ids["climbing"])
        assert life.knowing.facts() == life.knowing.undecided()[0]  # the words make no fact
        for item in ids.values():
            life.knowing.decide(item, Verdict.UNDO)
        assert {one.name for one in life.knowing.helped()} == {"exercise", "climbing"}


def test_the_last_time_tells_what_was_done_until_it_lifted(tmp_path: Path) -> None:
    with known_life(tmp_path, 120) as life:
        assert life.knowing.last_time_low() is None
        moody(life)
        found = life.knowing.last_time_low()
        assert found is not None and found.doings == ("climbing", "exercise")
        assert found.stretch == life.knowing.moods().low[-1]
        assert "climbing" in found.sentence and "does not say that they helped" in found.sentence
        assert len(life.vault.journal.get(found.evidence)) == len(found.evidence) > 4
        life.knowing.decide(life.knowing.moods().low[-1].id, Verdict.FORGET)
        earlier = life.knowing.last_time_low()
        assert earlier is not None and earlier.stretch.last_day < found.stretch.first_day
        life.take(*[spoken(95 + n, "so sad and hopeless", "sad") for n in range(2)])
        assert life.knowing.last_time_low() == earlier  # what has not lifted yet is not the last time
