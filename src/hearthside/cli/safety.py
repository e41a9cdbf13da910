"""Commands that keep the life safe: verify, back up, prove, restore; and to forget, or leave with everything."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hearthside.cli.common import (
    VAULT,
    check_date,
    follow,
    opened_house,
    out,
    passphrase,
    progress_bar,
    secret,
    settings_of,
)
from hearthside.errors import NeedsPerson, Refused
from hearthside.events import ms_of
from hearthside.logs import start_logging

app = typer.Typer()
_WHERE = Annotated[str, typer.Option("--from", help="Folder of the backup, or s3 for the bucket in the settings.")]


@app.command()
def verify(
    vault: VAULT = None,
    head: Annotated[str, typer.Option(help="A code noted down from `hearthside heads`: is it still in there?")] = "",
    backups: Annotated[bool, typer.Option(help="Read the backups too.")] = True,
) -> None:
    """Look at every page, record, key and media file, at heads kept elsewhere and at the backups."""
    from hearthside.journal.heads import check_code

    with opened_house(vault) as house:
        if head:
            wrong = check_code(house.rooms.journal, head)
            out.print(wrong or "The journal leads up to this code.", markup=False)
            if wrong:
                raise typer.Exit(1)
        house.safekeeper.look()
        job = follow(house, house.start_verify(backups))
    raise typer.Exit(0 if job.state == "done" and job.message.startswith("All") else 1)


@app.command()
def heads(
    vault: VAULT = None,
    accept: Annotated[bool, typer.Option("--accept", help="The journal was put back on purpose: begin anew.")] = False,
) -> None:
    """Show a code of the journal's end to note down, and who else remembers one."""
    with opened_house(vault) as house:
        keeper, rooms = house.safekeeper, house.rooms
        keeper.look()
        if accept:
            keeper.accept_heads()
        keeper.give_head()
        out.print(f"Note this down or photograph it: {rooms.signer.sign(rooms.journal, rooms.clock()).code}")
        for held in keeper.held():
            out.print(f"{held.where} remembers record {held.head.seq:,}.", markup=False)
        for line in keeper.rolled_back:
            out.print(line, markup=False)
        if keeper.rolled_back:
            out.print("If you put the journal back yourself: hearthside heads --accept")
            raise typer.Exit(1)


@app.command()
def backup(
    vault: VAULT = None,
    set_up: Annotated[bool, typer.Option("--set-up", help="Prepare the places in the settings first.")] = False,
) -> None:
    """Back up to every place in the settings; only what is new is written."""
    with opened_house(vault) as house:
        if set_up:
            for title in house.safekeeper.set_up():
                out.print(f"Prepared: {title}", markup=False)
            if not any(way.kind == "paper" for way in house.rooms.vault.ways()):
                out.print("A backup opens on another machine with the paper key only. Make it: hearthside keys paper")
        job = follow(house, house.start_backup())
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def drill(
    vault: VAULT = None,
    paper: Annotated[bool, typer.Option("--paper", help="Type the paper key's words, to prove these too.")] = False,
) -> None:
    """Restore the newest backup into a scratch folder and compare every record and media file."""
    words = secret("HEARTHSIDE_PAPER_KEY", "The 24 words: ") if paper else None
    with opened_house(vault) as house:
        job = follow(house, house.start_drill(words))
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def restore(
    where: _WHERE,
    vault: VAULT = None,
    at: Annotated[str, typer.Option(help="As it was at this time, ISO with offset; the newest by default.")] = "",
) -> None:
    """Make the vault anew on a clean machine, from a backup and the paper key alone."""
    from hearthside.app.places import place_at
    from hearthside.app.rooms import system_clock
    from hearthside.journal.backup.restore import restore as bring

    start_logging()
    settings = settings_of(vault)
    at_ms = _moment(at) if at else None
    words = secret("HEARTHSIDE_PAPER_KEY", "The 24 words of the paper key: ")
    target = place_at(where, settings, None, system_clock, None)
    with progress_bar() as bar:
        task = bar.add_task("restore", total=None, note="")
        report = bring(
            target, words, settings.vault, passphrase=passphrase(),
            key_file=None if passphrase() else settings.key_file, at_ms=at_ms, now_ms=system_clock(),
            progress=lambda what, done, total: bar.update(task, completed=done, total=total or None, note=what),
        )  # fmt: skip
    for note in report.notes:
        out.print(note, markup=False)
    out.print(
        f"{report.records:,} records and {report.media:,} media files are back in {settings.vault}"
        f" ({report.forgotten:,} of them forgotten). The end of the journal is {report.head.code}:"
        " hold it against one you noted down."
    )
    with opened_house(vault) as house:
        house.keep_in_step()  # so that the first look finds everything
    if report.media_missing:
        raise NeedsPerson("restore-media-missing", f"{len(report.media_missing):,} media files are not in this backup.")


@app.command()
def repair(vault: VAULT = None) -> None:
    """Put back from the backups whatever `verify` found damaged; stop the station first."""
    from hearthside.app.places import places
    from hearthside.app.rooms import system_clock
    from hearthside.app.running import not_running
    from hearthside.identity.vault import open_vault
    from hearthside.journal.repair import repair as put_right

    start_logging()
    settings = settings_of(vault)
    opened = open_vault(settings.vault, passphrase=passphrase(), key_file=settings.key_file)
    # The journal may not open, so requests to a bucket get no ledger row here; nothing but requests leaves.
    targets = places(settings, None, system_clock, opened.id)
    with not_running(settings.vault), progress_bar() as bar:
        task = bar.add_task("repair", total=None, note="")
        report = put_right(
            opened, targets,
            progress=lambda what, done, total: bar.update(task, completed=done, total=total or None, note=what),
        )  # fmt: skip
    for note in report.notes:
        out.print(note, markup=False)
    done = [*report.rebuilt, *(["the keyring"] if report.keyring else [])]
    out.print(
        f"Made anew: {', '.join(done) or 'nothing'}. Put back: {report.keys:,} keys, {report.media:,} media files."
        f" Lost: {len(report.lost):,} records, {len(report.media_lost):,} media files."
    )
    for name in report.kept_aside:
        out.print(f"{name} still holds something nobody else has; it was kept.", markup=False)
    raise typer.Exit(0 if report.whole else 1)


@app.command()
def export(folder: Annotated[Path, typer.Argument(help="A new or empty folder.")], vault: VAULT = None) -> None:
    """Write everything in open formats: JSON Lines, Parquet, original media, and a README that explains them."""
    with opened_house(vault) as house:
        job = follow(house, house.start_export(folder))
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def forget(
    first: Annotated[str, typer.Option("--from", help="First local day, ISO.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last local day, ISO.")] = "",
    vault: VAULT = None,
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
    person: Annotated[str, typer.Option(help="What is from, with or about this person.")] = "",
    place: Annotated[str, typer.Option(help="What tells of having been there.")] = "",
    words: Annotated[str, typer.Option(help="What holds each of these words.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only the preview is shown.")] = False,
) -> None:
    """Forget for good, by time, source, person, place or words; shows first what would go."""
    from hearthside.erasure import Wanted, preview

    for day in filter(None, (first, last)):
        check_date(day)
    if first and last and last < first:
        raise Refused("date-wrong", f"{last} lies before {first}; nothing was forgotten.")
    wanted = Wanted(first, last, source, person, place, tuple(words.split()))
    with opened_house(vault) as house:
        house.keep_in_step()
        found = preview(house.rooms.journal, house.rooms.stream, wanted)
        out.print(f"{found.records:,} records would go: {found.in_words()}.")
        if yes and found.records:
            out.print(house.forget(found))


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        return ms_of(moment)
    except ValueError as error:
        raise Refused("time-wrong", f"“{text}” is not a time with its offset, like 2026-03-04T18:30+01:00.") from error
