"""Where a scenario plays: a vault whose disk is recorded, and the notes of what it was promised."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from crash.looks import address_of
from crash.promises import (
    Acknowledged,
    Begun,
    FilePromised,
    Forgotten,
    Keys,
    Leaving,
    MediaPromised,
    Promises,
    open_journal,
)
from crash.recorder import Recording
from hearthside.events import DAY_MS, Event, Layer, Origin, Record, Trust, canonical, id_of
from hearthside.journal import Journal
from hearthside.journal.media import MediaStore

START_MS = 1_797_000_000_000  # 2026-12-11


class Stage:
    """What a scenario works with.

    Args:
        recording: of the vault's folder.
        rnd: what the scenario draws from.
        hasty: acknowledge before the journal does, to see whether the crash programme notices.

    Attributes:
        now_ms: the journal's clock; a scenario moves it.
    """

    def __init__(self, recording: Recording, rnd: random.Random, *, hasty: bool = False) -> None:
        self.recording, self.rnd, self.folder = recording, rnd, recording.folder
        self.now_ms = START_MS
        self._hasty = hasty
        self._calls = itertools.count()
        self._events = itertools.count()
        self._keys = Promises().keys

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """The journal, open."""
        opened = open_journal(self.folder, self._keys, lambda: self.now_ms)
        try:
            yield opened
        finally:
            opened.close()

    def events(self, count: int, source: str = "phone", days: int = 1) -> list[Event]:
        """So many new events of about 100 to 2,000 bytes, spread over so many days up to now."""
        return [self._event(source, self.now_ms - self.rnd.randrange(days) * DAY_MS) for _ in range(count)]

    def _event(self, source: str, at_ms: int) -> Event:
        number = next(self._events)
        words = f"note {number} {self.rnd.randbytes(self.rnd.choice((10, 100, 900))).hex()}"
        return Event(
            source, "message", Layer.TEXT, at_ms + number, Origin.SELF, Trust.OWN, {"n": number}, "test", text=words
        )

    def append(self, journal: Journal, records: Sequence[Record]) -> None:
        """Append as a client does, noting when it was acknowledged."""
        call = next(self._calls)
        self.recording.remember(Begun(call, tuple(records)))
        if self._hasty:
            self.recording.remember(Acknowledged(call))
        journal.append(records)
        self.recording.remember(Acknowledged(call))

    def forget(self, journal: Journal, records: Sequence[Record]) -> None:
        """Forget as the journal's callers do, noting when it was acknowledged."""
        with self.forgetting(journal, records):
            journal.forget([id_of(canonical(record.body()), record.start_ms) for record in records])

    @contextmanager
    def forgetting(self, journal: Journal, records: Sequence[Record]) -> Iterator[None]:
        """What is done inside forgets these records, noting when that was acknowledged."""
        self.recording.remember(Leaving(tuple(records)))
        before = journal.keyring.ids()
        yield
        self.recording.remember(Forgotten(tuple(records), frozenset(before - journal.keyring.ids())))

    def use_keys(self, *keys: bytes) -> None:
        """From here on the vault offers these keys, the one in force first."""
        self._keys = keys
        self.recording.remember(Keys(keys))

    def put_media(self, store: MediaStore, content: bytes) -> None:
        """Put a file into the media store, noting when it was acknowledged."""
        self.recording.remember(MediaPromised(content, None))
        store.put(io.BytesIO(content))
        self.recording.remember(MediaPromised(content, True))

    def remove_media(self, store: MediaStore, content: bytes) -> None:
        """Forget a file of the media store, noting when it was acknowledged."""
        self.recording.remember(MediaPromised(content, None))
        store.remove([address_of(content)])
        self.recording.remember(MediaPromised(content, False))

    @contextmanager
    def changes_file(self, path: Path, content: bytes | None) -> Iterator[None]:
        """A plain file gets other bytes, or goes with None; until that is done it may hold either."""
        name = str(path.relative_to(self.folder))
        before = path.read_bytes() if path.exists() else None
        self.recording.remember(FilePromised(name, content, (before,)))
        yield
        self.recording.remember(FilePromised(name, content))
