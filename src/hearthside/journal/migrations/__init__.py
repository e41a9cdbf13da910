"""Bringing a vault of an earlier Hearthside up to date, by named steps; each can be cut short and is then done again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
        NeedsPerson: no key opens the old file; nothing was touched.
    """
    done = []
    for step in STEPS:
        if step.needed(vault):
            with files.rewriting(vault / "journal"):
                if step.needed(vault):  # another process may have done it meanwhile
                    step.run(vault, roots, vfs)
                    done.append(step.__name__.rpartition(".")[2])
    return done
