"""Restore from a backup's document and the paper alone; what was altered or forged is refused."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pytest

from hearthside.errors import NeedsPerson, Refused
from hearthside.events import Json
from hearthside.identity.paper import new_paper_key, seal_to_paper
from hearthside.identity.vault import Vault, create_vault, open_vault, restore_vault, vault_exists
from hearthside.identity.ways.wrapped import bytes_of as bytes_from
from hearthside.identity.ways.wrapped import text_of
from tests.identity.vaults import all_keys, bytes_of

pytestmark = pytest.mark.usefixtures("cheap")


@pytest.fixture
def made(tmp_path: Path) -> tuple[Vault, str]:
    """A vault with a former root, and the words of its paper key."""
    opened = create_vault(tmp_path / "vault", passphrase="a", now_ms=1)
    words = opened.new_paper_key(now_ms=2).words
    return opened.rotate(passphrases=["a"]), words


def test_the_paper_brings_the_vault_back(made: tuple[Vault, str], tmp_path: Path) -> None:
    old, words = made
    document = old.recovery_document()
    new = restore_vault(document, words.upper(), tmp_path / "new", key_file=tmp_path / "key", now_ms=9)
    assert (new.id, new.generation, all_keys(new)) == (old.id, old.generation, all_keys(old))
    assert [(way.name, way.made_ms) for way in new.ways()] == [("key_file", 9), ("paper", 2)]
    for means in ({"key_file": tmp_path / "key"}, {"words": words}):
        opened = open_vault(tmp_path / "new", **means)
        assert all_keys(opened) == all_keys(old)
    # The same paper goes on opening it after another root, with the old backup still readable.
    newer = new.rotate(key_files=[tmp_path / "key"])
    last = restore_vault(newer.recovery_document(), words, tmp_path / "last", passphrase="b")
    assert all_keys(last) == [newer.key("journal"), *all_keys(old)]
    assert all_keys(restore_vault(document, words, tmp_path / "again", passphrase="c")) == all_keys(old)


def test_the_document_holds_nothing_that_could_be_guessed(made: tuple[Vault, str]) -> None:
    old, words = made
    document = old.recovery_document()
    assert set(orjson.loads(document)) == {
        "document", "format", "id", "generation", "made_ms", "public", "root", "former", "tag"
    }  # fmt: skip
    assert b"salt" not in document and b"passphrase" not in document
    assert words.encode() not in document


def test_a_vault_without_paper_has_no_document(tmp_path: Path) -> None:
    with pytest.raises(NeedsPerson) as error:
        create_vault(tmp_path, passphrase="a").recovery_document()
    assert error.value.code == "vault-paper-missing"


def test_another_paper_makes_nothing(made: tuple[Vault, str], tmp_path: Path) -> None:
    old, words = made
    document = old.recovery_document()
    replaced = old.new_paper_key().words
    for text, code in (
        (new_paper_key().words, "paper-key-wrong"),
        (replaced, "paper-key-wrong"),
        (words.rsplit(" ", 1)[0], "paper-words-count"),
    ):
        with pytest.raises(NeedsPerson) as error:
            restore_vault(document, text, tmp_path / "new", key_file=tmp_path / "key")
        assert error.value.code == code
    with pytest.raises(NeedsPerson):  # the old paper does not open what came after it
        restore_vault(old.recovery_document(), words, tmp_path / "new", key_file=tmp_path / "key")
    assert not (tmp_path / "new").exists() and not (tmp_path / "key").exists()


def test_a_vault_is_not_restored_over(made: tuple[Vault, str], tmp_path: Path) -> None:
    old, words = made
    before = bytes_of(tmp_path)
    with pytest.raises(Refused) as error:
        restore_vault(old.recovery_document(), words, old.folder, passphrase="b")
    assert error.value.code == "vault-exists"
    with pytest.raises(Refused) as error:
        restore_vault(old.recovery_document(), words, tmp_path / "new")
    assert error.value.code == "vault-one-way"
    assert bytes_of(tmp_path) == before


def test_no_flipped_byte_restores_another_root(made: tuple[Vault, str], tmp_path: Path) -> None:
    old, words = made
    whole, changes = old.recovery_document(), random.Random(11)
    told = 0
    for place in range(len(whole)):
        document = bytearray(whole)
        document[place] ^= changes.randrange(1, 256)
        folder = tmp_path / "restored" / str(place)
        try:
            restored = restore_vault(bytes(document), words, folder, passphrase="b")
        except NeedsPerson as error:
            assert error.code in {"recovery-damaged", "paper-key-wrong"}
            assert not vault_exists(folder)
            told += 1
        else:  # white space became other white space
            assert orjson.loads(document) == orjson.loads(whole)
            assert all_keys(restored) == all_keys(old)
    assert told > 0.9 * len(whole)


@pytest.mark.parametrize("change", [{"id": "f" * 16}, {"generation": 1}, {"former": ""}, {"made_ms": 7}, {"format": 2}])
def test_what_was_altered_is_refused(made: tuple[Vault, str], change: dict[str, Json], tmp_path: Path) -> None:
    old, words = made
    document = orjson.dumps({**orjson.loads(old.recovery_document()), **change})
    with pytest.raises(NeedsPerson) as error:
        restore_vault(document, words, tmp_path / "new", passphrase="b")
    assert error.value.code == "recovery-damaged"


def test_a_root_that_a_stranger_sealed_to_the_paper_is_refused(made: tuple[Vault, str], tmp_path: Path) -> None:
    """Who keeps the backups knows the public key; a root of theirs would let them read all that comes after."""
    old, words = made
    body = orjson.loads(old.recovery_document())
    paper = create_vault(tmp_path / "stranger", passphrase="s")
    paper.new_paper_key()
    theirs = orjson.loads(paper.recovery_document())
    public = bytes_from(body["public"])
    root = seal_to_paper(public, b"\7" * 32, f"hearthside/2/paper/{body['id']}/{body['generation']}".encode())
    for forged in ({**body, "root": text_of(root), "former": ""}, {**theirs, "public": body["public"]}):
        with pytest.raises(NeedsPerson) as error:
            restore_vault(orjson.dumps(forged), words, tmp_path / "new", passphrase="b")
        assert error.value.code == "recovery-damaged"
    for no_document in (b"", b"[]", b"null", b"{}", b'{"tag": 1}', b"\xff"):
        with pytest.raises(NeedsPerson) as error:
            restore_vault(no_document, words, tmp_path / "new", passphrase="b")
        assert error.value.code == "recovery-damaged"
