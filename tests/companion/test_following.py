"""Follow-up questions are completed from the question before, however long ago, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.companion.answers import AnswerMode
from hearthside.companion.following import (
    Before,
    Following,
    Reading,
    before,
    fragment_of,
    may_follow,
    wants_basis,
    wonders,
)
from tests.companion.lives import Life, at, message, night, open_life

NOW = at("2026-03-18 17:00")


def _completed(asked: str, text: str, mode: str = "computed", asked_at: int = NOW, names: tuple[str, ...] = ()) -> str:
    def reading(question: str) -> Reading:
        thing = next((word for word in ("running", "radiohead") if word in question.casefold()), "")
        asks = question.startswith(("How", "Did", "Sleep"))
        return Reading("counted" if mode == "computed" and asks else "", (thing,) if thing else ())

    last = Before(asked, asked_at, mode, "", "", ())
    return Following(last, reading, names, NOW, 0).completed(text) or ""


@pytest.mark.parametrize(
    ("asked", "text", "whole"),
    [
        ("How long did I sleep last week?", "and in July?", "How long did I sleep in July?"),
        ("How long did I sleep in March 2022?", "and in July?", "How long did I sleep in July 2022?"),
        ("How long did I sleep in 2021?", "what about last year?", "How long did I sleep last year?"),
        ("How long did I sleep in 2021?", "And 2022?", "How long did I sleep in 2022?"),
        ("How long did I sleep in 2021?", "and the year before?", "How long did I sleep in 2020?"),
        ("How long did I sleep last week?", "and the week before?", "How long did I sleep 2 weeks ago?"),
        ("How long did I sleep in January 2026?", "the month before?", "How long did I sleep in December 2025?"),
        ("How long did I sleep last night?", "the night before?", "How long did I sleep in the night to 2026-03-17?"),
        ("How long did I sleep in 2021?", "how about on weekends?", "How long did I sleep in 2021 on weekends?"),
        ("How long did I sleep on Mondays?", "and on weekends?", "How long did I sleep on weekends?"),
        ("How many steps did I take yesterday?", "on Mondays?", "How many steps did I take on Mondays?"),
        ("How often did I go running?", "yesterday?", "How often did I go running yesterday?"),
        ("How often did I go running last week?", "and swimming?", "How often did I go swimming last week?"),
        ("How often did I hear Radiohead?", "what about Nick Cave?", "How often did I hear Nick Cave?"),
        ("How many messages did I send last week?", "and to Ann?", "How many messages did I send to Ann last week?"),
    ],
)  # fmt: skip
def test_a_fragment_takes_the_place_of_its_counterpart(asked: str, text: str, whole: str) -> None:
    assert _completed(asked, text) == whole


@pytest.mark.parametrize(
    ("text", "whole"),
    [("and Mara?", "Where was Mara's bicycle stolen?"), ("Mara?", "Where was Mara's bicycle stolen?"),
     ("why?", "Why was Ben's bicycle stolen?"), ("kayaks?", ""), ("and the boat", "")],
)  # fmt: skip
def test_a_name_takes_the_place_of_a_name(text: str, whole: str) -> None:
    assert _completed("Where was Ben's bicycle stolen?", text, "quoted", names=("Ben Roe", "Mara")) == whole


@pytest.mark.parametrize(
    "text",
    ["How did Mara sleep in July?", "And how did Mara sleep?", "I was tired", "hello", "thank you", "kayak",
     "Sleep average in 2020?", "and then we went to the lake and it was cold", "What about it?",
     "more in 2021 than in 2022?"],
)  # fmt: skip
def test_what_stands_on_its_own_is_not_touched(text: str) -> None:
    assert _completed("How long did Ben sleep in 2021?", text, names=("Ben", "Mara")) == ""


def test_last_week_stays_the_week_it_meant() -> None:
    asked_at = at("2026-03-09 10:00")
    asked = "How often did I go running last week?"
    assert _completed(asked, "and swimming?", asked_at=asked_at) == "How often did I go swimming 2 weeks ago?"
    assert _completed(asked, "and the week before?", asked_at=asked_at) == "How often did I go running 3 weeks ago?"


@pytest.mark.parametrize(
    ("time", "text", "whole"),
    [
        ("on 5 March 2026", "and the weekend before?", "from 2026-02-28 to 2026-03-01"),
        ("on 5 March 2026", "and the weekend after?", "from 2026-03-07 to 2026-03-08"),
        ("on 7 March 2026", "and the weekend after?", "from 2026-03-14 to 2026-03-15"),
        ("on 8 March 2026", "the previous weekend?", "from 2026-02-28 to 2026-03-01"),
        ("on 5 March 2026", "and the month before?", "in February 2026"),
        ("on 5 March 2026", "and the week before?", "3 weeks ago"),
        ("on 5 March 2026", "and the year before?", "in 2025"),
        ("on 5 March 2026", "and the day after?", "on 2026-03-06"),
        ("last week", "and the day before?", "on 2026-03-08"),
        ("last week", "and the night after?", "in the night to 2026-03-16"),
        ("last week", "and the weekend before?", "from 2026-03-07 to 2026-03-08"),
        ("last weekend", "and the weekend before?", "from 2026-03-07 to 2026-03-08"),
        ("in the last 7 days", "and the week before?", "from 2026-03-05 to 2026-03-11"),
        ("this month", "and the month before?", "in February 2026"),
        ("in December 2025", "and the month after?", "in January 2026"),
        ("in 2021", "and the following year?", "in 2022"),
    ],
)  # fmt: skip
def test_the_unit_asked_for_is_built_next_to_the_days_before(time: str, text: str, whole: str) -> None:
    assert _completed(f"How long did I sleep {time}?", text) == f"How long did I sleep {whole}?"


@pytest.mark.parametrize("time", ["yesterday morning", "before 2020"])
def test_nothing_stands_next_to_part_of_a_day_or_an_open_time(time: str) -> None:
    assert _completed(f"How long did I sleep {time}?", "and the day before?") == ""


_SMALL = ("Ok cool", "Ok, Great!", "so sad", "ok bye", "But wow", "Then goodbye", "So Sorry", "Now Tom", "hm, Tom")


@pytest.mark.parametrize("text", [*_SMALL, "2021", "Monday", "Friday!", "today", "last week", "next week", "ok, today"])
@pytest.mark.parametrize(
    "asked", ["How often did I hear Radiohead?", "How many messages did I get from Tom last week?", "Where is Tom?"]
)
def test_small_talk_and_bare_times_follow_nothing(asked: str, text: str) -> None:
    assert _completed(asked, text, names=("Tom",)) == ""


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("ok, and Nick Cave", "How often did I hear Nick Cave?"),
        ("so Nick Cave?", "How often did I hear Nick Cave?"),
        ("und 2021", "How often did I hear Radiohead in 2021?"),
        ("2021?", "How often did I hear Radiohead in 2021?"),
        ("and Monday", "How often did I hear Radiohead on Monday?"),
        ("in July", "How often did I hear Radiohead in July?"),
    ],
)  # fmt: skip
def test_a_lead_or_a_question_mark_makes_a_follow_up(text: str, whole: str) -> None:
    assert _completed("How often did I hear Radiohead?", text) == whole


@pytest.mark.parametrize(
    ("asked", "text", "whole"),
    [
        ("How many messages did I get from Tom last week?", "Pizza?", ""),
        ("How many messages did I get from Tom last week?", "Three goats?", ""),
        ("How many messages did I get from Zed last week?", "and Pizza?", ""),
        ("How often did I message Tom last week?", "Oslo?", ""),
        ("How many messages did I get from Tom last week?", "Ann?", "How many messages did I get from Ann last week?"),
        ("How many messages did I get from Tom last week?", "and from Ann?",
         "How many messages did I get from Ann last week?"),
        ("How many messages did I get from Tom last week?", "and in July?",
         "How many messages did I get from Tom in July?"),
        ("How many messages did I get from Tom last week?", "and to Ann?", ""),
        ("How many messages did I get from Tom?", "and about Oslo?",
         "How many messages did I get from Tom about Oslo?"),
    ],
)  # fmt: skip
def test_only_somebody_known_takes_a_place_among_messages(asked: str, text: str, whole: str) -> None:
    assert _completed(asked, text, names=("Tom", "Ann Roe")) == whole


def test_a_demand_for_evidence_becomes_no_thing() -> None:
    assert _completed("How often did I hear Radiohead?", "Really?") == ""


def test_why_after_small_talk_explains_no_older_answer(life: Life) -> None:
    life.add(night("2026-03-18", 7.5))
    life.ask("How long did I sleep last night?")
    assert life.ask("Really?").mode is AnswerMode.COMPUTED
    life.ask("hello")
    for text in ("Why?", "Really?", "how come?", "Are you sure?", "warum?"):
        assert wonders(text)
        assert life.ask(text).mode is AnswerMode.CONVERSATION
    for text in ("evidence?", "proof", "sources?", "show me the records", "How do you know that?"):
        assert not wonders(text)
        assert life.ask(text).text.startswith("I worked that out from your own records: ")
        life.ask("hello")


def test_two_times_have_no_one_place_for_another() -> None:
    assert _completed("Did I sleep more in 2021 or in 2022?", "and in July?") == ""


def test_fragments_and_demands_for_evidence() -> None:
    fragment = fragment_of("and in July?")
    assert fragment is not None
    assert (fragment.said, fragment.led, fragment.asks) == ("in July", True, True)
    assert fragment_of("What did I do in July?") is None
    assert all(
        wants_basis(text) for text in ("Why?", "show me the evidence", "How do you know that?", "based on what?")
    )
    assert not any(wants_basis(text) for text in ("Why did I go?", "show me my evidence of the trip", "records"))
    assert not may_follow("Where is my umbrella?")


def test_a_conversation_goes_on_after_hours_and_a_restart(tmp_path: Path) -> None:
    life = open_life(tmp_path)
    life.add(night("2026-03-18", 7.5), night("2026-03-17", 6.0))
    assert life.ask("How long did I sleep last night?").asked == ""
    life.journal.close()
    again = open_life(tmp_path)
    again.clock.now_ms = life.clock.now_ms
    again.clock.forward(5)
    answer = again.ask("and the night before?")
    assert answer.text == "You slept 6 h 00 min on 2026-03-17."
    assert answer.asked == "How long did I sleep in the night to 2026-03-17?"
    assert answer.query.startswith(f"“{answer.asked}” · ")
    assert again.ask("and on 2026-03-18?").text.startswith("You slept 7 h 30 min")
    turns = again.dialogue().turns("test")
    assert turns[3].answer is not None
    assert turns[3].answer.asked == answer.asked
    again.journal.close()


def test_conversations_do_not_complete_one_another(life: Life) -> None:
    life.add(night("2026-03-18", 7.5))
    life.ask("How long did I sleep last night?")
    assert before(life.journal, "other") is None
    assert before(life.journal, "test") is not None
    answer = list(life.dialogue().ask("and last week?", "other"))[-1]
    assert getattr(answer, "asked", None) == ""


def test_the_evidence_is_shown_again(life: Life) -> None:
    life.add(night("2026-03-18", 7.5), message("2026-03-10 12:00", "Ann", "my bicycle was stolen at the station"))
    first = life.ask("How long did I sleep last night?")
    life.ask("hello")
    again = life.ask("show me the evidence")
    assert again.mode is AnswerMode.COMPUTED
    assert again.text.startswith("I worked that out from your own records: ")
    assert [hit.id for hit in again.evidence] == [hit.id for hit in first.evidence]
    life.ask("Where was Ann's bicycle stolen?")
    quoted = life.ask("how do you know?")
    assert quoted.text == "It rests on this. Ann wrote on 2026-03-10 12:00: “my bicycle was stolen at the station”"
    life.forget([bytes.fromhex(quoted.evidence[0].id)])
    assert life.ask("says who").text == "The records it rested on are gone."
    life.ask("What is the name of my parrot?")
    assert life.ask("why?").text.startswith("I found no record that answers it.")


def test_without_a_question_before_nothing_is_completed(life: Life) -> None:
    assert life.ask("and in July?").asked == ""
    assert life.ask("why?").mode is not AnswerMode.COMPUTED
