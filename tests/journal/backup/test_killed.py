"""Backup and restore killed with SIGKILL anywhere: run again they finish, and nothing is lost."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson
from hearthside.identity.vault import open_vault
from hearthside.journal import Journal
from hearthside.journal.backup import FolderTarget
from hearthside.journal.backup.checking import verify_target
from tests.journal.backup.lives import Life, new_life, new_target, objects, records_of

_ROOT = Path(__file__).resolve().parents[3]


def _run(spec: dict[str, object], die_at: int) -> bool:
    """Whether it came to its end."""
    arguments = [sys.executable, "-m", "tests.journal.backup.backup_process", json.dumps(spec | {"die_at": die_at})]
    done = subprocess.run(arguments, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == 0


@pytest.fixture
def life(tmp_path: Path) -> Life:
    life = new_life(tmp_path / "vault")
    ids = life.add(0, 60)
    life.photo(b"photo" * 1000)
    life.photo(b"another" * 1000)
    life.journal.forget(ids[:3])
    new_target(tmp_path / "disk", life.vault.id)
    return life


def _spec(life: Life, tmp_path: Path, what: str) -> dict[str, object]:
    return {
        "what": what, "vault": str(life.folder), "key": str(tmp_path / "vault-key"), "disk": str(tmp_path / "disk"),
        "id": life.vault.id, "words": life.words, "new": str(tmp_path / "new"), "new_key": str(tmp_path / "new-key"),
    }  # fmt: skip


def test_a_killed_backup_is_continued(life: Life, tmp_path: Path) -> None:
    life.journal.close()
    spec, target = _spec(life, tmp_path, "back_up"), FolderTarget(tmp_path / "disk", life.vault.id)
    kills, die_at = 0, 3
    segments: set[str] = set()
    while not _run(spec, die_at):
        kills += 1
        die_at += 9 + random.Random(kills).randrange(9)
        there = objects(tmp_path / "disk")
        assert segments <= {name for name in there if name.startswith("segments/")}, "stored twice"
        segments = {name for name in there if name.startswith("segments/")}
    assert kills >= 3
    life.open()
    assert verify_target(target, life.vault).sound
    assert life.back_up(target).objects == 0
    life.journal.close()


def test_a_killed_restore_begins_again(life: Life, tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "disk", life.vault.id)
    life.back_up(target)
    spec, kills, die_at = _spec(life, tmp_path, "restore"), 0, 2
    while not _run(spec, die_at):
        kills += 1
        die_at += 12 + random.Random(kills).randrange(12)
        if (tmp_path / "new/vault.json").exists():
            # Nobody takes the half of it for a new, empty vault.
            vault = open_vault(tmp_path / "new", key_file=tmp_path / "new-key")
            with pytest.raises(NeedsPerson, match="restore"):
                Journal(vault.folder, vault.key("journal"), life.clock)
    assert kills >= 3
    vault = open_vault(tmp_path / "new", key_file=tmp_path / "new-key")
    again = Life(vault.folder, vault, life.words)
    assert records_of(again.journal) == records_of(life.journal)
    assert again.journal.verify().sound
    assert again.media.verify() == []
    again.journal.close()
    life.journal.close()
