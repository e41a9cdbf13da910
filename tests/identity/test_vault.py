"""The vault: one key for each purpose, a wrong key touches nothing, a damaged or altered file says so."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import NeedsPerson, Refused
from hearthside.events import Json
from hearthside.identity import vault
from hearthside.identity.vault import Vault, create_vault, open_vault, vault_exists
from tests.identity.vaults import (
    FIRST_BY_KEY_FILE,
    FIRST_BY_PASSPHRASE,
    FIRST_JOURNAL_KEY,
    FIRST_KEY_FILE,
    FIRST_KEY_FILE_JOURNAL_KEY,
    FIRST_PASSPHRASE,
    FIRST_STREAM_KEY,
    bytes_of,
)


def _code(folder: Path, **means: Json) -> str:
    with pytest.raises(NeedsPerson) as error:
        open_vault(folder, **means)
    return error.value.code


def test_a_passphrase_opens_and_a_wrong_one_touches_nothing(cheap: None, tmp_path: Path) -> None:
    made = create_vault(tmp_path / "vault", passphrase="correct horse")
    before = bytes_of(tmp_path)
    assert open_vault(tmp_path / "vault", passphrase="correct horse").key("journal") == made.key("journal")
    for wrong in ("Correct horse", "", "correct horse "):
        assert _code(tmp_path / "vault", passphrase=wrong) == "vault-key-wrong"
    assert _code(tmp_path / "vault") == "vault-passphrase-needed"
    assert bytes_of(tmp_path) == before


def test_a_key_file_is_made_private_and_opens(tmp_path: Path) -> None:
    key = tmp_path / "config" / "key"
    made = create_vault(tmp_path / "vault", key_file=key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "vault").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "vault").iterdir()} == {0o600}
    assert open_vault(tmp_path / "vault", key_file=key).key("stream") == made.key("stream")
    other = tmp_path / "other"
    create_vault(tmp_path / "second", key_file=other)
    assert _code(tmp_path / "vault", key_file=other) == "vault-key-wrong"
    key.unlink()
    assert _code(tmp_path / "vault", key_file=key) == "vault-key-missing"


def test_every_purpose_and_every_vault_has_its_own_key(cheap: None, tmp_path: Path) -> None:
    first = create_vault(tmp_path / "a", passphrase="same")
    second = create_vault(tmp_path / "b", passphrase="same")
    keys = [opened.key(purpose) for opened in (first, second) for purpose in ("journal", "stream", "index")]
    assert len(set(keys)) == 6
    assert {len(key) for key in keys} == {32}
    assert first.id != second.id
    assert first.key("journal").hex() not in repr(first)


def test_a_vault_of_a_given_root_needs_no_file(tmp_path: Path) -> None:
    one, other = Vault(tmp_path, b"\1" * 32), Vault(tmp_path, b"\2" * 32)
    assert one.key("journal") != other.key("journal")
    assert one.former_keys("journal") == []
    assert not one.stale()
    assert len(one.id) == 16
    assert one.id != other.id


def test_the_same_passphrase_from_another_keyboard_opens(cheap: None, tmp_path: Path) -> None:
    made = create_vault(tmp_path, passphrase="h\u00f6rse")
    assert open_vault(tmp_path, passphrase="ho\u0308rse").key("journal") == made.key("journal")


def test_a_vault_is_never_made_twice(cheap: None, tmp_path: Path) -> None:
    create_vault(tmp_path, passphrase="a")
    before = bytes_of(tmp_path)
    with pytest.raises(Refused) as error:
        create_vault(tmp_path, passphrase="b")
    assert error.value.code == "vault-exists"
    assert bytes_of(tmp_path) == before


def test_exactly_one_way_is_needed(tmp_path: Path) -> None:
    for ways in ({}, {"passphrase": "a", "key_file": tmp_path / "key"}):
        with pytest.raises(Refused) as error:
            create_vault(tmp_path / "vault", **ways)  # type: ignore[arg-type]
        assert error.value.code == "vault-one-way"
    with pytest.raises(Refused) as error:
        create_vault(tmp_path / "vault", passphrase=" ")
    assert error.value.code == "vault-passphrase-empty"
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
    assert _code(tmp_path, passphrase="a") == "vault-missing"
    assert list(tmp_path.iterdir()) == []


def test_the_first_format_opens_untouched(tmp_path: Path) -> None:
    by_passphrase, by_key_file, key = tmp_path / "a", tmp_path / "b", tmp_path / "key"
    for folder, content in ((by_passphrase, FIRST_BY_PASSPHRASE), (by_key_file, FIRST_BY_KEY_FILE)):
        folder.mkdir()
        (folder / "vault.json").write_bytes(content)
    key.write_bytes(FIRST_KEY_FILE)
    before = bytes_of(tmp_path)
    opened = open_vault(by_passphrase, passphrase=FIRST_PASSPHRASE)
    assert (opened.key("journal"), opened.key("stream")) == (FIRST_JOURNAL_KEY, FIRST_STREAM_KEY)
    assert open_vault(by_key_file, key_file=key).key("journal") == FIRST_KEY_FILE_JOURNAL_KEY
    assert opened.id == open_vault(by_passphrase, passphrase=FIRST_PASSPHRASE).id
    assert not opened.stale()
    assert _code(by_passphrase, passphrase="correct horse") == "vault-key-wrong"
    assert bytes_of(tmp_path) == before


def test_the_first_format_becomes_the_second_when_something_changes(cheap: None, tmp_path: Path) -> None:
    (tmp_path / "vault.json").write_bytes(FIRST_BY_PASSPHRASE)
    opened = open_vault(tmp_path, passphrase=FIRST_PASSPHRASE)
    words = opened.new_paper_key(now_ms=5).words
    assert orjson.loads((tmp_path / "vault.json").read_bytes())["format"] == 2
    assert [(way.name, way.made_ms) for way in opened.ways()] == [("passphrase", None), ("paper", 5)]
    for means in ({"passphrase": FIRST_PASSPHRASE}, {"words": words}):
        again = open_vault(tmp_path, **means)  # type: ignore[arg-type]
        assert (again.key("journal"), again.id) == (FIRST_JOURNAL_KEY, opened.id)
    assert not opened.stale()


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"way": "finger"},
        {"salt": "!"},
        {"nonce": ""},
        {"root": "AAAA"},
        {"argon2id": {"memory_kib": 2**40, "passes": 1}},
        {"argon2id": {"memory_kib": 8, "passes": 0}},
        {"argon2id": None},
        {"argon2id": 5},
    ],
)
def test_a_damaged_vault_of_the_first_format_says_so(changes: dict[str, Json], tmp_path: Path) -> None:
    path = tmp_path / "vault.json"
    path.write_bytes(orjson.dumps({**orjson.loads(FIRST_BY_PASSPHRASE), **changes}))
    assert _code(tmp_path, passphrase=FIRST_PASSPHRASE) == "vault-damaged"


def _with_checksum(body: dict[str, Json]) -> bytes:
    """As somebody would write it who knows the format but not the root."""
    rest = {name: value for name, value in body.items() if name != "checksum"}
    checksum = hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return orjson.dumps({**rest, "checksum": checksum})


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("memory_kib", 2**40),
        ("memory_kib", 7),
        ("memory_kib", True),
        ("passes", 101),
        ("passes", 1.5),
        ("salt", "AAAA"),
        ("text", "upper"),
    ],
)
def test_forged_costs_are_not_paid(cheap: None, part: str, value: Json, tmp_path: Path) -> None:
    create_vault(tmp_path, passphrase="a")
    path = tmp_path / "vault.json"
    body = orjson.loads(path.read_bytes())
    body["ways"][0]["parameters"][part] = value
    path.write_bytes(_with_checksum(body))
    assert _code(tmp_path, passphrase="a") == "vault-damaged"


def test_a_newer_format_is_left_alone(cheap: None, tmp_path: Path) -> None:
    create_vault(tmp_path, passphrase="a")
    path = tmp_path / "vault.json"
    path.write_bytes(_with_checksum({**orjson.loads(path.read_bytes()), "format": 3}))
    assert _code(tmp_path, passphrase="a") == "vault-newer"


def test_nobody_without_the_root_slips_anything_in(tmp_path: Path) -> None:
    """A way, a paper key or a date of a stranger, with a checksum that fits."""
    key, others = tmp_path / "key", tmp_path / "others-key"
    opened = create_vault(tmp_path / "own", key_file=key)
    opened.new_paper_key()
    create_vault(tmp_path / "other", key_file=others).new_paper_key()
    own, other = (orjson.loads((tmp_path / name / "vault.json").read_bytes()) for name in ("own", "other"))
    forged: list[dict[str, Json]] = [
        {**own, "ways": [own["ways"][0], other["ways"][1]]},
        {**own, "ways": [own["ways"][0]]},
        {**own, "ways": [own["ways"][0], {**other["ways"][0], "name": "key_file-2"}, own["ways"][1]]},
        {**own, "ways": [{**own["ways"][0], "made_ms": 1}, own["ways"][1]]},
        {**own, "former": other["tag"][:64]},
        {**own, "tag": other["tag"]},
        {**own, "id": other["id"]},
        {**own, "generation": 2},
    ]
    for body in forged:
        (tmp_path / "own" / "vault.json").write_bytes(_with_checksum(body))
        assert _code(tmp_path / "own", key_file=key) in {"vault-damaged", "vault-key-wrong"}
        with pytest.raises(NeedsPerson):  # nor does an open vault go on and seal a new root to a stranger's paper
            opened.rotate(key_files=[key])
    (tmp_path / "own" / "vault.json").write_bytes(_with_checksum(own))
    assert open_vault(tmp_path / "own", key_file=key).key("journal") == opened.key("journal")


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 2**16), byte=st.integers(0, 255))
def test_a_flipped_byte_of_the_first_format_never_opens_with_another_key(
    place: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("vault")
    key = folder / "key"
    key.write_bytes(FIRST_KEY_FILE)
    content = bytearray(FIRST_BY_KEY_FILE)
    content[place % len(content)] = byte
    (folder / "vault.json").write_bytes(content)
    try:
        opened = open_vault(folder, key_file=key)
    except NeedsPerson as error:
        assert error.code in {"vault-damaged", "vault-key-wrong", "vault-passphrase-needed"}
    else:
        assert opened.key("journal") == FIRST_KEY_FILE_JOURNAL_KEY


def test_no_flipped_byte_opens_with_another_key(cheap: None, tmp_path: Path) -> None:
    """Every byte of a file with all it can hold but a TPM, each with another chance change."""
    folder, key, changes = tmp_path / "vault", tmp_path / "key", random.Random(7)
    opened = create_vault(folder, key_file=key)
    opened.add_passphrase("a")
    opened.new_paper_key()
    opened = opened.rotate(passphrases=["a"], key_files=[key])
    whole = (folder / "vault.json").read_bytes()
    told = 0
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= changes.randrange(1, 256)
        (folder / "vault.json").write_bytes(content)
        try:
            again = open_vault(folder, key_file=key)
        except NeedsPerson as error:
            assert error.code == "vault-damaged"
            told += 1
        else:  # white space became other white space
            assert orjson.loads(content) == orjson.loads(whole)
            assert (again.key("journal"), again.id) == (opened.key("journal"), opened.id)
    assert told > 0.7 * len(whole)
