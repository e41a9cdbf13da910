"""A backup folder on real file systems: full, read-only, pulled out, cut off; and what it never does."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.journal.backup import FolderTarget

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.mkdir()
    return path


@pytest.fixture
def target(folder: Path) -> FolderTarget:
    made = FolderTarget(folder, "v")
    made.prepare("v")
    return made


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 2 MiB of its own."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)], check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=False)


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_full_disk_is_said_and_holds_whole_objects_only(small_disk: Path) -> None:
    target = FolderTarget(small_disk, "v")
    target.prepare("v")
    target.put("a", b"x" * 1_000_000)
    with pytest.raises(RetryLater) as caught:
        target.put("b", b"y" * 1_500_000)
    assert caught.value.code == "backup-full"
    assert _files(small_disk) == ["a", "hearthside-backup.json"]  # no partial file eats the room that is left
    assert target.get("a") == b"x" * 1_000_000
    target.put("c", b"z" * 500_000)
    assert target.delete("a")
    target.put("b", b"y" * 1_500_000)
    assert [(item.name, item.size) for item in target.list()] == [("b", 1_500_000), ("c", 500_000)]


def test_a_disk_mounted_read_only_is_said_and_still_read(small_disk: Path) -> None:
    target = FolderTarget(small_disk, "v")
    target.prepare("v")
    target.put("a", b"x")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    calls: list[Callable[[], object]] = [lambda: target.put("b", b"y"), lambda: target.delete("a")]
    for call in calls:
        with pytest.raises(NeedsPerson) as caught:
            call()
        assert caught.value.code == "backup-not-allowed"
    assert FolderTarget(small_disk).get("a") == b"x"


def test_a_pulled_disk_does_not_fill_its_mount_point(small_disk: Path) -> None:
    target = FolderTarget(small_disk, "v")
    target.prepare("v")
    target.put("a", b"x")
    assert not target.same_disk_as(small_disk.parent)
    subprocess.run(["umount", str(small_disk)], check=True)
    for call in (lambda: target.put("b", b"y"), lambda: list(target.list()), lambda: target.get("a"), target.vault):
        with pytest.raises(RetryLater) as caught:
            call()
        assert caught.value.code == "backup-folder-away"
    assert list(small_disk.iterdir()) == []


def test_a_folder_that_is_gone_is_never_made(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "disk", "v")
    for call in (lambda: target.prepare("v"), lambda: target.put("a", b"x"), lambda: target.same_disk_as(tmp_path)):
        with pytest.raises(RetryLater) as caught:
            call()
        assert caught.value.code == "backup-folder-away"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_and_no_marker_needs_the_person(folder: Path) -> None:
    (folder / "holiday.jpg").write_bytes(b"x")
    target = FolderTarget(folder, "v")
    with pytest.raises(NeedsPerson) as caught:
        target.put("a", b"x")
    assert caught.value.code == "backup-not-prepared" and _files(folder) == ["holiday.jpg"]
    with pytest.raises(Refused) as refused:
        target.prepare("v")
    assert refused.value.code == "backup-place-not-empty" and _files(folder) == ["holiday.jpg"]
    (folder / "holiday.jpg").rename(folder / "Holiday.JPG")  # no name of ours, so it can stay
    target.prepare("v")
    target.put("a", b"x")
    assert [item.name for item in target.list()] == ["a"] and "Holiday.JPG" in _files(folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": 2, "vault": "v"}', b'{"format": 1, "vault": 7}'])
def test_a_damaged_marker_is_never_taken_for_ours(folder: Path, content: bytes) -> None:
    (folder / "hearthside-backup.json").write_bytes(content)
    target = FolderTarget(folder, "v")
    for call in (lambda: target.put("a", b"x"), lambda: target.prepare("v"), target.vault):
        with pytest.raises(NeedsPerson) as caught:
            call()
        assert caught.value.code == "backup-marker-damaged"
    assert _files(folder) == ["hearthside-backup.json"]


def test_only_the_owner_can_read_it(target: FolderTarget, folder: Path) -> None:
    before = os.umask(0)
    try:
        target.put("media/ab/abcd", b"x")
    finally:
        os.umask(before)
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_disk_of_the_vault_itself_is_told(target: FolderTarget, tmp_path: Path) -> None:
    assert target.same_disk_as(tmp_path)
    assert not target.same_disk_as(Path("/proc"))


def test_a_link_that_somebody_planted_leads_nowhere(target: FolderTarget, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"secret")
    (folder / "media").symlink_to(outside)
    (folder / "one").symlink_to(outside / "a")
    for name in ("media/a", "media/new", "one"):
        for call in (partial(target.get, name), partial(target.put, name, b"x"), partial(target.delete, name)):
            with pytest.raises(Refused) as caught:
                call()
            assert caught.value.code == "backup-folder-has-link"
    assert list(target.list()) == [] and _files(outside) == ["a"] and (outside / "a").read_bytes() == b"secret"


def test_a_name_that_is_a_folder_of_others_is_taken(target: FolderTarget) -> None:
    target.put("a/b", b"x")
    target.put("c", b"y")
    for name in ("a", "c/d", "c/d/e"):
        with pytest.raises(Refused) as caught:
            target.put(name, b"z")
        assert caught.value.code == "backup-name-taken"
    assert target.delete("a") and target.delete("c/d")
    assert [item.name for item in target.list()] == ["a/b", "c"]


def test_of_two_that_write_one_name_at_once_one_wins_and_the_other_is_told(folder: Path) -> None:
    FolderTarget(folder).prepare("v")
    told: list[tuple[str, int]] = []
    barrier = threading.Barrier(2)

    def write(writer: int) -> None:
        target = FolderTarget(folder, "v")
        for number in range(60):
            barrier.wait()
            try:
                target.put(f"{number}", bytes([writer]) * 5_000)
                told.append((f"{number}", writer))
            except Refused as error:
                assert error.code == "backup-name-taken"

    threads = [threading.Thread(target=write, args=(writer,)) for writer in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 60
    assert all(FolderTarget(folder).get(name) == bytes([writer]) * 5_000 for name, writer in told)


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_answer(
    target: FolderTarget, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append(f"fsync {'bytes' if path.parent.name == '.partial' else path.relative_to(folder.parent)}")
        real_fsync(descriptor)

    def link(source: Path, name: Path) -> None:
        steps.append(f"name {name.relative_to(folder)}")
        real_link(source, name)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    target.put("a/b/c", b"x")
    assert steps == ["fsync bytes", "name a/b/c", "fsync disk/a/b", "fsync disk/a", "fsync disk"]
    steps.clear()
    FolderTarget(folder, "v").put("a/b/c", b"x")  # a run that was cut off may have left the name in memory only
    assert steps == ["fsync disk/a/b", "fsync disk/a", "fsync disk"]


def test_a_writer_killed_inside_a_large_file_leaves_no_object(
    target: FolderTarget, folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "pipe"
    os.mkfifo(source)
    program = (
        "from pathlib import Path; import sys\n"
        "from hearthside.journal.backup import FolderTarget\n"
        "FolderTarget(Path(sys.argv[1]), 'v').put_file('large', Path(sys.argv[2]))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(folder), str(source)], cwd=_ROOT / "src")
    with source.open("wb") as feed:
        for _ in range(4):
            feed.write(b"x" * 1024 * 1024)
        feed.flush()
        process.kill()  # the file is written in part: its end never came
        process.wait()
    partial = [path for path in (folder / ".partial").iterdir() if path.is_file()]
    assert [path.name.split("-")[0] for path in partial] == [str(process.pid)] and partial[0].stat().st_size > 0
    assert list(target.list()) == []
    target.put("small", b"x")
    assert partial[0].exists()  # another program may still be writing it
    os.utime(partial[0], (0, 0))
    FolderTarget(folder, "v").put("other", b"x")
    assert list((folder / ".partial").iterdir()) == []


def test_a_file_larger_than_the_disk_allows_needs_the_person(target: FolderTarget, folder: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))  # as FAT does at 4 GiB
    try:
        with pytest.raises(NeedsPerson) as caught:
            target.put("a", b"x" * 2_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "backup-file-too-large" and _files(folder) == ["hearthside-backup.json"]
