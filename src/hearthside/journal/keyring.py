"""The keyring: a random key for each source and local day, and one for each media file; forgetting destroys keys.

Payloads are sealed under these keys, in the journal and in every backup of it. The keyring is small and its backups
are short-lived, so that destroying a key reaches backups nobody can write to any more (crypto-shredding). Each key
lies twice, on different pages, because one bad page here would cost weeks of one source.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import apsw
import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.events import Json
from hearthside.journal import files
from hearthside.journal.keyring_file import (
    highest,
    insert_keys,
    insert_media,
    new_database,
    salvage,
    sequence,
    set_sequence,
    wrong_in_rows,
)
from hearthside.journal.pages import wrong_in_pages
from hearthside.journal.readers import UNSETTLING

KEY_MISSING = "keyring-incomplete"
"""Code of the error when a key is not there."""
_OPEN, _CLOSED, _DOOMED = 0, 1, 2  # what `closed` says of a key; doomed ones are about to be destroyed
_KEY_BYTES = 32
_ADDRESS_KEY_AT = bytes(32)  # no content has this address; so it goes wherever the keys of media go
_READ_AHEAD = 64  # keys that are read together: days that came in together were given ids together
_CACHED = 20_000  # ciphers kept in memory; ten years of fifteen sources are 55,000 keys


@dataclass(frozen=True, slots=True)
class DayKey:
    """A key of the keyring, ready to use."""

    id: int
    cipher: AESGCM


class Keyring:
    """The keyring of one journal. Safe to use from many threads and several processes.

    Args:
        folder: the journal's folder.
        keys: 32-byte keys of the file, the one in force first; the others open what was not rewritten yet.
        vfs: see `open_database`.
    """

    def __init__(self, folder: Path, keys: Sequence[bytes], vfs: str | None = None) -> None:
        self._folder, self._keys, self._vfs = folder, tuple(keys), vfs
        self.renew: Callable[[], Sequence[bytes]] | None = None
        """Gives the keys as they are now; asked where the file in force opens with none of the known ones."""
        self._lock = threading.RLock()
        self._by_id: dict[int, DayKey] = {}
        self._by_day: dict[tuple[str, int], DayKey] = {}
        self._doubtful = False  # see `UNSETTLING`
        while True:
            try:
                self._path, self.wrong_at_opening, self._connection = self._opened()
                break
            except (files.Gone, FileNotFoundError):
                continue  # replaced meanwhile

    def _opened(self) -> tuple[Path, str, apsw.Connection]:
        """The file in force, made when the journal is new."""
        folder = self._folder
        path = files.current(folder, files.KEYRING)
        if path is None:
            if files.year_files(folder):
                raise NeedsPerson(
                    "keyring-missing",
                    "The keyring of this vault is gone, so its records cannot be opened; nothing was changed."
                    " Put journal/keyring-….db back, or restore from a backup: `hearthside restore`.",
                )
            path = self._create(files.next_revision(folder, files.KEYRING), ())
        return path, files.wrong_in_header(path), self._open(path)

    # -- keys of days ------------------------------------------------------------------------------------------------

    def current(self, days: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], DayKey]:
        """For each (source, local day) the key that new records are sealed under; durable before it is returned."""
        with self._lock:
            wanted = set(days)
            missing = sorted(day for day in wanted if day not in self._by_day)
            if missing:
                if len(self._by_day) > _CACHED:
                    self._by_day.clear()
                    missing = sorted(wanted)
                with self._writing() as connection:
                    found = {day: self._find_or_make(connection, *day) for day in missing}
                files.sync_log(self._path)  # a key that was found may be one that a killed process did not sync
                self._by_day |= found
            return {day: self._by_day[day] for day in wanted}

    def by_id(self, key_id: int) -> DayKey:
        """One key.

        Raises:
            NeedsPerson: the keyring does not have it.
        """
        known = self._by_id.get(key_id)
        if known is not None:
            return known
        with self._lock:
            self._read_ahead(key_id)
            if key_id in self._by_id:
                return self._by_id[key_id]
            key = self._read_twice("SELECT key FROM key WHERE id = ?", "SELECT key FROM spare WHERE id = ?", (key_id,))
            if key is None:
                raise NeedsPerson(
                    "keyring-incomplete",
                    "A key of the keyring is missing, so some records cannot be opened; nothing was changed."
                    " `hearthside verify` says which, and `hearthside repair` puts it back from a backup.",
                )
            return self._remember(key_id, key)

    def doom(self, key_ids: Iterable[int]) -> None:
        """From now on nobody seals under these keys, and `doomed` names them until they are destroyed."""
        with self._lock:
            with self._writing() as connection:
                connection.executemany(
                    f"UPDATE key SET closed = {_DOOMED} WHERE id = ?", [(key_id,) for key_id in key_ids]
                )
            self._by_day.clear()

    def doomed(self) -> list[int]:
        """Keys whose destruction was begun and cut short; see `shredding`."""
        with self._lock:
            return [int(row[0]) for row in self._all(f"SELECT id FROM key WHERE closed = {_DOOMED} ORDER BY id")]

    def destroy(self, key_ids: Iterable[int]) -> None:
        """Destroy keys for good; nothing sealed under them can be opened again, here or in any backup."""
        gone = [(key_id,) for key_id in key_ids]
        if not gone:
            return
        with self._lock:
            with self._writing() as connection:
                connection.executemany("DELETE FROM key WHERE id = ?", gone)
                connection.executemany("DELETE FROM spare WHERE id = ?", gone)
            self._leave_no_trace()
            self.forget_cached()
            for (key_id,) in gone:
                self._by_id.pop(key_id, None)

    def forget_cached(self) -> None:
        """Look up the current keys anew: somebody destroyed some."""
        with self._lock:
            self._by_day.clear()

    def last_id(self) -> int:
        """The highest id ever given."""
        with self._lock:
            return sequence(self._reading())

    def ids(self) -> set[int]:
        """Every key there is."""
        with self._lock:
            return {int(row[0]) for row in self._all("SELECT id FROM key")}

    def days(self) -> dict[int, tuple[str, int]]:
        """By key its source and local day."""
        with self._lock:
            rows = self._all("SELECT id, source, day FROM key")
            return {int(key_id): (str(source), int(day)) for key_id, source, day in rows}

    # -- keys of media -----------------------------------------------------------------------------------------------

    def media_key(self, address: bytes) -> bytes | None:
        """The key of a media file, or None."""
        with self._lock:
            return self._read_twice(
                "SELECT key FROM media WHERE address = ?", "SELECT key FROM spare_media WHERE address = ?", (address,)
            )

    def add_media_key(self, address: bytes, key: bytes) -> bytes:
        """Keep a key, durable on return; one that is there already wins and is returned."""
        with self._lock:
            with self._writing() as connection:
                for table in ("media", "spare_media"):
                    connection.execute(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", (address, key))
                kept = list(connection.execute("SELECT key FROM media WHERE address = ?", (address,)))
            files.sync_log(self._path)
            return bytes(kept[0][0])

    def drop_media_keys(self, addresses: Iterable[bytes]) -> None:
        """Destroy the keys of media files for good."""
        with self._lock:
            with self._writing() as connection:
                for address in addresses:
                    for table in ("media", "spare_media"):
                        connection.execute(f"DELETE FROM {table} WHERE address = ?", (address,))
            self._leave_no_trace()

    def address_key(self) -> bytes | None:
        """What makes the names of media files where it came with an export; None where it is the vault's own."""
        return self.media_key(_ADDRESS_KEY_AT)

    def keep_address_key(self, key: bytes) -> None:
        """Name media files by this key from now on; for a journal that names none yet."""
        self.add_media_key(_ADDRESS_KEY_AT, key)

    def media_addresses(self) -> set[bytes]:
        """Addresses of all media files that have a key."""
        with self._lock:
            return {bytes(row[0]) for row in self._all("SELECT address FROM media")} - {_ADDRESS_KEY_AT}

    # -- copies ------------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """All keys as JSON, for a backup that seals it; short-lived, or forgetting would not reach the backups."""
        with self._lock:
            keys = [
                [key_id, source, day, key.hex(), closed]
                for key_id, source, day, key, closed in self._all(
                    "SELECT id, source, day, key, closed FROM key ORDER BY id"
                )
            ]
            media = [[bytes(a).hex(), bytes(k).hex()] for a, k in self._all("SELECT address, key FROM media")]
            last = sequence(self._connection)
        return orjson.dumps({"format": 1, "keys": keys, "media": media, "last": last})

    def missing_from(self, snapshot: bytes) -> tuple[list[int], int]:
        """Put back keys that a snapshot has and this keyring has lost to damage.

        Returns:
            The ids put back, and how many media keys. Destroyed keys are never in a snapshot younger than they are;
            the caller passes only such a snapshot (see `repair`).
        """
        document = orjson.loads(snapshot)
        with self._lock:
            with self._writing() as connection:
                known = {int(row[0]) for row in connection.execute("SELECT id FROM key")}
                back = [row for row in document["keys"] if row[0] not in known]
                insert_keys(connection, back)
                had = {bytes(row[0]).hex() for row in connection.execute("SELECT address FROM media")}
                media = [row for row in document["media"] if row[0] not in had]
                insert_media(connection, media)
            self._by_id.clear()
        return [int(row[0]) for row in back], len(media)

    @staticmethod
    def restore(folder: Path, key: bytes, snapshot: bytes, vfs: str | None = None) -> None:
        """Make the keyring of an empty journal folder from a snapshot."""
        document = orjson.loads(snapshot)
        path = files.next_revision(folder, files.KEYRING)
        with files.removed_on_failure(path):
            connection = new_database(path, key, vfs)
            with connection:
                insert_keys(connection, document["keys"])
                insert_media(connection, document["media"])
                set_sequence(connection, int(document["last"]))
            files.close_finished(connection)
        files.put_in_force(path)

    def rewrite(self, keys: Sequence[bytes]) -> None:
        """Write the whole keyring anew under another key; from here on nothing is sealed under the present keys."""
        with self._lock:
            with self._writing() as connection:
                connection.execute(f"UPDATE key SET closed = {_CLOSED} WHERE closed = {_OPEN}")
                rows = [list(row) for row in connection.execute("SELECT id, source, day, hex(key), closed FROM key")]
                media = [list(row) for row in connection.execute("SELECT hex(address), hex(key) FROM media")]
                last = sequence(connection)
                self._keys = tuple(keys)
                path = self._create(files.next_revision(self._folder, files.KEYRING), (rows, media, last))
            # Whoever waited for the lock sees that the file is no longer the one in force.
            old = self._path
            self._change_to(path)
            files.remove_database(old)

    def check_pages(self) -> list[str]:
        """Whether every page is what was written and all fits together: what is wrong, in sentences."""
        with self._lock:
            self._reading()
            self._leave_no_trace()
            with closing(self._open(self._path)) as fresh:
                wrong = [self.wrong_at_opening, files.wrong_in_header(self._path, self._salt(fresh))]
                wrong += wrong_in_pages(fresh) or wrong_in_rows(fresh)
        return [what for what in dict.fromkeys(wrong) if what]

    def repair_pages(self) -> bool:
        """Write the keyring anew from its two copies; True when every key could be read.

        For a file with a bad page. Keys that neither copy has are left out; a backup may have them.
        """
        with files.rewriting(self._folder), self._lock:
            lock = self._reading()
            lock.execute("BEGIN IMMEDIATE")  # nobody adds a key meanwhile
            try:
                # Read through another one: in a transaction nothing can be read any more after a bad page.
                with closing(self._open(self._path)) as connection:
                    rows, media, whole = salvage(connection)
                content = (rows, media, highest(rows))
                path = self._create(files.next_revision(self._folder, files.KEYRING), content)
            finally:
                if lock.in_transaction:
                    lock.execute("ROLLBACK")
            replaced = self._path
            self._change_to(path)
            files.remove_database(replaced)
            return whole

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _find_or_make(self, connection: apsw.Connection, source: str, day: int) -> DayKey:
        row = connection.execute(
            "SELECT id, key FROM key WHERE source = ? AND day = ? AND closed = 0 ORDER BY id DESC LIMIT 1",
            (source, day),
        ).fetchone()
        if row is not None:
            return self._remember(int(row[0]), bytes(row[1]))
        key = os.urandom(_KEY_BYTES)
        connection.execute("INSERT INTO key (source, day, key) VALUES (?, ?, ?)", (source, day, key))
        key_id = int(connection.last_insert_rowid())
        connection.execute("INSERT INTO spare VALUES (?, ?)", (key_id, key))
        return self._remember(key_id, key)

    def _remember(self, key_id: int, key: bytes) -> DayKey:
        if len(self._by_id) > _CACHED:
            self._by_id = {}
        made = self._by_id[key_id] = DayKey(key_id, AESGCM(key))
        return made

    def _read_twice(self, sql: str, spare: str, values: tuple[object, ...]) -> bytes | None:
        refused: apsw.Error | None = None
        for question in (sql, spare):
            try:
                row = self._reading().execute(question, values).fetchone()
            except apsw.CorruptError:
                self._doubtful = True
                continue
            except apsw.Error as error:
                refused = error
                continue
            if row is not None:
                return bytes(row[0])
        if refused is not None:
            raise self._failed(refused) from refused
        return None

    def _all(self, sql: str) -> list[Json]:
        try:
            return list(self._reading().execute(sql))
        except apsw.Error as error:
            raise self._failed(error) from error

    def _reading(self) -> apsw.Connection:
        """The connection to the file in force; another process may have replaced it, or a read of it failed."""
        while (path := files.current(self._folder, files.KEYRING)) is not None and (
            path != self._path or self._doubtful
        ):
            with suppress(files.Gone):  # replaced once more
                self._change_to(path)
        return self._connection

    def _change_to(self, path: Path) -> None:
        try:
            connection = self._open(path)
        except apsw.Error as error:
            raise self._failed(error) from error
        with suppress(apsw.Error):  # a doubtful one may refuse; what was committed is on the disk
            self._connection.close()
        self._path, self._connection, self._doubtful = path, connection, False
        self._by_day.clear()

    def _failed(self, error: apsw.Error) -> HearthsideError:
        self._doubtful = self._doubtful or isinstance(error, UNSETTLING)
        return _failed(error)

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        """A transaction on the file in force."""
        connection = self._reading()
        try:
            connection.execute("BEGIN IMMEDIATE")
            # Under the lock nobody replaces it; it may have been replaced while this waited for the lock.
            while self._reading() is not connection:
                connection = self._connection
                connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            with suppress(apsw.ConnectionClosedError):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            self._by_day.clear()
            self._by_id.clear()
            if isinstance(error, apsw.Error):
                raise self._failed(error) from error
            raise

    def _open(self, path: Path) -> apsw.Connection:
        try:
            return files.open_with_any(path, self._keys, self._vfs)
        except NeedsPerson as error:
            if error.code != "database-key-wrong" or self.renew is None:
                raise
        self._keys = tuple(self.renew())
        return files.open_with_any(path, self._keys, self._vfs)

    def _create(self, path: Path, content: tuple[object, ...]) -> Path:
        with files.removed_on_failure(path):
            connection = new_database(path, self._keys[0], self._vfs)
            if content:
                keys, media, last = content
                with connection:
                    insert_keys(connection, keys)  # type: ignore[arg-type]
                    insert_media(connection, media)  # type: ignore[arg-type]
                    set_sequence(connection, last)  # type: ignore[arg-type]
            files.close_finished(connection)
        files.put_in_force(path)
        return path

    def _read_ahead(self, key_id: int) -> None:
        first = key_id - key_id % _READ_AHEAD
        sql = "SELECT id, key FROM key WHERE id BETWEEN ? AND ?"
        with suppress(apsw.Error):  # then the second copy is asked for the one that is wanted
            rows = list(self._reading().execute(sql, (first, first + _READ_AHEAD - 1)))
            for found, key in rows:
                if found not in self._by_id:
                    self._remember(int(found), bytes(key))

    @staticmethod
    def _salt(connection: apsw.Connection) -> str:
        row = connection.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()
        return str(row[0]) if row else ""

    def _leave_no_trace(self) -> None:
        """Old pages of the write-ahead log go too; the main file is overwritten in place (secure_delete)."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except apsw.Error as error:
            raise self._failed(error) from error


def keyring_damaged() -> NeedsPerson:
    """What the person hears when the keyring is not what was written."""
    return NeedsPerson(
        "keyring-damaged",
        "The keyring of this vault is damaged on the disk; nothing was changed."
        " `hearthside repair` puts it right from its second copy or from a backup.",
    )


def _failed(error: apsw.Error) -> HearthsideError:
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return keyring_damaged()
    return RetryLater(
        "keyring-write-failed",
        f"The keyring could not be used ({type(error).__name__}); nothing of this was kept. Try again.",
    )
