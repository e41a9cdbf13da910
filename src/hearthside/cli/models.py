"""The commands `hearthside models`: what fits this machine and how fast it would be; fetch, check and use a model."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from hearthside.cli.common import JSON, VAULT, err, opened_house, out, print_json, progress_bar, settings_of
from hearthside.errors import NeedsPerson, Refused

if TYPE_CHECKING:
    from hearthside.egress import Egress
    from hearthside.inference.advice import Fit
    from hearthside.inference.fitting import Need
    from hearthside.inference.model_shelf import ModelShelf

app = typer.Typer(help="Models: what fits this machine, how fast it would be; fetch, check and use one.")

FOLDER = Annotated[Path | None, typer.Option("--folder", help="Folder of the models.")]
_DEVICE = Annotated[bool, typer.Option("--device", help="A graphics chip serves it, with a model server of your own.")]
_CONTEXT = Annotated[int, typer.Option("--context", help="Tokens of context; 0 takes the setting.")]
_NAME = Annotated[str, typer.Argument(help="Name from `hearthside models`, or “embedded”.")]

_TASK_WORDS = {"transcribe": "speech to text", "read_picture": "text in pictures"}
_PARTS = {
    "weights": "weights, the file itself",
    "copies": "copies of weights in the processor's own order",
    "cache": "what it remembers of the context (KV cache)",
    "compute": "room to compute in",
    "process": "the compute node around it",
    "transient": "for a moment, while adapters are switched or it loads",
}


@app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    vault: VAULT = None,
    folder: FOLDER = None,
    device: _DEVICE = False,
    quick: Annotated[bool, typer.Option("--quick", help="Measure nothing.")] = False,
    json_out: JSON = False,
) -> None:
    """Show what fits this machine, what it will be able to do, how fast, and which one to take."""
    if context.invoked_subcommand is not None:
        return
    from hearthside.inference.advice import choose, gib
    from hearthside.inference.machine import KIND_WORDS

    shelf = _shelf(vault, folder, device)
    if not quick:
        _measure_once(shelf)
    fits = shelf.fits(measure_memory=not quick)
    choice = choose(fits)
    if json_out:
        print_json([_plain(fit) for fit in fits])
        return
    machine = shelf.machine
    out.print(
        f"{machine.processor}: {gib(machine.total)} of {KIND_WORDS[machine.kind]}, {gib(machine.available)} left;"
        f" {gib(machine.floor)} stay free, so a model may take {gib(machine.room)}.\n",
        markup=False,
    )
    _print_table(shelf, fits)
    for fit in fits:
        out.print(f"{fit.name}: {fit.ability}.", markup=False, style="dim")
    for problem in shelf.problems:
        err.print(problem, markup=False)
    out.print(f"\n{choice.sentence}", markup=False)
    if choice.fit is not None and not shelf.is_used(choice.fit):
        step = "use" if choice.fit.path is not None else "get"
        out.print(f"  hearthside models {step} {choice.fit.name}", markup=False)
    _print_side_models(vault)


def _print_side_models(vault: Path | None) -> None:
    """What else is done here than language, and by what."""
    from hearthside.app.compute import side_of
    from hearthside.inference.advice import gib
    from hearthside.inference.side_models import TASKS, load_side_model, model_for

    config = side_of(settings_of(vault))
    out.print("\nBeside language, each in a process of its own while it is needed:")
    for task in TASKS:
        name = model_for(task, config)
        if name is None:
            out.print(f"  {_TASK_WORDS[task]}: nothing is installed; `make install` adds it", markup=False)
            continue
        model = load_side_model(name)
        out.print(f"  {_TASK_WORDS[task]}: {model.ABOUT}; takes up to {gib(model.NEED)}", markup=False)


@app.command("list")
def listed(vault: VAULT = None, folder: FOLDER = None) -> None:
    """List the models that are here and those of the catalogue."""
    shelf = _shelf(vault, folder, False)
    table = Table(Column("name", no_wrap=True), "model", "licence", Column("size", justify="right"), "here", "from")
    for fit in shelf.fits(measure_memory=False):
        entry = shelf.catalogue.entries.get(fit.name)
        here = "in use" if shelf.is_used(fit) else "yes" if fit.path is not None else ""
        source = entry.hub if entry is not None else ""
        table.add_row(fit.name, fit.title, fit.licence, _size(fit.need.weights), here, source)
    out.print(table, soft_wrap=False)
    for problem in shelf.problems:
        err.print(problem, markup=False)
    out.print(f"Folder: {shelf.folder}", markup=False)


@app.command()
def fit(
    name: _NAME,
    vault: VAULT = None,
    folder: FOLDER = None,
    device: _DEVICE = False,
    context: _CONTEXT = 0,
    json_out: JSON = False,
) -> None:
    """Show what one model needs, part by part, and whether it fits."""
    shelf = _shelf(vault, folder, device, context)
    found = shelf.fit(name)
    if json_out:
        print_json(_plain(found))
        return
    _print_need(found.need)
    source = "by its own header" if found.exact else "by what its maker published; its own header tells exactly"
    out.print(
        f"For {found.context_tokens:,} tokens of context, {shelf.parallel} answers at once, {source}.", markup=False
    )
    out.print(found.sentence(), markup=False)
    out.print(f"{found.pace.words().capitalize()}. {found.ability.capitalize()}.", markup=False)


@app.command()
def get(
    name: _NAME,
    vault: VAULT = None,
    folder: FOLDER = None,
    source: Annotated[str, typer.Option("--from", help="Address of the file elsewhere, such as a mirror.")] = "",
    sha256: Annotated[str, typer.Option(help="Checksum, where the catalogue has none.")] = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Although it does not fit this machine.")] = False,
) -> None:
    """Fetch a model: checked, and resumed where it was cut. Ctrl-C stops it and keeps what is there."""
    from hearthside.inference.download import Downloader

    shelf = _shelf(vault, folder, False)
    wanted = shelf.wanted(name, source, sha256)
    found = shelf.fit(name)
    if not found.fits and not anyway:
        raise NeedsPerson(
            "model-too-large", f"{found.sentence()} Nothing was fetched; --anyway fetches it all the same."
        )
    out.print(f"{found.title}, {_size(wanted.bytes)}, licence {found.licence}, from {wanted.host}.", markup=False)
    with _door(vault) as egress, progress_bar() as bar, _stopping() as stop:
        task = bar.add_task(name, total=wanted.bytes or None, note="")
        path = Downloader(egress, shelf.folder).fetch(
            wanted,
            progress=lambda what, done, total: bar.update(
                task, completed=done, total=total or None, note=f"{what} {_size(done)} of {_size(total)}"
            ),
            stopped=stop.is_set,
        )
    out.print(f"Whole and checked: {path}", markup=False)
    out.print(_shelf(vault, folder, False).fit(name).sentence(), markup=False)
    out.print(f"To serve it: hearthside models use {name}", markup=False)


@app.command()
def use(name: _NAME, vault: VAULT = None, folder: FOLDER = None) -> None:
    """Serve this model from the next start of the station on; “embedded” goes back to the one that comes with it."""
    shelf = _shelf(vault, folder, False)
    found = shelf.fit(name)
    if found.path is None:
        raise NeedsPerson("model-not-here", f"{found.title} is not here yet: hearthside models get {name}")
    if not found.fits:
        raise NeedsPerson("model-too-large", f"{found.sentence()} The setting was not changed.")
    shelf.use(found)
    if not _shelf(vault, folder, False).is_used(found):
        err.print("The environment (HEARTHSIDE_MODEL_PATH) names another model, and is stronger than the file.")
    if server := settings_of(vault).model_server:
        err.print(f"The setting model_server is stronger: {server} goes on answering until you take it out.")
    out.print(f"{found.title} is served from the next start of the station on. {found.sentence()}", markup=False)
    out.print(
        "A personal adapter belongs to the model it was trained for; yours is kept, and used again with that model.",
        markup=False,
    )


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="One model only.")] = "", vault: VAULT = None, folder: FOLDER = None
) -> None:
    """Read every model file, compare its checksum with the catalogue, and measure how fast it speaks here."""
    shelf = _shelf(vault, folder, False)
    here = [fit for fit in shelf.fits(measure_memory=False) if fit.path is not None and name in ("", fit.name)]
    if not here:
        raise Refused("model-unknown", f"There is no model “{name}” here; see hearthside models list.")
    whole = True
    for found in here:
        told = shelf.checksum_words(found)
        whole = whole and told.right
        out.print(f"{found.name}: {told.words}", markup=False)
        if told.right and found.fits:
            out.print(f"  {shelf.measure(found).tokens_per_s:.1f} tokens/s", markup=False)
        elif told.right:
            out.print(f"  not measured: {found.sentence()}", markup=False)
    raise typer.Exit(0 if whole else 1)


def _shelf(vault: Path | None, folder: Path | None, device: bool, context: int = 0) -> ModelShelf:
    from hearthside.app.rooms import system_clock
    from hearthside.inference.machine import this_machine
    from hearthside.inference.model_shelf import ModelShelf
    from hearthside.inference.shelf import MODELS_FOLDER

    settings = settings_of(vault)
    return ModelShelf(
        folder or MODELS_FOLDER,
        this_machine(use_device=device),
        used=settings.model_path,
        settings_file=settings.vault / "hearthside.toml",
        context_tokens=context or settings.context_tokens,
        threads=settings.model_threads,
        clock=system_clock,
    )


def _measure_once(shelf: ModelShelf) -> None:
    if shelf.measured_any() or not (found := shelf.fit("embedded")).fits:
        return
    err.print("Measuring once how fast this machine is…", style="dim")
    shelf.measure(found)


def _print_table(shelf: ModelShelf, fits: list[Fit]) -> None:
    table = Table(Column("name", no_wrap=True), "model", Column("needs", justify="right"), "fits", "tokens/s", "here")
    for fit in fits:
        here = "in use" if shelf.is_used(fit) else "yes" if fit.path is not None else ""
        words = "yes" if fit.fits else f"{_size(fit.missing)} too few"
        table.add_row(fit.name, fit.title, _size(fit.need.total), words, fit.pace.figure(), here)
    out.print(table, soft_wrap=False)


def _print_need(need: Need) -> None:
    table = Table("part", Column("needs", justify="right"))
    for part in fields(need):
        table.add_row(_PARTS[part.name], _size(getattr(need, part.name)))
    table.add_row("in all", _size(need.total), style="bold")
    out.print(table, soft_wrap=False)


def _plain(found: Fit) -> Any:
    from hearthside.inference.model_shelf import FitSummary

    return FitSummary.of(found)


def _size(amount: int) -> str:
    from hearthside.inference.advice import gib

    return gib(amount) if amount else "unknown"


@contextmanager
def _door(vault: Path | None) -> Iterator[Egress]:
    """The house's door with its ledger; on a machine without a vault each request is shown instead."""
    from hearthside.app.rooms import system_clock
    from hearthside.egress import Egress
    from hearthside.identity.vault import vault_exists

    if vault_exists(settings_of(vault).vault):
        with opened_house(vault) as house:
            yield house.rooms.egress
        return
    egress = Egress(
        lambda row: err.print(f"asking {row.destination} ({row.purpose}, {row.bytes_out} bytes)", style="dim"),
        system_clock,
    )
    try:
        yield egress
    finally:
        egress.close()


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Set by Ctrl-C, so that a piece is finished and kept."""
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
