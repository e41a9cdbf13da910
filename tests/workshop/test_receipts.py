"""Receipts verify under the workshop's key only, unaltered, and as what they are."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import Refused
from hearthside.workshop.receipts import (
    DELETED,
    DeletionReceipt,
    ResultStatement,
    Signed,
    sign,
    signed_from_json,
    verify,
)

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_RECEIPT = DeletionReceipt("aa", "bb", "cc", "dd", 1, 2, "ee", DELETED, "simulated")
_RESULT = ResultStatement("aa", "bb", {"adapter.gguf": "cc"}, ((1, 2.5), (2, 2.25)), 100, 0, 50.0)
_SIGNED = sign(_RECEIPT, _KEY)


def test_statements_survive_their_json() -> None:
    signed = signed_from_json(orjson.loads(orjson.dumps(_SIGNED.body())))
    assert verify(signed, _KEY.public_key(), DeletionReceipt) == _RECEIPT
    assert verify(sign(_RESULT, _KEY), _KEY.public_key(), ResultStatement) == _RESULT


def test_another_key_does_not_verify() -> None:
    with pytest.raises(Refused):
        verify(_SIGNED, Ed25519PrivateKey.generate().public_key(), DeletionReceipt)


def test_a_result_never_passes_for_a_receipt() -> None:
    with pytest.raises(Refused):
        verify(sign(_RESULT, _KEY), _KEY.public_key(), DeletionReceipt)
    with pytest.raises(Refused):
        verify(_SIGNED, _KEY.public_key(), ResultStatement)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, len(_SIGNED.statement + _SIGNED.signature) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(place: int, bit: int) -> None:
    raw = bytearray(_SIGNED.statement + _SIGNED.signature)
    raw[place] ^= 1 << bit
    altered = Signed(bytes(raw[: len(_SIGNED.statement)]), bytes(raw[len(_SIGNED.statement) :]))
    with pytest.raises(Refused):
        verify(altered, _KEY.public_key(), DeletionReceipt)


@pytest.mark.parametrize("document", [None, {}, {"statement": "a"}, {"statement": "!", "signature": "!"}, []])
def test_what_is_no_signed_statement_is_refused(document: Any) -> None:
    with pytest.raises(Refused):
        signed_from_json(document)
