"""The paper key: published vectors, any way of typing the same words, and help with typing errors."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mnemonic import Mnemonic

from hearthside.errors import NeedsPerson
from hearthside.identity.paper import PaperKey, new_paper_key, read_words, seal_to_paper

_LIST = Mnemonic("english").wordlist
_SEEDS = st.binary(min_size=32, max_size=32)


def _error(text: str) -> tuple[str, str]:
    with pytest.raises(NeedsPerson) as error:
        read_words(text)
    return error.value.code, error.value.message


_LEGAL = "legal winner thank year wave sausage worth "


@pytest.mark.parametrize(
    ("entropy", "words"),  # BIP-39's own vectors of 256 bits (github.com/trezor/python-mnemonic, vectors.json)
    [
        ("00" * 32, "abandon " * 23 + "art"),
        ("7f" * 32, (_LEGAL + "useful ") * 2 + _LEGAL + "title"),
        ("ff" * 32, "zoo " * 23 + "vote"),
    ],
)
def test_words_are_those_of_bip39(entropy: str, words: str) -> None:
    paper = PaperKey(bytes.fromhex(entropy))
    assert paper.words == words
    assert read_words(words) == paper


@pytest.mark.parametrize(
    ("seed", "public_sha256"),  # draft-connolly-cfrg-xwing-kem, appendix C, first two vectors
    [
        (
            "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
            "2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb",
        ),
        (
            "badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea",
            "c42ba5f8430d7d2c83739338203819f090e8303ce9c8b02107c272bfa5376916",
        ),
    ],
)
def test_the_key_pair_is_that_of_x_wing(seed: str, public_sha256: str) -> None:
    assert hashlib.sha256(PaperKey(bytes.fromhex(seed)).public).hexdigest() == public_sha256


@settings(max_examples=50, deadline=None)
@given(seed=_SEEDS, how=st.integers(0, 5))
def test_words_come_back_however_they_are_typed(seed: bytes, how: int) -> None:
    words = PaperKey(seed).words.split()
    typed = [
        " ".join(words),
        "  " + "\n\t ".join(word.upper() for word in words) + " \r\n",
        " ".join(word[:4] for word in words),
        "\n".join(f"{place}. {word}" for place, word in enumerate(words, 1)),
        ", ".join(f"{place}){word.capitalize()}" for place, word in enumerate(words, 1)) + ".",
        " ".join(word[:5] for word in words),
    ][how]
    assert read_words(typed).seed == seed


@settings(max_examples=50, deadline=None)
@given(seed=_SEEDS, place=st.integers(0, 23), word=st.sampled_from(_LIST))
def test_another_word_never_passes_for_the_key(seed: bytes, place: int, word: str) -> None:
    words = PaperKey(seed).words.split()
    assume(words[place] != word)
    words[place] = word
    try:
        assert read_words(" ".join(words)).seed != seed  # one wrong word in 256 fits the checksum: another key then
    except NeedsPerson as error:
        assert error.code == "paper-checksum-wrong"


def test_an_unknown_word_is_named_with_what_it_may_be() -> None:
    words = ("abandon " * 23 + "art").split()
    words[6] = "abandun"
    words[9] = "xyzzy"
    code, message = _error(" ".join(words))
    assert code == "paper-word-unknown"
    assert "word 7, 'abandun' (perhaps abandon" in message
    assert "word 10, 'xyzzy'" in message
    assert _error(" ".join(words).replace("abandun", "abi1ity"))[0] == "paper-word-unknown"
    assert _error(" ".join(words).replace("abandun", "aba"))[0] == "paper-word-unknown"  # three letters tell nothing


def test_too_few_too_many_and_no_words() -> None:
    words = "abandon " * 23 + "art"
    for text, found in (("", 0), ("1. 2. 3.", 0), (words[8:], 23), (words + " art", 25), ("what is this " * 500, 1500)):
        code, message = _error(text)
        assert code == "paper-words-count"
        assert f"these are {found}" in message


def test_words_that_changed_places_fail_the_checksum() -> None:
    words = PaperKey(bytes(range(32))).words.split()
    words[3], words[4] = words[4], words[3]
    assert _error(" ".join(words))[0] == "paper-checksum-wrong"


@settings(max_examples=30, deadline=None)
@given(seed=_SEEDS, other=_SEEDS, secret=st.binary(max_size=100), place=st.integers(0, 2000))
def test_only_the_paper_opens_what_was_sealed_to_it(seed: bytes, other: bytes, secret: bytes, place: int) -> None:
    assume(seed != other)
    paper = PaperKey(seed)
    sealed = seal_to_paper(paper.public, secret, b"info")
    assert paper.open(sealed, b"info") == secret
    altered = bytearray(sealed)
    altered[place % len(sealed)] ^= 1
    assert paper.open(bytes(altered), b"info") is None
    assert paper.open(sealed, b"other info") is None
    assert paper.open(sealed[: place % len(sealed)], b"info") is None
    assert PaperKey(other).open(sealed, b"info") is None


def test_a_key_that_is_none_is_not_sealed_to() -> None:
    for public in (b"", b"\xff" * 1216, b"\1" * 1215):
        with pytest.raises(ValueError):
            seal_to_paper(public, b"secret", b"info")
    with pytest.raises(ValueError):
        PaperKey(b"short")


def test_the_sheet_loads_nothing_and_holds_what_is_needed() -> None:
    paper = new_paper_key()
    sheet = paper.sheet(vault_id="0123456789abcdef", made="22 November 2026", name="Ann {words} & <Bob>")
    assert re.findall(r"<li>(\w+)</li>", sheet) == paper.words.split()
    assert "0123456789abcdef" in sheet and "22 November 2026" in sheet
    assert "Ann {words} &amp; &lt;Bob&gt;" in sheet
    assert "hearthside restore --from FOLDER" in sheet
    assert "default-src 'none'" in sheet
    assert re.findall(r"https?:|//|\bsrc=|\bhref=|url\(|@import|<script|<link|<img|<iframe", sheet) == []
    assert sheet.count("<svg") == 1 and paper.qr() in sheet


def test_the_qr_code_is_as_large_as_the_words_need() -> None:
    """187 capitals and spaces fit version 9 at level Q (ISO/IEC 18004, table 7): 53 modules, 4 of margin all round."""
    paper = PaperKey(bytes(32))
    assert len(paper.words) == 187
    code = paper.qr()
    assert re.findall(r' (?:width|height)="(\d+)"', code) == [str((53 + 8) * 4)] * 2
    assert code.startswith("<svg") and code.rstrip().endswith("</svg>")
    assert "abandon" not in code.casefold()
