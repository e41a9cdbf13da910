"""The folder of an export while it is written: for its owner only, marked unfinished until the last file is there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hearthside.errors import Refused
from hearthside.identity.durable import sync_file, sync_folder
from hearthside.leaving.manifest import FORMAT, MANIFEST, UNFINISHED, FileFact

PART = ".part"
_FOLDERS = ("media", "adapters")
_OURS = re.compile(
    r"(journal-\d{4}\.jsonl|(events|series|occurrences|life_stream)\.parquet|(ledger|media)\.jsonl|settings\.json"
    rf"|README\.md|{re.escape(MANIFEST)})({re.escape(PART)})?"
)
_MARK = f"""{FORMAT}: unfinished

This export is still being written, or was cut off. It is not whole, and it is not encrypted.
Run `hearthside export` into this folder again: what is here of it is removed and it begins anew.
Or remove the folder; the vault it came from is untouched.
"""


class OutFile:
    """A file of the export; what is written is hashed on its way."""

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._hash = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes, /) -> int:
        """All of the bytes."""
        if not self.closed:  # a writer of Parquet that is given up still writes its end
            self._hash.update(data)
            self._file.write(data)
            self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing: `finish` does it once."""

    def finish(self) -> FileFact:
        """Put everything on the disk itself; says what was written."""
        self._file.flush()
        sync_file(self._file.fileno())
        self.closed = True
        self._file.close()
        return FileFact(self.size, self._hash.hexdigest())

    def abandon(self) -> None:
        """Close it as it is; from now on it takes nothing."""
        self.closed = True
        with suppress(OSError):
            self._file.close()


class ExportFolder:
    """The folder of one export.

    Args:
        folder: empty, absent, or one in which an export was cut off.
        vault: folder of the vault, which must be apart.

    Attributes:
        files: what was written, by path inside the folder.

    Raises:
        Refused: it holds something else, lies in the vault, or another export writes there.
    """

    def __init__(self, folder: Path, vault: Path) -> None:
        self.path = folder
        self.files: dict[str, FileFact] = {}
        self._folders: set[Path] = set()
        self._mark: int | None = None
        self._made = not folder.exists()
        self._check(folder, vault)

    def begin(self) -> None:
        """Make the folder, mark it unfinished, and remove what an export that was cut off left there."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        mark = os.open(self.path / UNFINISHED, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(mark)
            raise Refused(
                "export-running", f"Another export is writing to {self.path}; nothing was changed."
            ) from error
        self._mark = mark
        os.write(mark, _MARK.encode())
        sync_file(mark)
        sync_folder(self.path)
        self._remove_ours()

    @contextmanager
    def create(self, name: str) -> Iterator[OutFile]:
        """A new file, under its name only once it is whole and on the disk.

        Args:
            name: path inside the folder, with `/`.
        """
        path = self.path / name
        if path.parent != self.path:
            self._make(path.parent)
        part = path.with_name(path.name + PART)
        file = OutFile(part)
        try:
            yield file
            self.files[name] = file.finish()
        except BaseException:
            file.abandon()
            raise
        part.replace(path)

    def write(self, name: str, content: bytes) -> None:
        """A small file at once."""
        with self.create(name) as file:
            file.write(content)

    def drop(self, name: str) -> None:
        """Remove a file that `create` did not finish."""
        path = self.path / name
        path.with_name(path.name + PART).unlink(missing_ok=True)

    def finish(self, manifest: bytes) -> None:
        """Put all names on the disk, write the table of contents, and only then take the mark away."""
        for folder in sorted(self._folders, reverse=True):
            sync_folder(folder)
        sync_folder(self.path)
        self.write(MANIFEST, manifest)
        sync_folder(self.path)
        (self.path / UNFINISHED).unlink()
        sync_folder(self.path)
        self._release()

    def discard(self) -> None:
        """Remove everything this export wrote; where the disk does not let it, the mark stays and says so."""
        if self._mark is None:  # never begun: what is there is somebody else's
            return
        with suppress(OSError):
            self._remove_ours()
            (self.path / UNFINISHED).unlink(missing_ok=True)
            if self._made:
                self.path.rmdir()
        self._release()

    def _check(self, folder: Path, vault: Path) -> None:
        here, there = folder.resolve(), vault.resolve()
        if here.is_relative_to(there) or there.is_relative_to(here):
            raise Refused(
                "export-in-vault",
                f"{folder} and the vault {vault} lie in one another; an export is not encrypted and must lie apart."
                " Nothing was written.",
            )
        if self._made:
            return
        if not folder.is_dir():
            raise Refused("export-not-a-folder", f"{folder} is not a folder; nothing was written.")
        mark = folder / UNFINISHED
        cut_off = mark.is_file() and mark.read_bytes().startswith(FORMAT.encode())
        if not cut_off and any(folder.iterdir()):
            raise Refused(
                "export-folder-not-empty",
                f"{folder} is not empty; nothing was written there. Name a folder that is empty or does not exist.",
            )

    def _release(self) -> None:
        if self._mark is not None:
            os.close(self._mark)
            self._mark = None

    def _remove_ours(self) -> None:
        for path in [*self.path.iterdir()]:
            if path.name in _FOLDERS and path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif _OURS.fullmatch(path.name):
                path.unlink()

    def _make(self, folder: Path) -> None:
        if folder in self._folders:
            return
        if folder.parent != self.path:
            self._make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folders.add(folder)
