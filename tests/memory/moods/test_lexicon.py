"""The valence of words: signs, negation, strength, and words that are no feelings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.memory.moods.lexicon import LEXICON, tone_valence, valence


@pytest.mark.parametrize("text", ["I am so happy today", "not sad at all", "What a lovely evening", "I feel well"])
def test_pleasant(text: str) -> None:
    assert (valence(text) or 0) > 0


@pytest.mark.parametrize("text", ["I’m exhausted", "not happy with this", "I feel down", "a miserable, lonely week"])
def test_unpleasant(text: str) -> None:
    assert (valence(text) or 0) < 0


@pytest.mark.parametrize(
    "text", ["", "the train is at nine", "put it down", "as well as the other", "shoes like these"]
)
def test_no_feeling(text: str) -> None:
    assert valence(text) is None


def test_strength_counts() -> None:
    plain, strong, miserable = (valence(t) or 0 for t in ("I am sad", "I am very sad", "I am miserable"))
    assert miserable < strong < plain < 0
    assert abs(valence("not sad") or 0) < abs(plain)


def test_a_word_has_one_value() -> None:
    assert set(LEXICON.values()) == {-3.0, -2.0, -1.0, 1.0, 2.0, 3.0}
    assert len(LEXICON) > 140


def test_tones() -> None:
    assert (tone_valence("Flat"), tone_valence("cheerful"), tone_valence("neutral")) == (-0.5, 0.5, None)


@given(st.lists(st.sampled_from([*sorted(LEXICON), "not", "very", "I'm", "tea"]), max_size=30))
def test_it_is_bounded(words: list[str]) -> None:
    found = valence(" ".join(words))
    assert found is None or -1 < found < 1
