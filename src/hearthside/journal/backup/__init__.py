"""Where backups go: the places (`target`), a mounted folder (`folder`) and S3-compatible storage (`s3`)."""

from hearthside.journal.backup.folder import FolderTarget
from hearthside.journal.backup.s3 import S3Target
from hearthside.journal.backup.target import StoredObject, Target

__all__ = ["FolderTarget", "S3Target", "StoredObject", "Target"]
