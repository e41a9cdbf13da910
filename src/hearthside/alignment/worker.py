"""A process that lines up runs of days for the station: it reads what to do from its input, and ends with it."""

from __future__ import annotations

import pickle
import sys
from typing import IO

from hearthside.alignment.batch import align_batch
from hearthside.alignment.workers import Work, send
from hearthside.journal import Journal

_LENGTH_BYTES = 8


def main() -> None:
    """Serve until the input ends."""
    work = _next(sys.stdin.buffer)
    assert isinstance(work, Work)
    journal = Journal(work.folder, work.keys[0], lambda: 0, former_keys=work.keys[1:])  # it writes nothing
    try:
        while isinstance(days := _next(sys.stdin.buffer), range):
            send(sys.stdout.buffer, align_batch(journal, work.clocks, days, work.upto))
    finally:
        journal.close()


def _next(pipe: IO[bytes]) -> object:
    head = pipe.read(_LENGTH_BYTES)
    return pickle.loads(pipe.read(int.from_bytes(head, "little"))) if len(head) == _LENGTH_BYTES else None


if __name__ == "__main__":
    main()
