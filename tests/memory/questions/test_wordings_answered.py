"""Free wordings over a real life: the share that is answered exactly, and nothing else is said instead."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.life import import_folder, open_vault_in
from benchmarks.question_answers import ANSWERS, read
from benchmarks.question_keys import Question
from benchmarks.question_wording import show
from benchmarks.questions import is_exact
from hearthside.companion.computed import computing
from hearthside.events import local_datetime
from tests.shared_data import shared_data

EVERY = 8
"""One wording in so many is asked: all of them take minutes."""
EXACT_AT_LEAST = 0.9


def _asked(folder: Path) -> list[Question]:
    """Every n-th wording with its key; spans of months have no key here."""
    life = read(folder)
    found = []
    for row in json.loads(Path(__file__).with_name("wordings.json").read_text(encoding="utf-8"))[::EVERY]:
        slots = row["slots"]
        answer = None if "/" in slots.get("period", "") else ANSWERS[row["kind"]](life, slots)
        if answer is not None:
            found.append(Question(row["id"], row["kind"], show(row["text"], slots), *answer))
    return found


def test_free_wordings_are_answered_exactly(tmp_path: Path) -> None:
    folder = shared_data("life_person_A")
    asked = _asked(folder)
    assert len(asked) >= 30
    rooms = open_vault_in(tmp_path)
    import_folder(rooms, sorted(path for path in folder.iterdir() if path.is_file()))
    now = rooms.clock()
    offset = rooms.stream.offset_on(local_datetime(now, 0).date().isoformat())
    computer = computing(rooms.stream, rooms.journal)
    said = {question.id: is_exact(computer, question, now, offset) for question in asked}
    rooms.close()
    otherwise = [key for key, (exact, answer) in said.items() if not exact and answer != "declined"]
    assert otherwise == []
    assert sum(exact for exact, _ in said.values()) / len(asked) >= EXACT_AT_LEAST
