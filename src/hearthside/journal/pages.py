"""Reading every page of a database, the unused ones too, so that a flipped bit is found wherever it is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import apsw


def check_every_page(connection: apsw.Connection, folder: Path) -> str:
    """Copy all pages, which opens and authenticates each; "" or what is wrong.

    Args:
        folder: for the copy, which is removed; it is encrypted under a key that nobody keeps.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="verify-") as scratch:
        copy = apsw.Connection(str(Path(scratch) / "copy.db"))
        try:
            copy.pragma("cipher", "aegis")
            copy.pragma("key", f"raw:{os.urandom(32).hex()}")
            copy.pragma("synchronous", "off")
            with copy.backup("main", connection, "main") as backup:
                while not backup.done:
                    backup.step(1000)
        except apsw.Error as error:
            return f"a page is not what was written ({type(error).__name__})"
        finally:
            copy.close()
    return ""
