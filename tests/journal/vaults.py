"""Small journals for tests: records, files opened as somebody would who has the keys, and what lies in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from hearthside.errors import NeedsPerson
from hearthside.events import Event, Json, Layer, Origin, Trust
from hearthside.identity.database import open_database
from hearthside.journal import Journal, files
from hearthside.journal.keyring import Keyring
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.sealing import unseal

KEY = b"\1" * 32
NOW_MS = 1_797_000_000_000  # 2026-12-11
DAY_MS = 86_400_000
YEAR_MS = 366 * DAY_MS


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def note(n: int, source: str = "test", kind: str = "note", day: int = 0, **more: Json) -> Event:
    """The n-th record of a source, on a day."""
    start = NOW_MS + day * DAY_MS + n
    return Event(source, kind, Layer.TEXT, start, Origin.SELF, Trust.OWN, {"n": n, **more}, "test", text=f"note {n}")


@contextmanager
def journal_in(folder: Path, clock: Clock | None = None, key: bytes = KEY, **options: Json) -> Iterator[Journal]:
    """The journal of a vault, closed at the end."""
    journal = Journal(folder, key, clock or Clock(), **options)
    try:
        yield journal
    finally:
        journal.close()


def over_years(folder: Path, years: int = 3, each: int = 40) -> list[Event]:
    """A closed vault with records of several years, two sources, some of them forgotten."""
    clock, kept = Clock(), list[Event]()
    with journal_in(folder, clock) as journal:
        for year in range(years):
            events = [note(n, "ab"[n % 2], day=n % 3, year=year) for n in range(each)]
            journal.append(events[: each // 2])
            journal.append(events[each // 2 :])
            journal.forget(event.id for event in events[:: each // 4])
            kept += [event for n, event in enumerate(events) if n % (each // 4)]
            clock.now_ms += YEAR_MS
    return kept


def starts(journal: Journal) -> list[int]:
    """What is read, by the number of each note."""
    return [int(item.record.payload["n"]) for item in journal.read() if isinstance(item.record, Event)]


def year_file(folder: Path, place: int = -1, key: bytes = KEY) -> apsw.Connection:
    """A year file opened by somebody who has the keys."""
    return open_database(files.year_files(folder / "journal")[place], year_keys([key])[0])


def keyring_file(folder: Path, key: bytes = KEY) -> apsw.Connection:
    """The keyring opened by somebody who has the keys."""
    path = files.current(folder / "journal", files.KEYRING)
    assert path is not None
    return open_database(path, keyring_keys([key])[0])


def everything_readable(folder: Path, scratch: Path, key: bytes = KEY) -> bytes:
    """All pages of the journal in the clear, unused ones too, and every record that any key left can open."""
    shutil.copytree(folder, scratch)
    found = b""
    for connection in (year_file(scratch, place, key) for place in range(len(files.year_files(scratch / "journal")))):
        found += bytes(connection.serialize("main")) + b"".join(opened_with_any_key(connection, scratch, key))
        connection.close()
    ring = keyring_file(scratch, key)
    found += bytes(ring.serialize("main"))
    ring.close()
    return found


def opened_with_any_key(connection: apsw.Connection, folder: Path, key: bytes = KEY) -> Iterable[bytes]:
    """Every record of a file that some key of the keyring opens."""
    keyring = Keyring(folder / "journal", keyring_keys([key]))
    rows: list[Json] = list(connection.execute("SELECT seq, sealed FROM record WHERE sealed IS NOT NULL"))
    for seq, sealed in rows:
        for key_id in keyring.ids():
            with suppress(NeedsPerson):
                yield unseal(keyring.by_id(key_id).cipher, seq, sealed).raw
    keyring.close()
