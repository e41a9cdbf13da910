"""The places that backups go to, as the settings name them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hearthside.config import Settings
from hearthside.egress import Egress, Purpose
from hearthside.errors import ConfigError
from hearthside.journal.backup.folder import FolderTarget
from hearthside.journal.backup.target import Target


def places(settings: Settings, egress: Egress | None, clock: Callable[[], int], vault_id: str | None) -> list[Target]:
    """Every place in the settings.

    Args:
        egress: writes the ledger row of each request to a bucket; None where there is no journal to write it in yet
            (a restore on a clean machine: what leaves then is requests for the person's own sealed objects).
        vault_id: of the vault whose backups these are; None to read only.

    Raises:
        ConfigError: a bucket is named without what belongs to it.
    """
    found: list[Target] = []
    if settings.backup_folder is not None:
        found.append(FolderTarget(settings.backup_folder, vault_id))
    if settings.backup_s3_url:
        found.append(_bucket(settings, egress, clock, vault_id))
    return found


def place_at(
    where: str, settings: Settings, egress: Egress | None, clock: Callable[[], int], vault_id: str | None
) -> Target:
    """The place a person names: a folder, or ``s3`` for the bucket of the settings."""
    if where == "s3":
        return _bucket(settings, egress, clock, vault_id)
    return FolderTarget(Path(where).expanduser(), vault_id)


def _bucket(settings: Settings, egress: Egress | None, clock: Callable[[], int], vault_id: str | None) -> Target:
    if not settings.backup_s3_bucket or settings.backup_s3_credentials_file is None or not settings.backup_s3_url:
        raise ConfigError(
            "backup-bucket-incomplete",
            "A bucket for backups needs backup_s3_url, backup_s3_bucket and backup_s3_credentials_file; nothing was"
            " sent.",
        )
    from hearthside.journal.backup.s3 import S3Target  # its library takes a while to load, and most need none

    def before_send(destination: str, data_class: str, bytes_out: int, sha256: str) -> None:
        if egress is not None:
            egress.permit(Purpose.BACKUP, destination, data_class, bytes_out, sha256)

    return S3Target(
        settings.backup_s3_url,
        settings.backup_s3_bucket,
        region=settings.backup_s3_region,
        prefix=settings.backup_s3_prefix,
        credentials=settings.backup_s3_credentials_file,
        before_send=before_send,
        clock=clock,
        vault_id=vault_id,
        lock_days=settings.backup_s3_lock_days,
    )
