"""How a backup stands, for the health page: read from the target, quick, and never raising for what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hearthside.errors import HearthsideError
from hearthside.journal.backup.folder import FolderTarget
from hearthside.journal.backup.layout import KEYRINGS, Manifest, Sealer, time_of
from hearthside.journal.backup.reading import BackupReader, Unreadable
from hearthside.journal.backup.run import Source
from hearthside.journal.backup.target import Target, check_vault
from hearthside.journal.heads import SignedHead


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """How the backup at one target stands.

    Attributes:
        title: the place in words.
        head: of the newest complete run; None when there is none, or it cannot be read now.
        records_behind: records that only the vault has.
        changes_behind: something was forgotten since the newest run, which the next run carries there.
        bytes: that the newest run takes there.
        media: files in it.
        problem: in words for the person; "" when all is well.
        same_disk: the backup lies on the disk of the vault, so that one broken disk would take both.
        old_keyrings: copies of the keyring there from before something was last forgotten.
        old_keyrings_until_ms: when the target lets the last of them go, UTC milliseconds; None: there is none, or the
            target does not say (then until somebody erases them).
    """

    title: str
    head: SignedHead | None = None
    records_behind: int = 0
    changes_behind: bool = False
    bytes: int = 0
    media: int = 0
    problem: str = ""
    same_disk: bool = False
    old_keyrings: int = 0
    old_keyrings_until_ms: int | None = None


def status(source: Source, target: Target) -> TargetStatus:
    """How the backup of a vault at a target stands."""
    found = TargetStatus(target.title, records_behind=source.journal.head().seq)
    try:
        check_vault(target.vault(), source.vault.id, target.title)
        found = replace(found, same_disk=_same_disk(source, target))
        return _read(source, target, found)
    except HearthsideError as error:
        return replace(found, problem=error.message)


def _read(source: Source, target: Target, found: TargetStatus) -> TargetStatus:
    reader = BackupReader(target, Sealer(source.vault))
    problem = ""
    for manifest in reader.manifests():
        if isinstance(manifest, Unreadable):
            problem = problem or manifest.message
            continue
        return _of_run(source, target, manifest, replace(found, problem=problem))
    return replace(found, problem=problem or "There is no complete run yet.")


def _of_run(source: Source, target: Target, manifest: Manifest, found: TargetStatus) -> TargetStatus:
    journal, head = source.journal, manifest.head
    problem = found.problem
    if journal.chain_at(head.seq) != head.chain:
        problem = problem or (
            "It holds records that this journal does not have: it was put back from earlier, or altered."
        )
    marks = {year: journal.changed_upto(year) for year, first, _ in journal.years() if first <= head.seq}
    old, until = _old_keyrings(target, manifest)
    return replace(
        found,
        head=head,
        records_behind=max(0, journal.head().seq - head.seq),
        changes_behind=marks != manifest.marks,
        bytes=manifest.bytes,
        media=manifest.media_count,
        problem=problem,
        old_keyrings=old,
        old_keyrings_until_ms=until,
    )


def _old_keyrings(target: Target, manifest: Manifest) -> tuple[int, int | None]:
    names = [one.name for one in target.list(KEYRINGS)]
    old = [name for name in names if (time_of(name) or 0) < manifest.purged_ms]
    until = [target.kept_until_ms(name) for name in old]
    known = [time for time in until if time is not None]
    return len(old), max(known) if known and len(known) == len(old) else None


def _same_disk(source: Source, target: Target) -> bool:
    return isinstance(target, FolderTarget) and target.same_disk_as(source.vault.folder)
