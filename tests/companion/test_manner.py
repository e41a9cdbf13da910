"""How the person wants to be spoken to: measured from their own messages, and what they asked for."""

from __future__ import annotations

import pytest

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.manner import (
    Manner,
    greeting,
    language_of,
    manner_of,
    measured,
    own_texts,
    shaped,
    wish_of,
    without_emojis,
)
from tests.companion.lives import Life, ScriptedModel, message

_SHORT = ["on my way", "yes", "see you at eight", "no idea", "the train is late"] * 6


def test_nothing_is_measured_from_a_few_messages() -> None:
    assert measured(_SHORT[:10]) == Manner()
    assert Manner().line() == "Keep it short. No emojis. Never lecture."


def test_length_greeting_emoji_and_language_are_measured() -> None:
    long = ["Dear Ann, would you kindly tell me " + "what the people of the town said about the river " * 5] * 30
    assert measured(_SHORT) == Manner(language="en")
    found = measured(long)
    assert (found.long, found.greets, found.formal, found.language) == (True, True, True, "en")
    assert measured([f"{text} 🙂" for text in _SHORT]).emoji
    german = measured(["ich bin auf dem Weg und komme nicht zu spät", "das ist gut"] * 15)
    assert german.language == "de"
    assert "Answer in German." in german.line()
    assert language_of(["오늘은 집에 있어요"]) == "ko"
    assert language_of(["明日は家にいます"]) == "ja"
    assert language_of(["xyzzy"]) == ""


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("Please be shorter.", "long", False), ("keep it brief", "long", False),
        ("more detail in your answers", "long", True),
        ("no emojis please", "emoji", False), ("you may use emojis again", "emoji", True),
        ("Call me Ann", "called", "Ann"), ("please call me Dr Who", "called", "Dr Who"),
        ("be formal", "formal", True), ("please answer in German", "language", "de"),
        ("write as before", "", None),
        ("always give me more detail", "long", True), ("give me more detail from now on", "long", True),
        ("In future, more detail please", "long", True), ("call me Ann, please", "called", "Ann"),
        ("call me “old tom”", "called", "old tom"), ("Call me 'Ann'", "called", "Ann"),
        ("call me May", "called", "May"),
        ("Call me Jean-Luc O'Brien", "called", "Jean-Luc O'Brien"), ("call me 지민", "called", "지민"),
    ],
)  # fmt: skip
def test_wishes(text: str, name: str, value: object) -> None:
    wish = wish_of(text)
    assert wish is not None
    assert (wish.name, wish.value) == (name, value)


@pytest.mark.parametrize(
    "text",
    ["Did Ann call me?", "call me when you are there", "Who said no emojis?", "Ann asked me to be shorter",
     "What did Ben say about being formal?", "answer in time", "I was shorter then", "call me a taxi",
     "Call me tonight", "call me now", "call me ASAP", "call me soon", "Call me Monday", "call me after work",
     "call me this evening", "call me please", "Call me Tonight please", "Call me by your name", "Call Me By Your Name",
     "Call me old-fashioned", "call me crazy", "call me may", "call me May Day", "call me ann", "call me Ann tonight",
     "call me November", "call me never", "more detail", "give me more detail", "more detail please"],
)  # fmt: skip
def test_what_is_no_wish(text: str) -> None:
    assert wish_of(text) is None


def test_a_wish_is_kept_in_the_journal_and_can_be_taken_back(life: Life) -> None:
    answer = life.ask("Please call me Ann")
    assert (answer.text, answer.mode) == ("I will call you Ann.", AnswerMode.CONVERSATION)
    life.ask("be more detailed")
    assert (manner_of(life.journal).called, manner_of(life.journal).long) == ("Ann", True)
    assert life.ask("hello").text == "I'm here, Ann. Ask me about your days, or just talk."
    life.ask("forget how I want you to write")
    assert manner_of(life.journal) == Manner()


def test_a_wish_of_a_program_is_none(life: Life) -> None:
    dialogue = life.dialogue()
    dialogue._wishes = lambda conversation: not conversation.startswith("v1_")
    answer = list(dialogue.ask("Call me Boss", "v1_token_1"))[-1]
    assert isinstance(answer, Answer)
    assert manner_of(life.journal).called == ""


def test_only_own_messages_are_measured(life: Life) -> None:
    life.add(message("2026-03-10 12:00", "Ann", "hi 🙂"), message("2026-03-10 12:01", "Ann", "on my way", own=True))
    assert own_texts(life.journal) == ["on my way"]


def test_a_long_quotation_is_cut_in_short_answers_alone() -> None:
    said = "Ann wrote on 2026-03-10: “" + "the boat is ready " * 12 + "”"
    cut = shaped(said, Manner())
    assert cut.startswith("Ann wrote on 2026-03-10: “the boat")
    assert cut.endswith("boat is…”")
    assert shaped(said, Manner(long=True)) == said
    assert shaped("Ann wrote: “short”", Manner()) == "Ann wrote: “short”"


def test_emojis_of_a_model_go_unless_they_are_welcome(life: Life) -> None:
    assert without_emojis("Good 👍🏽 to see you 🙂", Manner()) == "Good to see you"
    assert without_emojis("Good 🙂", Manner(emoji=True)) == "Good 🙂"
    assert life.ask("hello", ScriptedModel(["Good 🙂 to see you."])).text == "Good to see you."
    assert greeting(Manner(greets=True, called="Ann")).startswith("Hello, Ann. I'm here.")
