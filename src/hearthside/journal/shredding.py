"""Forgetting records: their content goes, the keys they were sealed under are destroyed, their neighbours sealed anew.

Order makes it safe to cut short anywhere: keys are doomed, so that nobody seals under them; what is forgotten is
emptied and its neighbours are sealed under new keys; only when all of that is on the disk are the old keys destroyed.
What a crash leaves over are doomed keys; the next opening seals anew what still lies under them and destroys them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import apsw

from hearthside.journal import tally
from hearthside.journal.keyring import DayKey, Keyring
from hearthside.journal.sealing import seal, unseal
from hearthside.journal.year_file import YearFile

_KEYS_AT_ONCE = 50  # source-days in one round: bounds the transaction, and what a crash leaves half done
_EMPTY = (
    "UPDATE record SET sealed = NULL, key = NULL, id = ?, source = '', kind = 'forgotten', end_ms = NULL,"
    " offset_min = NULL, start_ms = 0 WHERE seq = ?"
)


def forget(year_files: Sequence[YearFile], keyring: Keyring, ids: Iterable[bytes]) -> int:
    """Remove the content of records; see `Journal.forget`. The caller holds `files.rewriting`.

    Returns:
        How many records lost their content.
    """
    finish_forgetting(year_files, keyring)
    wanted = set(ids)
    key_ids = {
        int(row[0]) for file in year_files for row in file.rows_of("DISTINCT key", wanted, "AND key IS NOT NULL")
    }
    return _forget_under_all(year_files, keyring, sorted(key_ids), wanted)


def finish_forgetting(year_files: Sequence[YearFile], keyring: Keyring) -> None:
    """Destroy the keys that a crash left doomed, once nothing lies under them. The caller holds `files.rewriting`."""
    _forget_under_all(year_files, keyring, keyring.doomed(), set())


def _forget_under_all(year_files: Sequence[YearFile], keyring: Keyring, key_ids: list[int], ids: set[bytes]) -> int:
    if not key_ids:
        return 0
    if not year_files:
        keyring.destroy(key_ids)
        return 0
    days = keyring.days()
    count = 0
    for start in range(0, len(key_ids), _KEYS_AT_ONCE):
        count += _forget_under(year_files, keyring, key_ids[start : start + _KEYS_AT_ONCE], ids, days)
    for file in year_files:
        file.checkpoint()
    return count


def _forget_under(
    year_files: Sequence[YearFile],
    keyring: Keyring,
    key_ids: list[int],
    ids: set[bytes],
    days: dict[int, tuple[str, int]],
) -> int:
    keyring.doom(key_ids)
    new: dict[tuple[str, int], DayKey] = {}
    count = 0
    for file in year_files[:-1]:
        if _holds(file, key_ids):
            with file.changing() as connection:
                count += _shred(connection, keyring, key_ids, ids, days, new)
    # The newest last: whoever appends after this sees the new number and looks the keys up again.
    with year_files[-1].changing() as connection:
        count += _shred(connection, keyring, key_ids, ids, days, new)
        connection.execute(
            "INSERT INTO meta VALUES ('shreds', '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1"
        )
        connection.executemany("INSERT OR IGNORE INTO dead_key VALUES (?)", [(key_id,) for key_id in key_ids])
    keyring.destroy(key_ids)
    return count


def _holds(file: YearFile, key_ids: list[int]) -> bool:
    marks = ",".join("?" * len(key_ids))
    return next(file.rows(f"SELECT 1 FROM record WHERE key IN ({marks}) LIMIT 1", key_ids), None) is not None


def _shred(
    connection: apsw.Connection,
    keyring: Keyring,
    key_ids: list[int],
    ids: set[bytes],
    days: dict[int, tuple[str, int]],
    new: dict[tuple[str, int], DayKey],
) -> int:
    """Empty the wanted rows of these keys and seal the others anew."""
    count, touched = 0, set[int]()
    for key_id in key_ids:
        rows = list(connection.execute("SELECT seq, id, sealed FROM record WHERE key = ?", (key_id,)))
        if not rows:
            continue
        touched.add(key_id)
        old = keyring.by_id(key_id).cipher
        kept = [row for row in rows if bytes(row[1]) not in ids]
        day = days[key_id]
        if kept and day not in new:
            new |= keyring.current([day])
        if kept:
            touched.add(new[day].id)
        for seq, identity, sealed in rows:
            connection.execute("INSERT INTO changed (seq) VALUES (?)", (seq,))
            if bytes(identity) in ids:
                # The id is a digest of the content, so it goes too: a random one takes its place.
                connection.execute(_EMPTY, (os.urandom(16), seq))
                count += 1
                continue
            inside = unseal(old, seq, sealed)
            again = seal(new[day].cipher, seq, inside.salt, inside.received_ms, inside.raw)
            connection.execute("UPDATE record SET key = ?, sealed = ? WHERE seq = ?", (new[day].id, again, seq))
    tally.count_again(connection, sorted(touched))
    return count
