"""The encrypted append-only journal: the only writer of truth."""

from hearthside.journal.journal import Journal
from hearthside.journal.unsealing import Stored
from hearthside.journal.verification import VerifyReport
from hearthside.journal.year_file import Head

__all__ = ["Head", "Journal", "Stored", "VerifyReport"]
