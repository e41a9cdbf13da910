"""Writing: appending, sealing the tail, merging small segments, and writing anew what holds removed vectors.

Every change of what counts is one new manifest, put in place whole; files that it does not name are removed. The caller
holds the lock of the folder and has the state read what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from hearthside.identity.durable import make_folder, sync_folder
from hearthside.logs import logger
from hearthside.memory.vectors import segment as segments
from hearthside.memory.vectors import tail as tails
from hearthside.memory.vectors.coding import Coder, Codes, Floats, Halves, Rows, mean_of, together
from hearthside.memory.vectors.manifest import Entry, Manifest, new_entry, write_manifest
from hearthside.memory.vectors.segment import Places, Segment, write_segment
from hearthside.memory.vectors.state import State
from hearthside.memory.vectors.tail import write_tail

SMALL_ROWS = 32_768  # smaller segments are merged
FEW = 8  # once there are so many of them
RECENTRE = 4  # a new centre when there are so many times the vectors of the old one
DEAD_SHARE = 5  # written anew without being asked when a fifth was removed
_log = logger("memory")

Progress = Callable[[int, int], None]


class Writer:
    """Changes what a state holds.

    Args:
        key: 32 bytes, of the manifest.
    """

    def __init__(self, state: State, key: bytes) -> None:
        self.key, self._state = key, state

    def add(self, rows: Rows, vectors: Halves) -> None:
        """Add vectors; those that their rows had are removed."""
        dead, tail = self._places_of(rows), self._state.tail
        if tail is None or tail.torn() or tail.count + len(rows) > tails.MAX_ROWS:
            self._flush(self._marked(dead), rows, vectors)
            return
        if dead:  # first: a power cut between leaves neither, and never both
            tail.sync()  # places in the tail are counted: none may be lost that is marked
            self._put(self._marked(dead))
        tail.append(rows, vectors)

    def remove(self, rows: Rows) -> None:
        """Mark vectors as removed, on the disk."""
        dead = self._places_of(rows)
        if not dead:
            return
        if self._state.tail is not None:
            self._state.tail.sync()  # as above
        self._put(self._rewritten(self._marked(dead), _often_dead))

    def settle(self) -> None:
        """Put the tail on the disk, and write anew what holds removed vectors."""
        manifest = self._state.manifest
        if manifest is None:
            return
        marked, tail = self._marked({}), self._state.tail
        if tail is None or tail.torn() or len(marked.tail.dead):
            self._flush(marked, *_nothing(marked.dim), _any_dead)
        else:
            tail.sync()
            if len(marked.segments) != len(manifest.segments) or any(map(_any_dead, marked.segments)):
                self._put(self._rewritten(marked, _any_dead))
        self._sweep(self._state.manifest)

    def move_to(self, key: bytes, progress: Progress | None) -> None:
        """Write everything anew, under new keys and a manifest under this key."""
        manifest = self._state.manifest
        if manifest is not None:
            rows, vectors = self._loose(self._marked({}))
            moved = self._rewritten(self._marked({}), lambda _: True, progress)
            manifest = replace(moved, tail=self._new_tail(rows, vectors))
            self._replace(manifest, key)
        self.key = key
        self._state.use_key(key)
        self._sweep(manifest)

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _flush(
        self, manifest: Manifest, rows: Rows, vectors: Halves, rewrite: Callable[[Entry], bool] | None = None
    ) -> None:
        """Empty the tail: what it has, with these vectors, becomes segments, or a new tail where it is little."""
        loose_rows, loose = self._loose(manifest)
        if len(loose_rows):
            rows, vectors = np.concatenate((loose_rows, rows)), np.concatenate((loose, vectors))
        if len(rows) <= tails.MAX_ROWS // 2:
            manifest = self._rewritten(manifest, rewrite or _often_dead)
            self._put(replace(manifest, tail=self._new_tail(rows, vectors)))
            return
        held = self._segments_of(manifest)
        if manifest.centre is None or _alive(held) + len(rows) >= RECENTRE * manifest.centred_at:
            centre = self._centre(held, vectors)
            manifest = replace(manifest, centre=centre, centred_at=_alive(held) + len(rows))
            manifest = self._rewritten(manifest, lambda _: True, coder=Coder(centre))
        else:
            manifest = self._rewritten(manifest, rewrite or _often_dead)
        new = self._write(rows, vectors, _coder(manifest).encode(vectors))
        tail = self._new_tail(*_nothing(manifest.dim))
        self._put(replace(manifest, segments=(*manifest.segments, *new), tail=tail))

    def _rewritten(
        self,
        manifest: Manifest,
        rewrite: Callable[[Entry], bool],
        progress: Progress | None = None,
        coder: Coder | None = None,
    ) -> Manifest:
        """The manifest with some segments written anew, without what was removed, and small ones merged.

        Args:
            coder: makes new codes; without it the codes stay.
        """
        held = self._segments_of(manifest)
        small = [segment for segment in held if len(segment) < SMALL_ROWS]
        merge = small if len(small) >= FEW else []
        alone = [segment for segment in held if segment not in merge and rewrite(segment.entry)]
        groups = [*([merge] if merge else []), *([segment] for segment in alone)]
        kept = tuple(s.entry for s in held if not any(s is one for group in groups for one in group))
        made = list[Entry]()
        for done, group in enumerate(groups):
            rows, vectors, codes = _gathered(group)
            made += self._write(rows, vectors, codes if coder is None else coder.encode(vectors))
            if progress is not None:
                progress(done + 1, len(groups))
        return replace(manifest, segments=(*kept, *made))

    def _write(self, rows: Rows, vectors: Halves, codes: Codes) -> list[Entry]:
        """New segments, in order of row and of about the same size."""
        order, made = np.argsort(rows, kind="stable"), list[Entry]()
        make_folder(self._state.folder)
        for part in np.array_split(order, -(-len(rows) // segments.MAX_ROWS)) if len(rows) else ():
            entry = new_entry("segment", len(part))
            write_segment(self._state.folder / entry.name, entry, rows[part], vectors[part], codes.at(part))
            made.append(entry)
        return made

    def _new_tail(self, rows: Rows, vectors: Halves) -> Entry:
        entry = new_entry("tail")
        make_folder(self._state.folder)
        write_tail(self._state.folder / entry.name, entry, rows, vectors)
        return entry

    def _put(self, manifest: Manifest) -> None:
        """Make a manifest the one that counts."""
        self._replace(manifest, self.key)
        self._state.now()
        self._sweep(manifest)

    def _replace(self, manifest: Manifest, key: bytes) -> None:
        sync_folder(self._state.folder)  # the names of new files are on the disk before the manifest that has them
        write_manifest(self._state.path, key, self._state.model, manifest)

    def _sweep(self, manifest: Manifest | None) -> None:
        """Remove what no manifest names: what was replaced, and what a writer that was killed left."""
        named = set() if manifest is None else manifest.names()
        for suffix in ("segment", "tail"):
            for path in self._state.folder.glob(f"*.{suffix}"):
                if path.name not in named:
                    path.unlink()

    # -- what there is -------------------------------------------------------------------------------------------------

    def _marked(self, dead: dict[str, Places]) -> Manifest:
        """The manifest with more removed, and without what is damaged."""
        manifest = self._state.manifest
        if manifest is None:
            return Manifest(self._state.dim, new_entry("tail"))
        nothing = np.zeros(0, dtype=np.int64)
        held = tuple(s.entry.without(dead.get(s.entry.name, nothing)) for s in self._state.held())
        tail = manifest.tail.without(dead.get(manifest.tail.name, nothing))
        return replace(manifest, segments=held, tail=tail)

    def _segments_of(self, manifest: Manifest) -> list[Segment]:
        """The segments a manifest names, without those it says were removed; those with nothing left are left out."""
        entries = {entry.name: entry for entry in manifest.segments}
        held = [s.without(entries[s.entry.name]) for s in self._state.held() if s.entry.name in entries]
        return [segment for segment in held if len(segment)]

    def _places_of(self, rows: Rows) -> dict[str, Places]:
        """By file the places of those rows that are there."""
        found = {s.entry.name: s.places[s.find(rows)] for s in self._state.held()}
        manifest, tail = self._state.manifest, self._state.tail
        if manifest is not None and tail is not None:
            found[manifest.tail.name] = tail.view(manifest.tail.dead).find(rows)
        return {name: places for name, places in found.items() if len(places)}

    def _loose(self, manifest: Manifest) -> tuple[Rows, Halves]:
        """What is in the tail and was not removed."""
        tail = self._state.tail
        if tail is None:
            return _nothing(manifest.dim)
        view = tail.view(manifest.tail.dead)
        return view.rows[view.alive], view.vectors[view.alive].astype(np.float16)

    def _centre(self, held: Sequence[Segment], vectors: Halves) -> Floats:
        """The mean of everything there is."""
        means = [(len(vectors), mean_of([vectors]))] if len(vectors) else []
        means += [(len(s), mean_of([_opened(s)[1]])) for s in held]
        total = sum(count for count, _ in means)
        return sum((mean * np.float32(count / total) for count, mean in means), np.zeros(self._state.dim, np.float32))


def _any_dead(entry: Entry) -> bool:
    return len(entry.dead) > 0


def _often_dead(entry: Entry) -> bool:
    return len(entry.dead) * DEAD_SHARE > entry.count


def _nothing(dim: int) -> tuple[Rows, Halves]:
    return np.zeros(0, np.int64), np.zeros((0, dim), np.float16)


def _coder(manifest: Manifest) -> Coder:
    if manifest.centre is None:
        raise ValueError("without a centre there are no segments")
    return Coder(manifest.centre)


def _alive(held: Iterable[Segment]) -> int:
    return sum(map(len, held))


def _gathered(group: Iterable[Segment]) -> tuple[Rows, Halves, Codes]:
    """All vectors of some segments that open."""
    rows, vectors, codes = zip(*(_opened(segment) for segment in group), strict=True)
    return np.concatenate(rows), np.concatenate(vectors), together(codes)


def _opened(segment: Segment) -> tuple[Rows, Halves, Codes]:
    vectors, opened = segment.sealed.read(segment.places)
    if opened.all():
        return segment.rows, vectors, segment.codes
    _log.warning("%d vectors of a segment are damaged and are left out", np.count_nonzero(~opened))
    kept = np.flatnonzero(opened)
    return segment.rows[kept], vectors[kept], segment.codes.at(kept)
