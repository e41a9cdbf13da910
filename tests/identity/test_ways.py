"""Ways to unlock: added, listed, changed and taken away, never the last one; a removed way opens nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson, Refused
from hearthside.events import Json
from hearthside.identity.paper import new_paper_key
from hearthside.identity.vault import Way, create_vault, open_vault
from hearthside.identity.ways.key_file import key_file_warning
from tests.identity.vaults import bytes_of

pytestmark = pytest.mark.usefixtures("cheap")


def _opens(folder: Path, **means: Json) -> str:
    """Empty when it opens, else the error's code."""
    try:
        open_vault(folder, **means)
    except NeedsPerson as error:
        return error.code
    return ""


def test_ways_are_listed_with_their_dates(tmp_path: Path) -> None:
    opened = create_vault(tmp_path / "vault", passphrase="a", now_ms=1)
    assert opened.add_passphrase("b", now_ms=2) == "passphrase-2"
    assert opened.add_key_file(tmp_path / "key", now_ms=3) == "key_file"
    opened.new_paper_key(now_ms=4)
    opened.change_passphrase("b", "c", now_ms=5)
    assert opened.ways() == [
        Way("passphrase", "passphrase", 1, 1),
        Way("passphrase-2", "passphrase", 2, 5),
        Way("key_file", "key_file", 3, 3),
        Way("paper", "paper", 4, 4),
    ]
    assert open_vault(tmp_path / "vault", passphrase="c").ways() == opened.ways()


def test_every_way_opens_the_same_vault(tmp_path: Path) -> None:
    opened = create_vault(tmp_path / "vault", passphrase="a")
    opened.add_passphrase("b")
    opened.add_key_file(tmp_path / "key")
    words = opened.new_paper_key().words
    means: list[dict[str, Json]] = [
        {"passphrase": "a"},
        {"passphrase": "b"},
        {"key_file": tmp_path / "key"},
        {"words": words},
        {"passphrase": "wrong", "key_file": tmp_path / "key"},  # the ways are tried one after the other
        {"passphrase": "wrong", "words": words},
    ]
    for given in means:
        again = open_vault(tmp_path / "vault", **given)
        assert (again.key("journal"), again.id) == (opened.key("journal"), opened.id)


def test_a_removed_way_opens_nothing(tmp_path: Path) -> None:
    opened = create_vault(tmp_path / "vault", passphrase="a")
    opened.add_key_file(tmp_path / "key")
    opened.remove_way("passphrase")
    assert _opens(tmp_path / "vault", passphrase="a") == "vault-key-missing"
    assert _opens(tmp_path / "vault", key_file=tmp_path / "key") == ""


def test_the_last_way_stays(tmp_path: Path) -> None:
    opened = create_vault(tmp_path, passphrase="a")
    opened.new_paper_key()
    before = bytes_of(tmp_path)
    for name, code in (("passphrase", "vault-last-way"), ("finger", "vault-way-unknown")):
        with pytest.raises(Refused) as error:
            opened.remove_way(name)
        assert error.value.code == code
        with pytest.raises(Refused) as error:
            opened.rotate(passphrases=["a"], drop=[name])
        assert error.value.code == code
    assert bytes_of(tmp_path) == before
    opened.remove_way("paper")
    assert [way.name for way in opened.ways()] == ["passphrase"]


def test_a_passphrase_is_changed_only_by_who_knows_it(tmp_path: Path) -> None:
    opened = create_vault(tmp_path, passphrase="old")
    before = bytes_of(tmp_path)
    with pytest.raises(NeedsPerson) as wrong:
        opened.change_passphrase("guess", "new")
    assert wrong.value.code == "vault-key-wrong"
    for change in (lambda: opened.change_passphrase("old", ""), lambda: opened.add_passphrase("\t")):
        with pytest.raises(Refused) as empty:
            change()
        assert empty.value.code == "vault-passphrase-empty"
    assert {path: kept for path, kept in bytes_of(tmp_path).items() if path.endswith("json")} == {
        path: kept for path, kept in before.items() if path.endswith("json")
    }
    opened.change_passphrase("old", "new")
    assert (_opens(tmp_path, passphrase="old"), _opens(tmp_path, passphrase="new")) == ("vault-key-wrong", "")


def test_a_new_paper_key_replaces_the_old_one(tmp_path: Path) -> None:
    opened = create_vault(tmp_path, passphrase="a")
    assert _opens(tmp_path, words=new_paper_key().words) == "vault-key-wrong"
    old = opened.new_paper_key()
    assert opened.paper_opens(old.words)
    new = opened.new_paper_key()
    assert (opened.paper_opens(old.words), opened.paper_opens(new.words)) == (False, True)
    assert (_opens(tmp_path, words=old.words), _opens(tmp_path, words=new.words)) == ("vault-key-wrong", "")
    assert [way.name for way in opened.ways()] == ["passphrase", "paper"]
    assert _opens(tmp_path, words="abandon") == "paper-words-count"


def test_what_the_words_are_is_kept_nowhere(tmp_path: Path) -> None:
    opened = create_vault(tmp_path / "vault", key_file=tmp_path / "key")
    paper = opened.new_paper_key()
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert paper.seed not in files and paper.seed.hex().encode() not in files
    assert paper.words not in repr(paper) and paper.seed.hex() not in repr(paper)


def test_which_secret_is_missing_is_said(tmp_path: Path) -> None:
    opened = create_vault(tmp_path / "vault", passphrase="a")
    opened.add_key_file(tmp_path / "key")
    other = tmp_path / "other"
    create_vault(tmp_path / "second", key_file=other)
    assert _opens(tmp_path / "vault") == "vault-passphrase-needed"
    assert _opens(tmp_path / "vault", key_file=other) == "vault-passphrase-needed"  # it can still be asked for
    assert _opens(tmp_path / "vault", passphrase="b", key_file=other) == "vault-key-wrong"
    opened.remove_way("passphrase")
    assert _opens(tmp_path / "vault") == "vault-key-missing"
    assert _opens(tmp_path / "vault", passphrase="a", key_file=other) == "vault-key-wrong"


def test_a_key_file_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    key = tmp_path / "config" / "key"
    create_vault(tmp_path / "vault", key_file=key)
    assert key_file_warning(key) == ""
    for mode in (0o640, 0o604, 0o620):
        key.chmod(mode)
        assert "chmod 600" in key_file_warning(key)
    inside = tmp_path / "vault" / "key"
    inside.write_bytes(key.read_bytes())
    inside.chmod(0o600)
    assert "inside the vault" in key_file_warning(inside)
    assert "not there" in key_file_warning(tmp_path / "nowhere")
