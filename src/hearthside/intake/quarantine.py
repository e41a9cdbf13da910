"""Rejected records as journal events, so that what was refused is kept with its reason and never counted twice."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from hearthside.events import Event, Layer, Origin, Rejected, Trust
from hearthside.journal import Journal

SOURCE = "intake"
KIND = "rejected"


class Quarantine:
    """The rejections of one journal.

    A rejection's time is when it was refused, so its content changes from import to import. Its `key` does not: a
    digest of place, reason and the record's bytes. A key that the journal already has is not journalled again.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: set[bytes] | None = None  # keys as bytes: a million take 80 MB

    def event(self, rejected: Rejected, file: Path, now_ms: int) -> Event | None:
        """The event to journal, or None when the journal has this rejection already.

        Args:
            rejected: what a source or the intake refused.
            file: the file it was found in.
            now_ms: present time, UTC milliseconds.
        """
        if self._known is None:  # most imports reject nothing and never look
            stored = self._journal.read(kinds=[KIND], sources=[SOURCE])
            self._known = {bytes.fromhex(item.record.key) for item in stored}
        key = _key(rejected)
        if key in self._known:
            return None
        self._known.add(key)
        return Event(
            source=SOURCE,
            kind=KIND,
            layer=Layer.TEXT,  # a system kind is part of no lane; the field needs a value
            start_ms=now_ms,
            origin=Origin.DEVICE,
            trust=Trust.UNKNOWN,
            payload={
                "source": rejected.source,
                "reason": _sound(rejected.reason),
                "place": _sound(rejected.place),
                "file": _sound(str(file)),
                "raw": base64.b64encode(rejected.raw).decode("ascii"),
            },
            clock="station",
            key=key.hex(),
        )

    def forget(self, events: Iterable[Event]) -> None:
        """Take back events that could not be journalled, so that they are tried again."""
        if self._known is not None:
            self._known.difference_update(bytes.fromhex(event.key) for event in events)


def _sound(text: str) -> str:
    """Text without lone surrogates, which names of files that are not UTF-8 have and JSON cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _key(rejected: Rejected) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    # The same export packed or not is the same place.
    for part in (rejected.place.replace(".gz,", ","), rejected.reason):
        digest.update(part.encode("utf-8", "replace") + b"\0")
    digest.update(rejected.raw)
    return digest.digest()
