"""What is small talk, in five languages, and what only begins with a greeting."""

from __future__ import annotations

import pytest

from hearthside.companion.greetings import is_small_talk, without_greeting
from hearthside.companion.questions import Computed, SmallTalk, understand

_NOW_MS = 1_763_900_000_000


@pytest.mark.parametrize(
    "text",
    [
        "hello", "Hi!", "Hey there", "Good morning, Hearthside :)", "Hello! How are you today?", "Hi, how's it going?",
        "What’s up?", "how are you doing", "Thanks a lot!",
        "Thank you, that helps", "Good night, sleep well", "ok cool", "Nice to meet you", "Hey Anna!",
        "Tell me a joke!", "Who are you?", "Hallo, wie geht’s?", "Guten Morgen!", "Danke schön", "안녕하세요!",
        "안녕, 잘 지내?", "你好！", "你好吗？", "早上好，你好吗", "こんにちは。", "おはようございます、元気ですか？",
    ],
)  # fmt: skip
def test_small_talk_asks_nothing_of_the_records(text: str) -> None:
    assert is_small_talk(text)
    assert isinstance(understand(text, _NOW_MS, 0), SmallTalk)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Hello, how many messages did I write?", "how many messages did I write?"),
        ("Hi Hearthside! When did I last run?", "When did I last run?"),
        ("Thanks! And what did Ann say?", "And what did Ann say?"),
        ("Good morning, hello, where was I yesterday?", "where was I yesterday?"),
        ("Guten Abend, wann war ich joggen?", "wann war ich joggen?"),
        ("你好，我昨天睡了多久？", "我昨天睡了多久？"), ("你好，我昨天睡了多久", "我昨天睡了多久"),
        ("早上好，昨晚几点睡的", "昨晚几点睡的"), ("こんにちは、昨日何時に寝た", "昨日何時に寝た"),
        ("안녕, 어제 얼마나 잤어", "어제 얼마나 잤어"), ("안녕하세요, 어제 뭐 했어요", "어제 뭐 했어요"),
        ("Hallo wann schlief ich", "wann schlief ich"), ("Danke, wie lange gestern", "wie lange gestern"),
        ("Good morning, steps yesterday", "steps yesterday"), ("ok, steps yesterday", "steps yesterday"),
        ("hi is Anna home", "is Anna home"), ("Hi! Anna", "Anna"),
    ],
)  # fmt: skip
def test_a_question_after_a_greeting_is_a_question(text: str, rest: str) -> None:
    assert not is_small_talk(text)
    assert without_greeting(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "How many messages did I write?", "Hiking trips this year", "Okinawa trip", "Nicely done by whom?",
        "What is new in the chat with Ann?", "How are you and Ann related?", "Hellos I sent", "Morning runs this week",
        "Hello by Adele, when did I hear it?", "Great Expectations, when did I read it?",
        "Cool runnings: who mentioned it?",
    ],
)  # fmt: skip
def test_what_only_looks_like_one(text: str) -> None:
    assert not is_small_talk(text)
    assert without_greeting(text.strip()) == text.strip()


def test_a_greeting_does_not_change_what_is_computed() -> None:
    bare = understand("How many messages did I write last week?", _NOW_MS, 0)
    assert isinstance(bare, Computed)
    assert understand("Hello! How many messages did I write last week?", _NOW_MS, 0) == bare
