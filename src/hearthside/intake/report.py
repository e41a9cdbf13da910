"""What an import did: per file read, new, duplicate and rejected records, and the exit status that says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

_REASONS_KEPT = 20  # different reasons named per file; a wrong file has as many as it has lines
OTHER_REASONS = "other reasons"


class Outcome(StrEnum):
    """What became of a file."""

    TAKEN = "taken"  # recognised and read to its end; single records may have been rejected
    STOPPED = "stopped"  # the person stopped the import inside this file; importing again goes on
    PAUSED = "paused"  # its source is paused: nothing more was taken, the file stays
    NOT_DATA = "not data"  # a note that comes with data (README, SOURCE.txt, a licence)
    EMPTY = "empty"
    UNKNOWN = "not recognised"
    UNREADABLE = "unreadable"


@dataclass(slots=True)
class FileReport:
    """One file. Records are the source's own (a line, a message, a night), however many journal records one makes.

    Attributes:
        path: the file; for a member of an archive the archive's path and the member's name.
        source: name of the source that read it, or "".
        title: what a person calls that source, or "".
        read: records seen: new + duplicate + rejected.
        new: records of which the journal did not have every part.
        duplicate: records the journal had already.
        rejected: records that were refused, each with a reason and kept in the journal's quarantine.
        reasons: how many records were rejected for each reason.
        note: one plain sentence where the counts do not say it all.
    """

    path: Path
    source: str = ""
    title: str = ""
    outcome: Outcome = Outcome.TAKEN
    read: int = 0
    new: int = 0
    duplicate: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    note: str = ""

    def count_rejected(self, reason: str) -> None:
        """One record more that was refused."""
        self.read += 1
        self.rejected += 1
        named = reason if reason in self.reasons or len(self.reasons) < _REASONS_KEPT else OTHER_REASONS
        self.reasons[named] = self.reasons.get(named, 0) + 1

    def count_taken(self, new: bool) -> None:
        """One record more that the journal has."""
        self.read += 1
        if new:
            self.new += 1
        else:
            self.duplicate += 1


@dataclass(slots=True)
class ImportReport:
    """A whole import.

    Attributes:
        files: one report per file looked at, in order.
        missing: paths that were asked for and are not there.
        hidden: how many hidden files and folders in the folders were passed over.
        perceived: journal records that perceivers made of new ones.
        stopped: the person stopped it; `files_left` files were not looked at.
    """

    files: list[FileReport] = field(default_factory=list)
    missing: list[Path] = field(default_factory=list)
    hidden: int = 0
    perceived: int = 0
    stopped: bool = False
    files_left: int = 0

    @property
    def read(self) -> int:
        """Records seen in all files."""
        return sum(file.read for file in self.files)

    @property
    def new(self) -> int:
        """Records that were new."""
        return sum(file.new for file in self.files)

    @property
    def duplicate(self) -> int:
        """Records the journal had already."""
        return sum(file.duplicate for file in self.files)

    @property
    def rejected(self) -> int:
        """Records that were refused."""
        return sum(file.rejected for file in self.files)

    @property
    def exit_status(self) -> int:
        """0: everything was taken or already known; 1: something was not; 2: nothing could be read at all.

        A note beside the data or an empty file changes nothing. Whatever was rejected, paused, missing, not
        recognised or not readable makes it 1, and 2 when no file had a source.
        """
        if not any(file.source for file in self.files):
            return 2
        fine = {Outcome.TAKEN, Outcome.NOT_DATA, Outcome.EMPTY}
        whole = not self.stopped and not self.missing and all(file.outcome in fine for file in self.files)
        return 0 if whole and self.rejected == 0 else 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is.

    Attributes:
        file: name of the file being read.
        files_done: files finished.
        bytes_done: bytes read of all files as they lie on the disk (packed).
        records: source records seen so far.
        paused: the person has paused the import; it waits.
    """

    file: str
    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    records: int
    paused: bool = False
