"""A process that repairs a vault until it dies: `python -m tests.journal.repair_process VAULT KEY DISK ID DIE_AT`."""

from __future__ import annotations

import sys
from pathlib import Path

from hearthside.identity.vault import open_vault
from hearthside.journal.backup import FolderTarget
from hearthside.journal.repair import repair
from tests.journal.backup.backup_process import die_at


def main() -> None:
    """Do it, killed by SIGKILL at so many writes."""
    vault, key, disk, vault_id, number = sys.argv[1:]
    die_at(int(number))
    repair(open_vault(Path(vault), key_file=Path(key)), [FolderTarget(Path(disk), vault_id)])


if __name__ == "__main__":
    main()
