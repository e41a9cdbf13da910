"""A process that writes a backup until it dies: `python -m tests.journal.backup.writer_process SPEC [PARTS]`.

Says each name on standard output when `put` has returned. With PARTS it stores one large file instead and kills itself
with SIGKILL when so many requests with content were about to leave.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from tests.journal.backup.places import content_of, open_target

SIZE = 300_000


def main() -> None:
    """Write until killed."""
    spec = json.loads(sys.argv[1])
    sealed = 0

    def die(destination: str, data_class: str, bytes_out: int, sha256: str) -> None:
        nonlocal sealed
        sealed += data_class == "backup-sealed"
        if len(sys.argv) > 2 and sealed > int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

    target = open_target(spec, die)
    if len(sys.argv) > 2:
        target.put_file("large", Path(spec["file"]))
    for number in range(100_000):
        name = f"{os.getpid()}/{number:06}"
        target.put(name, content_of(name, SIZE))
        sys.stdout.write(name + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
