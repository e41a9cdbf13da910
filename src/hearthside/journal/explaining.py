"""The errors of disk and database as errors that a caller of the journal can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater


def cannot_keep(error: Exception) -> Refused:
    """A record that no journal can hold."""
    return Refused(
        "journal-record-wrong", f"A record cannot be kept as it is ({error}); nothing of this call was written."
    )


def read_failed(error: apsw.Error) -> RetryLater:
    """The disk refused to read; nothing is said about whether what is on it is right."""
    return RetryLater(
        "journal-read-failed",
        f"The journal could not be read ({type(error).__name__}); nothing was changed. Try again.",
    )


def closed() -> RetryLater:
    """Nobody writes any more."""
    return RetryLater("journal-closed", "The journal is closed; nothing was written. Try again.")


def explained(cause: Exception) -> HearthsideError:
    """What went wrong as an error the caller can act on."""
    if isinstance(cause, HearthsideError):
        return cause
    error: HearthsideError
    if isinstance(cause, apsw.CorruptError | apsw.NotADBError):
        error = NeedsPerson(
            "journal-damaged",
            "The journal is damaged on the disk; nothing of this was kept. `hearthside verify` says where, and"
            " `hearthside repair` puts it back from a backup.",
        )
    elif isinstance(cause, apsw.Error | OSError):
        error = RetryLater(
            "journal-write-failed",
            f"The journal could not write ({type(cause).__name__}); nothing of this was kept. Try again.",
        )
    else:
        error = cannot_keep(cause)
    error.__cause__ = cause
    return error


@contextmanager
def explaining_opening() -> Iterator[None]:
    """The disk's errors as errors the caller can act on, while the journal is opened."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise explained(error) from error
    except (apsw.Error, OSError) as error:
        raise RetryLater(
            "journal-open-failed",
            f"The journal could not be opened ({type(error).__name__}); it is as it was. See that there is space on"
            " the disk and that it can be written to, and try again.",
        ) from error


@contextmanager
def explaining(what: str) -> Iterator[None]:
    """The disk's errors as errors the caller can act on, while files are changed."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise explained(error) from error
    except (apsw.Error, OSError) as error:
        raise RetryLater(
            "journal-change-unfinished",
            f"The journal could not {what} to the end ({type(error).__name__}); nothing was lost. Try again.",
        ) from error
