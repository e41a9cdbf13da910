"""The folder of an export: empty before, for its owner only, and marked until it is whole."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hearthside.errors import Refused
from hearthside.leaving.folder import ExportFolder
from hearthside.leaving.manifest import UNFINISHED, FileFact, is_export


def _begun(folder: Path) -> ExportFolder:
    target = ExportFolder(folder, folder.parent / "vault")
    target.begin()
    return target


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_files_are_whole_or_named_part(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    target = _begun(folder)
    with target.create("media/2026-03/a.jpg") as file:
        file.write(b"ab")
        file.write(b"c")
        assert _names(folder) == {UNFINISHED, "media", "media/2026-03", "media/2026-03/a.jpg.part"}
    assert target.files == {"media/2026-03/a.jpg": FileFact(3, hashlib.sha256(b"abc").hexdigest())}
    with pytest.raises(RuntimeError), target.create("settings.json") as file:
        file.write(b"half")
        raise RuntimeError
    assert "settings.json" not in target.files
    assert "settings.json.part" in _names(folder)
    assert is_export(folder)
    target.write("settings.json", b"{}")
    target.finish(b'{"format": "hearthside-export"}')
    assert _names(folder) == {"media", "media/2026-03", "media/2026-03/a.jpg", "settings.json", "manifest.json"}
    assert is_export(folder)
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("holiday.jpg", ".hidden", UNFINISHED, "manifest.json"):
        (folder / name).write_text("mine")
        with pytest.raises(Refused) as error:
            ExportFolder(folder, tmp_path / "vault")
        assert error.value.code == "export-folder-not-empty"
        assert (folder / name).read_text() == "mine"
        (folder / name).unlink()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Refused) as error:
        ExportFolder(tmp_path / "file", tmp_path / "vault")
    assert error.value.code == "export-not-a-folder"


def test_an_export_never_lies_in_the_vault_nor_around_it(tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()
    (tmp_path / "link").symlink_to(vault)
    for folder in (vault, vault / "out", tmp_path, tmp_path / "link" / "out"):
        with pytest.raises(Refused) as error:
            ExportFolder(folder, vault)
        assert error.value.code == "export-in-vault"


_CUT_OFF = """
import os, sys
from pathlib import Path
from hearthside.leaving.folder import ExportFolder
folder = Path(sys.argv[1])
target = ExportFolder(folder, folder.parent / "vault")
target.begin()
target.write("journal-2026.jsonl", b"old")
target.write("media/2026-03/gone.jpg", b"old")
with target.create("events.parquet") as file:
    file.write(b"half")
    os._exit(9)
"""


def test_one_that_was_cut_off_is_begun_again_and_touches_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert subprocess.run([sys.executable, "-c", _CUT_OFF, str(folder)], check=False).returncode == 9
    assert {"journal-2026.jsonl", "events.parquet.part", UNFINISHED} <= _names(folder)
    (folder / "note.txt").write_text("mine")
    target = _begun(folder)
    assert _names(folder) == {UNFINISHED, "note.txt"}
    with pytest.raises(Refused) as error:
        _begun(folder)
    assert error.value.code == "export-running"
    target.write("settings.json", b"{}")
    target.discard()
    assert _names(folder) == {"note.txt"}


def test_a_discarded_export_leaves_no_folder_that_was_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    target = _begun(folder)
    target.write("media/a", b"x")
    target.discard()
    assert not folder.exists()
    folder.mkdir()
    target = _begun(folder)
    target.discard()
    assert list(folder.iterdir()) == []
