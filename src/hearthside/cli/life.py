"""Commands about the life: bring data in, look at it, ask, and let the night work on it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from hearthside.cli.common import (
    JSON,
    VAULT,
    check_date,
    err,
    follow,
    moment,
    opened_house,
    out,
    passphrase,
    print_json,
    progress_bar,
    settings_of,
)
from hearthside.config import Settings
from hearthside.errors import NeedsPerson
from hearthside.logs import start_logging

app = typer.Typer()


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or zip archives.")],
    vault: VAULT = None,
    zone: Annotated[str, typer.Option(help="Your home zone, e.g. Europe/Berlin; kept for next time.")] = "",
    me: Annotated[list[str] | None, typer.Option(help="A name you go by in chats; kept for next time.")] = None,
) -> None:
    """Bring exports in, recognised by content. Exit 0: all taken, 1: some refused, 2: nothing recognised."""
    from hearthside.app.importing import import_in_terminal
    from hearthside.leaving.manifest import is_export

    if len(paths) == 1 and is_export(paths[0]):
        _bring_back(paths[0], vault)
        return
    with opened_house(vault) as house:
        status = import_in_terminal(house, paths, zone, me or [], err, out)
    raise typer.Exit(status)


@app.command()
def sample(
    vault: VAULT = None,
    seed: Annotated[int | None, typer.Option(help="Another invented life than the usual one.")] = None,
) -> None:
    """Meet a sample life: about thirty invented days, let in through the real sources."""
    with opened_house(vault) as house:
        house.sample_seed = house.sample_seed if seed is None else seed
        job = follow(house, house.start_sample())
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def day(
    day: Annotated[str, typer.Argument(metavar="[DATE]", help="ISO date; the newest day by default.")] = "",
    vault: VAULT = None,
    as_json: JSON = False,
) -> None:
    """Show one local day: the six lanes with their coverage."""
    from hearthside.app.printing import print_day

    if day:
        check_date(day)
    with opened_house(vault) as house:
        house.keep_in_step()
        overview = house.overview()
        if not day and not overview.last_day:
            raise NeedsPerson("vault-empty", "There is no day to show yet. `hearthside import PATH...` brings data in.")
        view = house.day(day or overview.last_day)
    if as_json:
        print_json(view)
        return
    print_day(out, view)
    if overview.first_day and view.day < overview.first_day:
        out.print(f"This day lies before anything that is known. The first day with records is {overview.first_day}.")
    elif overview.last_day and view.day > overview.last_day:
        out.print(f"This day lies after everything that is known. The last day with records is {overview.last_day}.")


@app.command()
def slice(time: Annotated[str, typer.Argument(help="ISO time; without offset it is your own clock.")],
          vault: VAULT = None, as_json: JSON = False) -> None:  # fmt: skip
    """Show everything known about one minute."""
    from hearthside.app.printing import print_slice

    with opened_house(vault) as house:
        house.keep_in_step()
        view = house.slice(moment(house, time))
    print_json(view) if as_json else print_slice(out, view)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words or a question.")],
    vault: VAULT = None,
    first: Annotated[str, typer.Option("--from", help="First local day, ISO.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last local day, ISO.")] = "",
    layer: Annotated[list[str] | None, typer.Option(help="Only this layer.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only this source.")] = None,
    person: Annotated[str, typer.Option(help="Only with this person.")] = "",
    limit: Annotated[int, typer.Option(help="How many.")] = 10,
    meaning: Annotated[bool, typer.Option(help="Also search by meaning (starts the compute node).")] = False,
    as_json: JSON = False,
) -> None:
    """Find records by words, time, layer, source and person, and by meaning."""
    from hearthside.app.printing import print_hits
    from hearthside.app.searching import filters_from

    with opened_house(vault, with_compute=meaning) as house:
        house.keep_in_step()
        if meaning:
            house.outside.compute.wait_ready(60.0)
        hits = house.search(text, filters_from(house, first, last, layer, source, person), limit)
    print_json(hits) if as_json else print_hits(out, hits)


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="Your question.")],
    vault: VAULT = None,
    conversation: Annotated[str, typer.Option(help="Continue this conversation.")] = "terminal",
    plain: Annotated[bool, typer.Option(help="Do not start the compute node; plain code words the answer.")] = False,
    as_json: JSON = False,
) -> None:
    """Ask about your life; the answer comes with its evidence."""
    from hearthside.app.printing import print_answer

    with opened_house(vault, with_compute=not plain) as house:
        house.keep_in_step()
        if not plain:
            house.outside.compute.wait_ready(60.0)
        answer = list(house.ask(text, conversation))[-1]
    print_json(answer) if as_json else print_answer(out, answer)
    if answer.improvable and not as_json:
        err.print(f"  hearthside later {answer.question}   has it answered again by a station whose model is there")


@app.command()
def later(
    question: Annotated[str, typer.Argument(metavar="[QUESTION]", help="Id of a question that was asked.")] = "",
    vault: VAULT = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Do not answer it again.")] = False,
    as_json: JSON = False,
) -> None:
    """Have a question answered again when the language model is back; without one, list those that wait."""
    with opened_house(vault) as house:
        if question:
            house.waiting.withdraw(question) if withdraw else house.waiting.put_off(question)
        waiting = house.waiting.questions()
    if as_json:
        print_json(waiting)
        return
    for one in waiting:
        out.print(f"{one.id}  {one.local}  {one.text}", markup=False)
    if not waiting:
        out.print("No question waits.")


@app.command()
def night(vault: VAULT = None) -> None:
    """Run the nightly cycle now: close the day, annotate, consolidate, curate, train, evaluate, promote or keep."""
    with opened_house(vault, with_compute=True) as house:
        house.outside.compute.wait_ready(60.0)
        job = follow(house, house.start_night())
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def rebuild(vault: VAULT = None) -> None:
    """Make the life stream and the index again from the journal; calls no model."""
    _drop_derived(settings_of(vault))
    with opened_house(vault) as house:
        job = follow(house, house.start_rebuild())
        out.print(f"life stream {house.rooms.stream.fingerprint()[:16]}, index {house.rooms.index.fingerprint()[:16]}")
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def zone(
    name: Annotated[str, typer.Argument(help="The zone you live in, e.g. Europe/Berlin.")], vault: VAULT = None
) -> None:
    """Tell the zone you live in, and line up by it whatever carries no zone of its own."""
    from hearthside.app.importing import tell_zone

    with opened_house(vault) as house:
        tell_zone(house, name)
        job = follow(house, house.start_rebuild())
        out.print(f"You live by {name}. What carries no zone of its own is shown by it.", markup=False)
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def adapters(vault: VAULT = None, as_json: JSON = False) -> None:
    """Show the personal adapters, how they were judged and their deletion receipts."""
    from hearthside.app.printing import print_training

    with opened_house(vault) as house:
        view = house.training()
    print_json(view) if as_json else print_training(out, view)


@app.command()
def rollback(vault: VAULT = None) -> None:
    """Serve the previous adapter again."""
    with opened_house(vault) as house:
        out.print(house.roll_back_adapter())


@app.command()
def health(vault: VAULT = None, as_json: JSON = False) -> None:
    """Show machines, sources, storage and what left the house."""
    from hearthside.app.printing import print_health

    with opened_house(vault) as house:
        view = house.health()
    print_json(view) if as_json else print_health(out, view)


def _bring_back(folder: Path, vault: Path | None) -> None:
    """A person's own export: the same chain in an empty vault, else records to add."""
    from hearthside.app.bringing_back import bring_export_back
    from hearthside.app.rooms import system_clock

    start_logging()
    with progress_bar() as bar:
        task = bar.add_task("bring back", total=None, note="")
        report = bring_export_back(
            folder, settings_of(vault), system_clock, passphrase(),
            lambda done, total: bar.update(task, completed=done, total=total), lambda: False,
        )  # fmt: skip
    out.print(report.in_words(), markup=False)
    for fault in report.faults:
        out.print(str(fault), markup=False)
    with opened_house(vault) as house:
        house.keep_in_step()
    raise typer.Exit(1 if report.faults else 0)


def _drop_derived(settings: Settings) -> None:
    """Damaged or not, they are made again; while a station has them open it makes them anew in place."""
    from hearthside.app.running import not_running
    from hearthside.identity.vault import open_vault, vault_exists

    if not vault_exists(settings.vault):
        return
    open_vault(settings.vault, passphrase=passphrase(), key_file=settings.key_file)  # a wrong key must change nothing
    with suppress(NeedsPerson), not_running(settings.vault):
        for path in settings.vault.glob("*.db*"):
            if path.name.startswith(("stream.db", "index.db", "knowing.db", "costs.db")):
                path.unlink()
