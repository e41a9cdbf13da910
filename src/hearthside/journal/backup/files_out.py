"""Backing up what lies beside the journal: media files as they are, adapters, settings, the recovery document."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.identity import sealed_stream
from hearthside.identity.home_ca import FILE as HOME_CA
from hearthside.identity.vault import Vault
from hearthside.journal.backup.keyring_copy import AdapterCopy, is_adapter_file
from hearthside.journal.backup.layout import (
    ADAPTERS,
    COPIES,
    MEDIA_LISTS,
    RECOVERY,
    SETTINGS,
    Kept,
    Manifest,
    media_name,
    media_suffix,
)
from hearthside.journal.backup.media_lists import MediaCopy, digest_of, write_list
from hearthside.journal.backup.reading import BackupReader, ObjectDamaged
from hearthside.journal.backup.storing import Progress, Store
from hearthside.journal.media import MediaStore

BESIDE = {".ca": HOME_CA, ".toml": "hearthside.toml"}
"""Small files of the vault's folder that a backup has, by the ending of their objects.

The settings come last: an earlier Hearthside takes the last object for them.
"""
_LISTS = 16  # so many lists of media are joined into one
_TRIES = 3


@dataclass(frozen=True, slots=True)
class MediaState:
    """The media of a run; `new` files were put by it."""

    lists: tuple[Kept, ...]
    digest: str
    count: int
    bytes: int
    new: int
    problems: tuple[str, ...] = ()


def back_up_media(
    media: MediaStore,
    keys: Mapping[str, bytes],
    store: Store,
    reader: BackupReader,
    last: Manifest | None,
    mend: Collection[str],
    progress: Progress,
) -> MediaState:
    """Put every media file that has a key and is not there yet; each is proved before it is put.

    Args:
        keys: by address, from the keyring that this run stores.
    """
    keyed = {(address, media_suffix(key)) for address, key in keys.items()}
    local = {(address, media_suffix(keys[address])) for address in media.addresses() if address in keys}
    digest = digest_of(local)
    if last is not None and digest == last.media_digest and not mend:
        return MediaState(last.media_lists, digest, last.media_count, last.media_bytes, 0)
    lists = [kept for kept in (last.media_lists if last else ()) if kept.name not in mend]
    there = _listed(reader, last, lists)
    mended = {copy for copy in there.values() if copy.name in mend}
    new, problems = [], []
    wanted = sorted(pair for pair in local if pair not in there or there[pair] in mended)
    for done, (address, suffix) in enumerate(wanted, start=1):
        problem = _put_media(media, store, address, suffix, mend)
        if problem:
            problems.append(problem)
        elif media.path(address).exists():
            new.append(MediaCopy(address, suffix, media.path(address).stat().st_size))
        progress("media", done, len(wanted))
    # A file that was lost here but not forgotten stays in the backup.
    held = {pair: copy for pair, copy in there.items() if pair in keyed and copy not in mended}
    held |= {(copy.address, copy.suffix): copy for copy in new}
    if len(lists) >= _LISTS or len(lists) < len(last.media_lists if last else ()):
        lists, new = [], sorted(held.values())
    if new:
        lists.append(store.seal(MEDIA_LISTS, "", ".list", write_list(new), again=bool(mend)))
    known = digest_of(pair for pair in held if pair in local)  # so the next run tries again what could not be put
    return MediaState(
        tuple(lists), known, len(held), sum(copy.size for copy in held.values()), len(new), tuple(problems)
    )


def _listed(reader: BackupReader, last: Manifest | None, lists: Sequence[Kept]) -> dict[tuple[str, str], MediaCopy]:
    """What the last run's lists name; after a damaged one everything is put again, which is no work where it lies."""
    if last is None or len(lists) < len(last.media_lists):
        return {}
    try:
        return reader.media(last)
    except ObjectDamaged:
        return {}


def _put_media(media: MediaStore, store: Store, address: str, suffix: str, mend: Collection[str]) -> str:
    """Put one file; "" or why it could not be."""
    name, path = media_name(address, suffix), media.path(address)
    if name in mend:
        store.remove([name])
    fault = media.check(address)
    if fault is not None:
        return "" if not path.exists() else f"Media file {address} is damaged here and was not backed up."
    try:
        store.put_file(name, path, path.stat().st_size)
    except FileNotFoundError:
        return ""  # forgotten meanwhile
    except RetryLater as error:
        if error.code == "backup-source-unreadable" and not path.exists():
            return ""
        raise
    except Refused as error:
        if not store.taken(error):
            raise
        return f"The copy of media file {address} at the {store.target.title} is damaged and cannot be replaced there."
    return ""


def back_up_adapters(
    folder: Path, store: Store, last: Sequence[AdapterCopy], mend: Collection[str]
) -> list[AdapterCopy]:
    """Put the files of the adapter registry that changed; together they are as they were at one time."""
    for _ in range(_TRIES):
        seen = _adapter_files(folder)
        known = {(copy.file, copy.size, copy.changed_ns): copy for copy in last if copy.name not in mend}
        copies = []
        for file, size, changed in seen:
            copy = known.get((file, size, changed)) or _put_adapter(folder / file, store, size, changed)
            if copy is not None:
                copies.append(copy)
        if _adapter_files(folder) == seen:
            return copies
        last = copies
    raise RetryLater(
        "backup-busy", "The adapters change all the time, so this backup run was given up. It comes again."
    )


def _adapter_files(folder: Path) -> list[tuple[str, int, int]]:
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_adapter_file(path.name):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            found.append((path.name, state.st_size, state.st_mtime_ns))
    return found


def _put_adapter(path: Path, store: Store, size: int, changed_ns: int) -> AdapterCopy | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    key = secrets.token_bytes(32)
    kept = store.put(f"{ADAPTERS}{secrets.token_hex(16)}.adapter", sealed_stream.seal_bytes(content, key, bytes(32)))
    return AdapterCopy(path.name, kept.name, key, size, changed_ns)


def back_up_settings(
    vault: Path, store: Store, last: Manifest | None, mend: Collection[str]
) -> tuple[tuple[Kept, ...], str]:
    """Put the settings, and by what paired compute nodes know this home, when one changed; objects and digest."""
    contents = {}
    for ending, name in BESIDE.items():
        with suppress(FileNotFoundError):
            contents[ending] = (vault / name).read_bytes()
    if not contents:
        return (), ""
    digest = hashlib.sha256(b"".join(contents[ending] for ending in sorted(contents))).hexdigest()
    if last is not None and digest == last.settings_digest and not _any_in(last.settings, mend):
        return last.settings, digest
    put = [store.seal(SETTINGS, "", ending, content, again=bool(mend)) for ending, content in contents.items()]
    return tuple(put), digest


def back_up_recovery(
    vault: Vault, store: Store, last: Manifest | None, at_ms: int, mend: Collection[str]
) -> tuple[tuple[Kept, ...], str, str]:
    """Put the document that the paper key opens when it changed; with its digest and a problem in words."""
    try:
        document = vault.recovery_document()
    except NeedsPerson as error:
        if error.code != "vault-paper-missing":
            raise
        return (), "", "There is no paper key yet: once this machine is lost, nothing opens this backup. Make one."
    digest = hashlib.sha256(document).hexdigest()
    if last is not None and digest == last.recovery_digest and not _any_in(last.recovery, mend):
        return last.recovery, digest, ""
    stem = f"{RECOVERY}{at_ms:015}-{digest[:16]}"
    return tuple(store.put(f"{stem}-{copy}.json", document) for copy in COPIES), digest, ""


def _any_in(kept: Sequence[Kept], names: Collection[str]) -> bool:
    return any(one.name in names for one in kept)
