"""The encrypted append-only journal: the only writer of truth."""

from hearthside.journal.journal import Head, Journal, Stored, VerifyReport

__all__ = ["Head", "Journal", "Stored", "VerifyReport"]
