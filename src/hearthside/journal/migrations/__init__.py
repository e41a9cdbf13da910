"""Bringing a vault of an earlier Hearthside up to date, by named steps; each, cut short, is done again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import apsw

from hearthside.errors import NeedsPerson, RetryLater
from hearthside.journal import files
from hearthside.journal.migrations import one_file_to_year_files

STEPS = (one_file_to_year_files,)
"""In order. A step has `needed(vault)` and `run(vault, roots, vfs)`; it is done when `needed` says no."""


def bring_up_to_date(vault: Path, roots: Sequence[bytes], vfs: str | None = None) -> list[str]:
    """Run every step the vault needs.

    Args:
        vault: the vault's folder.
        roots: the journal's keys, the one in force first.

    Returns:
        The names of the steps that ran.

    Raises:
        NeedsPerson: no key opens the old file; nothing was touched. Or it is damaged.
        RetryLater: the disk refused; the old file is as it was.
    """
    done = []
    for step in STEPS:
        if step.needed(vault):
            with files.rewriting(vault / "journal"):
                if step.needed(vault):  # another process may have done it meanwhile
                    _run(step, vault, roots, vfs)
                    done.append(step.__name__.rpartition(".")[2])
    return done


def _run(step: ModuleType, vault: Path, roots: Sequence[bytes], vfs: str | None) -> None:
    try:
        step.run(vault, roots, vfs)
    except apsw.CorruptError as error:
        raise NeedsPerson(
            "journal-damaged",
            "The journal of an earlier Hearthside is damaged on the disk, so it was not brought up to date;"
            " nothing was changed. Put back a copy of the vault.",
        ) from error
    except (apsw.Error, OSError) as error:
        raise RetryLater(
            "journal-migration-unfinished",
            f"The journal could not be brought up to date ({type(error).__name__}); it is as it was."
            " See that there is space on the disk for it twice, and try again.",
        ) from error
