"""The recorder: it sees every byte that reaches the disk, of databases and plain files, and says when it missed one."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from crash.images import Disk, Operation, Rename, Sync, Write
from crash.recorder import Recording, recorded
from hearthside.identity import database
from hearthside.identity.durable import write_private

KEY = b"\1" * 32


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    folder.mkdir()
    return folder


def _whole(recording: Recording) -> dict[str, bytes | None]:
    """The disk when everything recorded so far has been synced."""
    disk = Disk()
    for entry in recording.log:
        if isinstance(entry, Operation):
            disk.apply(entry)
    return disk.after_a_cut(random.Random(1))


def test_a_database_is_recorded_encrypted_and_whole(vault: Path) -> None:
    with recorded(vault) as recording:
        connection = database.open_database(vault / "a.db", KEY)
        connection.execute("CREATE TABLE t (words TEXT); INSERT INTO t VALUES ('a secret that nobody may read')")
        connection.close()
        recording.check_complete()
    written = b"".join(entry.data for entry in recording.log if isinstance(entry, Write))
    assert len(written) > 4096
    assert b"a secret" not in written
    assert _whole(recording)["a.db"] == (vault / "a.db").read_bytes()


def test_a_file_written_whole_or_not_at_all(vault: Path) -> None:
    with recorded(vault) as recording:
        write_private(vault / "vault.json", b"one")
        write_private(vault / "vault.json", b"two")
        recording.check_complete()
    assert _whole(recording) == {"vault.json": b"two"}
    kinds = [type(entry).__name__ for entry in recording.log[recording.began :]]
    assert kinds == ["Make", "Write", "Sync", "Rename", "Sync"] * 2


def test_a_rename_without_a_sync_is_seen_as_such(vault: Path) -> None:
    with recorded(vault) as recording:
        (vault / "new").write_bytes(b"content")
        (vault / "new").replace(vault / "file")
        recording.check_complete()
    after = recording.log[recording.began :]
    assert any(isinstance(entry, Rename) for entry in after)
    assert not any(isinstance(entry, Sync) for entry in after)


def test_folders_come_and_go(vault: Path) -> None:
    with recorded(vault) as recording:
        (vault / "a" / "b").mkdir(parents=True)
        write_private(vault / "a" / "b" / "file", b"x")
        (vault / "a" / "b").rename(vault / "c")
        shutil.rmtree(vault / "a")
        recording.check_complete()
        shutil.rmtree(vault / "c")
        recording.check_complete()


def test_what_was_there_before_is_certain(vault: Path) -> None:
    write_private(vault / "deep" / "file", b"before")
    with recorded(vault) as recording:
        write_private(vault / "other", b"after")
    disk = Disk()
    for entry in recording.log[: recording.began]:
        disk.apply(entry)
    assert disk.after_a_cut(random.Random(1)) == {"deep": None, "deep/file": b"before"}


def test_what_it_did_not_see_is_said(vault: Path) -> None:
    with recorded(vault) as recording:
        write_private(vault / "file", b"seen")
        with (vault / "file").open("ab") as file:
            file.write(b" and unseen")
        with pytest.raises(AssertionError, match="behind the recorder's back: file"):
            recording.check_complete()


def test_everything_is_as_before_afterwards(vault: Path) -> None:
    before = (os.fsync, os.replace, os.mkdir, database.open_database)
    with recorded(vault):
        assert before != (os.fsync, os.replace, os.mkdir, database.open_database)
    assert before == (os.fsync, os.replace, os.mkdir, database.open_database)
