"""The vector store of one vault and one embedding model: add, remove, search; encrypted, derived and rebuildable."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from hearthside.errors import NeedsPerson
from hearthside.identity.durable import make_folder, sync_folder
from hearthside.memory.vectors.coding import Floats, Halves, Rows
from hearthside.memory.vectors.manifest import check_key
from hearthside.memory.vectors.scanning import Scanner, scanner
from hearthside.memory.vectors.searching import Wanted, search
from hearthside.memory.vectors.state import MANIFEST, State
from hearthside.memory.vectors.writing import Writer

_FOLDER, _LOCK = "vectors", ".lock"


class VectorStore:
    """Vectors of one model by row number. Safe to use from many threads and, in one folder, many processes.

    It is derived data: what a power cut or a damaged file took is simply not there (`has` says so) and is added again
    from the journal; a wrong answer is never given. What was removed stays removed whatever happens.

    Args:
        folder: the vault's folder; everything is in ``vectors/`` in it, a folder for each model.
        key: 32 bytes, for this purpose only.
        model: name of the embedding model; vectors of different models never meet.
        dim: dimensions of its vectors.
        scan: compares codes; the fastest there is by default.
    """

    def __init__(self, folder: Path, key: bytes, model: str, dim: int, *, scan: Scanner | None = None) -> None:
        self._base, self.model, self.dim = folder / _FOLDER, model, dim
        self._state = State(_folder_of(folder, model), key, model, dim)
        self._writer = Writer(self._state, key)
        self._scan = scan
        self._turn = threading.Lock()

    # -- generations ---------------------------------------------------------------------------------------------------

    @staticmethod
    def models(folder: Path) -> list[str]:
        """Names of the models that this vault's folder holds vectors of."""
        return sorted(unquote(path.parent.name) for path in (folder / _FOLDER).glob(f"*/{MANIFEST}"))

    @staticmethod
    def drop_unless_it_opens(folder: Path, key: bytes) -> list[str]:
        """Drop the vectors that lie under another key, as a change of keys that was cut off leaves them; says which."""
        gone = []
        for model in VectorStore.models(folder):
            try:
                check_key(_folder_of(folder, model) / MANIFEST, key)
            except NeedsPerson:
                _drop(_folder_of(folder, model))
                gone.append(model)
        return gone

    @staticmethod
    def take_in(folder: Path, source: Path) -> None:
        """Take over the settled vectors of another folder, whose models have other names; nobody uses them there."""
        make_folder(folder / _FOLDER)
        for model in VectorStore.models(source):
            _folder_of(source, model).replace(_folder_of(folder, model))
        sync_folder(folder / _FOLDER)

    @staticmethod
    def drop_others(folder: Path, kept: Collection[str]) -> None:
        """Drop the vectors of all models but these, and what a drop that was cut off left."""
        names = {_folder_of(folder, model).name for model in kept}
        base = folder / _FOLDER
        if any(path.name not in names for path in base.glob("*/")):
            with _locked(base):
                for path in base.glob("*/"):
                    if path.name not in names:
                        _drop(path)

    def drop(self, model: str) -> None:
        """Drop all vectors of a model, this one or another."""
        with self._writing():
            _drop(_folder_of(self._base.parent, model))

    # -- reading -------------------------------------------------------------------------------------------------------

    def search(
        self,
        query: npt.NDArray[np.float32],
        k: int,
        *,
        first: int | None = None,
        last: int | None = None,
        allowed: Rows | None = None,
    ) -> tuple[Rows, Floats]:
        """The nearest vectors, with everything added until now.

        Args:
            query: (dim,), of unit length.
            k: how many, at most.
            first, last: only rows in [first, last].
            allowed: only these rows, ascending.

        Returns:
            Rows (m,) and scores (m,), best first, of equals the newest: dot products of the query with the vectors in
            float16. Exact where few rows may be found; else the k best of those whose codes say that they are near.
        """
        if query.shape != (self.dim,):
            raise ValueError(f"a query has shape ({self.dim},), not {query.shape}")
        if allowed is not None and (np.diff(allowed) <= 0).any():
            raise ValueError("allowed rows are given in ascending order, each once")
        wanted = Wanted(first, last, allowed)
        found = search(self._state.now(), query.astype(np.float32, copy=False), max(0, k), wanted, self._scan_by)
        for segment, places in found.broken:
            self._state.broken(segment, places)
        return found.rows, found.scores

    def __len__(self) -> int:
        return len(self._state.now())

    def has(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which of these rows have a vector here, (n,)."""
        return self._state.now().has(np.asarray(rows, dtype=np.int64))

    def rows(self) -> Rows:
        """Rows of all vectors, in no order.

        A row comes twice where its vector is damaged on the disk and was added again: the first search that wants the
        damaged one leaves it out.
        """
        return self._state.now().rows()

    def vectors(self, rows: Rows) -> tuple[Halves, npt.NDArray[np.bool_]]:
        """The vectors of these rows, (n, dim) in float16, and which of them are there, (n,); zeros for the others."""
        return self._state.now().vectors(np.asarray(rows, dtype=np.int64), self.dim)

    # -- writing -------------------------------------------------------------------------------------------------------

    def add(self, rows: Rows, vectors: Floats | Halves) -> None:
        """Add vectors, searchable when this returns, on the disk after `settle`; what a row had before is replaced.

        Args:
            rows: (n,), in any order; of a row that comes twice the last counts.
            vectors: (n, dim), of unit length.

        Raises:
            ValueError: shapes that do not fit, or numbers that are not finite in float16.
            NeedsPerson: the vectors lie under another key.
        """
        numbers, halves = self._checked(rows, vectors)
        if len(numbers):
            with self._writing():
                self._writer.add(numbers, halves)

    def remove(self, rows: Rows) -> None:
        """Remove vectors: never found again when this returns, and on the disk no longer after `settle`."""
        with self._writing():
            self._writer.remove(np.asarray(rows, dtype=np.int64))

    def settle(self) -> None:
        """Put everything on the disk and nothing that was removed: after this a power cut changes nothing.

        Segments that hold removed vectors are written anew under new keys, which takes up to a second each.
        """
        with self._writing():
            self._writer.settle()

    def use_key(self, key: bytes) -> None:
        """Go on with the files that another process put in their place under this key."""
        with self._turn:
            self._state.use_key(key)
            self._writer.key = key

    def move_to(self, key: bytes, progress: Callable[[int, int], None] | None = None) -> None:
        """Write everything of this model anew under another key, beside the present files, and take their place.

        Args:
            progress: called with (files done, files to do).
        """
        with self._writing():
            self._writer.move_to(key, progress)

    def close(self) -> None:
        """Let go of files and memory. Used again, it reads them again."""
        self._state.forget()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _checked(self, rows: Rows, vectors: Floats | Halves) -> tuple[Rows, Halves]:
        numbers = np.asarray(rows, dtype=np.int64)
        with np.errstate(over="ignore"):  # too large a number becomes infinite, and is refused below
            halves = np.asarray(vectors).astype(np.float16)
        if halves.shape != (len(numbers), self.dim):
            raise ValueError(f"{len(numbers)} vectors of {self.dim} dimensions were expected, not {halves.shape}")
        if not np.isfinite(halves).all():
            raise ValueError("a vector holds a number that is not finite")
        _, from_the_end = np.unique(numbers[::-1], return_index=True)
        if len(from_the_end) == len(numbers):
            return numbers, halves
        last = np.sort(len(numbers) - 1 - from_the_end)
        return numbers[last], halves[last]

    def _scan_by(self) -> Scanner:
        return self._scan or scanner()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """While nobody else writes, in this process or another."""
        with self._turn, _locked(self._base):
            check_key(self._state.path, self._writer.key)
            self._state.now()
            yield


@contextmanager
def _locked(base: Path) -> Iterator[None]:
    make_folder(base)
    descriptor = os.open(base / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _folder_of(folder: Path, model: str) -> Path:
    if not model:
        raise ValueError("a model has a name")
    return folder / _FOLDER / quote(model, safe="").replace(".", "%2E")  # no name is a way to another folder


def _drop(folder: Path) -> None:
    """The manifest first: without it, and the keys in it, the rest is nothing."""
    if folder.is_dir():
        (folder / MANIFEST).unlink(missing_ok=True)
        sync_folder(folder)
        shutil.rmtree(folder)
