"""The JSON API: its small pure parts; the whole of it is tested over the wire in test_server.py."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.web.api import MAX_NAME, answer_lines, as_json, file_name, new_file
from hearthside.web.calls import LiveAnswer, Problem


@pytest.mark.parametrize(
    ("wished", "given_name"),
    [
        ("WhatsApp Chat with Ravi (1).txt", "WhatsApp Chat with Ravi (1).txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\exports\\a.json", "a.json"),
        (".bashrc", "bashrc"),
        ("..", "upload"),
        ("", "upload"),
        ("a\nb\x00c.csv", "a_b_c.csv"),
    ],
)
def test_uploaded_names_are_made_harmless(wished: str, given_name: str) -> None:
    assert file_name(wished) == given_name


@given(st.text())
def test_no_name_leaves_its_folder(wished: str) -> None:
    name = file_name(wished)
    assert name and len(name) <= MAX_NAME and "/" not in name and "\0" not in name and name not in (".", "..")


def test_two_files_of_one_name_are_both_kept_and_private(tmp_path: Path) -> None:
    for content in (b"first", b"second", b"third"):
        with new_file(tmp_path, "a chat.txt") as file:
            file.write(content)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {"a chat.txt": b"first", "a chat (2).txt": b"second", "a chat (3).txt": b"third"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_problems_have_a_status_and_their_code() -> None:
    answer = as_json(Problem("port-taken", "Taken."))
    assert answer.status_code == 409
    assert orjson.loads(answer.body) == {"error": {"code": "port-taken", "message": "Taken."}}
    assert as_json(Problem("unexpected", "x")).status_code == 500


def test_the_lines_of_an_answer_add_up_to_its_words() -> None:
    live = LiveAnswer("q", text="one ")

    async def collect() -> list[dict[str, object]]:
        lines = []
        async for line in answer_lines(live):
            lines.append(orjson.loads(line))
            if len(lines) == 1:
                live.text += "two"
                live.end = Answer("one two", AnswerMode.CONVERSATION)
        return lines

    lines = asyncio.run(collect())
    assert [line.get("piece") for line in lines] == ["one ", "two", None]
    answer = lines[-1]["answer"]
    assert isinstance(answer, dict) and answer["text"] == "one two" and answer["mode"] == "conversation"
