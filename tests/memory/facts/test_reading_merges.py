"""What a model read beside what the person said: weaker, with its provenance, closing and never overwriting."""

from __future__ import annotations

from pathlib import Path

from hearthside.events import Event
from hearthside.memory.facts.annotation import Finding, annotation_event
from hearthside.memory.facts.extractors.annotations import extract
from hearthside.memory.facts.fact import Fact
from hearthside.memory.facts.phrases import PHRASES
from tests.memory.known_lives import Known, at, known_life, said

MODEL = "reader-7b#abc"


def noted(life: Known, record: Event, predicate: str, value: str, holds: bool = True, day: int = 290) -> None:
    """A model read the record at night."""
    start = record.text.index(value)
    finding = Finding(record.id, start, start + len(value), predicate, value, holds=holds)
    life.vault.journal.append([annotation_event(MODEL, [record.id], [finding], at(day))])


def fact(life: Known, predicate: str, value: str = "") -> Fact:
    return life.fact(predicate, value)


def test_one_reading_contradicts_the_persons_word_and_does_not_end_it(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        moved = said(200, "Settled in Porto, boxes unpacked")
        life.take(said(10, "I live in Utrecht"), moved)
        noted(life, moved, "lives_in", "Porto")
        explicit, read = fact(life, "lives_in", "Utrecht"), fact(life, "lives_in", "Porto")
        assert (explicit.valid_to, read.valid_to) == ("", "")
        assert (explicit.contradicts, read.contradicts) == ((read.id,), (explicit.id,))
        assert explicit.sure > read.sure and (explicit.read_by, read.read_by) == ("", MODEL)


def test_two_readings_of_different_texts_end_it_and_it_stays_as_past(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        moved, still = said(200, "Settled in Porto, boxes unpacked"), said(240, "Porto is home, no doubt about that")
        life.take(said(10, "I live in Utrecht"), moved, still)
        noted(life, moved, "lives_in", "Porto")
        noted(life, still, "lives_in", "Porto")
        explicit, read = fact(life, "lives_in", "Utrecht"), fact(life, "lives_in", "Porto")
        assert (explicit.valid_from, explicit.valid_to) == ("2026-01-15", read.valid_from)
        assert (len(read.evidence), len(read.spans), read.valid_to) == (2, 2, "")


def test_the_persons_word_ends_what_was_read_before(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        settled = said(10, "Settled in Porto, boxes unpacked")
        life.take(settled, said(200, "I live in Utrecht"))
        noted(life, settled, "lives_in", "Porto")
        assert fact(life, "lives_in", "Porto").valid_to == fact(life, "lives_in", "Utrecht").valid_from


def test_the_same_said_and_read_is_one_fact_in_the_persons_name(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        settled = said(10, "Settled in Porto, boxes unpacked")
        life.take(settled, said(60, "I live in Porto"))
        noted(life, settled, "lives_in", "Porto")
        both = fact(life, "lives_in", "Porto")
        assert (len(both.evidence), both.extractor, both.read_by) == (2, "own_words", "")
        assert both.valid_from == "2026-01-15"  # as early as it was read


def test_a_denial_closes_what_was_read_and_is_closed_when_it_is_said_again(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        before, after = said(10, "The clarinet and me, every evening"), said(100, "No clarinet for me these days")
        again = said(200, "I play the clarinet")
        life.take(before, after)
        noted(life, before, "plays", "clarinet")
        noted(life, after, "plays", "clarinet", holds=False)
        played, denied = fact(life, "plays"), fact(life, "not:plays")
        assert (played.valid_to, denied.valid_from, denied.valid_to) == (denied.valid_from, "2026-04-15", "")
        assert denied.sentence == "Not so, or no longer: you play clarinet, as reader-7b read in your words."
        life.take(again)
        assert fact(life, "not:plays").contradicts  # the person's word: both are shown


def test_one_denial_does_not_close_the_persons_word(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        after = said(100, "No clarinet for me these days")
        life.take(said(10, "I play the clarinet"), after)
        noted(life, after, "plays", "clarinet", holds=False)
        played, denied = fact(life, "plays"), fact(life, "not:plays")
        assert (played.valid_to, played.contradicts, denied.contradicts) == ("", (denied.id,), (played.id,))


def test_what_was_read_goes_with_its_record(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        settled = said(10, "Settled in Porto, boxes unpacked")
        life.take(settled)
        noted(life, settled, "lives_in", "Porto")
        life.vault.journal.forget([settled.id])
        life.vault.stream.mark_days_dirty([at(10) // 86_400_000])
        life.vault.stream.update()
        assert [one for one in life.knowing.facts() if one.read_by] == []


def test_a_span_that_is_not_in_the_record_or_a_strangers_record_gives_nothing(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        own, other = said(10, "Settled in Porto, boxes unpacked"), said(11, "Settled in Porto as well", by="Ida")
        life.take(own, other)
        noted(life, other, "lives_in", "Porto")
        wrong = Finding(own.id, 0, 5, "lives_in", "Porto")
        unknown = Finding(own.id, 11, 16, "star_sign", "Porto")
        life.vault.journal.append([annotation_event(MODEL, [own.id], [wrong, unknown], at(290))])
        assert [one for one in life.knowing.facts() if one.read_by] == []


def test_a_reading_is_known_from_the_night_it_was_done(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        settled = said(10, "Settled in Porto, boxes unpacked")
        life.take(settled)
        noted(life, settled, "lives_in", "Porto", day=290)
        assert [one for one in life.knowing.facts(at(200)) if one.read_by] == []
        assert [one.value for one in life.knowing.facts() if one.read_by] == ["Porto"]


def test_no_reading_is_as_sure_as_a_phrase() -> None:
    assert min(phrase.sure for phrase in PHRASES) > 0.55 and extract.__module__.endswith("annotations")
