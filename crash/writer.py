"""Writes records and media into a vault until killed, telling what was acknowledged; the victim of `crash.power`.

Run as ``python -m crash.writer VAULT ACKNOWLEDGED synced|unsynced``. The file ACKNOWLEDGED lies on another disk; its
lines say what began (``+``) and what was acknowledged (``=``), of records (``r``) and of media (``m``).
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from crash.looks import media_as_promised, media_store
from crash.node import event_of
from crash.opening import databases_opened_through
from crash.promises import Acknowledged, Begun, Look, MediaPromised, Possible, Promises, open_journal
from hearthside.events import Event

_RECORDS = 3  # in a call
_AHEAD = 500  # calls; more than a writer can make while a copy is taken


def records_of(number: int) -> tuple[Event, ...]:
    """The records of a call."""
    return tuple(event_of(place, number) for place in range(_RECORDS))


def content_of(number: int) -> bytes:
    """The bytes of a media file, 100 to 30,100 of them."""
    seed = hashlib.sha256(f"media {number}".encode()).digest()
    return (seed * 1000)[: 100 + number % 7 * 5000]


def promises_of(lines: bytes) -> tuple[Promises, Sequence[Look]]:
    """What the lines promise; the last may be cut off."""
    promises = Promises()
    for line in lines.decode().split("\n")[:-1]:
        sign, what, number = line[0], line[1], int(line[2:])
        if what == "m":
            promises.note(MediaPromised(content_of(number), True if sign == "=" else None))
        else:
            promises.note(Begun(number, records_of(number)) if sign == "+" else Acknowledged(number))
    # The copy is taken a moment after the lines were read: calls may have been made in between.
    after = max(promises.calls, default=-1) + 1
    for number in range(after, after + _AHEAD):
        promises.note(Possible(number, records_of(number)))
    return promises, (media_as_promised,)


def main(vault: Path, acks: Path, mode: str) -> None:
    """Write until killed."""
    with ExitStack() as stack:
        if mode == "unsynced":
            os.fsync = _nothing  # type: ignore[assignment]
            stack.enter_context(databases_opened_through("multipleciphers-unix", synchronous="off"))
        _write(vault, acks)


def _nothing(descriptor: int) -> None:
    """What a mistaken programmer's fsync does."""


def _write(vault: Path, acks: Path) -> None:
    journal = open_journal(vault, Promises().keys, lambda: 1_797_000_000_000)
    store = media_store(journal, vault)
    descriptor = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    number = 0
    while True:
        os.write(descriptor, f"+r{number}\n".encode())
        journal.append(records_of(number))
        os.write(descriptor, f"=r{number}\n".encode())
        os.write(descriptor, f"+m{number}\n".encode())
        store.put(io.BytesIO(content_of(number)))
        os.write(descriptor, f"=m{number}\n".encode())
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
