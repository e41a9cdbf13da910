"""Leaving with everything, in open formats, and bringing it back into an empty vault as the same chain of records."""

from hearthside.leaving.bring_back import BringBackReport, add_to, bring_back
from hearthside.leaving.export import NOT_ENCRYPTED, Belongings, ExportReport, export_everything
from hearthside.leaving.manifest import Manifest, is_export, read_manifest

__all__ = [
    "NOT_ENCRYPTED",
    "Belongings",
    "BringBackReport",
    "ExportReport",
    "Manifest",
    "add_to",
    "bring_back",
    "export_everything",
    "is_export",
    "read_manifest",
]
