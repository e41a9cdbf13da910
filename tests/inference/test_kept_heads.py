"""Heads the compute node remembers: never behind what it knows, one for each vault, nothing but heads."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from hearthside.errors import Refused
from hearthside.inference.kept_heads import MAX_BYTES, KeptHeads

VAULT, OTHER = "0123456789abcdef", "fedcba9876543210"


def _head(seq: int) -> bytes:
    return orjson.dumps({"vault": VAULT, "seq": seq, "chain": "ab" * 32, "at_ms": 1, "signature": "c2ln"})


def test_it_remembers_the_furthest(tmp_path: Path) -> None:
    heads = KeptHeads(tmp_path / "heads")
    assert heads.held(VAULT) is None
    for seq in (5, 9, 7):
        heads.keep(VAULT, _head(seq))
    assert heads.held(VAULT) == _head(9)
    assert KeptHeads(tmp_path / "heads").held(VAULT) == _head(9)
    assert heads.held(OTHER) is None
    heads.forget(VAULT)
    assert heads.held(VAULT) is None
    heads.forget(VAULT)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"seq": "many"}', b'{"seq": 1, "x": "' + b"a" * MAX_BYTES])
def test_what_is_no_head_is_refused(raw: bytes, tmp_path: Path) -> None:
    with pytest.raises(Refused) as error:
        KeptHeads(tmp_path).keep(VAULT, raw)
    assert error.value.code == "head-unreadable"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("vault", ["", "../../etc/passwd", "0123456789ABCDEF", "0" * 17])
def test_a_vault_is_named_by_its_id_only(vault: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as error:
        KeptHeads(tmp_path).keep(vault, _head(1))
    assert error.value.code == "head-vault-wrong"
