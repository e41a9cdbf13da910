"""What the person decides about an item of memory holds whatever the records say again, also after a rebuild."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.errors import Refused
from hearthside.memory.decisions import Verdict
from tests.memory.known_lives import Known, at, known_life, played, said


def taught(life: Known) -> None:
    life.take(said(10, "I live in Utrecht", key="a"), said(10, "My sister Anna", key="b"))


def test_a_corrected_fact_stays_corrected(tmp_path: Path) -> None:
    with known_life(tmp_path, 50) as life:
        taught(life)
        life.knowing.decide(life.fact("family:sister").id, Verdict.CORRECT, " Annelies ")
        fact = life.fact("family:sister")
        assert (fact.value, fact.sure, fact.decided, fact.extractor) == ("Annelies", 1.0, "corrected", "person")
        life.take(said(20, "My sister Anna again", key="c"))
        life.knowing.rebuild()
        assert life.fact("family:sister").value == "Annelies"
        assert life.vault.journal.get(life.fact("family:sister").evidence)


def test_the_persons_word_closes_what_the_records_say(tmp_path: Path) -> None:
    with known_life(tmp_path, 50) as life:
        taught(life)
        life.knowing.decide(life.fact("lives_in").id, Verdict.CORRECT, "Zeist")
        assert life.fact("lives_in").value == "Zeist"
        life.now[0] = at(200)
        life.take(said(120, "I live in Berlin", key="d"))
        berlin, zeist = life.fact("lives_in", "Berlin"), life.fact("lives_in", "Zeist")
        assert zeist.valid_to == "" and berlin.contradicts == (zeist.id,) and zeist.contradicts == (berlin.id,)


def test_what_was_forgotten_comes_back_only_when_asked_for(tmp_path: Path) -> None:
    with known_life(tmp_path, 50) as life:
        taught(life)
        item = life.fact("lives_in").id
        life.knowing.decide(item, Verdict.FORGET)
        life.take(said(30, "I live in Utrecht", key="e"))
        assert not [fact for fact in life.knowing.facts() if fact.id == item]
        assert [one.item for one in life.knowing.decided()] == [item]
        life.knowing.decide(item, Verdict.UNDO)
        assert life.fact("lives_in").value == "Utrecht"
        assert life.knowing.decided() == []


def test_a_pinned_fact_stays_open(tmp_path: Path) -> None:
    with known_life(tmp_path, 200) as life:
        taught(life)
        life.take(said(100, "I've moved to Berlin"))
        life.knowing.decide(life.fact("lives_in", "Utrecht").id, Verdict.PIN)
        pinned = life.fact("lives_in", "Utrecht")
        assert (pinned.valid_to, pinned.decided, pinned.sure) == ("", "pinned", 1.0)


def test_a_preference_is_forgotten_and_pinned_but_not_corrected(tmp_path: Path) -> None:
    with known_life(tmp_path, 50) as life:
        life.take(*[played(day, artist, n) for day in range(50) for n, artist in enumerate(("Nina", "Bessie"))])
        life.knowing.decide(life.preference("Nina").id, Verdict.PIN)
        life.knowing.decide(life.preference("Bessie").id, Verdict.FORGET)
        assert [(p.what, p.decided) for p in life.knowing.preferences(kinds=["artist"])] == [("Nina", "pinned")]
        with pytest.raises(Refused) as refused:
            life.knowing.decide(life.preference("Nina").id, Verdict.CORRECT, "Nina Simone")
        assert refused.value.code == "preference-not-stated"


@pytest.mark.parametrize("value", ["", "  ", "x" * 401])
def test_a_correction_needs_words(tmp_path: Path, value: str) -> None:
    with known_life(tmp_path, 50) as life:
        taught(life)
        with pytest.raises(Refused) as refused:
            life.knowing.decide(life.fact("lives_in").id, Verdict.CORRECT, value)
        assert refused.value.code == "memory-correction-empty"
        assert life.fact("lives_in").value == "Utrecht"


def test_nothing_is_decided_about_what_is_not_known(tmp_path: Path) -> None:
    with known_life(tmp_path, 50) as life, pytest.raises(Refused) as refused:
        life.knowing.decide("ab" * 16, Verdict.FORGET)
    assert refused.value.code == "memory-item-unknown"


def test_a_correction_can_be_corrected_and_taken_back(tmp_path: Path) -> None:
    with known_life(tmp_path, 50) as life:
        taught(life)
        for value in ("Annelies", "Anneke", "Anna", "Annelies"):
            life.knowing.decide(life.fact("family:sister").id, Verdict.CORRECT, value)
            assert life.fact("family:sister").value == value
        life.knowing.decide(life.fact("family:sister").id, Verdict.FORGET)
        assert not [fact for fact in life.knowing.facts() if fact.predicate == "family:sister"]
