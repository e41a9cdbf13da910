"""How facts are put to the person: in their own words turned to them, and never as the tautology a label would make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.memory.facts.phrases import statements
from hearthside.memory.facts.vocabulary import VOCABULARY
from hearthside.memory.facts.wording import day_in_words, names_only_the_role, to_you, told, without_made_up_year

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
    ("I have a cat", "You have a cat."),
    ("I work as an hourly consultant", "You work as an hourly consultant."),
    ("I enjoy trying things I wasn't taught", "You like trying things you weren't taught."),
    ("I was born on 1990-05-03", "You were born on 3 May 1990."),
    ("I was born in 1012", "You were born in 1012."),
    ("My birthday is 1990-05-03", "Your birthday is 3 May 1990."),
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
        ("university teacher", "a university teacher"),
        ("unimpressed critic", "an unimpressed critic"),
        ("uninsured driver", "an uninsured driver"),
        ("hourly consultant", "an hourly consultant"),
        ("honorary consul", "an honorary consul"),
        ("housekeeper", "a housekeeper"),
        ("user researcher", "a user researcher"),
        ("usher", "an usher"),
        ("urban planner", "an urban planner"),
        ("urologist", "a urologist"),
        ("European lawyer", "a European lawyer"),
        ("one-man band", "a one-man band"),
        ("oncologist", "an oncologist"),
        ("NHS nurse", "an NHS nurse"),
        ("HTML writer", "an HTML writer"),
        ("NASA engineer", "a NASA engineer"),
        ("UX designer", "a UX designer"),
        ("EU lawyer", "an EU lawyer"),
        ("x-ray technician", "an x-ray technician"),
        ("A-level teacher", "an A-level teacher"),
    ],
)
def test_a_job_that_a_model_read_gets_its_article(value: str, sentence: str) -> None:
    assert told("works_as", "You work as {value}.", value) == f"You work as {sentence}."


def test_an_animal_that_a_model_read_gets_its_article() -> None:
    assert told("has_pet", VOCABULARY["has_pet"].sentence, "iguana") == "You have an iguana."


@pytest.mark.parametrize(
    ("words", "turned"),
    [("that I'm alive", "that you're alive"), ("that I am alive", "that you are alive"), ("I Robot", "I Robot"),
     ("what I’ve seen", "what you’ve seen"), ("games with me", "games with you"), ("me-time", "me-time"),
     ("who I was", "who you were"), ("things I wasn't told", "things you weren't told"),
     ("all that I wasn’t", "all that you weren’t"), ("places I never was in", "places you never were in"),
     ("who I really am", "who you really are"), ("people I amuse", "people you amuse"),
     ("My Chemical Romance", "My Chemical Romance")],
)  # fmt: skip
def test_first_persons_become_second(words: str, turned: str) -> None:
    assert to_you(words) == turned


@given(st.text(alphabet="Imeoury'’ mawsnt-", max_size=60))
def test_turned_words_are_not_turned_again(words: str) -> None:
    assert to_you(to_you(words)) == to_you(words)


@pytest.mark.parametrize(
    ("value", "words"),
    [("1990-05-03", "3 May 1990"), ("05-03", "3 May"), ("--0503", "3 May"), ("--02-29", "29 February"),
     ("13-40", ""), ("in spring", ""), ("19900503", "3 May 1990"), ("1990-05-03T00:00:00Z", "3 May 1990"),
     ("1604-05-03", "3 May"), ("16040503", "3 May"), ("1604-02-29", "29 February"), ("0000-05-03", "3 May"),
     ("19901340", "")],
)  # fmt: skip
def test_dates_of_address_books(value: str, words: str) -> None:
    assert day_in_words(value) == words


@pytest.mark.parametrize(
    ("value", "kept"),
    [("1604-05-03", "--05-03"), ("16040503", "--05-03"), ("1990-05-03", "1990-05-03"), ("--0503", "--0503"),
     ("in spring 1604", "in spring 1604")],
)  # fmt: skip
def test_a_year_that_stands_for_none_is_left_out(value: str, kept: str) -> None:
    assert without_made_up_year(value) == kept


@pytest.mark.parametrize(
    "label", ["Home", "work", " My  Office", "Zuhause", "Büro", "회사", "집", "公司", "自宅", "職場"]
)
def test_labels_that_only_say_the_role(label: str) -> None:
    assert names_only_the_role(label)


@pytest.mark.parametrize("label", ["Homebase", "Acme", "place 3", "Café Home", ""])
def test_labels_that_name_a_place(label: str) -> None:
    assert not names_only_the_role(label)
