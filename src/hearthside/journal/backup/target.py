"""What every place that holds a backup can do, and the names its objects may have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson

from hearthside.errors import NeedsPerson, Refused, RetryLater

MARKER = "hearthside-backup.json"
"""The object that says whose backup a place holds; written by `Target.prepare`, never listed."""

PIECE_BYTES = 1024 * 1024
"""How much of a large object is in memory at once while it is read."""

_MARKER_FORMAT = 1
# A subset that every file system, also one without upper case, and every S3 server keeps as it is.
_SEGMENT = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9-])?")
_PREFIX = re.compile(r"([a-z0-9][a-z0-9.-]*/)*([a-z0-9][a-z0-9.-]*)?")
_MAX_SEGMENT = 200  # file systems take 255 bytes
_MAX_NAME = 700  # S3 takes 1,024 bytes, and the prefix of the bucket comes before


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a backup, as the target lists it.

    Attributes:
        name: its name relative to the target.
        size: bytes.
        modified_ms: when the target got it, by the target's own clock, UTC milliseconds.
    """

    name: str
    size: int
    modified_ms: int


class Target(Protocol):
    """A place for a backup: objects under names, written once, never overwritten. Safe to use from many threads.

    Names are relative paths of ``a-z 0-9 . - /`` (`checked_name`); a name is never also the folder of another.
    Every call may raise ``RetryLater`` (the place is away, full or busy: nothing half-written is visible, and the same
    call works later), ``NeedsPerson`` (credentials, an object that is missing, a place nobody prepared) or ``Refused``
    (``backup-name-wrong``, ``backup-name-taken``, ``backup-other-vault``). A target opened without the id of a vault
    reads only, and also where the marker was lost, so that a clean machine can restore.
    """

    @property
    def title(self) -> str:
        """The place in words for the person: ``folder /mnt/disk``, ``bucket life at https://s3.example:443``."""
        ...

    def prepare(self, vault_id: str) -> None:
        """Make this the backup of a vault; asked for by the person, once. Again for the same vault: nothing happens.

        Raises:
            Refused: it holds the backup of another vault, or other things.
        """
        ...

    def vault(self) -> str:
        """Id of the vault whose backup lies here.

        Raises:
            NeedsPerson: nobody prepared this place.
        """
        ...

    def put(self, name: str, content: bytes) -> None:
        """Store an object; it is on the disk, or acknowledged by the server, when this returns.

        The same name with the same bytes is no work, so a run that was cut off is simply run again.

        Raises:
            Refused: the name holds other bytes, which stay.
        """
        ...

    def put_file(self, name: str, path: Path) -> None:
        """Like `put`, with the content of a file, which may be larger than the memory."""
        ...

    def get(self, name: str) -> bytes:
        """A whole object.

        Raises:
            NeedsPerson: there is no such object (``backup-object-missing``).
        """
        ...

    def open(self, name: str) -> Iterator[bytes]:
        """Like `get`, in pieces of at most `PIECE_BYTES`; errors come with the piece that shows them."""
        ...

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """All objects whose names start with `prefix`, in order of name."""
        ...

    def delete(self, name: str) -> bool:
        """Erase an object for good; True when nothing of it is left (also when there was none).

        False: the target keeps it, or an old version of it (append-only, locked), and lists it on.
        """
        ...

    def renew(self, name: str) -> None:
        """Start anew the time in which the target will not erase this object, where it makes such a promise."""
        ...

    def kept_until_ms(self, name: str) -> int | None:
        """Until when the target refuses to erase this object, UTC milliseconds; None: it makes no such promise."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def checked_name(name: str) -> str:
    """The name itself.

    Raises:
        Refused: it could mean another place (``..``, absolute, empty parts) or would not keep its spelling everywhere.
    """
    segments = name.split("/")
    fits = len(name) <= _MAX_NAME and all(len(s) <= _MAX_SEGMENT and _SEGMENT.fullmatch(s) for s in segments)
    if not fits or name == MARKER:
        raise Refused(
            "backup-name-wrong",
            f"“{name[:80]}” cannot be the name of a backup object, so nothing was read or written. "
            "Names are relative paths of a-z, 0-9, dot and hyphen.",
        )
    return name


def checked_prefix(prefix: str) -> str:
    """The beginning of names, checked like a name.

    Raises:
        Refused: no name can begin so.
    """
    if len(prefix) > _MAX_NAME or not _PREFIX.fullmatch(prefix):
        raise Refused(
            "backup-name-wrong", f"No backup object's name can begin with “{prefix[:80]}”, so nothing was listed."
        )
    return prefix


def is_name(name: str) -> bool:
    """Whether an object found at a target can be one of ours; anything else there is left alone."""
    try:
        return checked_name(name) == name
    except Refused:
        return False


def marker(vault_id: str) -> bytes:
    """Content of the marker object."""
    return orjson.dumps({"format": _MARKER_FORMAT, "vault": vault_id}) + b"\n"


def vault_of(content: bytes, title: str) -> str:
    """The vault that a marker names.

    Raises:
        NeedsPerson: the marker is damaged.
    """
    try:
        document = orjson.loads(content)
        vault = document["vault"]
        if document["format"] != _MARKER_FORMAT or not isinstance(vault, str):
            raise ValueError("unknown format")
    except (KeyError, TypeError, ValueError) as error:
        raise NeedsPerson(
            "backup-marker-damaged",
            f"The file {MARKER} in the {title} is damaged or newer than this program, so it is unclear whose backup "
            "that is. Nothing was written. Put back a copy of that file, or choose another place.",
        ) from error
    return vault


def check_empty(found: StoredObject | None, vault_id: str, title: str) -> None:
    """Refuse to make a place that holds other things a backup: retention would take them for old backups."""
    if found is not None:
        raise Refused(
            "backup-place-not-empty",
            f"The {title} holds other things, such as {found.name}; nothing was written. Choose an empty place. "
            f"If it is this vault's own backup and only the file {MARKER} was lost, put that file back with "
            f"the content {marker(vault_id).decode().strip()}",
        )


def check_writable(vault_id: str | None, title: str) -> None:
    """Refuse to change a place that was opened without naming a vault, to restore from."""
    if vault_id is None:
        raise Refused(
            "backup-read-only", f"The {title} was opened to restore from it, so nothing there was changed or added."
        )


def check_vault(found: str, expected: str | None, title: str) -> None:
    """Refuse a place that holds another vault's backup; `expected` None: any vault's will do (restoring)."""
    if expected is not None and found != expected:
        raise Refused(
            "backup-other-vault",
            f"The {title} holds the backup of another vault; nothing was written. Choose another folder or prefix.",
        )


def check_same(same: bool, name: str, title: str) -> None:
    """Refuse to overwrite an object with other bytes."""
    if not same:
        raise Refused(
            "backup-name-taken",
            f"The {title} already holds other bytes under {name}; they were left as they are, and nothing was written.",
        )


def missing(name: str, title: str) -> NeedsPerson:
    """The error for an object that is not there."""
    return NeedsPerson(
        "backup-object-missing",
        f"The {title} has no object {name}. Everything else there was left as it is. "
        "If it was erased by mistake, bring it back from another copy of this backup.",
    )


def file_pieces(path: Path, piece_bytes: int = PIECE_BYTES) -> Iterator[bytes]:
    """A file of ours, in pieces of that size; the last may be shorter.

    Raises:
        RetryLater: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            while piece := file.read(piece_bytes):
                yield piece
    except OSError as error:
        raise RetryLater(
            "backup-source-unreadable",
            f"A file of the vault cannot be read for the backup ({error.strerror}). Nothing was stored under its name; "
            "check the disk of the vault.",
        ) from error
