"""The vault: one key for each purpose, a wrong key touches nothing, a damaged file says so."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import NeedsPerson, Refused
from hearthside.events import Json
from hearthside.identity import vault
from hearthside.identity.vault import create_vault, open_vault, vault_exists


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id at its least cost for new vaults: these tests are about the vault, not about guessing."""
    monkeypatch.setattr(vault, "ARGON_MEMORY_KIB", 8)
    monkeypatch.setattr(vault, "ARGON_PASSES", 1)


def _bytes_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_passphrase_opens_and_a_wrong_one_touches_nothing(cheap: None, tmp_path: Path) -> None:
    made = create_vault(tmp_path / "vault", passphrase="correct horse")
    before = _bytes_of(tmp_path)
    assert open_vault(tmp_path / "vault", passphrase="correct horse").key("journal") == made.key("journal")
    for wrong in ("Correct horse", "", "correct horse "):
        with pytest.raises(NeedsPerson) as error:
            open_vault(tmp_path / "vault", passphrase=wrong)
        assert error.value.code == "vault-key-wrong"
    with pytest.raises(NeedsPerson) as error:
        open_vault(tmp_path / "vault")
    assert error.value.code == "vault-passphrase-needed"
    assert _bytes_of(tmp_path) == before


def test_a_key_file_is_made_private_and_opens(tmp_path: Path) -> None:
    key = tmp_path / "config" / "key"
    made = create_vault(tmp_path / "vault", key_file=key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "vault" / "vault.json").stat().st_mode & 0o777 == 0o600
    assert open_vault(tmp_path / "vault", key_file=key).key("stream") == made.key("stream")
    other = tmp_path / "other"
    create_vault(tmp_path / "second", key_file=other)
    with pytest.raises(NeedsPerson) as error:
        open_vault(tmp_path / "vault", key_file=other)
    assert error.value.code == "vault-key-wrong"
    key.unlink()
    with pytest.raises(NeedsPerson) as error:
        open_vault(tmp_path / "vault", key_file=key)
    assert error.value.code == "vault-key-missing"


def test_every_purpose_and_every_vault_has_its_own_key(cheap: None, tmp_path: Path) -> None:
    first = create_vault(tmp_path / "a", passphrase="same")
    second = create_vault(tmp_path / "b", passphrase="same")
    keys = [opened.key(purpose) for opened in (first, second) for purpose in ("journal", "stream", "index")]
    assert len(set(keys)) == 6
    assert {len(key) for key in keys} == {32}
    assert first.key("journal").hex() not in repr(first)


def test_a_vault_is_never_made_twice(cheap: None, tmp_path: Path) -> None:
    create_vault(tmp_path, passphrase="a")
    before = _bytes_of(tmp_path)
    with pytest.raises(Refused) as error:
        create_vault(tmp_path, passphrase="b")
    assert error.value.code == "vault-exists"
    assert _bytes_of(tmp_path) == before


def test_exactly_one_way_is_needed(tmp_path: Path) -> None:
    for ways in ({}, {"passphrase": "a", "key_file": tmp_path / "key"}):
        with pytest.raises(Refused) as error:
            create_vault(tmp_path / "vault", **ways)  # type: ignore[arg-type]
        assert error.value.code == "vault-one-way"
    assert not vault_exists(tmp_path / "vault")


def test_a_key_file_without_a_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\n")
    for key in (tmp_path / "key", tmp_path):
        with pytest.raises(Refused) as error:
            create_vault(tmp_path / "vault", key_file=key)
        assert error.value.code == "vault-key-short"
    assert not vault_exists(tmp_path / "vault")


def test_a_vault_keeps_the_costs_it_was_made_with(cheap: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = create_vault(tmp_path, passphrase="a")
    monkeypatch.setattr(vault, "ARGON_MEMORY_KIB", 16)
    monkeypatch.setattr(vault, "ARGON_PASSES", 2)
    assert open_vault(tmp_path, passphrase="a").key("journal") == made.key("journal")


def test_there_is_no_vault(tmp_path: Path) -> None:
    with pytest.raises(NeedsPerson) as error:
        open_vault(tmp_path, passphrase="a")
    assert error.value.code == "vault-missing"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"way": "finger"},
        {"salt": "!"},
        {"nonce": ""},
        {"root": "AAAA"},
        {"argon2id": {"memory_kib": 2**40, "passes": 1}},
        {"argon2id": None},
        {"argon2id": 5},
    ],
)
def test_a_damaged_vault_says_so(cheap: None, changes: dict[str, Json], tmp_path: Path) -> None:
    create_vault(tmp_path, passphrase="a")
    path = tmp_path / "vault.json"
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), **changes}))
    with pytest.raises(NeedsPerson) as error:
        open_vault(tmp_path, passphrase="a")
    assert error.value.code == "vault-damaged"


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 2**16), byte=st.integers(0, 255))
def test_a_flipped_byte_never_opens_with_another_key(
    place: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, key = tmp_path_factory.mktemp("vault"), tmp_path_factory.getbasetemp() / "key"
    made = create_vault(folder, key_file=key)
    path = folder / "vault.json"
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(content)
    try:
        opened = open_vault(folder, key_file=key)
    except NeedsPerson as error:
        assert error.code in {"vault-damaged", "vault-key-wrong", "vault-passphrase-needed"}
    else:
        assert opened.key("journal") == made.key("journal")
