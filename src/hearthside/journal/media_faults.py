"""What can go wrong with media, and the sentence that the person gets."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from hearthside.errors import NeedsPerson, Refused, RetryLater

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class FaultKind(StrEnum):
    """What is wrong with a file of the store."""

    MISSING_FILE = "missing-file"
    MISSING_KEY = "missing-key"
    DAMAGED = "damaged"
    EXTRA = "extra-file"


_TO_DO = {
    FaultKind.MISSING_FILE: "Its key is here, but the file is gone. Put it back from a backup; giving Hearthside the"
    " original once more mends it too.",
    FaultKind.MISSING_KEY: "Its key is not in the keyring, so nobody can open it: it was being forgotten, or the"
    " keyring is older than the file. Put the keyring back from a backup, unless it was to be forgotten.",
    FaultKind.DAMAGED: "Not every byte is what was sealed. Put it back from a backup; giving Hearthside the original"
    " once more mends it too.",
    FaultKind.EXTRA: "The journal does not name it. It may be from an import that is running or was cut off; it can"
    " be removed once no import is running.",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that `verify` found.

    Attributes:
        address: 64 hex digits, or the place inside the media folder of a file that is no media file.
        kind: missing file, missing key, damaged, or extra.
        message: what is wrong and what to do.
    """

    address: str
    kind: FaultKind
    message: str


def fault(address: str, kind: FaultKind, detail: str = "") -> Fault:
    """A fault with its sentence; `detail` says what was seen."""
    return Fault(address, kind, f"{_TO_DO[kind]} ({detail.rstrip('.')}.)" if detail else _TO_DO[kind])


def name_of(error: OSError) -> str:
    """What the system calls it, without any path."""
    return errno.errorcode.get(error.errno or 0, "unknown error")


@contextmanager
def keeping() -> Iterator[None]:
    """Says what a failure of the disk means while something is being kept."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise RetryLater(
                "media-disk-full",
                "The disk is full; nothing of this file was kept, and what was there before is safe. Make room and try"
                " again.",
            ) from error
        raise RetryLater(
            "media-not-kept",
            f"The disk failed ({name_of(error)}); nothing of this file was kept, and what was there before was not"
            " touched. Look at the disk and try again.",
        ) from error


@contextmanager
def removing() -> Iterator[None]:
    """Says what a failure of the disk means while files are being removed."""
    try:
        yield
    except OSError as error:
        raise RetryLater(
            "media-not-removed",
            f"The disk failed ({name_of(error)}) while forgotten media were being removed. Their keys are destroyed, so"
            " nobody can open them; do it again to remove the sealed files too.",
        ) from error


@contextmanager
def reading_source() -> Iterator[None]:
    """Says what a failure of the other side means."""
    try:
        yield
    except OSError as error:
        raise RetryLater(
            "media-source-failed",
            f"The file could not be read to its end ({name_of(error)}); nothing of it was kept. Look at where it comes"
            " from and try again.",
        ) from error


@contextmanager
def reading(address: str) -> Iterator[None]:
    """Says what a file that does not open means."""
    try:
        yield
    except FileNotFoundError as error:
        raise NeedsPerson(
            "media-missing", f"Media file {address} is not here, though its key is. Put it back from a backup."
        ) from error
    except OSError as error:
        raise RetryLater(
            "media-unreadable",
            f"The disk could not read media file {address} ({name_of(error)}). Try again; if it stays so, put the file"
            " back from a backup.",
        ) from error
    except Refused as error:
        raise NeedsPerson(
            "media-damaged",
            f"Media file {address} is damaged; nothing of the bad part was used. Put it back from a backup.",
        ) from error
