"""Restoring a vault on a clean machine from a backup and the words of the paper key alone.

Until the last step the new journal carries the mark of an unfinished restore, so that nobody uses half of one; cut off
anywhere, the same call begins again. A run that is damaged is passed over for the one before it, and that is said.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.identity.durable import write_private
from hearthside.identity.vault import Vault, open_vault, restore_vault, vault_exists
from hearthside.journal import files
from hearthside.journal.backup.files_out import BESIDE
from hearthside.journal.backup.keyring_copy import KeyringCopy
from hearthside.journal.backup.layout import RECOVERY, Manifest, Sealer, address_key, is_damage, media_suffix
from hearthside.journal.backup.media_lists import MediaCopy
from hearthside.journal.backup.reading import BackupReader, ObjectDamaged, Unreadable
from hearthside.journal.backup.run import new_lineage
from hearthside.journal.backup.storing import Progress
from hearthside.journal.backup.target import Target, check_vault
from hearthside.journal.heads import SignedHead
from hearthside.journal.media import MediaStore
from hearthside.journal.restoring import Restoring
from hearthside.journal.sealing import SealedRow

_DAMAGED_ROWS = ("journal-damaged", "restore-gap", "restore-altered", "restore-chain-differs", "backup-object-missing")
_DOWNLOAD = "restoring.part"


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored.

    Attributes:
        vault: opened, with everything in place.
        head: the end of the chain that was restored, signed by the vault; `head.code` can be held against paper.
        records: rows, those without content included.
        forgotten: rows without content: forgotten before the backup, or since.
        unopened: of these, rows that the backup holds but its keyring cannot open; 0 in a sound backup.
        media: files put in place and proved.
        media_missing: addresses of files that are damaged or missing at the target.
        adapters: files of the adapter registry put in place.
        bytes: read from the target.
        notes: in words: what was passed over, and why.
    """

    vault: Vault
    head: SignedHead
    records: int
    forgotten: int
    unopened: int
    media: int
    media_missing: tuple[str, ...]
    adapters: int
    bytes: int
    notes: tuple[str, ...]


def _nothing(what: str, done: int, total: int) -> None:
    """No progress wanted."""


def restore(
    target: Target,
    words: str,
    folder: Path,
    *,
    passphrase: str | None = None,
    key_file: Path | None = None,
    at_ms: int | None = None,
    now_ms: int | None = None,
    progress: Progress = _nothing,
) -> RestoreReport:
    """Make the vault anew in a folder that holds none; needs the target and the paper key's 24 words, nothing else.

    Args:
        passphrase: for the new vault; or
        key_file: for the new vault (made when it does not exist).
        at_ms: as it was at this time, less what was forgotten since; None: the newest.
        now_ms: the present, UTC milliseconds.

    Raises:
        NeedsPerson: the words are wrong, or no run of the backup is whole. What was made stays marked unfinished.
        Refused: the folder holds a vault or a journal already.
        RetryLater: the target is away; the same call goes on later.
    """
    vault, notes = _vault_of(target, words, folder, passphrase, key_file, now_ms)
    return restore_into(vault, target, at_ms=at_ms, notes=notes, progress=progress)


def restore_into(
    vault: Vault,
    target: Target,
    *,
    at_ms: int | None = None,
    notes: Sequence[str] = (),
    progress: Progress = _nothing,
) -> RestoreReport:
    """Restore the content of an opened vault whose folder holds none yet; see `restore`."""
    check_vault(target.vault(), vault.id, target.title)
    try:
        return _Restore(vault, target, list(notes), progress).run(at_ms)
    except (OSError, apsw.Error) as error:
        raise RetryLater(
            "restore-disk-failed",
            f"The disk of {vault.folder} refused ({type(error).__name__}): it may be full. The backup is untouched, and"
            " what was restored so far is marked as unfinished. Make room and restore again.",
        ) from error


def _vault_of(
    target: Target, words: str, folder: Path, passphrase: str | None, key_file: Path | None, now_ms: int | None
) -> tuple[Vault, list[str]]:
    """The vault in the folder, from the newest recovery document that the words open."""
    mark = folder / "journal" / files.RESTORING
    if vault_exists(folder) and mark.exists():
        return open_vault(folder, words=words), []
    if vault_exists(folder) or files.year_files(folder / "journal") or (folder / "journal.db").exists():
        raise Refused("restore-not-empty", f"{folder} holds a vault already; nothing was changed.")
    names = sorted((found.name for found in target.list(RECOVERY)), reverse=True)
    if not names:
        raise NeedsPerson(
            "recovery-missing",
            f"The {target.title} has no recovery document, so the paper key cannot open it; nothing was made. With the"
            " vault.json of the old machine and its passphrase or key file it still opens.",
        )
    notes: list[str] = []
    first: HearthsideError | None = None
    for name in names:
        try:
            document = target.get(name)
            # Before vault.json: a restore that is cut off must not leave what looks like an empty new vault.
            write_private(mark, b"")
            vault = restore_vault(document, words, folder, passphrase=passphrase, key_file=key_file, now_ms=now_ms)
        except NeedsPerson as error:
            first = first or error
            if error.code not in ("recovery-damaged", "paper-key-wrong", "backup-object-missing"):
                break
            notes.append(f"{name} was passed over: {error.message}")
            continue
        except Refused as error:
            first = error
            break
        return vault, notes
    mark.unlink(missing_ok=True)
    assert first is not None  # there is always at least one document
    raise first


@dataclass(slots=True)
class _Counted:
    """What went by while rows were restored."""

    forgotten: int = 0
    unopened: int = 0


class _Restore:
    """One restore; see `restore`."""

    def __init__(self, vault: Vault, target: Target, notes: list[str], progress: Progress) -> None:
        self.vault, self.target, self.notes, self.progress = vault, target, notes, progress
        self.reader = BackupReader(target, Sealer(vault))
        self.bad: set[str] = set()

    def run(self, at_ms: int | None) -> RestoreReport:
        """Restore the newest run that is whole and not later than a time."""
        whole = []
        for manifest in self.reader.manifests():
            if isinstance(manifest, Unreadable):
                self.notes.append(manifest.message)
            else:
                whole.append(manifest)
        wanted = [m for m in whole if at_ms is None or m.head.at_ms <= at_ms]
        for run in wanted:
            # The latest state of the same rows, so that what was forgotten since stays forgotten; else its own.
            for state in [m for m in whole if m.lineage == run.lineage and m.head.at_ms >= run.head.at_ms]:
                if self.bad.isdisjoint(_rows_needed(state, run.head.seq)):
                    report = self._attempt(run, state)
                    if report is not None:
                        return report
        raise NeedsPerson(
            "restore-none-whole",
            f"No run in the {self.target.title} is whole, so nothing was restored. Use another backup. What was found: "
            + (" ".join(self.notes) or "no run at all."),
        )

    def _attempt(self, run: Manifest, state: Manifest) -> RestoreReport | None:
        """Restore the rows of a run in the state of a later one; None when something of it is damaged."""
        try:
            return self._restore(run, state)
        except ObjectDamaged as error:
            self.bad.add(error.name)
            problem: HearthsideError = error
        except NeedsPerson as error:
            if error.code not in _DAMAGED_ROWS:
                raise
            problem = error
        self.notes.append(f"The run of record {state.head.seq:,} was passed over: {problem.message}")
        return None

    def _restore(self, run: Manifest, state: Manifest) -> RestoreReport:
        keys = self.reader.keyring(state)
        mark = self.vault.folder / "journal" / files.RESTORING
        write_private(mark, b"")
        made = Restoring(self.vault.folder, self.vault.key("journal"), keys.snapshot)
        try:
            counted = self._rows(made, run, state, keys.day_keys())
            media, missing = self._media(made, state, keys)
        except BaseException:
            made.keyring.close()
            raise
        adapters = self._adapters(keys)
        self._settings(state)
        new_lineage(self.vault.folder)
        head = made.finish(run.head.chain)
        return RestoreReport(
            self.vault,
            run.head,
            head.seq,
            counted.forgotten,
            counted.unopened,
            media,
            missing,
            adapters,
            self.reader.bytes_read,
            tuple(self.notes),
        )

    def _rows(self, made: Restoring, run: Manifest, state: Manifest, keys: Collection[int]) -> _Counted:
        counted = _Counted()

        def seen(row: SealedRow) -> SealedRow:
            opens = row.sealed is not None and row.key_id in keys
            counted.forgotten += not opens
            counted.unopened += row.sealed is not None and not opens
            if row.seq % 1000 == 0 or row.seq == run.head.seq:
                self.progress("records", row.seq, run.head.seq)
            return row

        chain = None
        for year in self.reader.years(state):
            rows = (seen(row) for row in self.reader.rows(state, year, last=run.head.seq))
            chain = made.add_sealed(year, rows).chain
        if chain is not None and chain != run.head.chain:  # said before the media come
            raise NeedsPerson(
                "restore-chain-differs", "Its records do not make the chain that was signed; nothing of it was used."
            )
        return counted

    def _media(self, made: Restoring, state: Manifest, keys: KeyringCopy) -> tuple[int, tuple[str, ...]]:
        store = MediaStore(self.vault.folder / "media", address_key(self.vault, made.keyring), made.keyring)
        there = keys.media_keys()
        try:
            listed = self.reader.media(state)
        except ObjectDamaged as error:
            self.notes.append(error.message)
            listed = self.reader.media_there()
        wanted = sorted(copy for (address, suffix), copy in listed.items() if _opens(there, address, suffix))
        missing = []
        for done, copy in enumerate(wanted, start=1):
            if store.check(copy.address) is not None and not fetch_media(self.target, copy, store, self.vault.folder):
                missing.append(copy.address)
                self.notes.append(f"Media file {copy.address} is damaged or missing in this backup.")
            self.progress("media", done, len(wanted))
        return len(wanted) - len(missing), tuple(missing)

    def _adapters(self, keys: KeyringCopy) -> int:
        """The registry's list last, so that it never names what is not there."""
        count = 0
        for copy in sorted(keys.adapters, key=lambda c: (c.file == "registry.sealed", c.file)):
            try:
                content = self.reader.adapter(copy)
            except ObjectDamaged as error:
                self.notes.append(error.message)
                continue
            write_private(self.vault.folder / "adapters" / copy.file, content)
            count += 1
        return count

    def _settings(self, state: Manifest) -> None:
        for kept in state.settings:
            name = BESIDE.get(Path(kept.name).suffix)
            if name is None:  # of a later Hearthside
                continue
            try:
                content = self.reader.content(kept.name)
            except ObjectDamaged as error:
                self.notes.append(error.message)
                continue
            write_private(self.vault.folder / name, content)


def fetch_media(target: Target, copy: MediaCopy, store: MediaStore, folder: Path) -> bool:
    """Bring one media file from a target into the store, proved; False when the copy is damaged or missing."""
    part = folder / _DOWNLOAD
    try:
        with part.open("wb") as file:
            part.chmod(0o600)
            for piece in target.open(copy.name):
                file.write(piece)
        store.adopt(copy.address, part)
    except (NeedsPerson, Refused) as error:
        if not is_damage(error) and not (isinstance(error, NeedsPerson) and error.code == "media-copy-damaged"):
            raise
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def _opens(keys: dict[str, bytes], address: str, suffix: str) -> bool:
    return address in keys and media_suffix(keys[address]) == suffix


def _rows_needed(manifest: Manifest, upto: int) -> set[str]:
    needed = {segment.name for segment in manifest.segments if segment.first <= upto}
    return needed | {change.name for change in manifest.changes if change.first <= upto}
