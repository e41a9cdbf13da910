"""The drill: a backup is restored into a scratch folder and compared with the live journal, so that it is proved."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import apsw

from hearthside.errors import HearthsideError, RetryLater
from hearthside.events import Json
from hearthside.identity.durable import sync_folder
from hearthside.journal.backup.layout import address_key, head_name
from hearthside.journal.backup.restore import RestoreReport, restore, restore_into
from hearthside.journal.backup.run import Source
from hearthside.journal.backup.storing import Progress
from hearthside.journal.backup.target import Target
from hearthside.journal.journal import Journal
from hearthside.journal.media import MediaStore

_FOLDER = "drill"


@dataclass(frozen=True, slots=True)
class DrillReport:
    """What a drill proved.

    Attributes:
        ok: everything came back as it is.
        place: the target in words.
        problems: in words; empty when ok.
        head: name of the run that was restored, for `back_up(proven=...)`; "" when none could be.
        head_at_ms: when that run was made, UTC milliseconds; what came after it would be lost today.
        seq: records restored.
        media: media files restored, each byte and the keyed hash of the whole compared.
        bytes: read from the target.
        duration_ms: how long it took: what a restore takes on this machine.
        by_words: the paper key's words were typed in, so these are proved too.
    """

    ok: bool
    place: str
    problems: tuple[str, ...]
    head: str
    head_at_ms: int
    seq: int
    media: int
    bytes: int
    duration_ms: int
    by_words: bool

    def payload(self) -> dict[str, Json]:
        """For the event of kind ``drill``."""
        return {
            "ok": self.ok, "place": self.place, "problems": list(self.problems), "head": self.head,
            "head_at_ms": self.head_at_ms, "seq": self.seq, "media": self.media, "bytes": self.bytes,
            "duration_ms": self.duration_ms, "by_words": self.by_words,
        }  # fmt: skip


def _nothing(what: str, done: int, total: int) -> None:
    """No progress wanted."""


def drill(
    source: Source,
    target: Target,
    scratch: Path,
    clock: Callable[[], int],
    *,
    words: str | None = None,
    progress: Progress = _nothing,
) -> DrillReport:
    """Restore the newest run into a scratch folder by the code of a real restore, look at everything, remove it.

    Args:
        scratch: a folder with room for the whole vault; ``drill`` in it is made and removed.
        words: of the paper key, to prove these too; without them the vault's own keys open the backup.

    Raises:
        RetryLater: the target is away or the scratch disk full; that proves nothing about the backup.
    """
    begun = clock()
    folder = scratch / _FOLDER
    _remove(folder)  # of a drill that was cut off
    try:
        report, problems = _restored(source, target, folder, words, progress)
        if report is not None:
            problems += _compare(source, report, clock)
    except (OSError, apsw.Error) as error:
        raise RetryLater(
            "drill-no-room",
            f"The drill could not write to {scratch} ({type(error).__name__}); nothing was proved, and the backup was"
            " not touched. Make room there, or choose another folder.",
        ) from error
    finally:
        _remove(folder)
    return DrillReport(
        ok=report is not None and not problems,
        place=target.title,
        problems=tuple(problems),
        head=head_name(report.head) if report else "",
        head_at_ms=report.head.at_ms if report else 0,
        seq=report.head.seq if report else 0,
        media=report.media if report else 0,
        bytes=report.bytes if report else 0,
        duration_ms=clock() - begun,
        by_words=words is not None,
    )


def _restored(
    source: Source, target: Target, folder: Path, words: str | None, progress: Progress
) -> tuple[RestoreReport | None, list[str]]:
    try:
        if words is None:
            report = restore_into(replace(source.vault, folder=folder), target, progress=progress)
        else:
            report = restore(target, words, folder, key_file=folder / "key", progress=progress)
    except RetryLater:
        raise
    except HearthsideError as error:
        return None, [error.message]
    # Whatever had to be passed over is a fault of the backup, although a restore got through.
    return report, list(report.notes)


def _compare(source: Source, report: RestoreReport, clock: Callable[[], int]) -> list[str]:
    """Everything that is not as in the live vault."""
    problems = []
    vault, head = report.vault, report.head
    if source.journal.chain_at(head.seq) != head.chain:
        problems.append(f"The live journal has another course than the backup's {head.seq:,} records.")
    if report.unopened:
        problems.append(f"{report.unopened:,} records of the backup have no key, though they were not forgotten.")
    journal = Journal(vault.folder, vault.key("journal"), clock)
    try:
        if journal.head().chain != head.chain:
            problems.append("The restored journal does not end where the signed head says.")
        looked = journal.verify()
        problems += [f"Restored {fault.where}: {fault.what}." for fault in looked.faults]
        media = MediaStore(vault.folder / "media", address_key(vault, journal.keyring), journal.keyring)
        problems += [f"Restored media {fault.address}: {fault.message}" for fault in media.verify()]
    finally:
        journal.close()
    return problems


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
        sync_folder(folder.parent)
