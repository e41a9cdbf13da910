"""One run of a backup: what is new goes to the target, the signed head last; without news nothing is written."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import apsw
import orjson

from hearthside.errors import RetryLater
from hearthside.events import DAY_MS
from hearthside.identity.durable import write_private
from hearthside.identity.sealed_stream import sealed_size
from hearthside.identity.vault import Vault
from hearthside.journal.backup.files_out import (
    back_up_adapters,
    back_up_media,
    back_up_recovery,
    back_up_settings,
)
from hearthside.journal.backup.keyring_copy import KeyringCopy, write_copy
from hearthside.journal.backup.layout import COPIES, KEYRINGS, MEDIA, Kept, Manifest, Sealer, head_name, time_of
from hearthside.journal.backup.reading import BackupReader, ObjectDamaged, Unreadable
from hearthside.journal.backup.retention import Keep, erase_keyrings, erase_old_runs, kept_times
from hearthside.journal.backup.rows_out import back_up_rows
from hearthside.journal.backup.storing import Progress, Stopped, Store
from hearthside.journal.backup.target import Target, check_vault
from hearthside.journal.heads import SignedHead
from hearthside.journal.journal import Journal
from hearthside.journal.media import MediaStore

LINEAGE_FILE = "backup-lineage"
"""Holds a random name; a new one says that the marks of `changed` count from somewhere else (restored, repaired)."""

_LOCK = "backup.lock"


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up, opened."""

    vault: Vault
    journal: Journal
    media: MediaStore


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a run did.

    Attributes:
        complete: False when it was stopped; the next run goes on where it was.
        head: of the newest complete run; None when there is none yet.
        objects: how many were stored; 0 when there was nothing to do.
        bytes: of these.
        records: rows stored.
        media: files stored.
        forgot: something was forgotten since the last run, so earlier copies of the keyring were to be erased.
        erased: old objects erased by the rules of retention.
        problems: in words for the person; what is not mentioned is in the backup.
    """

    complete: bool
    head: SignedHead | None
    objects: int = 0
    bytes: int = 0
    records: int = 0
    media: int = 0
    forgot: bool = False
    erased: int = 0
    problems: tuple[str, ...] = ()


def _nothing(what: str, done: int, total: int) -> None:
    """No progress wanted."""


def back_up(
    source: Source,
    target: Target,
    clock: Callable[[], int],
    *,
    progress: Progress = _nothing,
    stop: Callable[[], bool] = lambda: False,
    pause: Callable[[], None] = lambda: None,
    keep: Keep | None = None,
    mend: Collection[str] = (),
    proven: Collection[str] = (),
) -> BackupReport:
    """Bring the backup at a target up to date.

    Everything else goes on meanwhile. Cut off anywhere, the runs before are whole, and the next run uses what was
    stored. Several targets are independent of each other.

    Args:
        clock: UTC milliseconds.
        stop: asked between objects; the run then ends incomplete.
        pause: called between objects; may wait (the person is busy, the disk is).
        mend: names of damaged objects, as `verify_target` gives them; they are stored anew from the vault.
        proven: names of heads that a drill has proved; see `erase_old_runs`.

    Raises:
        Refused: the target holds another vault's backup.
        RetryLater: the target is away, or another process is making a backup; nothing was lost.
        NeedsPerson: the target was never prepared, or the journal is damaged; the runs before are untouched.
    """
    with alone(source.vault.folder):
        check_vault(target.vault(), source.vault.id, target.title)
        try:
            return _Run(source, target, clock(), progress, stop, pause, keep or Keep(), frozenset(mend), proven).run()
        except (OSError, apsw.Error) as error:
            raise RetryLater(
                "backup-source-unreadable",
                f"A file of the vault cannot be read for the backup ({type(error).__name__}); the runs before are"
                " untouched. Check the disk of the vault.",
            ) from error


@contextmanager
def alone(vault: Path) -> Iterator[None]:
    """Only one process at a time makes backups of a vault.

    Raises:
        RetryLater: another one does.
    """
    descriptor = os.open(vault / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RetryLater(
                "backup-running", "A backup of this vault is being made already; nothing was changed. Try again later."
            ) from error
        yield
    finally:
        os.close(descriptor)


def new_lineage(vault: Path) -> str:
    """Begin another lineage: the next run looks at every row anew."""
    name = secrets.token_hex(8)
    write_private(vault / LINEAGE_FILE, orjson.dumps({"lineage": name}))
    return name


def lineage_of(vault: Path) -> str:
    """The lineage of a vault's year files, begun when there is none."""
    try:
        return str(orjson.loads((vault / LINEAGE_FILE).read_bytes())["lineage"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return new_lineage(vault)


class _Run:
    """One run; see `back_up`."""

    def __init__(
        self,
        source: Source,
        target: Target,
        now_ms: int,
        progress: Progress,
        stop: Callable[[], bool],
        pause: Callable[[], None],
        keep: Keep,
        mend: frozenset[str],
        proven: Collection[str],
    ) -> None:
        self.source, self.target, self.now_ms, self.progress = source, target, now_ms, progress
        self.keep, self.mend, self.proven = keep, mend, proven
        self.sealer = Sealer(source.vault)
        self.reader = BackupReader(target, self.sealer)
        self.problems: list[str] = []
        names = self.reader.head_names()
        newest = (time_of(names[0]) or 0) if names else 0
        self.at_ms = max(now_ms, newest + 1)  # also when the clock was set back: the newest run has the latest time
        salt = self.at_ms.to_bytes(8, "big")
        self.store = Store(target, self.sealer, salt, stop, pause)
        self.last = self._last(names)
        self.diverged = False
        times = kept_times([at for at in map(time_of, names) if at is not None], now_ms, keep)
        self.heads = tuple(name for name in names if time_of(name) in times)

    def run(self) -> BackupReport:
        """Do it."""
        try:
            return self._complete()
        except Stopped:
            head = self.last.head if self.last else None
            return BackupReport(
                False, head, self.store.objects, self.store.bytes, problems=tuple(dict.fromkeys(self.problems))
            )

    def _complete(self) -> BackupReport:
        head = self.sealer.signer.sign(self.source.journal, self.at_ms)
        before = self._continued(head)
        rows = back_up_rows(self.source.journal, self.store, before, head, self.mend, self.progress)
        earlier = self._earlier_keyring()
        keys = KeyringCopy(rows.snapshot, earlier.adapters if earlier else ())
        media_keys = keys.media_keys()
        media = back_up_media(
            self.source.media, media_keys, self.store, self.reader, self.last, self.mend, self.progress
        )
        self.problems += media.problems
        folder = self.source.vault.folder
        keys = replace(
            keys, adapters=tuple(back_up_adapters(folder / "adapters", self.store, keys.adapters, self.mend))
        )
        recovery, recovery_digest, problem = back_up_recovery(
            self.source.vault, self.store, self.last, self.at_ms, self.mend
        )
        self.problems += [problem] if problem else []
        settings, settings_digest = back_up_settings(folder, self.store, self.last, self.mend)
        made = Manifest(
            head,
            lineage_of(folder),
            self.source.vault.generation,
            segments=rows.segments,
            changes=rows.changes,
            marks=rows.marks,
            media_lists=media.lists,
            media_digest=media.digest,
            media_count=media.count,
            media_bytes=media.bytes,
            keyring_digest=hashlib.sha256(write_copy(keys)).hexdigest(),
            settings=settings,
            settings_digest=settings_digest,
            recovery=recovery,
            recovery_digest=recovery_digest,
            heads=self.heads,
        )
        return self._settle(made, keys, earlier, rows.new, media.new)

    def _settle(
        self, made: Manifest, keys: KeyringCopy, earlier: KeyringCopy | None, records: int, media: int
    ) -> BackupReport:
        """Store the keyring and, last, the head; unless all is as it was."""
        last = self.last
        due = last is None or self._renewal_due(last)
        same_keys = last is not None and made.keyring_digest == last.keyring_digest and not self._mends_keyring(last)
        # Without the earlier keyring nobody knows what was forgotten since, so its copies go in any case.
        lost = last is not None and not same_keys and (earlier is None or keys.lacks(earlier))
        forgot = (lost and not self.diverged) or (last is not None and made.generation != last.generation)
        made = replace(
            made,
            adapters=tuple(Kept(copy.name, sealed_size(copy.size)) for copy in keys.adapters),
            purged_ms=self.at_ms if forgot else (last.purged_ms if last else 0),
            keyrings=last.keyrings if last and same_keys and not forgot and not due else (),
            renewed_ms=self.at_ms if due or last is None else last.renewed_ms,
        )
        if last is not None and made.keyrings and _same(made, last):
            erase_keyrings(self.target, last, self.now_ms, self.keep)
            return BackupReport(True, last.head, problems=tuple(dict.fromkeys(self.problems)))
        if not made.keyrings:
            content = write_copy(keys)
            stem = f"{self.at_ms:015}"
            made = replace(
                made,
                keyrings=tuple(self.store.seal(KEYRINGS, stem, f"-{copy}.keys", content) for copy in COPIES),
            )
        if due and last is not None:
            self._renew(made)
        self.store.put(*self.sealer.write_manifest(made))
        erased = self._erase(made, keys, forgot)
        return BackupReport(
            True,
            made.head,
            self.store.objects,
            self.store.bytes,
            records,
            media,
            forgot,
            erased,
            tuple(dict.fromkeys(self.problems)),
        )

    def _last(self, names: list[str]) -> Manifest | None:
        """The newest run that is whole."""
        for name in names:
            found = self.reader.manifest(name)
            if not isinstance(found, Unreadable):
                return found
            self.problems.append(found.message)
        return None

    def _continued(self, head: SignedHead) -> Manifest | None:
        """The run this one adds to; None when every row is to be looked at."""
        if self.last is None:
            return None
        if self.source.journal.chain_at(self.last.head.seq) != self.last.head.chain:
            self.diverged = True
            self.problems.append(
                f"The {self.target.title} holds {self.last.head.seq:,} records of another course of this journal, which"
                " has been put back from an earlier time since. They stay there; this run began anew beside them."
            )
            return None
        return self.last if self.last.lineage == lineage_of(self.source.vault.folder) else None

    def _earlier_keyring(self) -> KeyringCopy | None:
        if self.last is None:
            return None
        try:
            return self.reader.keyring(self.last)
        except ObjectDamaged as error:
            self.problems.append(error.message)
            return None

    def _mends_keyring(self, last: Manifest) -> bool:
        return any(kept.name in self.mend for kept in last.keyrings)

    def _renewal_due(self, last: Manifest) -> bool:
        """Whether half of the time is over for which the target promised to keep what is here."""
        until = self.target.kept_until_ms(head_name(last.head))
        if until is None:
            return False
        return self.now_ms - last.renewed_ms > (until - last.head.at_ms) // 2

    def _renew(self, made: Manifest) -> None:
        """Have the promise renewed for everything but keyrings, which are to expire."""
        names = [kept.name for kept in made.objects() if not kept.name.startswith(KEYRINGS)]
        try:
            names += [copy.name for copy in self.reader.media(made).values()]
        except ObjectDamaged as error:
            self.problems.append(error.message)
        for done, name in enumerate(names, start=1):
            self.store.wait()
            self.target.renew(name)
            self.progress("renewed", done, len(names))

    def _erase(self, made: Manifest, keys: KeyringCopy, forgot: bool) -> int:
        left = erase_keyrings(self.target, made, self.now_ms, self.keep)
        if left and forgot:
            self.problems.append(
                f"The {self.target.title} does not erase {len(left):,} earlier copies of the keyring, so who has this"
                " vault's key could still read there what was forgotten, until they expire."
            )
        if self.mend:
            used = {kept.name for kept in made.objects()}
            # Media were replaced in place; all else has a new name now, and the damaged one is of no use.
            self.store.remove(sorted(name for name in self.mend - used if not name.startswith(MEDIA)))
        last = self.last
        new_day = last is None or last.head.at_ms // DAY_MS != made.head.at_ms // DAY_MS
        if new_day or forgot or self.mend or (last is not None and last.recovery != made.recovery):
            try:
                return erase_old_runs(self.reader, made, keys, self.now_ms, self.keep, self.proven)
            except ObjectDamaged as error:  # what is used cannot be told, so nothing is erased
                self.problems.append(error.message)
        return 0


def _same(made: Manifest, last: Manifest) -> bool:
    same_head = (made.head.seq, made.head.chain) == (last.head.seq, last.head.chain)
    return same_head and replace(made, head=last.head, heads=last.heads) == last
