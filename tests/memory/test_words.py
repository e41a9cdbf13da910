"""Words of a text: scripts without spaces, and queries that no text can break."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hearthside.memory.words import STOP_WORDS, content_words, indexed_text, match_any, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where did I park?", ["where", "did", "i", "park"]),
        ("don't DON'T don’t", ["don't", "don’t"]),
        ("黑猫在家", ["黑猫", "猫在", "在家"]),
        ("猫", ["猫"]),
        ("カフェ today 안녕하세요", ["カフ", "フェ", "today", "안녕", "녕하", "하세", "세요"]),
        ("Łódź ÄRGER 100% a_b", ["łódź", "ärger", "100", "a", "b"]),
        ("!?“”", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_content_words_leave_out_what_every_question_has() -> None:
    assert content_words("When did I last see the dentist?") == ["dentist"]
    assert content_words("what is it?") == ["what", "is", "it"]  # better than nothing
    assert all(word == word.casefold() for word in STOP_WORDS)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Straße", "STRASSE"),
        ("ŉ", "ʼn"),
        ("Ärger", "arger"),
        ("黑猫", "猫"),
        ("re\u0301sume\u0301", "résumé"),
        ("İzmir", "i\u0307zmir"),
    ],
)
def test_the_case_and_accents_of_a_word_do_not_matter(text: str, asked: str) -> None:
    assert _finds(text, asked)


def test_the_index_holds_pairs_and_single_characters() -> None:
    assert indexed_text("我家黑猫!") == " 我家 家黑 黑猫 我 家 黑 猫 !"


_NASTY = '" OR * NEAR(a b) body:x ^a a-b a+b (x) {y} \\ % _ \0 AND NOT 猫 ’'


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(_NASTY.split()), max_size=8).map(" ".join)))
@example('" OR *')
@example('x" OR body MATCH "*')
@example("²")
@example("\U000e0100 \u0345 ⅷ ①")
def test_no_text_breaks_a_query(text: str) -> None:
    words = words_of(text)
    if words:
        list(_TABLE.execute("SELECT rowid FROM words WHERE words MATCH ?", (match_any(words),)))


# SQLite's tokenizer knows the letters of Unicode 6.1, so only scripts that are older than that.
_LETTERS = st.one_of(
    st.characters(categories=["L", "Nd"], max_codepoint=0x4FF),
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FCC),
)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=_LETTERS, min_size=1, max_size=12))
def test_every_word_finds_its_own_text(text: str) -> None:
    assert _finds(text, text)


def test_an_operator_is_a_word_like_any_other() -> None:
    with _TABLE:
        _TABLE.execute("DELETE FROM words")
        _TABLE.execute("INSERT INTO words(rowid, body) VALUES (1, 'nothing of it'), (2, 'this or that')")
    found = list(_TABLE.execute("SELECT rowid FROM words WHERE words MATCH ?", (match_any(words_of('" OR *')),)))
    assert found == [(2,)]


def _table() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE VIRTUAL TABLE words USING fts5(body, tokenize='porter unicode61 remove_diacritics 2')")
    return connection


_TABLE = _table()


def _finds(text: str, asked: str) -> bool:
    with _TABLE:
        _TABLE.execute("DELETE FROM words")
        _TABLE.execute("INSERT INTO words(rowid, body) VALUES (1, ?)", (indexed_text(text),))
    query = match_any(words_of(asked))
    return list(_TABLE.execute("SELECT rowid FROM words WHERE words MATCH ?", (query,))) == [(1,)]
