"""Signed heads: who keeps one notices a journal that was put back or altered, and nobody can make one up."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from hearthside.errors import Refused
from hearthside.journal import Journal
from hearthside.journal.heads import HeadSigner, Held, SignedHead, check_code, contradictions
from tests.journal.vaults import journal_in, note

VAULT = "0123456789abcdef"
_KEY, _FORMER = b"\7" * 32, b"\6" * 32


def _signer() -> HeadSigner:
    return HeadSigner(VAULT, [_KEY, _FORMER])


def _signed(journal: Journal) -> SignedHead:
    return _signer().sign(journal, 5)


def test_a_head_goes_out_and_comes_back(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(n) for n in range(3)])
        head = _signed(journal)
    assert SignedHead.from_json(head.to_json()) == head
    assert (head.vault, head.seq, head.at_ms) == (VAULT, 3, 5)
    assert _signer().genuine(head)
    assert HeadSigner(VAULT, [b"\5" * 32, _KEY]).genuine(head)  # signed before the key was changed
    for forged in (
        replace(head, seq=2), replace(head, chain=bytes(32)), replace(head, at_ms=6), replace(head, vault="f" * 16),
        replace(head, signature=bytes(64)), replace(head, signature=b""),
    ):  # fmt: skip
        assert not _signer().genuine(forged)
    assert not HeadSigner(VAULT, [b"\5" * 32]).genuine(head)
    assert not HeadSigner("f" * 16, [_KEY]).genuine(head)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"{}", b"null", b"\xff", b'{"vault":"a","seq":"x","chain":"","at_ms":1,"signature":""}',
        orjson.dumps({"vault": "a", "seq": 1, "chain": "zz", "at_ms": 1, "signature": ""}),
        orjson.dumps({"vault": "a", "seq": 1, "chain": 5, "at_ms": 1, "signature": base64.b64encode(b"x").decode()}),
    ],
)  # fmt: skip
def test_what_is_no_head_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused) as error:
        SignedHead.from_json(raw)
    assert error.value.code == "head-unreadable"


def test_a_journal_that_goes_on_contradicts_nobody(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        held = [Held("nobody", _signed(journal))]
        for n in range(5):
            journal.append([note(10 * n), note(10 * n + 1)])
            held.append(Held(f"copy {n}", _signed(journal)))
        journal.forget([note(10).id])
        assert contradictions(journal, _signer(), held) == []
        assert all(check_code(journal, one.head.code) == "" for one in held)
        assert check_code(journal, f"  {held[2].head.code}\n") == ""


def test_a_journal_put_back_or_altered_is_noticed(tmp_path: Path) -> None:
    with journal_in(tmp_path / "one") as journal:
        journal.append([note(n) for n in range(5)])
        early = _signed(journal)
        journal.append([note(9)])
        late = _signed(journal)
    with journal_in(tmp_path / "two") as journal:
        journal.append([note(n) for n in range(5)])
        held = [Held("the disk", late), Held("the phone", early), Held("a stranger", replace(late, seq=99))]
        said = contradictions(journal, _signer(), held)
        assert [words.split(":")[0] for words in said] == [
            "the disk knows of 6 records, this journal has 5",
            "the phone knows another record 5 than this journal has",
            "a stranger remembers record 99 of this vault, signed with keys that this vault does not know",
        ]
        assert "some are lost" in check_code(journal, late.code)
        assert "Record 5 is another one" in check_code(journal, early.code)


@pytest.mark.parametrize("code", ["", "5", "x-0123456789abcdef", "5-0123", "-1-0123456789abcdef"])
def test_what_is_no_code_is_refused(code: str, tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal, pytest.raises(Refused) as error:
        check_code(journal, code)
    assert error.value.code == "head-code-wrong"


def test_a_code_of_a_number_beyond_everything_is_answered(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        assert "some are lost" in check_code(journal, f"{2**70}-0123456789abcdef")
        with pytest.raises(Refused):
            check_code(journal, "9" * 5000 + "-0123456789abcdef")
