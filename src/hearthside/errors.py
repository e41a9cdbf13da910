"""The error tree, by what to do next; every error reaches the person as one plain sentence.

HearthsideError
├── RetryLater    the same call may work later; nothing was lost meanwhile
├── NeedsPerson   only the person can settle it (a passphrase, a tap, a folder)
├── Refused       it will never be done, and the reason says why
└── ConfigError   the settings are wrong; all problems are listed at once
"""

from __future__ import annotations


class HearthsideError(Exception):
    """Base of all errors that Hearthside raises on purpose.

    Attributes:
        code: stable name of the situation, documented in docs/errors.md.
        message: what happened, what is safe, and what to do, for the person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RetryLater(HearthsideError):
    """The same call may work later; nothing was lost meanwhile."""


class NeedsPerson(HearthsideError):
    """Only the person can settle it."""


class Refused(HearthsideError):
    """It will not be done, and the message says why."""


class ConfigError(HearthsideError):
    """The settings are wrong."""
