"""What a process holds of one model's vectors, and how it notices what others wrote."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hearthside.errors import NeedsPerson
from hearthside.logs import logger
from hearthside.memory.vectors.coding import Coder, Halves, Rows
from hearthside.memory.vectors.manifest import Entry, Manifest, read_manifest, stamp_of
from hearthside.memory.vectors.segment import Damaged, Places, Segment, open_segment
from hearthside.memory.vectors.tail import Tail, TailView, empty_view

MANIFEST = "manifest"
_log = logger("memory")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All vectors at one moment; never changes.

    Attributes:
        coder: how the segments are coded; None while there are none.
        tail: what is not in a segment yet.
    """

    coder: Coder | None
    segments: tuple[Segment, ...]
    tail: TailView

    def __len__(self) -> int:
        return sum(map(len, self.segments)) + int(np.count_nonzero(self.tail.alive))

    def has(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which of these rows there are."""
        found = np.isin(rows, self.tail.rows[self.tail.alive])
        for segment in self.segments:
            if len(segment):
                at = np.searchsorted(segment.rows, rows).clip(max=len(segment) - 1)
                found |= segment.rows[at] == rows
        return found

    def rows(self) -> Rows:
        """Rows of all vectors, in no order."""
        return np.concatenate([self.tail.rows[self.tail.alive], *(segment.rows for segment in self.segments)])

    def vectors(self, rows: Rows, dim: int) -> tuple[Halves, npt.NDArray[np.bool_]]:
        """The vectors of these rows, (n, dim), and which of them are there and open; zeros for the others."""
        found, there = np.zeros((len(rows), dim), dtype=np.float16), np.zeros(len(rows), dtype=np.bool_)
        alive = np.flatnonzero(self.tail.alive)
        order = alive[np.argsort(self.tail.rows[alive], kind="stable")]
        at, mine = _found_in(self.tail.rows[order], rows)
        found[mine], there[mine] = self.tail.vectors[order[at]].astype(np.float16), True
        for segment in self.segments:
            at, mine = _found_in(segment.rows, rows)
            vectors, opened = segment.sealed.read(segment.places[at])
            found[mine[opened]], there[mine[opened]] = vectors[opened], True
        return found, there


def _found_in(held: Rows, rows: Rows) -> tuple[Places, Places]:
    """Where among ascending rows some rows lie, and which of them do."""
    if not len(held):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    at = np.searchsorted(held, rows).clip(max=len(held) - 1)
    mine = np.flatnonzero(held[at] == rows)
    return at[mine], mine


class State:
    """The vectors of one folder as they are now, whoever wrote them. Safe to use from many threads.

    Args:
        folder: the model's folder; it need not be there.
    """

    def __init__(self, folder: Path, key: bytes, model: str, dim: int) -> None:
        self.folder, self.model, self.dim = folder, model, dim
        self._key = key
        self._lock = threading.Lock()
        self._stamp: bytes | None = None  # nothing was read yet
        self.manifest: Manifest | None = None
        self.tail: Tail | None = None
        self._segments: tuple[Segment, ...] = ()
        self._coder: Coder | None = None
        self._broken: dict[str, Places] = {}  # by file: vectors that did not open when a query wanted them

    @property
    def path(self) -> Path:
        """Where the manifest lies."""
        return self.folder / MANIFEST

    def now(self) -> Snapshot:
        """Everything, with what others appended, sealed and removed until now.

        Raises:
            NeedsPerson: it lies under another key, and was not held in memory before somebody changed that.
        """
        with self._lock:
            self._refresh()
            dead = None if self.manifest is None else self.manifest.tail.dead
            tail = empty_view(self.dim) if self.tail is None or dead is None else self.tail.view(dead)
            return Snapshot(self._coder, self._segments, tail)

    def held(self) -> list[Segment]:
        """The segments that opened."""
        return list(self._segments)

    def use_key(self, key: bytes) -> None:
        """Read everything again, under this key."""
        with self._lock:
            self._key = key
        self.forget()

    def forget(self) -> None:
        """Let go of files and memory; what is asked next is read again."""
        with self._lock:
            self._stamp, self.manifest, self.tail, self._segments, self._coder = None, None, None, (), None

    def broken(self, segment: Segment, places: Places) -> None:
        """Leave out vectors of a segment that did not open: as far as anybody sees they are not there."""
        _log.warning("%d vectors of a segment are damaged and left out", len(places))
        with self._lock:
            name = segment.entry.name
            self._broken[name] = np.union1d(self._broken.get(name, places), places)
            self._segments = tuple(self._as_it_is(held, held.entry) for held in self._segments)

    def _refresh(self) -> None:
        while self._stamp is None or stamp_of(self.path) != self._stamp:
            try:
                stamp, manifest = read_manifest(self.path, self._key, self.model)
            except NeedsPerson:
                if self.manifest is None:
                    raise
                break  # another process made new keys; this one goes on with what it holds until it is told
            if manifest is not None and manifest.dim != self.dim:
                raise ValueError(f"vectors of {self.model} have {manifest.dim} dimensions, not {self.dim}")
            self._load(stamp, manifest)
        if self.tail is not None:
            self.tail.take()

    def _load(self, stamp: bytes, manifest: Manifest | None) -> None:
        """Take a manifest over; if a file is gone because of a newer manifest, the caller sees that and reads again."""
        entries = () if manifest is None else manifest.segments
        held = {segment.entry.name: segment for segment in self._segments}
        opened = [self._opened(entry, held.get(entry.name)) for entry in entries]
        self._segments = tuple(segment for segment in opened if segment is not None)
        if manifest is None or self.manifest is None or manifest.tail.name != self.manifest.tail.name:
            self.tail = None if manifest is None else self._open_tail(manifest.tail)
        centre = None if manifest is None else manifest.centre
        if centre is None or self._coder is None or not np.array_equal(centre, self._coder.centre):
            self._coder = None if centre is None else Coder(centre)
        self._stamp, self.manifest = stamp, manifest

    def _opened(self, entry: Entry, held: Segment | None) -> Segment | None:
        if held is not None:
            return self._as_it_is(held, entry)
        try:
            return self._as_it_is(open_segment(self.folder / entry.name, entry, self.dim), entry)
        except FileNotFoundError:
            return None  # mostly because of a newer manifest, which is read next
        except Damaged:
            _log.warning("a segment of %d vectors is damaged and is left out", entry.count)
            return None

    def _as_it_is(self, segment: Segment, entry: Entry) -> Segment:
        return segment.without(entry.without(self._broken.get(entry.name, np.zeros(0, dtype=np.int64))))

    def _open_tail(self, entry: Entry) -> Tail | None:
        try:
            return Tail(self.folder / entry.name, entry, self.dim)
        except FileNotFoundError:
            return None
