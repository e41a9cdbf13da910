"""The commands that keep a life safe, as a person types them: from a first backup to a clean machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.ended import Run
from tests.contracts.source_files import SOURCE_FILES


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    for name in ("last_fm", "oura_sleep"):
        (folder / f"{name}.json").write_bytes(SOURCE_FILES[name])
    return folder


@pytest.fixture
def disk(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another disk, named in the settings."""
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.setenv("HEARTHSIDE_BACKUP_FOLDER", str(folder))
    return folder


def _words(told: str) -> str:
    return " ".join(part for part in told.split("Write these")[0].split() if part.isalpha())


def test_from_a_first_backup_to_a_clean_machine(
    run: Run, at: Callable[[Path], None], tmp_path: Path, exports: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("import", exports, "--zone", "Europe/Berlin").status == 0
    made = run("keys", "paper", "--sheet", tmp_path / "sheet.html")
    words = _words(made.out)
    assert len(words.split()) == 24
    assert words.split()[5] in (tmp_path / "sheet.html").read_text()
    assert run("keys", "paper").status == 5  # never replaced by accident
    monkeypatch.setenv("HEARTHSIDE_PAPER_KEY", words)
    assert run("keys", "check").status == 0
    assert "Prepared" in run("backup", "--set-up").out
    assert "nothing was new" in run("backup").out
    proved = run("drill", "--paper")
    assert (proved.status, "all equal" in proved.out, "words open it" in proved.out) == (0, True, True)
    assert run("backup").status == 0  # the proof is a record too
    code = run("heads").out.split("photograph it: ")[1].split()[0]
    before = run("verify")
    assert (before.status, before.out.startswith("All ")) == (0, True)

    for name in ("vault", "key", "heads", "exports"):  # the machine is gone: only disk and paper are left
        path = tmp_path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    monkeypatch.delenv("HEARTHSIDE_BACKUP_FOLDER")
    clean = tmp_path / "clean"
    at(clean)
    monkeypatch.setenv("HEARTHSIDE_PAPER_KEY", words)
    restored = run("restore", "--from", disk)
    assert restored.status == 0, restored.err
    assert run("verify", "--head", code).status == 0
    assert run("restore", "--from", disk).status == 5  # nothing is written over
    assert run("day", "2019-01-02").status in (0, 4)


def test_wrong_words_and_no_backup_say_what_to_do(
    run: Run, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTHSIDE_PAPER_KEY", "abandon " * 24)
    ended = run("restore", "--from", tmp_path / "nothing")
    assert (ended.status in (4, 5, 6), "Traceback" in ended.err) == (True, False)
    assert not (tmp_path / "vault" / "journal").exists()


def test_repairing_from_the_backup(run: Run, tmp_path: Path, exports: Path, disk: Path) -> None:
    run("import", exports)
    run("backup", "--set-up")
    [path] = (tmp_path / "vault" / "journal").glob("2*.db")
    content = bytearray(path.read_bytes())
    for place in range(8000, len(content), 9000):
        content[place] ^= 255
    path.write_bytes(content)
    broken = run("verify", "--no-backups")
    assert (broken.status, "repair" in broken.out + broken.err) != (0, False)
    mended = run("repair")
    assert mended.status == 0, mended.out + mended.err
    assert run("verify").status == 0


def test_leaving_with_everything_and_coming_back(
    run: Run, at: Callable[[Path], None], tmp_path: Path, exports: Path
) -> None:
    run("import", exports, "--zone", "Europe/Berlin")
    left = run("export", tmp_path / "mine")
    assert (left.status, "not encrypted" in left.out) == (0, True)
    code = run("heads").out.split("photograph it: ")[1].split()[0]
    at(tmp_path / "new")
    back = run("import", tmp_path / "mine")
    assert (back.status, "the same chain" in back.out) == (0, True), back.out + back.err
    assert run("verify", "--head", code).status == 0
    again = run("import", tmp_path / "mine")
    assert (again.status, "0 records were added" in again.out) == (0, True), again.out


def test_forgetting_shows_first_and_then_forgets(run: Run, exports: Path) -> None:
    run("import", exports)
    assert run("forget").status == 5
    shown = run("forget", "--source", "last_fm")
    assert " would go" in shown.out
    done = run("forget", "--source", "last_fm", "--yes")
    assert "are forgotten" in done.out
    assert run("forget", "--source", "last_fm").out.startswith("0 records")
    assert run("verify").status == 0


def test_ways_into_the_vault(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("keys", "list")
    monkeypatch.setenv("HEARTHSIDE_NEW_PASSPHRASE", "short")
    assert run("keys", "passphrase").status == 5
    monkeypatch.setenv("HEARTHSIDE_NEW_PASSPHRASE", "a better one")
    assert run("keys", "passphrase").status == 0
    assert run("keys", "remove", "key_file").status == 0
    monkeypatch.setenv("HEARTHSIDE_PASSPHRASE", "a better one")
    assert run("keys", "remove", "passphrase").status == 5  # never the last one
    monkeypatch.delenv("HEARTHSIDE_PASSPHRASE")
    (tmp_path / "key").unlink()
    assert run("health").status == 4
    monkeypatch.setenv("HEARTHSIDE_PASSPHRASE", "a better one")
    assert run("health").status == 0
    rotated = run("keys", "rotate")
    assert rotated.status == 0, rotated.out + rotated.err
    assert run("verify").status == 0
    monkeypatch.setenv("HEARTHSIDE_PASSPHRASE", "a worse one")
    assert run("health").status == 4


def test_tokens(run: Run) -> None:
    made = run("token", "add", "phone")
    text = made.out.split()[0]
    assert text.startswith("hs_")
    token_id = text[3:11]
    assert (token_id in run("token", "list").out, text in run("token", "list").out) == (True, False)
    assert run("token", "revoke", token_id).status == 0
    assert "revoked" in run("token", "list").out
    assert run("token", "revoke", token_id).status == 5
    assert run("token", "add", "phone", "--scope", "everything").status == 5


def test_a_damaged_life_stream_is_made_again(run: Run, tmp_path: Path, exports: Path) -> None:
    run("import", exports)
    for name in ("stream.db", "index.db"):
        path = tmp_path / "vault" / name
        content = bytearray(path.read_bytes())
        for place in range(4096, len(content), 4096):
            content[place] ^= 255
        path.write_bytes(content)
    assert "Traceback" not in run("day", "2019-01-02").err
    assert run("rebuild").status == 0
    assert run("search", "the").status == 0


def test_a_time_to_restore_needs_its_offset(run: Run, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTHSIDE_PAPER_KEY", "abandon " * 24)
    for time in ("yesterday", "2026-03-04T18:30"):
        assert run("restore", "--from", disk, "--at", time).status == 5
