"""Which media files a backup has: lists of them, each naming what a run added."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from hearthside.errors import Refused
from hearthside.journal.backup.layout import media_name

_MAGIC = b"hearthside media 1\n"
_ENTRY = struct.Struct(">32s8sQ")


@dataclass(frozen=True, slots=True, order=True)
class MediaCopy:
    """A media file at the target.

    Attributes:
        address: 64 hex digits.
        suffix: see `layout.media_suffix`.
        size: bytes as it lies, sealed.
    """

    address: str
    suffix: str
    size: int

    @property
    def name(self) -> str:
        """Of the object."""
        return media_name(self.address, self.suffix)


def write_list(copies: Iterable[MediaCopy]) -> bytes:
    """A list as one content."""
    entries = [_ENTRY.pack(bytes.fromhex(c.address), bytes.fromhex(c.suffix), c.size) for c in sorted(copies)]
    return _MAGIC + b"".join(entries)


def read_list(content: bytes, name: str) -> list[MediaCopy]:
    """The files in a list that was proved genuine.

    Raises:
        Refused: it has another format.
    """
    if not content.startswith(_MAGIC) or (len(content) - len(_MAGIC)) % _ENTRY.size:
        raise Refused(
            "backup-format", f"The backup's {name} has a format that this Hearthside does not know. Update Hearthside."
        )
    found = _ENTRY.iter_unpack(content[len(_MAGIC) :])
    return [MediaCopy(address.hex(), suffix.hex(), size) for address, suffix, size in found]


def digest_of(pairs: Iterable[tuple[str, str]]) -> str:
    """One digest over (address, suffix) of many files."""
    whole = hashlib.sha256()
    for address, suffix in sorted(pairs):
        whole.update(f"{address}-{suffix}\n".encode())
    return whole.hexdigest()
