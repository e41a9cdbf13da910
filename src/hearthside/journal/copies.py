"""What backups have to repair a vault with: rows, and media files that are put back at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hearthside.errors import HearthsideError
from hearthside.identity.vault import Vault
from hearthside.journal.backup.keyring_copy import KeyringCopy
from hearthside.journal.backup.layout import Manifest, Sealer, address_key, media_suffix
from hearthside.journal.backup.media_lists import MediaCopy
from hearthside.journal.backup.reading import BackupReader, ObjectDamaged, Unreadable
from hearthside.journal.backup.restore import fetch_media
from hearthside.journal.backup.storing import Progress
from hearthside.journal.backup.target import Target, check_vault
from hearthside.journal.keyring import Keyring
from hearthside.journal.media import MediaStore
from hearthside.journal.media_faults import FaultKind
from hearthside.journal.salvage import row_of
from hearthside.journal.sealing import SealedRow, commitments, prepare_body, seal, unseal
from hearthside.journal.year_file import Row

_Listed = list[tuple["Copy", dict[tuple[str, str], MediaCopy]]]


@dataclass(frozen=True, slots=True)
class Copy:
    """A backup to take from: its newest run whose keyring is whole; `day_keys` are those of `keys` by id."""

    target: Target
    reader: BackupReader
    manifest: Manifest
    keys: KeyringCopy
    day_keys: Mapping[int, bytes]


def find_copies(vault: Vault, targets: Sequence[Target], notes: list[str]) -> list[Copy]:
    """The backups that can be read, the one with most records first; what is wrong with the others goes to `notes`."""
    found = []
    for target in targets:
        try:
            check_vault(target.vault(), vault.id, target.title)
            copy = _copy(vault, target, notes)
        except HearthsideError as error:
            notes.append(error.message)
            continue
        if copy is not None:
            found.append(copy)
    return sorted(found, key=lambda copy: copy.manifest.head.seq, reverse=True)


def rows_of_copies(copies: Sequence[Copy], year: int, first: int, last: int, notes: list[str]) -> Iterator[SealedRow]:
    """Rows of a year in order; where one backup is damaged the next goes on, from where the first stopped."""
    at = first
    for copy in copies:
        try:
            for row in copy.reader.rows(copy.manifest, year, at, last):
                if row.seq == at:
                    yield row
                    at += 1
        except HearthsideError as error:
            notes.append(error.message)


def sealed_again(copies: Sequence[Copy], row: SealedRow | None, commitment: bytes, keyring: Keyring) -> Row | None:
    """A row that was not forgotten, opened with the keys of a backup and sealed under a new key of the vault."""
    if row is None or row.sealed is None or row.commitment != commitment:
        return None
    for copy in copies:
        key = copy.day_keys.get(row.key_id or 0)
        try:
            inside = unseal(AESGCM(key), row.seq, row.sealed) if key is not None else None
        except HearthsideError:
            continue
        if inside is not None and commitment in commitments(inside):
            p = prepare_body(orjson.loads(inside.raw), inside.raw)
            new = keyring.current([(p.source, p.day)])[p.source, p.day]
            sealed = seal(new.cipher, row.seq, inside.salt, inside.received_ms, inside.raw)
            return row_of(row.seq, commitment, inside, new.id, sealed, b"")
    return None


def repair_media(
    vault: Vault, keyring: Keyring, copies: Sequence[Copy], notes: list[str], progress: Progress
) -> tuple[int, list[str]]:
    """Look at every media file and put back what is damaged or missing; how many, and the addresses that nobody has."""
    store = MediaStore(vault.folder / "media", address_key(vault, keyring), keyring)
    addresses = sorted(address.hex() for address in keyring.media_addresses())
    listed: _Listed | None = None
    back, lost = 0, []
    for done, address in enumerate(addresses, start=1):
        fault = store.check(address)
        if fault is not None:
            listed = _media_of(copies, notes) if listed is None else listed
            if _put_back(vault, store, keyring, address, listed):
                back += 1
            elif fault.kind is FaultKind.MISSING_FILE and not _is_known(address, listed):
                notes.append(f"Media file {address} has a key but is neither here nor in a backup; a cut-off import?")
            else:
                lost.append(address)
        progress("media", done, len(addresses))
    return back, lost


def _copy(vault: Vault, target: Target, notes: list[str]) -> Copy | None:
    reader = BackupReader(target, Sealer(vault))
    for manifest in reader.manifests():
        if isinstance(manifest, Unreadable):
            notes.append(manifest.message)
            continue
        try:
            keys = reader.keyring(manifest)
            return Copy(target, reader, manifest, keys, keys.day_keys())
        except ObjectDamaged as error:
            notes.append(error.message)
    return None


def _media_of(copies: Sequence[Copy], notes: list[str]) -> _Listed:
    found = []
    for copy in copies:
        try:
            found.append((copy, copy.reader.media_there()))
        except HearthsideError as error:
            notes.append(error.message)
    return found


def _put_back(vault: Vault, store: MediaStore, keyring: Keyring, address: str, listed: _Listed) -> bool:
    key = keyring.media_key(bytes.fromhex(address))
    for copy, there in listed:
        found = there.get((address, media_suffix(key))) if key is not None else None
        if found is not None and fetch_media(copy.target, found, store, vault.folder):
            return True
    return False


def _is_known(address: str, listed: _Listed) -> bool:
    return any(pair[0] == address for _, there in listed for pair in there)
