"""Whatever a model invents is caught: names, numbers, dates, quotations, and who did what."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.companion.answers import AnswerMode
from hearthside.companion.grounding import added, claims, keeps, ungrounded
from hearthside.companion.wording import reword, small_talk
from tests.companion.lives import Life, ScriptedModel, message, night

PLAIN = "You last wrote to Ann Lee on Tuesday, 2026-03-17, at 12:07 (yesterday): “see you at seven”"
NAMES = ["Ann Lee", "Ben", "Zoë"]


def _says(text: str) -> str:
    return reword(ScriptedModel([text]), PLAIN, NAMES).text


@pytest.mark.parametrize(
    "invented",
    [
        PLAIN.replace("Ann Lee", "Sarah"),
        PLAIN.replace("Ann Lee", "ben"),
        PLAIN.replace("Ann Lee", "Ann Lee and Ben"),
        PLAIN.replace("12:07", "2:07"),
        PLAIN.replace("12:07", "12:08"),
        PLAIN.replace("2026-03-17", "2026-17-03"),
        PLAIN.replace("2026-03-17", "2026-03-12"),
        PLAIN.replace("Tuesday", "Monday"),
        PLAIN.replace("(yesterday)", "(today)"),
        PLAIN.replace("see you at seven", "see you at eight"),
        PLAIN.replace("see you at seven", "i hate you"),
        PLAIN + " twice",
        PLAIN + " That was 3 times.",
        PLAIN + " Sarah was there.",
        PLAIN + " Your sister called.",
        PLAIN + " You sounded angry about the money.",
        PLAIN.replace("You last wrote to Ann Lee", "Ann Lee last wrote to you"),
        PLAIN.replace("You last wrote", "You never last wrote"),
        PLAIN.replace("You", "I"),
        "You last wrote to Ann Lee yesterday.",
        "",
        "   \n ",
    ],
)
def test_a_rewording_that_changes_a_fact_is_thrown_away(invented: str) -> None:
    assert _says(invented) == PLAIN


@pytest.mark.parametrize("text", [f"Well, {PLAIN[0].lower()}{PLAIN[1:]}", f"Oh, so {PLAIN}", PLAIN])
def test_a_rewording_that_keeps_every_fact_is_said(text: str) -> None:
    assert _says(text) == text


def test_units_stay_with_their_numbers() -> None:
    sentence = "You slept 7 h 30 min last night."
    assert keeps("So you slept 7 h 30 min last night.", sentence)
    assert not keeps("So you slept 7 min 30 h last night.", sentence)
    assert not keeps("So you slept 7 h last night, 30 min.", "You slept 7 h 30 days last night.")


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Sarah called.", "sarah"),
        ("It was lovely. Sarah called.", "sarah"),
        ("she met zoë", "zoë"),
        ("It cost 12,50 euros", "12,50"),
        ("That was in 1999.", "1999"),
        ("There were five.", "five"),
        ("See you on friday", "friday"),
        ("He said 'never again'.", "never again"),
        ("Somebody said “it is over”", "it is over"),
        ("your sister knows", "sister"),
        ("the doctor's word", "doctor"),
        ("*Sarah* called", "sarah"),
        ("I was with (Sarah)", "sarah"),
        ("Zoë's bag", "zoë"),
    ],
)
def test_claims(text: str, claim: str) -> None:
    assert claim in claims(text, NAMES)
    assert claim in ungrounded(text, ["Nothing of that is here."], NAMES)
    assert claim not in ungrounded(text, [text], NAMES)


@pytest.mark.parametrize("text", ["That sounds lovely.", "How are you?", "I'm here. You may rest now.", "Good night!"])
def test_friendly_words_claim_nothing(text: str) -> None:
    assert not claims(text)


def test_a_number_inside_another_is_another() -> None:
    assert ungrounded("at 2:07", ["at 12:07"]) == {"2:07"}
    assert ungrounded("on 2026-03-1", ["on 2026-03-17"]) == {"2026-03-1"}
    assert ungrounded("7 of them", ["17 of them"]) == {"7"}


_names = st.sampled_from(["Sarah", "Quentin", "Zoë", "Ben", "Lake Como", "Ångström"])
_numbers = st.integers(0, 10**6).map(str)
_dates = st.dates().map(str)
_words = st.sampled_from(["thrice", "seven", "on friday", "yesterday", "your brother", "in december"])
_quotes = st.text(st.characters(categories=["Ll"]), min_size=4, max_size=12).map(lambda text: f"“{text} {text}”")


@settings(max_examples=300, deadline=None)
@given(st.one_of(_names, _numbers, _dates, _words, _quotes), st.integers(0, 12))
def test_whatever_is_put_in_is_caught(invention: str, place: int) -> None:
    sentence = "You last wrote to Ann on 2026-03-17, at 12:07: “see you at eight”"
    words = sentence.split(" ")
    text = " ".join([*words[:place], invention, *words[place:]])
    if invention.casefold() in sentence.casefold().split():
        return
    assert ungrounded(text, [sentence], NAMES) or not keeps(text, sentence) or added(text, sentence)
    assert reword(ScriptedModel([text]), sentence, NAMES).text == sentence


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=120))
def test_nothing_a_model_says_breaks_the_check(text: str) -> None:
    said = reword(ScriptedModel([text]), PLAIN, NAMES)
    assert said.text == PLAIN or ungrounded(said.text, [PLAIN], NAMES) == set()


@pytest.mark.parametrize(
    "invented",
    [
        "You told me that you love hiking.",
        "Sarah sends her love.",
        "It was 5 o'clock on Friday.",
        "Your sister called you.",
        "I remember that night.",
        "Last time it rained.",
        "You were so brave.",
    ],
)
def test_small_talk_claims_nothing_about_the_person(invented: str) -> None:
    said = small_talk(ScriptedModel([invented]), [], "hello", NAMES)
    assert invented not in said.text
    both = small_talk(ScriptedModel([f"{invented} That sounds good."]), [], "hello", NAMES)
    assert both.text == "That sounds good."


def test_small_talk_may_say_what_the_person_has_just_said() -> None:
    said = small_talk(ScriptedModel(["Say hello to Quentin."]), [("user", "Quentin is here")], "hello", NAMES)
    assert said.text == "Say hello to Quentin."
    said = small_talk(ScriptedModel(["Say hello to Quentin."]), [("assistant", "Quentin is here")], "hello", NAMES)
    assert "Quentin" not in said.text


def test_an_answer_falls_back_to_the_plain_sentence(life: Life) -> None:
    life.add(night("2026-03-18", 7.5), message("2026-03-17 12:00", "Ann", "see you", own=True))
    plain = life.ask("How long did I sleep last night?")
    assert plain.text == "You slept 7 h 30 min last night."
    invented = life.ask("How long did I sleep last night?", ScriptedModel(["You slept 9 h 10 min, says Sarah."]))
    assert (invented.text, invented.mode, invented.worded_by) == (plain.text, AnswerMode.COMPUTED, "")
    kept = life.ask("How long did I sleep last night?", ScriptedModel(["Hey, you slept 7 h 30 min last night."]))
    assert (kept.text, kept.worded_by) == ("Hey, you slept 7 h 30 min last night.", "scripted")


def test_what_the_answer_names_is_in_its_evidence(life: Life) -> None:
    life.add(message("2026-03-17 12:00", "Ann", "see you at seven", own=True))
    answer = life.ask("When did I last write to Ann?")
    assert answer.text == "You last wrote to Ann on Tuesday, 2026-03-17, at 12:00 (yesterday): “see you at seven”"
    support = [hit.text for hit in answer.evidence] + [hit.local for hit in answer.evidence] + [answer.value]
    assert ungrounded(answer.text, [*support, "Ann", "Tuesday", "yesterday"], ["Ann"]) == set()
