"""Looking at a backup where it lies: reading every object, so that a flipped bit, a cut or a gap is found and named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hearthside.errors import HearthsideError, Refused
from hearthside.identity import sealed_stream
from hearthside.identity.vault import Vault
from hearthside.journal.backup import segments
from hearthside.journal.backup.keyring_copy import KeyringCopy, read_copy
from hearthside.journal.backup.layout import (
    ADAPTERS,
    CHANGED,
    HEADS,
    KEYRINGS,
    MEDIA,
    MEDIA_LISTS,
    RECOVERY,
    SEGMENTS,
    SETTINGS,
    Manifest,
    Sealer,
    head_name,
    is_damage,
    media_name,
    media_suffix,
)
from hearthside.journal.backup.media_lists import MediaCopy, read_list
from hearthside.journal.backup.reading import BackupReader, ObjectDamaged, Unreadable
from hearthside.journal.backup.storing import Progress
from hearthside.journal.backup.target import StoredObject, Target, check_vault
from hearthside.journal.heads import SignedHead

_MEDIA_FILE_ID = b"media"  # as the media store seals


@dataclass(frozen=True, slots=True)
class ObjectFault:
    """An object that is not as it was stored, and what is wrong in one sentence."""

    name: str
    what: str


@dataclass(slots=True)
class TargetCheck:
    """What was found.

    Attributes:
        objects: how many were looked at.
        bytes: that they take.
        runs: complete ones, the newest first.
        faults: everything wrong; their names are what `back_up(mend=...)` takes.
        unknown: objects that no Hearthside put there; they were left alone.
    """

    objects: int = 0
    bytes: int = 0
    runs: list[SignedHead] = field(default_factory=list)
    faults: list[ObjectFault] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing is wrong."""
        return not self.faults


def _nothing(what: str, done: int, total: int) -> None:
    """No progress wanted."""


def verify_target(
    target: Target,
    vault: Vault,
    *,
    deep: bool = True,
    held: SignedHead | None = None,
    progress: Progress = _nothing,
    stop: Callable[[], bool] = lambda: False,
) -> TargetCheck:
    """Look whether everything a restore needs is there and, with `deep`, whether every byte is as it was stored.

    This proves the objects; that they make a life again is proved by a drill. What only earlier runs refer to is read
    as well, but not missed when it is gone: a restore of any time takes its rows from the newest run.

    Args:
        deep: read everything; else only names and sizes.
        held: the newest head that somebody else remembers; a target that lacks it was put back from earlier.
        stop: asked between objects; what was found until then is returned.

    Raises:
        Refused: the target holds another vault's backup.
        RetryLater: the target is away.
    """
    check_vault(target.vault(), vault.id, target.title)
    return _Check(target, Sealer(vault), deep, progress, stop).run(held)


class _Check:
    """One look; see `verify_target`."""

    def __init__(
        self, target: Target, sealer: Sealer, deep: bool, progress: Progress, stop: Callable[[], bool]
    ) -> None:
        self.target, self.deep, self.progress, self.stop = target, deep, progress, stop
        self.reader = BackupReader(target, sealer)
        self.found = TargetCheck()
        self.recovery: dict[str, str] = {}
        self.keys: KeyringCopy | None = None
        self.media_keys: dict[str, bytes] = {}

    def run(self, held: SignedHead | None) -> TargetCheck:
        """Look at the runs, then at what they need, then at everything that lies there."""
        stored = {one.name: one for one in self.target.list()}
        manifests = self._manifests()
        self.found.runs = [manifest.head for manifest in manifests]
        self._look_at_heads(manifests, stored, held)
        for manifest in _newest_of_each_lineage(manifests):
            # Of another course of the journal nothing can be read once its keyrings were let go.
            if manifest is manifests[0] or any(kept.name in stored for kept in manifest.keyrings):
                self._look_at_run(manifest, stored, manifest is manifests[0])
        for done, one in enumerate(stored.values(), start=1):
            if self.stop():
                break
            self.found.objects, self.found.bytes = self.found.objects + 1, self.found.bytes + one.size
            self._look_at(one)
            self.progress("objects", done, len(stored))
        return self.found

    def _manifests(self) -> list[Manifest]:
        found = []
        for one in self.reader.manifests():
            if isinstance(one, Unreadable):
                self._add(one.name, one.message)
            else:
                found.append(one)
        return found

    def _look_at_heads(
        self, manifests: list[Manifest], stored: dict[str, StoredObject], held: SignedHead | None
    ) -> None:
        if not manifests:
            self._add(HEADS, "there is no complete run that can be read")
        known = set(manifests[0].heads) if manifests else set()
        for name in sorted(known - set(stored)):
            self._add(name, "it is missing")
        if held is not None and head_name(held) not in stored:
            newest = manifests[0].head if manifests else None
            if newest is None or (newest.at_ms, newest.seq) < (held.at_ms, held.seq):
                self._add(head_name(held), "it is missing: this backup was put back from an earlier time")

    def _look_at_run(self, manifest: Manifest, stored: dict[str, StoredObject], newest: bool) -> None:
        """What a restore of this run, or of any before it, needs."""
        for kept in manifest.objects():
            if newest or not kept.name.startswith((RECOVERY, ADAPTERS)):
                self._need(kept.name, kept.size, stored)
        for kept in manifest.recovery if newest else ():
            self.recovery[kept.name] = manifest.recovery_digest
        try:
            keys = self.reader.keyring(manifest)
        except ObjectDamaged:
            return  # its copies are named for themselves
        there = keys.media_keys()
        if self.keys is None:
            self.keys, self.media_keys = keys, there
        for kept in manifest.media_lists:
            for copy in self._listed(kept.name):
                if copy.address in there and media_suffix(there[copy.address]) == copy.suffix:
                    self._need(copy.name, copy.size, stored)

    def _listed(self, name: str) -> Iterator[MediaCopy]:
        try:
            yield from read_list(self.reader.content(name), name)
        except Refused:
            return  # the list is named for itself

    def _need(self, name: str, size: int, stored: dict[str, StoredObject]) -> None:
        if name not in stored:
            self._add(name, "it is missing")
        elif stored[name].size != size:
            self._add(name, f"it has {stored[name].size:,} bytes and not {size:,}")

    def _look_at(self, one: StoredObject) -> None:
        """Whether one object is what its name says."""
        folder = one.name.partition("/")[0] + "/"
        look = {
            SEGMENTS: self._rows, CHANGED: self._rows, KEYRINGS: self._keyring, MEDIA_LISTS: self._list,
            SETTINGS: self._sealed, RECOVERY: self._document, ADAPTERS: self._adapter, MEDIA: self._media,
        }.get(folder)  # fmt: skip
        if folder == HEADS:
            return  # read already
        if look is None:
            self.found.unknown.append(one.name)
        elif self.deep:
            try:
                look(one.name)
            except HearthsideError as error:
                if not is_damage(error):
                    raise
                self._add(one.name, error.message)

    def _rows(self, name: str) -> None:
        segments.decode(self.reader.content(name), name)

    def _keyring(self, name: str) -> None:
        read_copy(self.reader.content(name), name)

    def _list(self, name: str) -> None:
        read_list(self.reader.content(name), name)

    def _sealed(self, name: str) -> None:
        self.reader.content(name)

    def _document(self, name: str) -> None:
        expected = self.recovery.get(name)
        if expected is not None and hashlib.sha256(self.target.get(name)).hexdigest() != expected:
            raise ObjectDamaged(name, "not every byte is as it was stored")

    def _adapter(self, name: str) -> None:
        for copy in self.keys.adapters if self.keys else ():
            if copy.name == name:
                self.reader.adapter(copy)

    def _media(self, name: str) -> None:
        """A file whose key was destroyed, or that no run has, proves nothing and is of no use."""
        address = name.rpartition("/")[2].partition("-")[0]
        key = self.media_keys.get(address)
        if key is not None and media_name(address, media_suffix(key)) == name:
            pieces = _Source(self.target.open(name))
            for _ in sealed_stream.open_sealed(pieces, key, _MEDIA_FILE_ID):
                pass

    def _add(self, name: str, what: str) -> None:
        if all(fault.name != name for fault in self.found.faults):
            self.found.faults.append(ObjectFault(name, what))


class _Source:
    """Pieces as something to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        self._rest = self._rest or next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _newest_of_each_lineage(manifests: list[Manifest]) -> list[Manifest]:
    found: dict[str, Manifest] = {}
    for manifest in manifests:
        found.setdefault(manifest.lineage, manifest)
    return list(found.values())
