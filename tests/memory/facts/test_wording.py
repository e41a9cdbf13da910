"""How facts are put to the person: in their own words turned to them, and never as the tautology a label would make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.memory.facts.phrases import statements
from hearthside.memory.facts.wording import day_in_words, names_only_the_role, to_you, told

SENTENCES = [
    ("I love taking care of my hair", "You like taking care of your hair."),
    ("I enjoy sharing what I know", "You like sharing what you know."),
    ("I love expressing myself through writing", "You like expressing yourself through writing."),
    ("I enjoy watching our pets play", "You like watching your pets play."),
    ("I'm learning how to play the violin", "You are learning to play the violin."),
    ("I'm learning German", "You are learning German."),
    ("I was born in Leeds", "You were born in Leeds."),
    ("I was born in 1990", "You were born in 1990."),
    ("I was born in May 1990", "You were born in May 1990."),
    ("I was born on 3 May 1990", "You were born on 3 May 1990."),
    ("I was born on May 3rd", "You were born on May 3rd."),
    ("I was born on the 4th of July", "You were born on the 4th of July."),
    ("I work as a nurse", "You work as a nurse."),
    ("One of my favorite dishes is lasagna!", "You like lasagna."),
    ("My dog's name is Max!", "Your dog is Max."),
]


@pytest.mark.parametrize(("text", "sentence"), SENTENCES)
def test_what_was_said_is_told_to_the_person(text: str, sentence: str) -> None:
    [found] = statements(text)
    assert told(found.phrase.predicate, found.phrase.sentence, found.value, found.role) == sentence


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("nurse", "a nurse"),
        ("engineer", "an engineer"),
        ("the head of sales", "the head of sales"),
        ("간호사", "간호사"),
    ],
)
def test_a_job_that_a_model_read_gets_its_article(value: str, sentence: str) -> None:
    assert told("works_as", "You work as {value}.", value) == f"You work as {sentence}."


@pytest.mark.parametrize(
    ("words", "turned"),
    [("that I'm alive", "that you're alive"), ("that I am alive", "that you are alive"), ("I Robot", "I Robot"),
     ("what I’ve seen", "what you’ve seen"), ("games with me", "games with you"), ("me-time", "me-time"),
     ("My Chemical Romance", "My Chemical Romance")],
)  # fmt: skip
def test_first_persons_become_second(words: str, turned: str) -> None:
    assert to_you(words) == turned


@given(st.text(alphabet="Imeoury'’ maw-", max_size=60))
def test_turned_words_are_not_turned_again(words: str) -> None:
    assert to_you(to_you(words)) == to_you(words)


@pytest.mark.parametrize(
    ("value", "words"),
    [("1990-05-03", "3 May 1990"), ("05-03", "3 May"), ("--0503", "3 May"), ("--02-29", "29 February"),
     ("13-40", ""), ("in spring", "")],
)  # fmt: skip
def test_dates_of_address_books(value: str, words: str) -> None:
    assert day_in_words(value) == words


@pytest.mark.parametrize(
    "label", ["Home", "work", " My  Office", "Zuhause", "Büro", "회사", "집", "公司", "自宅", "職場"]
)
def test_labels_that_only_say_the_role(label: str) -> None:
    assert names_only_the_role(label)


@pytest.mark.parametrize("label", ["Homebase", "Acme", "place 3", "Café Home", ""])
def test_labels_that_name_a_place(label: str) -> None:
    assert not names_only_the_role(label)
