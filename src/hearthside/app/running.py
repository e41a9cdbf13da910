"""Whether a station has a vault open: a lock that the system lets go of when the station ends, however it does."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hearthside.errors import NeedsPerson
from hearthside.identity.durable import make_folder

_LOCK = "station.lock"


@contextmanager
def running(vault: Path) -> Iterator[None]:
    """While a station serves this vault; several processes may, each of them keeps `not_running` out."""
    with _locked(vault, fcntl.LOCK_SH):
        yield


@contextmanager
def not_running(vault: Path) -> Iterator[None]:
    """While no station may serve this vault.

    Raises:
        NeedsPerson: one does.
    """
    with _locked(vault, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(vault: Path, how: int) -> Iterator[None]:
    make_folder(vault)
    descriptor = os.open(vault / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise NeedsPerson(
            "station-running", "A station has this vault open; nothing was changed. Stop it (Ctrl-C) and try again."
        ) from error
    finally:
        os.close(descriptor)
