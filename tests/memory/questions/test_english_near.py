"""The table of words that are no misspellings is what its generator writes, and holds nothing that has no effect."""

from __future__ import annotations

import importlib.util

import pytest

from hearthside.memory.questions.english_near import WORDS
from hearthside.memory.questions.signs import english_words
from hearthside.memory.questions.tokens import misspelt
from scripts.english_near import PATH, commonest, module, near

_AGAIN = "the tables of questions have changed: run `python -m scripts.english_near` (it needs wordfreq)"


def test_every_word_would_be_read_as_another() -> None:
    assert sorted(WORDS) == near(WORDS), _AGAIN


def test_the_file_is_as_the_generator_lays_it_out() -> None:
    assert PATH.read_text() == module(sorted(WORDS))


@pytest.mark.skipif(importlib.util.find_spec("wordfreq") is None, reason="wordfreq is not installed")
def test_the_file_is_what_the_generator_writes() -> None:
    assert PATH.read_text() == module(near(commonest())), _AGAIN


def test_near_takes_what_is_one_letter_away_and_no_word_of_the_tables() -> None:
    told = english_words().telling
    assert misspelt("listan", told) == "listen"
    assert near(["listan", "listen", "kitchen", "untill"]) == ["listan"]
