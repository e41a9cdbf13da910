"""What a backup consists of: the names of its objects, how each is sealed, and the manifest of a run.

Every object is written once. The name of a sealed object carries a keyed digest of its content and is bound into its
seal, so that the same content gets the same name and bytes (a run that was cut off is continued by running it again),
two contents never meet under one key, and no object passes for another.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict, dataclass, field

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hearthside.errors import HearthsideError, NeedsPerson, Refused
from hearthside.events import Json
from hearthside.identity import sealed_stream
from hearthside.identity.vault import Vault
from hearthside.journal.heads import HeadSigner, SignedHead
from hearthside.journal.keyring import Keyring

HEADS, SEGMENTS, CHANGED, KEYRINGS = "heads/", "segments/", "changed/", "keyrings/"
RECOVERY, MEDIA, MEDIA_LISTS, ADAPTERS, SETTINGS = "recovery/", "media/", "media-lists/", "adapters/", "settings/"
COPIES = (1, 2)
"""Small objects on which all others depend lie twice."""

_FORMAT = 1
_TAG_BYTES = 16
_UNPACKED_MAX = 256 * 1024**2  # bytes of a manifest or keyring; ten years take a hundredth of it


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows `first` to `last` of a year without a gap, as they were when `changed_upto` said at least `mark`."""

    name: str
    size: int
    year: int
    first: int
    last: int
    mark: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows of a year that were forgotten or sealed anew after the mark `after`, up to `upto` or later."""

    name: str
    size: int
    year: int
    first: int
    last: int
    after: int
    upto: int


@dataclass(frozen=True, slots=True)
class Kept:
    """An object with its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a complete run consists of.

    Attributes:
        head: the end of the chain that was backed up, signed.
        lineage: which life of the year files the marks of `changed` belong to; another one after a restore or repair.
        generation: number of the vault's root key.
        marks: by year what `Journal.changed_upto` said.
        media_lists: objects that together name the media files of this backup.
        media_digest: over all of them, to see at once that none is new.
        keyrings: two copies of the keyring, empty before the first.
        keyring_digest: SHA-256 of what they hold, hex.
        purged_ms: keyring copies from before this time hold keys that were destroyed; 0 when none was.
        recovery_digest: SHA-256 of the recovery document, hex; "" when the vault had no paper key.
        renewed_ms: when everything here was last put or promised anew.
        heads: names of the earlier runs that are there too.
    """

    head: SignedHead
    lineage: str
    generation: int
    segments: tuple[Segment, ...] = ()
    changes: tuple[Changes, ...] = ()
    marks: dict[int, int] = field(default_factory=dict)
    media_lists: tuple[Kept, ...] = ()
    media_digest: str = ""
    media_count: int = 0
    media_bytes: int = 0
    keyrings: tuple[Kept, ...] = ()
    keyring_digest: str = ""
    adapters: tuple[Kept, ...] = ()
    settings: tuple[Kept, ...] = ()
    settings_digest: str = ""
    recovery: tuple[Kept, ...] = ()
    recovery_digest: str = ""
    purged_ms: int = 0
    renewed_ms: int = 0
    heads: tuple[str, ...] = ()

    def objects(self) -> tuple[Kept | Segment | Changes, ...]:
        """Everything a restore of this run reads, but the media."""
        return (
            *self.segments, *self.changes, *self.media_lists, *self.keyrings, *self.adapters, *self.settings,
            *self.recovery,
        )  # fmt: skip

    @property
    def bytes(self) -> int:
        """How much lies at the target for this run."""
        return sum(kept.size for kept in self.objects()) + self.media_bytes


class Sealer:
    """Seals and opens the objects of one vault's backups.

    Args:
        vault: opened; what its former roots sealed opens too.
    """

    def __init__(self, vault: Vault) -> None:
        roots = [vault.key("backup"), *vault.former_keys("backup")]
        self._data = [_derived(root, "data") for root in roots]
        self._tag_key = _derived(roots[0], "names")
        self.signer = HeadSigner(vault.id, [vault.key("head"), *vault.former_keys("head")])

    def tag(self, content: bytes) -> str:
        """32 hex digits that say nothing about the content without the key."""
        return hashlib.blake2b(content, key=self._tag_key, digest_size=_TAG_BYTES).hexdigest()

    def seal(self, bound: str, content: bytes) -> bytes:
        """Seal a content; `bound` must hold its tag, or be random."""
        return sealed_stream.seal_bytes(content, self._data[0], _file_id(bound))

    def open(self, bound: str, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            Refused: damaged, cut short, another object's, or of another vault.
        """
        problem: Refused | None = None
        for key in self._data:
            try:
                return sealed_stream.open_bytes(sealed, key, _file_id(bound))
            except Refused as error:
                problem = problem or error
        assert problem is not None  # there is always at least one key
        raise problem

    def write_manifest(self, manifest: Manifest) -> tuple[str, bytes]:
        """Name and content of the object that makes a run complete."""
        body = asdict(manifest) | {"format": _FORMAT, "head": manifest.head.to_json().decode()}
        packed = zlib.compress(orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS))
        tag = self.tag(packed)
        first = manifest.head.to_json() + b"\n" + tag.encode() + b"\n"
        name = head_name(manifest.head)
        return name, first + self.seal(f"{name} {tag}", packed)

    def read_manifest(self, name: str, content: bytes) -> Manifest:
        """The manifest of a complete run, every byte of it proved.

        Raises:
            Refused: damaged, or not signed by this vault.
        """
        try:
            head, tag, sealed = content.split(b"\n", 2)
            packed = self.open(f"{name} {tag.decode()}", sealed)
            body = orjson.loads(unpacked(packed))
            # The part before the seal is for readers without the key; here it must be the same to the last bit.
            if body.pop("format") != _FORMAT or body["head"].encode() != head:
                raise ValueError("another format, or another head")
            manifest = _manifest(body)
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise _unreadable(name) from error
        if not self.signer.genuine(manifest.head) or head_name(manifest.head) != name:
            raise _unreadable(name)
        return manifest


def address_key(vault: Vault, keyring: Keyring) -> bytes:
    """What makes the names of media files: of the vault's first root, so that a new root changes no name.

    Or what came with the export that the vault was brought back from: names stand in records and never change.
    """
    return keyring.address_key() or [vault.key("media"), *vault.former_keys("media")][-1]


def head_name(head: SignedHead) -> str:
    """``heads/<time, 15 digits>-<position>.head``: the order of names is that of time."""
    return f"{HEADS}{head.at_ms:015}-{head.seq}.head"


def time_of(name: str) -> int | None:
    """The time in the name of a head, keyring or recovery object, UTC milliseconds; None when it has none."""
    first = name.rpartition("/")[2].partition("-")[0].partition(".")[0]
    return int(first) if first.isdecimal() and len(first) == 15 else None


def media_suffix(key: bytes) -> str:
    """16 hex digits that tell apart what was sealed for one address under two keys (forgotten, then given again)."""
    return hashlib.blake2b(key=key, digest_size=8, person=b"hearthside media").hexdigest()


def media_name(address: str, suffix: str) -> str:
    """Where a sealed media file lies."""
    return f"{MEDIA}{address[:2]}/{address}-{suffix}"


def packed(document: object) -> bytes:
    """A document of ours as it goes into the seal."""
    return zlib.compress(orjson.dumps(document))


def unpacked(content: bytes) -> bytes:
    """Undo `packed`, but for the JSON.

    Raises:
        ValueError: it is absurdly large.
    """
    machine = zlib.decompressobj()
    plain = machine.decompress(content, _UNPACKED_MAX)
    if not machine.eof:
        raise ValueError("it does not end")
    return plain


def is_damage(error: HearthsideError) -> bool:
    """Whether an error of reading says that an object is missing or damaged, and not that its place is away."""
    return isinstance(error, Refused) or (isinstance(error, NeedsPerson) and error.code == "backup-object-missing")


def _manifest(body: dict[str, Json]) -> Manifest:
    made = dict(body)
    made["head"] = SignedHead.from_json(body["head"].encode())
    made["marks"] = {int(year): int(mark) for year, mark in body["marks"].items()}
    made["segments"] = tuple(Segment(**entry) for entry in body["segments"])
    made["changes"] = tuple(Changes(**entry) for entry in body["changes"])
    made["heads"] = tuple(body["heads"])
    for name in ("media_lists", "keyrings", "adapters", "settings", "recovery"):
        made[name] = tuple(Kept(**entry) for entry in body[name])
    return Manifest(**made)


def _unreadable(name: str) -> Refused:
    return Refused(
        "backup-head-damaged",
        f"The backup's {name} is damaged, or this vault did not write it; nothing of it was used. An older run, or"
        " another backup, may be whole.",
    )


def _derived(root: bytes, purpose: str) -> bytes:
    info = f"hearthside/1/backup/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(root)


def _file_id(bound: str) -> bytes:
    return hashlib.sha256(bound.encode()).digest()
