"""The short-lived part of a backup: the keyring, and the keys of the adapters; without it the rest opens for nobody.

Adapters learnt from what may be forgotten, so each is sealed under a random key that lies here and nowhere else: when
one is taken out of service, its copies at places that erase nothing become unreadable with the next keyring.
"""

from __future__ import annotations

import base64
import re
import zlib
from dataclasses import dataclass

import orjson

from hearthside.errors import Refused
from hearthside.journal.backup.layout import packed, unpacked

_FORMAT = 1
_FILE = re.compile(r"[a-z0-9][a-z0-9-]*\.sealed")


@dataclass(frozen=True, slots=True)
class AdapterCopy:
    """A file of the adapter registry.

    Attributes:
        file: its name in ``adapters/`` of the vault.
        name: of the object.
        key: 32 random bytes that the object is sealed under.
        size: bytes of the file; with `changed_ns`, its time of change, tells whether it is still the same.
    """

    file: str
    name: str
    key: bytes
    size: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class KeyringCopy:
    """What one keyring object holds; `snapshot` is `Keyring.snapshot()`."""

    snapshot: bytes
    adapters: tuple[AdapterCopy, ...] = ()

    def day_keys(self) -> dict[int, bytes]:
        """By id the keys of days, 32 bytes each."""
        return {int(row[0]): bytes.fromhex(row[3]) for row in orjson.loads(self.snapshot)["keys"]}

    def media_keys(self) -> dict[str, bytes]:
        """By address of a media file its key."""
        return {str(address): bytes.fromhex(key) for address, key in orjson.loads(self.snapshot)["media"]}

    def lacks(self, earlier: KeyringCopy) -> bool:
        """Whether keys or adapters of an earlier copy are gone here: something was forgotten between."""
        gone_media = set(earlier.media_keys().items()) - set(self.media_keys().items())
        adapters = {copy.file for copy in earlier.adapters} - {copy.file for copy in self.adapters}
        return bool(earlier.day_keys().keys() - self.day_keys().keys() or gone_media or adapters)


def is_adapter_file(name: str) -> bool:
    """Whether a file belongs to the adapter registry; nothing else is put back into its folder."""
    return _FILE.fullmatch(name) is not None


def write_copy(copy: KeyringCopy) -> bytes:
    """A copy as one content."""
    adapters = [[a.file, a.name, base64.b64encode(a.key).decode(), a.size, a.changed_ns] for a in copy.adapters]
    return packed({"format": _FORMAT, "snapshot": copy.snapshot.decode(), "adapters": adapters})


def read_copy(content: bytes, name: str) -> KeyringCopy:
    """A copy from a content that was proved genuine.

    Raises:
        Refused: it has another format.
    """
    try:
        document = orjson.loads(unpacked(content))
        if document["format"] != _FORMAT:
            raise ValueError("another format")
        adapters = tuple(
            AdapterCopy(str(file), str(at), base64.b64decode(key), int(size), int(changed))
            for file, at, key, size, changed in document["adapters"]
            if is_adapter_file(str(file))
        )
        copy = KeyringCopy(str(document["snapshot"]).encode(), adapters)
        copy.day_keys(), copy.media_keys()
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise Refused(
            "backup-format", f"The backup's {name} has a format that this Hearthside does not know. Update Hearthside."
        ) from error
    return copy
