"""The audit of what is known: what rests on nothing, on an AI, twice, or against one another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hearthside.events import Origin
from hearthside.memory.audit import audit, audit_memory
from tests.memory.known_lives import known_life, played, said


def test_a_sound_memory_has_no_junk(tmp_path: Path) -> None:
    with known_life(tmp_path, 60) as life:
        life.take(said(10, "I live in Utrecht"), said(11, "I live in Berlin"), *[played(d, "Nina") for d in range(60)])
        report = life.knowing.audit(life.index)
        assert (report.memory.facts, report.memory.preferences) == (2, 2)
        assert (report.junk_share, report.memory.contradictions) == (0.0, 1)
        assert report.figures() == {
            "junk_share": 0.0, "from_ai": 0, "documents": 62, "orphans": 0, "duplicates": 0, "contradictions": 1,
            "facts": 2, "preferences": 2,
        }  # fmt: skip
        assert "2 facts and 2 preferences are known" in report.in_words()


def test_what_is_unsound_is_counted(tmp_path: Path) -> None:
    with known_life(tmp_path, 60) as life:
        model = said(12, "You seem to like figs", origin=Origin.AI)
        life.take(said(10, "I live in Utrecht"), model)
        [fact] = life.knowing.facts()
        gone, ai = replace(fact, id="1", value="Rome", evidence=(b"x" * 16,)), replace(fact, id="2", value="Oslo")
        found = audit_memory(life.vault.journal, [fact, fact, gone, replace(ai, evidence=(model.id,))], [])
        assert (found.facts, found.orphans, found.from_ai, found.duplicates) == (4, 1, 1, 1)
        report = audit(life.vault.journal, life.index, found)
        assert report.junk_share == (1 + 3) / (2 + 4)  # the model's words in the index are the fourth
