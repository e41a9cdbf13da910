"""Importing in the terminal: progress while it runs, one line a file, and an exit status that says how it went."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from hearthside.app.clock_estimates import set_clocks
from hearthside.app.file_words import describe_file
from hearthside.app.house import House
from hearthside.app.rooms import HOME_ZONE, SELF_NAMES
from hearthside.errors import Refused
from hearthside.intake import Importer, ImportReport
from hearthside.intake import Progress as ImportProgress
from hearthside.journal.decisions import decide, decided


def import_in_terminal(
    house: House, paths: Sequence[Path], zone: str, names: Sequence[str], err: Console, out: Console
) -> int:
    """Import, line up and index.

    Returns:
        0 everything taken or known, 1 something refused, 2 nothing recognised.
    """
    rooms = house.rooms
    if zone:
        tell_zone(house, zone)
    if names:
        known = decided(rooms.journal).get(SELF_NAMES) or []
        decide(rooms.journal, SELF_NAMES, sorted({*known, *names}), rooms.clock())
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("import", total=None, note="")

        def progress(p: ImportProgress) -> None:
            bar.update(
                task, completed=p.bytes_done, total=p.bytes_total or None, note=f"{p.file} {p.records:,} records"
            )

        report = Importer(rooms.journal, rooms.clock, rooms.reading(), progress, lambda: False).import_paths(paths)
        bar.update(task, description="line up", completed=0, total=None, note="")

        def days(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, note=f"{total:,} days")

        rooms.stream.update(days)
        said = list[str]()
        if set_clocks(rooms.journal, rooms.stream, rooms.clock, said.append):
            rooms.stream.update(days)
        bar.update(task, description="index", completed=0, total=None)
        rooms.index.update(lambda done, total: bar.update(task, completed=done, total=total, note=f"{total:,} records"))
    for file in report.files:
        out.print(describe_file(file), markup=False)
    for sentence in said:
        out.print(sentence, markup=False)
    for path in report.missing:
        out.print(f"{path}: there is no such file or folder", markup=False)
    if not report.files and not report.missing:
        out.print("There is no file to import here.")
    out.print(
        f"{report.read:,} read, {report.new:,} new, {report.duplicate:,} already known, {report.rejected:,} refused"
        + (" (kept with their reasons; `hearthside health` lists them)" if report.rejected else "")
    )
    _say_what_is_missing(house, report, out)
    return report.exit_status


def _say_what_is_missing(house: House, report: ImportReport, out: Console) -> None:
    """What would make this import more right, said once it is done."""
    told = decided(house.rooms.journal)
    if not told.get(HOME_ZONE) and report.read:
        out.print(
            "No home zone is known: times without a zone of their own, such as those of chats, are shown in UTC."
            " Tell yours once, here in the terminal: hearthside zone Europe/Berlin"
        )
    if not told.get(SELF_NAMES) and any(file.source == "whatsapp" for file in report.files):
        out.print(
            "Whose messages are yours is not known yet. Tell your name in the chats once and import again: --me NAME"
        )


def tell_zone(house: House, zone: str) -> None:
    """Keep the zone that the person lives in.

    Raises:
        Refused: ``zone-unknown``: nobody knows such a zone.
    """
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refused("zone-unknown", f"“{zone}” is not a zone like Europe/Berlin; nothing was imported.") from error
    decide(house.rooms.journal, HOME_ZONE, zone, house.rooms.clock())
