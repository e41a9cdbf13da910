"""What became of an imported file, in one line."""

from __future__ import annotations

from hearthside.intake import FileReport, Outcome


def describe_file(file: FileReport) -> str:
    """One line about one imported file."""
    what = file.title or "not recognised"
    counts = f"{file.read:,} read, {file.new:,} new, {file.duplicate:,} known, {file.rejected:,} refused"
    reasons = "; ".join(f"{count} × {reason}" for reason, count in sorted(file.reasons.items()))
    told = file.outcome is Outcome.TAKEN or file.note in file.reasons
    note = f" — {file.note}" if file.note and not told else ""
    return f"{file.path.name}: {what}; {counts}{': ' + reasons if reasons else ''}{note}"
