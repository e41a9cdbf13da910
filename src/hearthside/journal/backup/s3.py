"""A backup in S3-compatible storage; where the bucket keeps versions, the first one of each name is the true one."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, RetryLater
from hearthside.events import DAY_MS
from hearthside.journal.backup.s3_client import Answer, BeforeSend, S3Client, destination_of
from hearthside.journal.backup.target import (
    MARKER,
    PIECE_BYTES,
    StoredObject,
    check_empty,
    check_same,
    check_vault,
    check_writable,
    checked_name,
    checked_prefix,
    file_pieces,
    is_name,
    marker,
    missing,
    vault_of,
)

PART_BYTES = 8 * 1024 * 1024
"""Files up to this size go in one request, larger ones in parts; one part is in memory at a time."""

_MAX_PARTS = 10_000
_STALE_MS = DAY_MS  # an upload so old that was never completed is left from a run that was cut off
_NOT_THERE = ("NoSuchKey", "404", "NoSuchVersion")
_NOT_OFFERED = ("NotImplemented", "MethodNotAllowed", "AccessDenied", "NoSuchKey", "501", "405", "404")
_TAKEN = ("PreconditionFailed", "NoSuchUpload", "412")  # NoSuchUpload: a repeated request had already completed it
# What servers say when an object may not be erased: the credentials are append-only, or the object is locked.
_KEPT = ("AccessDenied", "InvalidRequest")


@dataclass(frozen=True, slots=True)
class _Found:
    """An object as the server knows it; `which` are the arguments that name its first version."""

    which: Mapping[str, str]
    size: int
    sha256: str | None
    locked_until_ms: int | None


class S3Target:
    """A `Target` in a bucket.

    Objects carry their SHA-256 as metadata. A hijacked machine with these credentials can put newer versions or
    delete markers over an object; in a bucket with versions both are looked through: only the first version counts.

    Args:
        endpoint: ``https://host:port`` of the server.
        bucket: it exists; made by the person.
        region: as the server calls it.
        prefix: folder within the bucket.
        credentials: file of the access key, see `read_credentials`; nothing is taken from the environment or ~/.aws.
        before_send: writes the ledger row of each request.
        clock: UTC milliseconds.
        vault_id: whose backup it must hold; None takes any and reads only (to restore on a clean machine).
        lock_days: nobody, not even the owner of the bucket, can erase an object for so long; 0: no lock. The bucket
            must have been made with object lock.
        certificates: PEM file of authorities to trust instead of the usual ones.

    Raises:
        ConfigError: address or prefix is none.
        NeedsPerson: the credentials file is missing or holds no key, or S3 allows no such region.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        region: str,
        prefix: str = "",
        credentials: Path,
        before_send: BeforeSend,
        clock: Callable[[], int],
        vault_id: str | None = None,
        lock_days: int = 0,
        certificates: Path | None = None,
    ) -> None:
        inner = _checked_folder(prefix)
        self._prefix = f"{inner}/" if inner else ""
        place = f"{bucket}/{inner}" if inner else bucket
        self._title = f"bucket {place} at {destination_of(endpoint)}"
        self._client = S3Client(endpoint, region, bucket, self._title, credentials, before_send, certificates)
        self._clock = clock
        self._vault_id = vault_id
        self._lock_days = lock_days
        self._checked = False
        self._versioned: bool | None = None
        self._conditional = True
        self._cleaned = False

    @property
    def title(self) -> str:
        return self._title

    def prepare(self, vault_id: str) -> None:
        self._check_lock()
        if self._find(MARKER) is None:
            check_empty(next(self._listed(""), None), vault_id, self._title)
            content = marker(vault_id)
            self._send(MARKER, content, hashlib.sha256(content).hexdigest())
        check_vault(self.vault(), vault_id, self._title)
        self._vault_id, self._checked = vault_id, True

    def vault(self) -> str:
        try:
            content = b"".join(self._read(MARKER))
        except NeedsPerson as error:
            if error.code != "backup-object-missing":
                raise
            raise NeedsPerson(
                "backup-not-prepared",
                f"The {self._title} was never made a place for this backup; nothing was written. "
                "Choose it as a backup place first, or correct bucket and prefix in the settings.",
            ) from error
        return vault_of(content, self._title)

    def put(self, name: str, content: bytes) -> None:
        self._check_writing(name)
        digest = hashlib.sha256(content).hexdigest()
        if not self._holds(name, len(content), digest) and not self._send(name, content, digest):
            self._settle(name, len(content), digest)

    def put_file(self, name: str, path: Path) -> None:
        self._check_writing(name)
        digest, size = _digest(file_pieces(path))
        if self._holds(name, size, digest):
            return
        if size <= PART_BYTES:
            content = b"".join(file_pieces(path))
            _check_unchanged(hashlib.sha256(content).hexdigest(), digest)
            sent = self._send(name, content, digest)
        else:
            sent = self._send_parts(name, path, size, digest)
        if not sent:
            self._settle(name, size, digest)

    def get(self, name: str) -> bytes:
        return b"".join(self.open(name))

    def open(self, name: str) -> Iterator[bytes]:
        checked_name(name)
        self._check()
        yield from self._read(name)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        checked_prefix(prefix)
        self._check()
        yield from self._listed(prefix)

    def _listed(self, prefix: str) -> Iterator[StoredObject]:
        start = self._prefix + prefix
        if self._keeps_versions():
            found = _first_versions(self._client.pages("list_object_versions", Prefix=start))
        else:
            pages = self._client.pages("list_objects_v2", Prefix=start)
            found = (entry for page in pages for entry in page.get("Contents", ()))
        for entry in found:
            name = str(entry["Key"]).removeprefix(self._prefix)
            if is_name(name):
                yield StoredObject(name, int(entry["Size"]), _ms(entry["LastModified"]))

    def delete(self, name: str) -> bool:
        self._check_writing(name)
        key = self._key(name)
        if not self._keeps_versions():
            answer = self._client.ask_unless(_KEPT, "delete_object", Key=key)
            # A marker means that the bucket does keep versions, only that we may not ask it.
            return answer is not None and not answer.get("DeleteMarker", False)
        kept = False
        for version in tuple(self._versions(key)):
            answer = self._client.ask_unless(_KEPT, "delete_object", Key=key, VersionId=version["VersionId"])
            kept = kept or answer is None
        return not kept

    def renew(self, name: str) -> None:
        self._check_writing(name)
        found = self._need(name)
        if self._lock_days:
            self._renew(name, found)

    def kept_until_ms(self, name: str) -> int | None:
        return self._need(name).locked_until_ms

    def close(self) -> None:
        self._client.close()

    def _check(self) -> None:
        """Once: whose backup it is, and whether the bucket can lock; any will do to restore from."""
        if self._checked or self._vault_id is None:
            return
        check_vault(self.vault(), self._vault_id, self._title)
        self._check_lock()
        if self._lock_days and (found := self._find(MARKER)) is not None:
            self._renew(MARKER, found)  # nobody else would
        self._checked = True

    def _check_writing(self, name: str) -> None:
        checked_name(name)
        check_writable(self._vault_id, self._title)
        self._check()

    def _check_lock(self) -> None:
        if self._lock_days:
            codes = ("ObjectLockConfigurationNotFoundError", *_NOT_OFFERED)
            answer = self._client.ask_unless(codes, "get_object_lock_configuration")
            if (answer or {}).get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
                raise NeedsPerson(
                    "backup-bucket-cannot-lock",
                    f"The {self._title} cannot lock objects, so what lies there could be erased with this key. "
                    "Nothing was written. Make a bucket with object lock, or set the lock to 0 days.",
                )

    def _keeps_versions(self) -> bool:
        if self._versioned is None:
            answer = self._client.ask_unless(_NOT_OFFERED, "get_bucket_versioning")
            self._versioned = (answer or {}).get("Status") in ("Enabled", "Suspended")
        return self._versioned

    def _key(self, name: str) -> str:
        return self._prefix + name

    def _need(self, name: str) -> _Found:
        checked_name(name)
        self._check()
        found = self._find(name)
        if found is None:
            raise missing(name, self._title)
        return found

    def _first(self, name: str) -> Mapping[str, str] | None:
        """Arguments that name the first version of an object, whatever lies over it; None when there is none."""
        if not self._keeps_versions():
            return {}
        first = None
        for version in self._versions(self._key(name), markers=False):
            first = {"VersionId": str(version["VersionId"])}
        return first

    def _renew(self, name: str, found: _Found) -> None:
        # An hour less is not worth a request, so that an object is renewed once however many others refer to it.
        if (found.locked_until_ms or 0) < _ms(self._lock_end()) - DAY_MS // 24:
            retention = {"Mode": "COMPLIANCE", "RetainUntilDate": self._lock_end()}
            self._client.ask("put_object_retention", Key=self._key(name), Retention=retention, **found.which)

    def _find(self, name: str) -> _Found | None:
        which = self._first(name)
        if which is None:
            return None
        head = self._client.ask_unless(_NOT_THERE, "head_object", Key=self._key(name), **which)
        if head is None:
            return None
        until = head.get("ObjectLockRetainUntilDate")
        digest = head.get("Metadata", {}).get("sha256")
        return _Found(which, int(head["ContentLength"]), digest, None if until is None else _ms(until))

    def _versions(self, key: str, *, markers: bool = True) -> Iterator[Answer]:
        """Versions of one key, the newest first; on each page delete markers come last."""
        for page in self._client.pages("list_object_versions", Prefix=key):
            entries = [*page.get("Versions", ()), *(page.get("DeleteMarkers", ()) if markers else ())]
            yield from (entry for entry in entries if entry["Key"] == key)
            if page.get("NextKeyMarker", key) != key:  # the rest are longer names
                return

    def _read(self, name: str) -> Iterator[bytes]:
        which = self._first(name)
        codes = _NOT_THERE
        answer = None if which is None else self._client.ask_unless(codes, "get_object", Key=self._key(name), **which)
        if answer is None:
            raise missing(name, self._title)
        yield from self._client.body(answer, PIECE_BYTES)

    def _holds(self, name: str, size: int, digest: str) -> bool:
        """Whether the object is there already; refuses when other bytes are."""
        found = self._find(name)
        if found is None:
            return False
        same = found.size == size
        if same:  # without our metadata another program copied it there
            same = digest == (found.sha256 or _digest(self._read(name))[0])
        check_same(same, name, self._title)
        return True

    def _settle(self, name: str, size: int, digest: str) -> None:
        """After the server said that the name is taken: by the same bytes, or by others."""
        if not self._holds(name, size, digest):
            raise RetryLater(
                "backup-unsettled",
                f"The {self._title} gave two answers about {name}: taken, and not there. Nothing was lost; try again.",
            )

    def _send(self, name: str, content: bytes, digest: str) -> bool:
        """One request for the whole object; False when the name was taken meanwhile."""
        key, metadata = self._key(name), {"sha256": digest}
        sealed = {"Body": content, "ContentMD5": _md5(content)}
        return self._if_new("put_object", Key=key, Metadata=metadata, **sealed, **self._lock_arguments())

    def _if_new(self, operation: str, **arguments: Any) -> bool:
        """Do it only if the name is free; a server that does not know the condition was asked just before."""
        if self._conditional:
            try:
                return self._client.ask_unless(_TAKEN, operation, IfNoneMatch="*", **arguments) is not None
            except NeedsPerson as error:
                if error.code != "backup-not-offered":
                    raise
                self._conditional = False
        return self._client.ask_unless(_TAKEN, operation, **arguments) is not None

    def _send_parts(self, name: str, path: Path, size: int, digest: str) -> bool:
        """A large file in parts, which become an object only when all are there; False when the name was taken."""
        self._abort_stale()
        key = self._key(name)
        begun = self._client.ask(
            "create_multipart_upload", Key=key, Metadata={"sha256": digest}, **self._lock_arguments()
        )
        upload = {"Key": key, "UploadId": str(begun["UploadId"])}
        try:
            parts = self._upload(upload, path, size, digest)
            sent = self._if_new("complete_multipart_upload", MultipartUpload={"Parts": parts}, **upload)
        except BaseException:
            self._abort(upload)
            raise
        if not sent:
            self._abort(upload)
        elif self._lock_days:
            self.renew(name)  # not every server keeps the lock that the upload began with
        return sent

    def _upload(self, upload: Mapping[str, str], path: Path, size: int, digest: str) -> Sequence[Mapping[str, Any]]:
        parts = []
        seen = hashlib.sha256()
        for number, content in enumerate(file_pieces(path, max(PART_BYTES, -(-size // _MAX_PARTS))), start=1):
            seen.update(content)
            part = self._client.ask("upload_part", PartNumber=number, Body=content, ContentMD5=_md5(content), **upload)
            parts.append({"PartNumber": number, "ETag": part["ETag"]})
        _check_unchanged(seen.hexdigest(), digest)
        return parts

    def _abort(self, upload: Mapping[str, str]) -> None:
        """Free what the parts take; append-only credentials may not, then the bucket's own rule does it."""
        with suppress(HearthsideError):
            self._client.ask("abort_multipart_upload", **upload)

    def _abort_stale(self) -> None:
        if self._cleaned:
            return
        self._cleaned = True
        before = self._clock() - _STALE_MS
        with suppress(HearthsideError):
            for page in self._client.pages("list_multipart_uploads", Prefix=self._prefix):
                for upload in page.get("Uploads", ()):
                    ours = is_name(str(upload["Key"]).removeprefix(self._prefix))
                    if ours and _ms(upload["Initiated"]) < before:
                        self._abort({"Key": upload["Key"], "UploadId": upload["UploadId"]})

    def _lock_end(self) -> datetime:
        return datetime.fromtimestamp(self._clock() // 1000, UTC) + timedelta(days=self._lock_days)

    def _lock_arguments(self) -> Mapping[str, Any]:
        if not self._lock_days:
            return {}
        # COMPLIANCE: not even the owner of the account can shorten it.
        return {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": self._lock_end()}


def _checked_folder(prefix: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._/-]{0,200}", prefix):
        raise ConfigError(
            "backup-prefix-wrong",
            "The folder within the bucket may hold letters, digits, dot, hyphen, underscore and slash only. "
            "Nothing was sent; correct it in the settings.",
        )
    return prefix.strip("/")


def _first_versions(pages: Iterator[Answer]) -> Iterator[Answer]:
    """The oldest version of each key, of a listing by key and then from new to old."""
    last: Answer | None = None
    for page in pages:
        for entry in page.get("Versions", ()):
            if last is not None and last["Key"] != entry["Key"]:
                yield last
            last = entry
    if last is not None:
        yield last


def _digest(pieces: Iterator[bytes]) -> tuple[str, int]:
    """SHA-256 (hex) and length in bytes."""
    seen, size = hashlib.sha256(), 0
    for piece in pieces:
        seen.update(piece)
        size += len(piece)
    return seen.hexdigest(), size


def _check_unchanged(seen: str, expected: str) -> None:
    if seen != expected:
        raise RetryLater(
            "backup-source-changed",
            "A file of the vault changed while it was being stored. Nothing was stored under its name; "
            "the next run takes it.",
        )


def _md5(content: bytes) -> str:
    """What Content-MD5 wants: the server refuses a body that changed on the way."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
