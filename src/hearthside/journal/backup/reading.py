"""Reading a backup: its runs from the newest back, and what each consists of, every byte proved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hearthside.errors import HearthsideError, NeedsPerson, Refused
from hearthside.identity import sealed_stream
from hearthside.journal.backup import segments
from hearthside.journal.backup.keyring_copy import AdapterCopy, KeyringCopy, read_copy
from hearthside.journal.backup.layout import (
    HEADS,
    MEDIA,
    Changes,
    Manifest,
    Sealer,
    Segment,
    is_damage,
    media_name,
    time_of,
)
from hearthside.journal.backup.media_lists import MediaCopy, read_list
from hearthside.journal.backup.target import Target
from hearthside.journal.sealing import SealedRow

_CACHED = 4  # changed objects kept decoded; each is at most 8 MiB


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A run whose head is damaged."""

    name: str
    message: str


class ObjectDamaged(Refused):
    """An object of the backup is missing or damaged; `name` says which."""

    def __init__(self, name: str, what: str) -> None:
        said = Refused(
            "backup-object-damaged",
            f"The backup's {name} is damaged or missing ({what.rstrip('.')}). Nothing of it was used."
            " A check of the backup says what else is; a run can store it anew.",
        )
        super().__init__(said.code, said.message)
        self.name = name


class BackupReader:
    """Reads what lies at a target."""

    def __init__(self, target: Target, sealer: Sealer) -> None:
        self.target, self._sealer = target, sealer
        self._decoded: dict[str, list[SealedRow]] = {}
        self.bytes_read = 0

    def head_names(self) -> list[str]:
        """Heads of complete runs, the newest first."""
        return sorted((o.name for o in self.target.list(HEADS) if time_of(o.name) is not None), reverse=True)

    def manifest(self, name: str) -> Manifest | Unreadable:
        """The manifest under a name; a damaged one is a value."""
        try:
            return self._sealer.read_manifest(name, self._get(name))
        except HearthsideError as error:
            if not is_damage(error):
                raise
            return Unreadable(name, f"The backup's {name} cannot be read. {error.message}")

    def manifests(self) -> Iterator[Manifest | Unreadable]:
        """Every complete run, the newest first."""
        for name in self.head_names():
            yield self.manifest(name)

    def content(self, name: str) -> bytes:
        """What an object sealed by `Sealer.seal` under its own name holds.

        Raises:
            ObjectDamaged: it is missing or damaged.
        """
        try:
            return self._sealer.open(name, self._get(name))
        except (Refused, NeedsPerson) as error:
            if isinstance(error, ObjectDamaged) or not is_damage(error):
                raise
            raise ObjectDamaged(name, error.message) from error

    def adapter(self, copy: AdapterCopy) -> bytes:
        """A file of the adapter registry.

        Raises:
            ObjectDamaged: it is missing or damaged.
        """
        try:
            return sealed_stream.open_bytes(self._get(copy.name), copy.key, bytes(32))
        except (Refused, NeedsPerson) as error:
            if isinstance(error, ObjectDamaged) or not is_damage(error):
                raise
            raise ObjectDamaged(copy.name, error.message) from error

    def keyring(self, manifest: Manifest) -> KeyringCopy:
        """The keyring of a run, from the first of its copies that is whole.

        Raises:
            ObjectDamaged: none is.
        """
        problem: Refused | None = None
        for kept in manifest.keyrings:
            try:
                return read_copy(self.content(kept.name), kept.name)
            except Refused as error:
                problem = problem or error
        raise problem or ObjectDamaged("keyring", "the run has none")

    def media(self, manifest: Manifest) -> dict[tuple[str, str], MediaCopy]:
        """By (address, suffix) all media files that the runs up to this one put there, forgotten ones too.

        Raises:
            ObjectDamaged: a list is.
        """
        found: dict[tuple[str, str], MediaCopy] = {}
        for kept in manifest.media_lists:
            for copy in read_list(self.content(kept.name), kept.name):
                found[copy.address, copy.suffix] = copy
        return found

    def media_there(self) -> dict[tuple[str, str], MediaCopy]:
        """Like `media`, by what lies there: for when a list is damaged; it cannot tell what is missing."""
        found: dict[tuple[str, str], MediaCopy] = {}
        for stored in self.target.list(MEDIA):
            address, _, suffix = stored.name.rpartition("/")[2].partition("-")
            if media_name(address, suffix) == stored.name:
                found[address, suffix] = MediaCopy(address, suffix, stored.size)
        return found

    def years(self, manifest: Manifest) -> list[int]:
        """The years a run has rows of."""
        return sorted({segment.year for segment in manifest.segments})

    def rows(self, manifest: Manifest, year: int, first: int = 1, last: int = 2**62) -> Iterator[SealedRow]:
        """Rows of a year by position, as they were at the end of the run.

        Raises:
            ObjectDamaged: an object is.
        """
        changes = [c for c in manifest.changes if c.year == year]
        for segment in sorted((s for s in manifest.segments if s.year == year), key=lambda s: s.first):
            if segment.last < first or segment.first > last:
                continue
            later = self._later(segment, changes)
            for row in segments.decode(self.content(segment.name), segment.name):
                if first <= row.seq <= last:
                    yield later.get(row.seq, row)

    def _later(self, segment: Segment, changes: list[Changes]) -> dict[int, SealedRow]:
        """Rows of a segment that changed after it was written, in their latest form."""
        found: dict[int, SealedRow] = {}
        for change in sorted(changes, key=lambda c: c.upto):
            if change.upto > segment.mark and change.first <= segment.last and change.last >= segment.first:
                rows = self._changed(change.name)
                found.update((row.seq, row) for row in rows if segment.first <= row.seq <= segment.last)
        return found

    def _changed(self, name: str) -> list[SealedRow]:
        if name not in self._decoded:
            while len(self._decoded) >= _CACHED:
                self._decoded.pop(next(iter(self._decoded)))
            self._decoded[name] = segments.decode(self.content(name), name)
        return self._decoded[name]

    def _get(self, name: str) -> bytes:
        content = self.target.get(name)
        self.bytes_read += len(content)
        return content
