"""House calls from pages: errors become sentences, answers outlive their page, logs hold no content."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from hearthside.companion.answers import Answer, AnswerMode, AnswerPart, Piece
from hearthside.errors import NeedsPerson
from hearthside.web.calls import NO_ANSWER, LiveAnswer, LiveAnswers, Problem, as_problem, call, follow
from hearthside.web.server import keep_content_out_of_logs
from tests.web.demo_house import DemoHouse


def test_an_error_on_purpose_keeps_its_sentence() -> None:
    assert as_problem(NeedsPerson("no-such-path", "There is nothing.")) == Problem("no-such-path", "There is nothing.")


def test_any_other_error_is_told_and_logged_without_content(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("my secret words")

    with caplog.at_level(logging.INFO, "hearthside"):
        problem = asyncio.run(call(fail))
    assert isinstance(problem, Problem) and problem.code == "unexpected" and "your data is safe" in problem.message
    assert "secret" not in problem.message and "secret" not in caplog.text
    assert "ValueError" in caplog.text and "test_calls.py" in caplog.text


def test_a_call_returns_what_the_house_returns() -> None:
    assert asyncio.run(call(DemoHouse().overview)) == DemoHouse().overview()
    assert asyncio.run(call(lambda: None)) is None


class SlowHouse(DemoHouse):
    """Answers in two pieces and waits between them until it may go on."""

    def __init__(self, end: bool = True) -> None:
        super().__init__()
        self.may_go_on = threading.Event()
        self.end = end

    def ask(self, text: str, conversation: str) -> Iterator[AnswerPart]:
        yield Piece("one ")
        self.may_go_on.wait(20)
        yield Piece("two")
        if self.end:
            yield Answer("one two", AnswerMode.CONVERSATION)


def read(live: LiveAnswer) -> list[str]:
    async def collect() -> list[str]:
        return [text async for text in follow(live)]

    return asyncio.run(collect())


def test_an_answer_goes_on_without_readers_and_serves_several() -> None:
    house = SlowHouse()
    answers = LiveAnswers(house)
    live = answers.start("hello", "conversation-1")
    assert answers.start("again", "conversation-1") is live  # one at a time per conversation
    assert answers.under_way("conversation-1") is live and answers.under_way("conversation-2") is None
    house.may_go_on.set()
    read(live)
    assert live.end == Answer("one two", AnswerMode.CONVERSATION)
    assert answers.under_way("conversation-1") is None
    assert read(live) == []  # a late reader finds the end at once


def test_an_answer_that_stops_short_or_fails_says_so() -> None:
    house = SlowHouse(end=False)
    house.may_go_on.set()
    live = LiveAnswers(house).start("hello", "conversation-1")
    read(live)
    assert live.end == NO_ANSWER
    broken = LiveAnswers(DemoHouse()).start("please break", "conversation-2")
    read(broken)
    assert isinstance(broken.end, Problem) and broken.end.code == "unexpected"


def test_tracebacks_of_libraries_are_cut_to_type_and_place(caplog: pytest.LogCaptureFixture) -> None:
    keep_content_out_of_logs()
    keep_content_out_of_logs()  # twice is the same as once
    log = logging.getLogger("uvicorn.error")
    with caplog.at_level(logging.ERROR, "uvicorn.error"):
        try:
            raise RuntimeError("my secret words")
        except RuntimeError:
            log.exception("Exception in ASGI application with secret")
    assert "secret" not in caplog.text
    assert "unexpected RuntimeError at" in caplog.text and "test_calls.py" in caplog.text
