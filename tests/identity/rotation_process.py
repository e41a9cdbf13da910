"""A process that gives a vault a new root and is killed before its n-th look at or change of a file of the vault."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def main(folder: Path, key: Path, kill_before: int) -> None:
    """Rotate; 0 lives to the end."""
    from hearthside.identity.vault import open_vault

    opened, seen = open_vault(folder, key_file=key), 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        """Python tells of each open and rename before it is done (PEP 578)."""
        nonlocal seen
        if event in ("open", "os.rename") and (isinstance(arguments[0], int) or str(folder) in str(arguments[0])):
            seen += 1
            if seen == kill_before:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    opened.rotate(key_files=[key])


main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
