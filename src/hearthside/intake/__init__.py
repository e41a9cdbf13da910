"""The door in: files are found, recognised, checked, journalled and acknowledged, and what is refused is kept apart."""

from hearthside.intake.importer import Importer
from hearthside.intake.report import FileReport, ImportReport, Outcome, Progress

__all__ = ["FileReport", "ImportReport", "Importer", "Outcome", "Progress"]
