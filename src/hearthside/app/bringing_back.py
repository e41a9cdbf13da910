"""Bringing a person's own export back: into a vault without a record as the same chain, else as records to add."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hearthside.app.rooms import SYSTEM_SOURCES, open_rooms
from hearthside.config import Settings
from hearthside.identity.vault import create_vault, open_vault, vault_exists
from hearthside.intake.pauses import paused_sources
from hearthside.journal import files
from hearthside.journal.keyring import Keyring
from hearthside.journal.media import MediaStore
from hearthside.leaving.bring_back import BringBackReport, add_to, bring_back


def bring_export_back(
    folder: Path,
    settings: Settings,
    clock: Callable[[], int],
    passphrase: str | None,
    progress: Callable[[int, int], None],
    stop: Callable[[], bool],
) -> BringBackReport:
    """Bring an export back into the vault of the settings, which is made when there is none."""
    vault_folder = Path(settings.vault)
    if files.year_files(vault_folder / "journal") or (vault_folder / "journal.db").exists():
        rooms = open_rooms(settings, clock, passphrase)
        try:
            leave_out = {*SYSTEM_SOURCES, *paused_sources(rooms.journal)}
            return add_to(folder, rooms.journal, rooms.media, leave_out, progress, stop)
        finally:
            rooms.close()
    if vault_exists(vault_folder):
        vault = open_vault(vault_folder, passphrase=passphrase, key_file=settings.key_file)
    elif passphrase is not None:
        vault = create_vault(vault_folder, passphrase=passphrase, now_ms=clock())
    else:
        vault = create_vault(vault_folder, key_file=settings.key_file, now_ms=clock())

    def open_media(keyring: Keyring, address_key: bytes) -> MediaStore:
        keyring.keep_address_key(address_key)
        return MediaStore(vault_folder / "media", address_key, keyring)

    return bring_back(folder, vault_folder, vault.key("journal"), open_media, progress, stop)
