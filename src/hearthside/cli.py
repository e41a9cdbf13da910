"""The command line: `hearthside up`, `import`, `day`, `slice`, `search`, `ask`, `night`, `rebuild` and the rest."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from hearthside.config import Settings, load_settings
from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.logs import start_logging

app = typer.Typer(
    help="Hearthside: the private AI that lives at home and knows one person.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_EXIT = {ConfigError: 3, NeedsPerson: 4, Refused: 5, RetryLater: 6}
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_VAULT = Annotated[Path | None, typer.Option("--vault", help="Folder of the vault.")]


def main() -> None:
    """Entry point: errors become one sentence and an exit status."""
    try:
        app()
    except HearthsideError as error:
        err.print(f"[bold]{type(error).__name__}[/bold] ({error.code}): {escape(error.message)}", markup=True)
        if error.code == "vault-passphrase-needed":
            err.print("Give it in the environment variable HEARTHSIDE_PASSPHRASE.")
        sys.exit(next(code for family, code in _EXIT.items() if isinstance(error, family)))
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        err.print(f"The system refused{where}: {error.strerror or error}. What was journalled is kept.", markup=False)
        sys.exit(_EXIT[NeedsPerson])


def _settings(vault: Path | None) -> Settings:
    return load_settings(vault)


def _passphrase() -> str | None:
    """From the environment; an empty one counts as none."""
    return os.environ.get("HEARTHSIDE_PASSPHRASE") or None


@contextmanager
def _house(vault: Path | None, with_compute: bool = False) -> Iterator[Any]:
    from hearthside.app.station import open_house

    start_logging()
    house = open_house(_settings(vault), passphrase=_passphrase(), with_compute=with_compute)
    try:
        if house.overview().invented:
            err.print("(This life is invented: nobody in it exists.)", style="dim")
        yield house
    finally:
        house.close()


def _follow(house: Any, job_id: str) -> Any:
    """Show a job's progress until it ends; Ctrl-C stops it and keeps what was done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=None, note="")
        while True:
            try:
                job = house.wait(job_id, 0.2)
            except KeyboardInterrupt:
                house.stop_job(job_id)
                continue
            bar.update(task, description=job.title, completed=job.done, total=job.total or None, note=job.message)
            if job.state != "running":
                break
    for line in job.details:
        out.print(line, markup=False)
    out.print(job.message, markup=False)
    return job


@app.command()
def up(
    vault: _VAULT = None,
    port: Annotated[int | None, typer.Option(help="Port of the pages.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Meet the invented sample life in an empty vault.")] = False,
    seed: Annotated[int | None, typer.Option(help="Another invented life than the usual one.")] = None,
    verbose: Annotated[bool, typer.Option(help="Log more.")] = False,
) -> None:
    """Start the station: pages on loopback, a compute node, and the quiet work in the background."""
    from hearthside.app.station import run_station

    start_logging(verbose)
    settings = _settings(vault)
    if port is not None:
        settings = settings.model_copy(update={"port": port})
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())

    def ready(url: str, house: Any) -> None:
        out.print(f"\nHearthside is at home: [bold]{url}[/bold]\n")
        overview = house.overview()
        if overview.empty:
            out.print("The vault is empty. Two ways in, here or on the page:")
            out.print("  hearthside import PATH...   bring your own data")
            out.print("  hearthside sample           meet an invented sample life\n")
        out.print("Ctrl-C ends it; everything is kept.")

    run_station(settings, sample=sample, seed=seed, ready=ready, stop=stop, passphrase=_passphrase())


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or zip archives.")],
    vault: _VAULT = None,
    zone: Annotated[str, typer.Option(help="Your home zone, e.g. Europe/Berlin; kept for next time.")] = "",
    me: Annotated[list[str] | None, typer.Option(help="A name you go by in chats; kept for next time.")] = None,
) -> None:
    """Bring exports in, recognised by content. Exit 0: all taken, 1: some refused, 2: nothing recognised."""
    from hearthside.app.importing import import_in_terminal

    with _house(vault) as house:
        status = import_in_terminal(house, paths, zone, me or [], err, out)
    raise typer.Exit(status)


@app.command()
def sample(
    vault: _VAULT = None,
    seed: Annotated[int | None, typer.Option(help="Another invented life than the usual one.")] = None,
) -> None:
    """Meet a sample life: about thirty invented days, let in through the real sources."""
    with _house(vault) as house:
        house.sample_seed = house.sample_seed if seed is None else seed
        job = _follow(house, house.start_sample())
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def day(
    day: Annotated[str, typer.Argument(metavar="[DATE]", help="ISO date; the newest day by default.")] = "",
    vault: _VAULT = None,
    as_json: _JSON = False,
) -> None:
    """Show one local day: the six lanes with their coverage."""
    from hearthside.app.printing import print_day

    if day:
        _check_date(day)
    with _house(vault) as house:
        newest = house.overview().last_day
        if not day and not newest:
            raise NeedsPerson("vault-empty", "There is no day to show yet. `hearthside import PATH...` brings data in.")
        view = house.day(day or newest)
    print_json(view) if as_json else print_day(out, view)


@app.command()
def slice(time: Annotated[str, typer.Argument(help="ISO time; without offset it is your own clock.")],
          vault: _VAULT = None, as_json: _JSON = False) -> None:  # fmt: skip
    """Show everything known about one minute."""
    from hearthside.app.printing import print_slice

    with _house(vault) as house:
        view = house.slice(_moment(house, time))
    print_json(view) if as_json else print_slice(out, view)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words or a question.")],
    vault: _VAULT = None,
    first: Annotated[str, typer.Option("--from", help="First local day, ISO.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last local day, ISO.")] = "",
    layer: Annotated[list[str] | None, typer.Option(help="Only this layer.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only this source.")] = None,
    person: Annotated[str, typer.Option(help="Only with this person.")] = "",
    limit: Annotated[int, typer.Option(help="How many.")] = 10,
    meaning: Annotated[bool, typer.Option(help="Also search by meaning (starts the compute node).")] = False,
    as_json: _JSON = False,
) -> None:
    """Find records by words, time, layer, source and person, and by meaning."""
    from hearthside.app.printing import print_hits
    from hearthside.app.searching import filters_from

    with _house(vault, with_compute=meaning) as house:
        if meaning:
            house.outside.compute.wait_ready(60.0)
        hits = house.search(text, filters_from(house, first, last, layer, source, person), limit)
    print_json(hits) if as_json else print_hits(out, hits)


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="Your question.")],
    vault: _VAULT = None,
    conversation: Annotated[str, typer.Option(help="Continue this conversation.")] = "terminal",
    plain: Annotated[bool, typer.Option(help="Do not start the compute node; plain code words the answer.")] = False,
    as_json: _JSON = False,
) -> None:
    """Ask about your life; the answer comes with its evidence."""
    from hearthside.app.printing import print_answer

    with _house(vault, with_compute=not plain) as house:
        house.keep_in_step()
        if not plain:
            house.outside.compute.wait_ready(60.0)
        answer = list(house.ask(text, conversation))[-1]
    print_json(answer) if as_json else print_answer(out, answer)


@app.command()
def night(vault: _VAULT = None) -> None:
    """Run the nightly cycle now: close the day, annotate, consolidate, curate, train, evaluate, promote or keep."""
    with _house(vault, with_compute=True) as house:
        house.outside.compute.wait_ready(60.0)
        job = _follow(house, house.start_night())
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def rebuild(vault: _VAULT = None) -> None:
    """Make the life stream and the index again from the journal; calls no model."""
    with _house(vault) as house:
        job = _follow(house, house.start_rebuild())
        out.print(f"life stream {house.rooms.stream.fingerprint()[:16]}, index {house.rooms.index.fingerprint()[:16]}")
    raise typer.Exit(0 if job.state == "done" else 1)


@app.command()
def verify(vault: _VAULT = None) -> None:
    """Walk the journal's whole chain and say what was found."""
    with _house(vault) as house:
        sentence = house.verify_journal()
    out.print(sentence)
    raise typer.Exit(0 if sentence.startswith("All") else 1)


@app.command()
def forget(
    first: Annotated[str, typer.Option("--from", help="First local day, ISO.")],
    last: Annotated[str, typer.Option("--to", help="Last local day, ISO.")],
    vault: _VAULT = None,
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only the preview is shown.")] = False,
) -> None:
    """Forget a stretch of days for good; shows first what would go."""
    from hearthside.erasure import forget as erase
    from hearthside.erasure import preview

    _check_date(first)
    _check_date(last)
    if last < first:
        raise Refused("date-wrong", f"{last} lies before {first}; nothing was forgotten.")
    with _house(vault) as house:
        rooms = house.rooms
        found = preview(rooms.journal, rooms.stream, first, last, source)
        out.print(f"{found.records:,} records of {first} to {last} would go: {found.in_words()}.")
        if yes and found.records:
            report = erase(rooms.journal, rooms.stream, rooms.index, rooms.registry, found, rooms.clock)
            out.print(report.in_words())


@app.command()
def adapters(vault: _VAULT = None, as_json: _JSON = False) -> None:
    """Show the personal adapters, how they were judged and their deletion receipts."""
    from hearthside.app.printing import print_training

    with _house(vault) as house:
        view = house.training()
    print_json(view) if as_json else print_training(out, view)


@app.command()
def rollback(vault: _VAULT = None) -> None:
    """Serve the previous adapter again."""
    with _house(vault) as house:
        out.print(house.roll_back_adapter())


@app.command()
def health(vault: _VAULT = None, as_json: _JSON = False) -> None:
    """Show machines, sources, storage and what left the house."""
    from hearthside.app.printing import print_health

    with _house(vault) as house:
        view = house.health()
    print_json(view) if as_json else print_health(out, view)


@app.command()
def workshop(
    base: Annotated[
        list[Path] | None, typer.Option(help="A GGUF base it may train against; default: the embedded.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.")] = 0,
) -> None:
    """Run a training workshop of its own; it needs no home."""
    from hearthside.inference.shelf import embedded_model

    paths = [str(path) for path in base] if base else [str(embedded_model().path)]
    arguments = [sys.executable, "-m", "hearthside.workshop.server", "--port", str(port)]
    for path in paths:
        arguments += ["--base", path]
    os.execv(sys.executable, arguments)


@app.command()
def settings(vault: _VAULT = None) -> None:
    """Show every setting with its value and what it means."""
    table = Table("setting", Column("value", overflow="fold"), "meaning")
    current = _settings(vault)
    for name, info in Settings.model_fields.items():
        table.add_row(name, str(getattr(current, name)), info.description or "")
    out.print(table, soft_wrap=False)


def print_json(value: object) -> None:
    """A dataclass, or a list of them, as indented JSON."""
    plain = [asdict(item) for item in value] if isinstance(value, list) else asdict(value)  # type: ignore[call-overload]
    sys.stdout.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


def _check_date(text: str) -> None:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return
    except ValueError:
        pass
    raise Refused("date-wrong", f"“{text}” is not a date like 2026-03-04.")


def _moment(house: Any, text: str) -> int:
    from hearthside.events import MINUTE_MS, ms_of

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("time-wrong", f"“{text}” is not a time like 2026-03-04T18:30.") from error
    if moment.tzinfo is not None:
        return ms_of(moment)
    offset: int = house.rooms.stream.offset_on(moment.date().isoformat())
    return ms_of(moment.replace(tzinfo=UTC)) - offset * MINUTE_MS


if __name__ == "__main__":
    main()
