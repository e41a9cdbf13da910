"""Facts from words: whose they are, closed by later ones, contradicted, and only ever quoted of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.events import Origin, Trust
from tests.memory.known_lives import Known, known_life, said, spoken


def day(life: Known, predicate: str, value: str) -> tuple[str, str]:
    fact = life.fact(predicate, value)
    return fact.valid_from, fact.valid_to


def test_a_fact_has_two_times_and_its_words(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        record = said(10, "Nice. I'm allergic to nuts")
        life.take(record)
        fact = life.fact("allergic_to")
        assert (fact.value, fact.valid_from, fact.valid_to) == ("nuts", "2026-01-15", "")
        assert fact.learned_ms == life.now[0]  # it arrived long after it was said
        [span] = fact.spans
        assert (span.id, record.text[span.start : span.end]) == (record.id, "I'm allergic to nuts")
        assert fact.holds_on("2026-02-01") and not fact.holds_on("2026-01-01")


def test_a_new_home_closes_the_old_one(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(said(10, "I live in Utrecht"), said(100, "I've moved to Berlin"))
        assert day(life, "lives_in", "Utrecht") == ("2026-01-15", "2026-04-15")
        assert day(life, "lives_in", "Berlin") == ("2026-04-15", "")


def test_two_homes_at_once_contradict_each_other_and_both_stay(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(said(10, "I live in Utrecht"), said(12, "I live in Berlin"))
        one, other = life.fact("lives_in", "Utrecht"), life.fact("lives_in", "Berlin")
        assert (one.contradicts, other.contradicts) == ((other.id,), (one.id,))
        assert life.knowing.audit_memory().contradictions == 1


def test_a_taste_that_turned_is_past(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(said(10, "I love olives"), said(100, "I hate olives"))
        assert day(life, "likes", "olives") == ("2026-01-15", "2026-04-15")
        assert day(life, "dislikes", "olives") == ("2026-04-15", "")


def test_what_was_stopped_is_closed(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(said(10, "I've started running"), said(90, "I gave up running"))
        assert day(life, "started", "running") == ("2026-01-15", "2026-04-05")
        assert day(life, "stopped", "running") == ("2026-04-05", "")


def test_said_again_it_is_surer_and_open(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(said(10, "I love olives"))
        once = life.fact("likes").sure
        life.take(spoken(40, "I love olives"))
        fact = life.fact("likes")
        assert fact.sure > once
        assert len(fact.evidence) == len(fact.spans) == 2


def test_what_ended_before_it_was_told(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(said(10, "I used to smoke"))
        assert day(life, "used_to", "smoke") == ("", "2026-01-15")


def test_others_are_only_quoted(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(said(10, "I'm allergic to nuts", by="Ida"))
        fact = life.fact("allergic_to")
        assert (fact.subject, fact.said_by) == ("Ida", "Ida")
        assert fact.sentence == "Ida said: “I'm allergic to nuts”"


@pytest.mark.parametrize(
    ("origin", "trust"),
    [
        (Origin.AI, Trust.OWN),
        (Origin.AI_ACCEPTED, Trust.OWN),
        (Origin.WEB, Trust.KNOWN),
        (Origin.PERSON, Trust.UNKNOWN),
    ],
)
def test_words_of_models_strangers_and_the_web_are_no_facts(tmp_path: Path, origin: Origin, trust: Trust) -> None:
    with known_life(tmp_path) as life:
        life.take(said(10, "I live in Utrecht", by="Ida", origin=origin, trust=trust))
        assert [fact for fact in life.knowing.facts() if fact.topic == "places"] == []
