"""A new root: every way opens it, former roots stay readable, and a kill at any point leaves the old or the new."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import NeedsPerson
from hearthside.identity.vault import Vault, create_vault, open_vault, restore_vault
from tests.identity.vaults import (
    FIRST_BY_PASSPHRASE,
    FIRST_JOURNAL_KEY,
    FIRST_PASSPHRASE,
    all_keys,
    bytes_of,
    make_cheap,
)

_CHILD = Path(__file__).with_name("rotation_process.py")


def test_every_way_opens_the_new_root_which_knows_the_old(cheap: None, tmp_path: Path) -> None:
    key, folder = tmp_path / "key", tmp_path / "vault"
    first = create_vault(folder, passphrase="a", now_ms=1)
    first.add_key_file(key, now_ms=1)
    words = first.new_paper_key(now_ms=1).words
    second = first.rotate(passphrases=["a"], key_files=[key], now_ms=2)
    third = second.rotate(passphrases=["a"], key_files=[key], now_ms=3)
    assert {(way.made_ms, way.renewed_ms) for way in third.ways()} == {(1, 3)}
    assert (first.id, first.generation) == (third.id, 1) and third.generation == 3
    assert len({first.key("journal"), second.key("journal"), third.key("journal")}) == 3
    for means in ({"passphrase": "a"}, {"key_file": key}, {"words": words}):
        opened = open_vault(folder, **means)
        assert all_keys(opened) == [third.key("journal"), second.key("journal"), first.key("journal")]
        assert opened.id == first.id
    assert third.former_keys("index") == [second.key("index"), first.key("index")]


def test_the_first_format_gets_a_new_root(cheap: None, tmp_path: Path) -> None:
    (tmp_path / "vault.json").write_bytes(FIRST_BY_PASSPHRASE)
    first = open_vault(tmp_path, passphrase=FIRST_PASSPHRASE)
    first.rotate(passphrases=[FIRST_PASSPHRASE])
    opened = open_vault(tmp_path, passphrase=FIRST_PASSPHRASE)
    assert (opened.id, opened.former_keys("journal")) == (first.id, [FIRST_JOURNAL_KEY])
    assert opened.key("journal") != FIRST_JOURNAL_KEY


def test_a_missing_or_wrong_secret_changes_nothing(cheap: None, tmp_path: Path) -> None:
    key, folder = tmp_path / "key", tmp_path / "vault"
    opened = create_vault(folder, passphrase="a")
    opened.add_passphrase("b")
    opened.add_key_file(key)
    before = bytes_of(tmp_path)
    for passphrases, files in ((["a"], [key]), (["a", "B"], [key]), (["a", "b"], []), (["a", "b"], [folder / "none"])):
        with pytest.raises(NeedsPerson) as error:
            opened.rotate(passphrases=passphrases, key_files=files)
        assert error.value.code == "vault-way-secret-needed"
    assert {name: kept[0] for name, kept in bytes_of(tmp_path).items()} == {n: k[0] for n, k in before.items()}
    assert not opened.stale()
    new = opened.rotate(passphrases=["a"], key_files=[key], drop=["passphrase-2"])
    assert [way.name for way in new.ways()] == ["passphrase", "key_file"]


def test_an_old_copy_of_the_file_does_not_open_the_new_root(cheap: None, tmp_path: Path) -> None:
    old = create_vault(tmp_path, passphrase="a")
    kept = (tmp_path / "vault.json").read_bytes()
    new = old.rotate(passphrases=["a"])
    (tmp_path / "vault.json").write_bytes(kept)
    assert new.key("journal") not in all_keys(open_vault(tmp_path, passphrase="a"))


def test_who_held_the_old_root_notices_and_changes_nothing(cheap: None, tmp_path: Path) -> None:
    one, other = create_vault(tmp_path, passphrase="a"), open_vault(tmp_path, passphrase="a")
    other.add_passphrase("b")
    assert not one.stale()  # another way is no other root
    assert [way.name for way in one.ways()] == ["passphrase", "passphrase-2"]
    new = other.rotate(passphrases=["a", "b"])
    assert one.stale() and other.stale() and not new.stale()
    kept = (tmp_path / "vault.json").read_bytes()
    for change in (
        lambda: one.add_passphrase("c"),
        lambda: one.remove_way("passphrase"),
        lambda: one.new_paper_key(),
        lambda: one.rotate(passphrases=["a", "b"]),
        lambda: one.recovery_document(),
        lambda: one.change_passphrase("a", "c"),
    ):
        with pytest.raises(NeedsPerson) as error:
            change()
        assert error.value.code == "vault-stale"
    assert (tmp_path / "vault.json").read_bytes() == kept
    (tmp_path / "vault.json").unlink()
    with pytest.raises(NeedsPerson):
        new.stale()


def test_many_hands_at_once_lose_nothing(cheap: None, tmp_path: Path) -> None:
    create_vault(tmp_path, passphrase="a")
    with ThreadPoolExecutor(8) as pool:
        vaults = [open_vault(tmp_path, passphrase="a") for _ in range(8)]
        names = list(pool.map(lambda n: vaults[n].add_passphrase(f"word {n}"), range(8)))
    assert len(set(names)) == 8
    assert len({open_vault(tmp_path, passphrase=f"word {n}").key("journal") for n in range(8)}) == 1


_STEPS = st.lists(st.sampled_from(["rotate", "passphrase", "change", "remove", "paper", "reopen"]), max_size=10)


@settings(max_examples=40, deadline=None)
@given(steps=_STEPS)
def test_any_course_of_changes_keeps_id_and_all_roots(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        make_cheap(patch)
        _walk(steps, tmp_path_factory.mktemp("walk"))


def _walk(steps: list[str], home: Path) -> None:
    folder, key = home / "vault", home / "key"
    opened = create_vault(folder, key_file=key)
    vault_id, keys, phrases, words = opened.id, [opened.key("journal")], dict[str, str](), ""
    for number, step in enumerate(steps):
        if step == "rotate":
            opened = opened.rotate(passphrases=list(phrases.values()), key_files=[key])
            keys.insert(0, opened.key("journal"))
        elif step == "passphrase":
            phrases[opened.add_passphrase(f"phrase {number}")] = f"phrase {number}"
        elif step == "change" and phrases:
            name, old = next(iter(phrases.items()))
            opened.change_passphrase(old, f"other {number}")
            phrases[name] = f"other {number}"
        elif step == "remove" and phrases:
            opened.remove_way(phrases.popitem()[0])
        elif step == "paper":
            words = opened.new_paper_key().words
        elif step == "reopen":
            opened = open_vault(folder, key_file=key)
    _check(home, vault_id, keys, list(phrases.values()), words)


def _check(home: Path, vault_id: str, keys: list[bytes], phrases: list[str], words: str) -> None:
    """Every way opens the newest root and, through it, all former ones; so does the paper alone, on a clean machine."""
    folder = home / "vault"
    opened = [open_vault(folder, key_file=home / "key"), *(open_vault(folder, passphrase=text) for text in phrases)]
    if words:
        opened.append(open_vault(folder, words=words))
        document = opened[0].recovery_document()
        opened.append(restore_vault(document, words, home / "restored", passphrase="new"))
        opened.append(open_vault(home / "restored", passphrase="new"))
    assert {one.id for one in opened} == {vault_id}
    assert [all_keys(one) for one in opened] == [keys] * len(opened)


def _rotate_in_child(folder: Path, key: Path, kill_before: int) -> int:
    command = [sys.executable, str(_CHILD), str(folder), str(key), str(kill_before)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def test_a_kill_at_any_point_leaves_the_old_root_or_the_new(tmp_path: Path) -> None:
    key = tmp_path / "key"
    made = create_vault(tmp_path / "vault", key_file=key)
    outcomes, point, status = list[int](), 0, -signal.SIGKILL
    while status != 0:
        point += 1
        folder = tmp_path / str(point)
        shutil.copytree(tmp_path / "vault", folder)
        status = _rotate_in_child(folder, key, point)
        opened = open_vault(folder, key_file=key)
        assert opened.id == made.id
        assert all_keys(opened)[-1] == made.key("journal")
        outcomes.append(opened.generation)
        _goes_on(opened, key)
    assert outcomes == sorted(outcomes)  # before the rename the old, after it the new
    assert outcomes[0] == 1 and outcomes[-1] == 2
    assert outcomes.count(1) >= 4 and outcomes.count(2) >= 2


def _goes_on(opened: Vault, key: Path) -> None:
    """What the killed process left behind hinders nobody."""
    new = opened.rotate(key_files=[key])
    assert all_keys(open_vault(opened.folder, key_file=key)) == [new.key("journal"), *all_keys(opened)]
