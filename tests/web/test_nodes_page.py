"""The page of compute nodes: sizes and paces in plain words, codes as typed, and words of others stay words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.errors import Refused
from hearthside.web.nodes_parts import (
    ALPHABET,
    empty_body,
    found_body,
    node_body,
    pace_figure,
    pace_share,
    pace_words,
    parameters_words,
    plug_words,
    read_code,
    removal_words,
    state_badge,
)
from hearthside.web.nodes_views import FoundView, task_words
from tests.web.demo_house import HOSTILE
from tests.web.demo_nodes import ADDRESS, CODE, PLUGS, DemoNodes, local_node

STUDY, LAPTOP, ATTIC = DemoNodes().view().nodes
SWITCHES = dict(PLUGS)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, ""), (950, "950 parameters"), (134_515_008, "135 million parameters"),
        (999_600_000, "1 billion parameters"),
        (1_543_714_304, "1.5 billion parameters"), (7_615_616_512, "7.6 billion parameters"),
        (8_030_261_312, "8 billion parameters"), (32_763_876_352, "32.8 billion parameters"),
        (70_553_706_496, "70.6 billion parameters"), (671_026_419_200, "671 billion parameters"),
        (1_026_470_731_056, "1 trillion parameters"),
    ],
)  # fmt: skip
def test_the_size_of_a_model_in_words(count: int, words: str) -> None:
    assert parameters_words(count) == words


@given(st.floats(0, 10_000), st.floats(0, 10_000))
def test_a_faster_node_has_a_longer_bar_that_stays_in_its_ground(one: float, other: float) -> None:
    slow, fast = sorted([pace_share(one), pace_share(other)])
    assert 0 <= slow <= fast <= 100 and (pace_share(max(one, other)) == fast)


def test_a_pace_has_a_plain_word_and_a_mark_where_people_read() -> None:
    assert pace_words(None) == "not measured yet" and "svg" not in pace_figure(None)
    assert pace_words(3.64) == "3.6 tokens a second, slower than you read"
    assert pace_words(9.97) == "10 tokens a second, about as fast as you read"
    assert pace_words(0.2).endswith("half a minute") and pace_words(420).startswith("420 tokens")
    assert "pace-slow" in pace_figure(3.6) and "pace-slow" not in pace_figure(24.2)
    assert 'aria-label="Pace: 24 tokens a second, faster than you read"' in pace_figure(24.2)


def test_a_card_says_what_is_known_and_nothing_else() -> None:
    card = node_body(STUDY)
    for words in ("Study", "answers now", "7.6 billion parameters", "24 tokens a second", "Tue 31 Mar 2026, 18:02"):
        assert words in card
    assert STUDY.address in card and "Wed 11 Feb 2026, 20:15" in card and "plug" not in card
    away = node_body(ATTIC)
    assert "1 of 3 that day" in away and "pace-drawing" not in away
    local = node_body(local_node(True))
    assert "answers now" in local and "paired" not in local and "address" not in local
    assert "135 million parameters" in local and "Pace of its last answer </b>31 tokens a second" in local
    unasked = node_body(replace(local_node(True), pace=None))
    assert "is known after an answer" in unasked and "not measured" not in unasked and "svg" not in unasked
    new = node_body(replace(STUDY, model="", parameters=0, pace=None, phase="starting", chosen=False))
    assert "node-model" not in new and "Pace" not in new and "starting" in new


def test_what_a_node_can_do_beside_language_is_told_in_words() -> None:
    all_three = ["finds texts by meaning", "hears speech (English at least)", "reads text in pictures"]
    assert task_words(("read_picture", "transcribe", "embed")) == all_three
    assert task_words(()) == [] == task_words(("of a later version",))
    for row, words in ((STUDY, all_three), (local_node(True), all_three), (LAPTOP, all_three[:1]), (ATTIC, [])):
        assert [f"<li>{one}</li>" in node_body(row) for one in all_three] == [one in words for one in all_three]
    assert "node-tasks" not in node_body(ATTIC)
    assert "What This machine can do besides" in node_body(local_node(True))


def test_how_a_node_is_in_a_word() -> None:
    assert ["answers now" in state_badge(row) for row in (STUDY, LAPTOP, ATTIC)] == [True, False, False]
    assert "stands by" in state_badge(LAPTOP) and "away" in state_badge(ATTIC)
    assert "answers now" not in state_badge(replace(STUDY, phase="down"))
    assert plug_words("switch.shelf", SWITCHES) == "switch.shelf" == plug_words("switch.shelf", {})
    assert plug_words("switch.study_plug", SWITCHES) == "Study plug (switch.study_plug)"


def test_removing_says_what_happens() -> None:
    assert "forgets everything" in removal_words(STUDY, True) and "Remove Study?" in removal_words(STUDY, True)
    assert "cannot be told now" in removal_words(ATTIC, False) and "forgets" not in removal_words(ATTIC, False)
    assert "hearthside compute" in empty_body()


@pytest.mark.parametrize(
    "parts",
    [["7K3M", "9QTD", "2XVA"], ["7k3m", "9qtd", "2xva"], ["7k3m-9qtd-2xva", "", ""], [" 7K3 M", "9QTD ", "2X–VA"]],
)
def test_a_code_is_read_as_it_is_typed(parts: list[str]) -> None:
    assert read_code(parts) == CODE


@given(st.lists(st.sampled_from(sorted(ALPHABET)), min_size=12, max_size=12))
def test_letters_that_look_like_figures_are_read_as_such(chars: list[str]) -> None:
    code = "".join(chars)
    typed = code.replace("0", "o").replace("1", "l").lower()
    assert read_code([typed]).replace("-", "") == code == read_code([code.replace("1", "I")]).replace("-", "")


@pytest.mark.parametrize(
    ("typed", "why"), [("7K3M9QTD2XV", "short"), ("7K3M9QTD2XVA4", "short"), ("7K3M9QTD2XVU", "strange")]
)
def test_what_cannot_be_a_code_is_a_sentence(typed: str, why: str) -> None:
    with pytest.raises(Refused) as caught:
        read_code([typed])
    assert caught.value.code == f"pairing-code-{why}" and "Nothing was sent" in caught.value.message


def test_what_was_found_can_be_chosen_while_it_shows_a_code() -> None:
    found = found_body(DemoNodes().find())
    assert f'data-node-address="{ADDRESS}"' in found and "[fe80::1]:8421" in found and "2 nodes were found" in found
    assert found.count("<button") == 1 and "shows no code now" in found
    assert "No other node was found" in found_body([])


def test_words_of_others_stay_words() -> None:
    row = replace(
        STUDY, name=HOSTILE, address=HOSTILE, sentence=HOSTILE, model=HOSTILE, plug=HOSTILE, power=HOSTILE,
        since_local=HOSTILE, paired_local=HOSTILE, phase=HOSTILE,
    )  # fmt: skip
    for part in (node_body(row), found_body([FoundView(HOSTILE, HOSTILE, 1, True)]), state_badge(row)):
        assert "<script" not in part and "<img" not in part
