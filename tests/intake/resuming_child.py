"""Imports a file as a program of its own, so that a test can kill it; tells after each piece how far it is."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from hearthside.intake import Importer
from hearthside.journal import Journal
from hearthside.sources.reading import Reading
from tests.intake.helpers import KEY, NOW_MS


def main() -> None:
    """Arguments: the folder of the vault's folder, the file."""
    folder, path = Path(sys.argv[1]), Path(sys.argv[2])
    ticks = itertools.count(NOW_MS, 11_000)  # so that a cursor is due at every piece
    journal = Journal(folder / "vault", KEY, lambda: NOW_MS)
    importer = Importer(
        journal,
        lambda: next(ticks),
        Reading(),
        lambda progress: print(progress.records, flush=True),  # noqa: T201
        lambda: False,
    )
    report = importer.import_paths([path])
    print("done", report.read, report.new, flush=True)  # noqa: T201
    journal.close()


if __name__ == "__main__":
    main()
