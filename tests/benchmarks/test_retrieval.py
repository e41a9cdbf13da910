"""The retrieval benchmark: its smoke run, its measures, and both forms of chats."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chats import invented_chat, read_chats
from benchmarks.retrieval import KEYS, measure
from tests.shared_data import shared_data

ROOT = Path(__file__).resolve().parents[2]

REALTALK = {
    "name": {"speaker_1": "Ann", "speaker_2": "Bo"},
    "session_1": [
        {"clean_text": "Where is the boat?", "speaker": "Ann", "date_time": "29.12.2023, 22:42:04", "dia_id": "D1:1"},
        {"clean_text": "In the harbour.", "speaker": "Bo", "date_time": "29.12.2023, 22:43:00", "dia_id": "D1:2"},
    ],
    "events_session_1": [],
    "session_2": [
        {"clean_text": None, "speaker": "Ann", "date_time": "30.12.2023, 08:00:00", "dia_id": "D2:1"},
    ],
    "qa": [
        {"question": "Where is the boat?", "answer": "harbour", "evidence": ["D1:2", "D9:9"], "category": 1},
        {"question": "No evidence?", "answer": "", "evidence": ["D1:1; D1:2", "D7:1"], "category": 2},
    ],
}
LOCOMO = [
    {
        "qa": [
            {"question": "What did Ann paint?", "answer": 2, "evidence": ["D1:1; D1:2", "D"], "category": 4},
            {"question": "Nothing?", "adversarial_answer": "x", "evidence": [], "category": 5},
        ],
        "conversation": {
            "speaker_a": "Ann",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ann", "dia_id": "D1:1", "text": "Look!", "blip_caption": "a sunrise", "query": "secret"},
                {"speaker": "Bo", "dia_id": "D1:2", "text": "Nice."},
            ],
        },
    }
]


def _written(folder: Path, name: str, content: Any) -> Path:
    (folder / name).write_text(json.dumps(content), "utf-8")
    return folder


def test_a_smoke_run_ends_with_one_json_line() -> None:
    run = subprocess.run(
        [sys.executable, "benchmarks/retrieval.py", "--smoke"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr[-2000:]
    figures = json.loads(run.stdout.splitlines()[-1])
    assert tuple(figures) == KEYS
    assert figures["recall_at_10"] == 1.0 and figures["n"] == 1 and figures["turns"] == 8


def test_all_of_an_invented_chat_is_found_by_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = measure(tmp_path, [invented_chat()], smoke=False, embedder=None)
    assert (figures["recall_at_10"], figures["full_at_10"], figures["session_recall_at_5"]) == (1.0, 1.0, 1.0)
    assert capsys.readouterr().out.splitlines()[-1].startswith("all")


def test_realtalk_is_read_as_the_baseline_reads_it(tmp_path: Path) -> None:
    [chat] = read_chats(_written(tmp_path, "Chat_1_Ann_Bo.json", REALTALK))
    assert [(turn.id, turn.speaker, turn.text) for turn in chat.turns] == [
        ("D1:1", "Ann", "Where is the boat?"), ("D1:2", "Bo", "In the harbour."), ("D2:1", "Ann", ""),
    ]  # fmt: skip
    [question] = chat.questions  # the other one's evidence is no turn
    assert question.evidence == {"D1:2"} and chat.turns[1].at_ms - chat.turns[0].at_ms == 56_000


def test_locomo_is_read_as_the_baseline_reads_it(tmp_path: Path) -> None:
    [chat] = read_chats(_written(_written(tmp_path, "locomo10.json", LOCOMO), "msc_personas_all.json", {"a": 1}))
    assert [turn.text for turn in chat.turns] == ["Look! a sunrise", "Nice."]
    [question] = chat.questions
    assert question.evidence == {"D1:1", "D1:2"} and question.answer == "2"


def test_a_folder_without_chats_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        read_chats(tmp_path)


@pytest.mark.parametrize(("name", "turns", "questions"), [("realtalk", 1761, 283), ("locomo", 5882, 1981)])
def test_the_real_sets_have_the_size_that_their_readme_says(name: str, turns: int, questions: int) -> None:
    chats = read_chats(shared_data(name))
    assert sum(len(chat.turns) for chat in chats) == turns
    assert sum(len(chat.questions) for chat in chats) == questions
