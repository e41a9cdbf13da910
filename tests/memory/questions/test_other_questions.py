"""Questions that sound like those about one's own days and are about something else: none of them is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.memory.questions import read
from tests.memory.questions.lives import NOW, some_names

_OTHERS = Path(__file__).with_name("other_questions.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("text", _OTHERS)
def test_another_question_is_not_read(text: str) -> None:
    assert read(text, some_names(), NOW, 60) is None
    assert read(text.rstrip("?.").lower(), some_names(), NOW, 60) is None
