"""Commands that run something: the station, a workshop; and the settings they run with."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from hearthside.cli.common import VAULT, out, passphrase, settings_of
from hearthside.config import Settings
from hearthside.identity.vault import vault_exists
from hearthside.logs import start_logging

app = typer.Typer()


@app.command()
def up(
    vault: Annotated[
        list[Path] | None, typer.Option("--vault", help="Folder of the vault; once for each person who lives here.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the pages.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Meet the invented sample life in an empty vault.")] = False,
    seed: Annotated[int | None, typer.Option(help="Another invented life than the usual one.")] = None,
    verbose: Annotated[bool, typer.Option(help="Log more.")] = False,
) -> None:
    """Start the station: pages on loopback, a compute node, and the quiet work in the background."""
    from hearthside.app.station import Dweller, run_station

    start_logging(verbose)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not write keys or a life to a disk
    folders: list[Path | None] = [*vault] if vault else [None]
    dwellers = [Dweller(settings_of_person(folder, len(folders) > 1), passphrase()) for folder in folders]
    if port is not None:
        first = dwellers[0]
        dwellers[0] = Dweller(first.settings.model_copy(update={"port": port}), first.passphrase)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())

    def ready(links: list[str], houses: list[Any]) -> None:
        for link, house in zip(links, houses, strict=True):
            whose = f" ({house.rooms.vault.folder})" if len(links) > 1 else ""
            out.print(f"\nHearthside is at home{whose}: [bold]{link}[/bold]\n")
            if house.overview().empty:
                out.print("The vault is empty. Two ways in, here or on the page:")
                out.print("  hearthside import PATH...   bring your own data")
                out.print("  hearthside sample           meet an invented sample life\n")
        out.print("Ctrl-C ends it; everything is kept.")

    run_station(dwellers, sample=sample, seed=seed, ready=ready, stop=stop)


def settings_of_person(folder: Path | None, several: bool) -> Settings:
    """The settings of one vault. Where several people live, each vault has a key file of its own by default."""
    settings = settings_of(folder)
    if not several:
        return settings
    name = f"{settings.vault.resolve().name}-{sha256(str(settings.vault.resolve()).encode()).hexdigest()[:8]}"
    own = settings.key_file.with_name(f"{settings.key_file.name}-{name}")
    made_before = vault_exists(settings.vault) and not own.exists()  # alone, with the usual key file
    return settings if made_before else settings.model_copy(update={"key_file": own})


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
    arguments = [sys.executable, "-P", "-m", "hearthside.workshop.server", "--port", str(port)]
    for path in paths:
        arguments += ["--base", path]
    os.execv(sys.executable, arguments)


@app.command()
def settings(vault: VAULT = None) -> None:
    """Show every setting with its value and what it means."""
    table = Table("setting", Column("value", overflow="fold"), "meaning")
    current = settings_of(vault)
    for name, info in Settings.model_fields.items():
        table.add_row(name, str(getattr(current, name)), info.description or "")
    out.print(table, soft_wrap=False)
