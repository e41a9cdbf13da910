"""Opening an encrypted SQLite file: cipher AEGIS, raw key, WAL and synchronous=FULL."""

from __future__ import annotations

from pathlib import Path

import apsw

from hearthside.errors import NeedsPerson
from hearthside.identity.durable import make_folder, replace_durably


def open_database(path: Path, key: bytes, *, vfs: str | None = None, create: bool = True) -> apsw.Connection:
    """A connection to an encrypted database.

    Args:
        key: 32 bytes.
        vfs: name of the APSW file layer to go through, ``multipleciphers-<name>``; for tests that cut the power.
        create: whether to make it when it does not exist.

    Raises:
        NeedsPerson: the key does not open the file; nothing was touched.
        apsw.CantOpenError: it is not there and is not to be made.
    """
    flags = apsw.SQLITE_OPEN_READWRITE
    if create:
        make_folder(path.parent)
        flags |= apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
    connection.set_busy_timeout(30_000)
    # TEMP_STORE=2 is compiled in, so that temporary tables never reach the disk in the clear.
    connection.pragma("cipher", "aegis")
    connection.pragma("key", f"raw:{key.hex()}")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except apsw.NotADBError as error:
        connection.close()
        raise NeedsPerson(
            "database-key-wrong", f"{path.name} does not open with this vault's key; nothing was touched."
        ) from error
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    # On macOS an ordinary fsync stops at the drive's cache; elsewhere these two change nothing.
    connection.pragma("fullfsync", "on")
    connection.pragma("checkpoint_fullfsync", "on")
    connection.pragma("foreign_keys", "on")
    path.chmod(0o600)
    return connection


def take_place(connection: apsw.Connection, new: Path, old: Path) -> None:
    """Put a finished database, whose only connection this is, in the place of another one.

    Whoever has the other open goes on reading it as it was; its write-ahead log goes with it.
    """
    connection.close()  # the last one: nothing of it waits in a write-ahead log any more
    for suffix in ("-wal", "-shm"):
        old.with_name(old.name + suffix).unlink(missing_ok=True)
    replace_durably(new, old)


def settle(connection: apsw.Connection) -> None:
    """Put a database that syncs seldom on the disk whole; a checkpoint syncs whatever ``synchronous`` says."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
