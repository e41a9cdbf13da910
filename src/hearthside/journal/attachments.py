"""References from journal records to the media store, so that forgetting and export find what belongs to a record.

Shape: ``payload["media"] = [{"address": 64 hex digits, "bytes": size, "type": MIME type, "name": file name}, ...]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hearthside.events import Event, Json, Record

FIELD = "media"

_ADDRESS = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class MediaRef:
    """One file that belongs to a record.

    Attributes:
        address: its name in the media store.
        size: bytes of the content.
        type: MIME type as the source gave it, or "".
        name: file name as the source gave it, or ""; to show, never to open.
    """

    address: str
    size: int
    type: str = ""
    name: str = ""


def with_media(payload: Mapping[str, Json], files: Iterable[MediaRef]) -> dict[str, Json]:
    """A payload that names these files; put them into the media store first."""
    named = [{"address": file.address, "bytes": file.size, "type": file.type, "name": file.name} for file in files]
    return {**payload, FIELD: named} if named else dict(payload)


def media_of(record: Record) -> list[MediaRef]:
    """The files a record names, in its order; whatever does not have the shape is no reference.

    A payload may come from outside, so a name here is a claim: a file is forgotten only when no other record names it.
    """
    named = record.payload.get(FIELD) if isinstance(record, Event) else None
    found = [_reference(entry) for entry in named] if isinstance(named, list) else []
    return [reference for reference in found if reference is not None]


def _reference(entry: Json) -> MediaRef | None:
    if not isinstance(entry, Mapping):
        return None
    address, size = entry.get("address"), entry.get("bytes")
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address) or type(size) is not int or size < 0:
        return None
    words = [word if isinstance(word := entry.get(field), str) else "" for field in ("type", "name")]
    return MediaRef(address, size, *words)
