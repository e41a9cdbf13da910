"""A process that backs up or restores until it dies: `python -m tests.journal.backup.backup_process SPEC`.

SPEC is JSON: what (``back_up`` or ``restore``), vault, key, disk, id, words, new, and `die_at`: the process kills
itself with SIGKILL at so many writes to the disk (renames and syncs of files and folders counted together).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from hearthside.identity.vault import open_vault
from hearthside.journal.backup import FolderTarget
from hearthside.journal.backup import segments as sizes
from hearthside.journal.backup.restore import restore
from hearthside.journal.backup.run import back_up
from tests.journal.backup.lives import NOW_MS, Life


def main() -> None:
    """Do it, and say that it was done."""
    spec = json.loads(sys.argv[1])
    sizes.MAX_ROWS = 10
    die_at(spec["die_at"])
    if spec["what"] == "back_up":
        vault = open_vault(Path(spec["vault"]), key_file=Path(spec["key"]))
        life = Life(vault.folder, vault, "", NOW_MS)
        back_up(life.source, FolderTarget(Path(spec["disk"]), spec["id"]), life.tick)
        life.journal.close()
    else:
        restore(
            FolderTarget(Path(spec["disk"]), None), spec["words"], Path(spec["new"]), key_file=Path(spec["new_key"])
        )
    sys.stdout.write("done")


def die_at(number: int) -> None:
    """Kill this process at so many renames, syncs and removals from now on."""
    left = number

    def counted(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return call

    for name in ("rename", "replace", "fsync", "unlink", "link"):
        setattr(os, name, counted(getattr(os, name)))


if __name__ == "__main__":
    main()
