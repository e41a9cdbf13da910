"""A fault of the disk or a kill at any moment: nothing is acknowledged that is not kept, and nothing is left behind."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hearthside.errors import HearthsideError, RetryLater
from hearthside.identity.sealed_stream import CHUNK_BYTES
from hearthside.journal.media import MediaStore
from tests.journal import media_writer
from tests.journal.media_writer import (
    ADDRESS_KEY,
    FileKeys,
    Keys,
    content_of,
    files_in,
    get,
    killed_content,
    parts_in,
    put,
)

_OLD, _NEW = content_of(3000), content_of(CHUNK_BYTES + 7)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def store(tmp_path: Path, keys: Keys) -> MediaStore:
    return MediaStore(tmp_path / "media", ADDRESS_KEY, keys)


# --- order of what must be on disk ------------------------------------------------------------------------------------


@pytest.fixture
def steps(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the disk, in order."""
    found: list[str] = []
    sync, replace, add = os.fsync, Path.replace, keys.add_media_key

    def note_sync(descriptor: int) -> None:
        found.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        sync(descriptor)

    def note_replace(self: Path, target: Path) -> Path:
        found.append("rename")
        return replace(self, target)

    def note_add(address: bytes, key: bytes) -> bytes:
        found.append("key")
        return add(address, key)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    monkeypatch.setattr(keys, "add_media_key", note_add)
    return found


def test_bytes_and_key_are_durable_before_the_name_and_the_name_before_the_answer(
    store: MediaStore, steps: list[str]
) -> None:
    put(store, b"words")
    # media, incoming; the content; the shard; then the three that order matters for
    assert steps == ["sync folder", "sync folder", "sync file", "sync folder", "key", "rename", "sync folder"]
    steps.clear()
    put(store, b"words")
    assert steps == ["sync file", "key", "sync folder"]  # the first put may have been cut off before its last step


def test_a_file_sealed_again_or_taken_from_a_copy_is_durable_before_its_name(
    store: MediaStore, steps: list[str], tmp_path: Path
) -> None:
    path = store.path(put(store, b"words"))
    copy = path.rename(tmp_path / "copy")
    steps.clear()
    put(store, b"words")  # under the key that is there, not the one drawn for it
    assert steps == ["sync file", "key", "sync file", "rename", "sync folder"]
    assert path.read_bytes() == copy.read_bytes()
    steps.clear()
    store.adopt(path.name, copy)
    assert steps == ["sync file", "rename", "sync folder"]
    steps.clear()
    store.remove([path.name])
    assert steps == ["sync folder"]


# --- faults of the disk -----------------------------------------------------------------------------------------------


class Disk:
    """The calls to the system that the store makes, counted; one of them can be made to fail."""

    _CALLS: tuple[tuple[object, str], ...] = (
        (os, "open"), (os, "write"), (os, "read"), (os, "fsync"), (os, "fstat"), (os, "lseek"), (fcntl, "flock"),
        (Path, "open"), (Path, "replace"), (Path, "mkdir"), (Path, "chmod"), (Path, "iterdir"),
    )  # fmt: skip

    def __init__(self, fail_at: int | None = None, error: int = errno.EIO) -> None:
        self.calls: list[str] = []
        self._fail_at, self._error = fail_at, error

    @contextmanager
    def armed(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in self._CALLS:
                patch.setattr(owner, name, self._counted(getattr(owner, name), name))
            yield

    def _counted(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) - 1 == self._fail_at:
                raise OSError(self._error, os.strerror(self._error))
            return call(*args, **kwargs)

        return counted


def _fresh(store: MediaStore, keys: Keys) -> None:
    """Nothing there yet."""


def _key_left_behind(store: MediaStore, keys: Keys) -> None:
    """A put was killed after its key was kept."""
    keys.kept[hashlib.blake2b(_NEW, key=ADDRESS_KEY, digest_size=32).digest()] = b"k" * 32


def _there(store: MediaStore, keys: Keys) -> None:
    put(store, _NEW)


def _there_but_rotten(store: MediaStore, keys: Keys) -> None:
    path = store.path(put(store, _NEW))
    path.write_bytes(path.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize(
    ("before", "error"),
    [
        (_fresh, errno.EIO),
        (_fresh, errno.ENOSPC),
        (_fresh, errno.EROFS),
        (_key_left_behind, errno.EIO),
        (_there, errno.EIO),
        (_there_but_rotten, errno.EIO),
    ],
)
def test_a_fault_at_any_call_of_a_put_acknowledges_nothing_and_leaves_nothing(
    tmp_path: Path, before: Callable[[MediaStore, Keys], None], error: int
) -> None:
    calls = _put_with_a_fault(tmp_path / "none", before, error, None)
    assert len(calls) > 15
    assert {"mkdir", "open", "write", "fsync", "flock"} <= set(calls)
    for number in range(len(calls)):
        _put_with_a_fault(tmp_path / str(number), before, error, number)


def _put_with_a_fault(
    place: Path, before: Callable[[MediaStore, Keys], None], error: int, number: int | None
) -> list[str]:
    """Put with one failing call, check all that must hold, and return the calls that were made."""
    keys, folder = Keys(), place / "media"
    place.mkdir()
    store = MediaStore(folder, ADDRESS_KEY, keys)
    old = put(store, _OLD)
    before(store, keys)
    files = files_in(folder)
    disk = Disk(number, error)
    store = MediaStore(folder, ADDRESS_KEY, keys)
    with disk.armed():
        acknowledged = _acknowledged(store, error)
    assert parts_in(folder) == []
    assert get(store, old) == _OLD
    if acknowledged:
        # Where a look at the old file failed, it was written anew.
        assert number is None or before in (_there, _there_but_rotten)
        assert get(store, acknowledged) == _NEW
    elif before is not _there_but_rotten:  # which the last step may have mended already
        assert number is not None
        assert files_in(folder) == files
    assert get(store, put(store, _NEW)) == _NEW  # and it works once the disk does
    assert store.verify() == []
    return disk.calls


def _acknowledged(store: MediaStore, error: int) -> str:
    try:
        return put(store, _NEW)
    except RetryLater as refused:
        assert refused.code == ("media-disk-full" if error == errno.ENOSPC else "media-not-kept")
        assert errno.errorcode[error] in refused.message or error == errno.ENOSPC
        return ""


def test_short_writes_are_finished(store: MediaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:300_000]))
    address = put(store, _NEW)
    assert store.check(address) is None
    assert get(store, address) == _NEW


def test_a_disk_that_is_full_in_the_middle_of_a_file(store: MediaStore, tmp_path: Path) -> None:
    """A real short write and a real error: the system lets this process write no longer files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK_BYTES // 2, hard))
    try:
        with pytest.raises(RetryLater) as error:
            put(store, _NEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert error.value.code == "media-not-kept"
    assert files_in(tmp_path) == []
    assert get(store, put(store, _NEW)) == _NEW


def test_a_source_that_breaks_off_is_not_taken_for_our_disk(store: MediaStore, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > CHUNK_BYTES:
                raise OSError(errno.EIO, "the phone was unplugged")
            return super().read(size)

    class Odd(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise RuntimeError("the other side went away")

    with pytest.raises(RetryLater) as error:
        store.put(Broken(_NEW))
    assert error.value.code == "media-source-failed"
    with pytest.raises(RuntimeError):
        store.put(Odd(_NEW))
    assert files_in(tmp_path) == []


def test_a_keyring_that_cannot_write_stops_the_put(
    store: MediaStore, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(address: bytes, key: bytes) -> bytes:
        raise RetryLater("keyring-full", "The disk is full.")

    monkeypatch.setattr(keys, "add_media_key", full)
    with pytest.raises(RetryLater):
        put(store, b"words")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "ask", [MediaStore.open, lambda store, address: store.read_range(address, 0, 10_000)], ids=["open", "range"]
)
def test_a_fault_of_the_disk_while_reading_is_said(
    store: MediaStore, ask: Callable[[MediaStore, str], Iterator[bytes]]
) -> None:
    address = put(store, _OLD)
    with Disk(0).armed(), pytest.raises(RetryLater) as error:
        b"".join(ask(store, address))
    assert error.value.code == "media-unreadable"
    assert b"".join(ask(store, address)) == _OLD


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_fault_at_any_call_of_an_adoption_leaves_the_store_as_it_was(tmp_path: Path, error: int) -> None:
    keys, folder = Keys(), tmp_path / "media"
    address = put(MediaStore(folder, ADDRESS_KEY, keys), _OLD)
    good = (folder / address[:2] / address).read_bytes()
    copy = tmp_path / "copy"
    copy.write_bytes(good)
    disk = Disk()
    store = MediaStore(folder, ADDRESS_KEY, keys)
    with disk.armed():
        store.adopt(address, copy)
    assert len(disk.calls) > 10
    for number in range(len(disk.calls)):
        store = MediaStore(folder, ADDRESS_KEY, keys)
        with Disk(number, error).armed(), pytest.raises(HearthsideError):
            store.adopt(address, copy)
        assert store.path(address).read_bytes() == good
        assert parts_in(folder) == []


# --- crashes ----------------------------------------------------------------------------------------------------------


def test_leftovers_of_a_crash_go_at_opening_and_a_file_being_written_stays(store: MediaStore, tmp_path: Path) -> None:
    reading, go_on = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            reading.set()
            assert go_on.wait(60)
            return super().read(size)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.put, Slow(_NEW))
        assert reading.wait(60)
        left = tmp_path / "media" / "incoming" / "0123.part"
        left.write_bytes(b"sealed, half")
        other = MediaStore(tmp_path / "media", ADDRESS_KEY, store._keys)
        parts = parts_in(tmp_path / "media")
        go_on.set()
        media = waiting.result()
    assert left not in parts
    assert len(parts) == 1
    assert get(other, media.address) == _NEW


def test_a_sweep_that_comes_between_making_and_locking_a_file_does_no_harm(
    store: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    swept: list[Path] = []

    def quicker(descriptor: int, operation: int) -> None:
        if not swept:
            swept.extend(parts_in(tmp_path / "media"))
            swept[0].unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", quicker)
    address = put(store, b"words")
    assert len(swept) == 1
    assert get(store, address) == b"words"


def test_a_disk_that_lets_nothing_be_removed_can_still_be_read(
    store: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = put(store, b"words")
    (tmp_path / "media" / "incoming" / "0123.part").write_bytes(b"sealed, half")

    def read_only(self: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(Path, "unlink", read_only)
    assert get(MediaStore(tmp_path / "media", ADDRESS_KEY, store._keys), address) == b"words"


def test_kill_9_in_the_middle_of_puts_loses_nothing_acknowledged(tmp_path: Path) -> None:
    acknowledged: dict[str, int] = {}
    for lines in (1, 4, 9, 17):
        writers = [
            subprocess.Popen(
                [sys.executable, media_writer.__file__, str(tmp_path), str(seed)], stdout=subprocess.PIPE, text=True
            )
            for seed in (lines, lines, lines + 3)  # the same contents at the same time
        ]
        assert writers[0].stdout is not None
        said = "".join(writers[0].stdout.readline() for _ in range(lines))
        for writer in writers:
            writer.kill()
        said += "".join(writer.communicate()[0].rpartition("\n")[0] + "\n" for writer in writers)
        acknowledged |= {line.split()[1]: int(line.split()[0]) for line in said.splitlines() if line}
        store = MediaStore(tmp_path / "media", ADDRESS_KEY, FileKeys(tmp_path / "keys"))
        assert parts_in(tmp_path / "media") == []
        assert store.verify() == []  # also what was not acknowledged is there wholly or not at all
        for address, number in acknowledged.items():
            assert get(store, address) == killed_content(number)
    assert len(acknowledged) >= 17
