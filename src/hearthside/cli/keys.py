"""`hearthside keys`: the ways the vault opens, the paper key, rotation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hearthside.cli.common import VAULT, follow, opened_house, out, secret
from hearthside.errors import NeedsPerson, Refused
from hearthside.events import local_datetime

_LEAST_LETTERS = 8

app = typer.Typer(help="The ways the vault opens: passphrase, key file, security chip, paper key; rotation.")


@app.command("list")
def list_(vault: VAULT = None) -> None:
    """Show the ways this vault opens."""
    table = Table("name", "kind", "made")
    with opened_house(vault) as house:
        for way in house.rooms.vault.ways():
            made = local_datetime(way.made_ms, 0).date().isoformat() if way.made_ms else ""
            table.add_row(way.name, way.kind, made)
    out.print(table, soft_wrap=False)


@app.command()
def paper(
    vault: VAULT = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a sheet to print, as a page with words and QR.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Make a new one; the old one then opens nothing.")] = False,
) -> None:
    """Make the paper key: 24 words that open every backup on any machine. They are shown once and kept nowhere."""
    with opened_house(vault) as house:
        text = house.safekeeper.make_paper_key(replace, sheet)
    for start in range(0, len(text), 6):
        out.print("  ".join(f"{start + n + 1:>2} {word:<9}" for n, word in enumerate(text[start : start + 6])))
    out.print("\nWrite these words down and keep them away from this machine. Who has them can open every backup.")
    if sheet is not None:
        out.print(f"The sheet to print is {sheet}. Remove the file when it is printed.")


@app.command()
def check(vault: VAULT = None) -> None:
    """Check that a paper key still opens this vault: type its words."""
    words = secret("HEARTHSIDE_PAPER_KEY", "The 24 words: ")
    with opened_house(vault) as house:
        fits = house.rooms.vault.paper_opens(words)
    if not fits:
        raise NeedsPerson("paper-key-wrong", "These words do not open this vault; make a new paper key while it opens.")
    out.print("These words open this vault and its backups.")


@app.command()
def passphrase(vault: VAULT = None) -> None:
    """Let a passphrase open the vault, or change it."""
    new = secret("HEARTHSIDE_NEW_PASSPHRASE", "New passphrase: ")
    if len(new) < _LEAST_LETTERS:
        raise Refused("passphrase-short", f"A passphrase needs at least {_LEAST_LETTERS} letters; nothing was changed.")
    if new != secret("HEARTHSIDE_NEW_PASSPHRASE", "The same again: "):
        raise Refused("passphrase-differs", "The two were not the same; nothing was changed.")
    with opened_house(vault) as house:
        opened = house.rooms.vault
        if any(way.kind == "passphrase" for way in opened.ways()):
            opened.change_passphrase(secret("HEARTHSIDE_PASSPHRASE", "Present passphrase: "), new)
        else:
            opened.add_passphrase(new)
    out.print("The passphrase opens this vault now. Whether a key file still does: hearthside keys list.")


@app.command()
def tpm(vault: VAULT = None) -> None:
    """Let this machine's security chip open the vault, so that it starts unattended."""
    with opened_house(vault) as house:
        house.rooms.vault.add_tpm()
    out.print("This machine's security chip opens the vault now, as long as its start-up is not changed.")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="As `hearthside keys list` names it.")], vault: VAULT = None
) -> None:
    """Take a way out; never the last one."""
    with opened_house(vault) as house:
        house.rooms.vault.remove_way(name)
    out.print(
        f"{name} opens this vault no more. Copies of the vault made before still open with it: after a loss or a"
        " theft, make new keys too (hearthside keys rotate)."
    )


@app.command()
def rotate(vault: VAULT = None) -> None:
    """Make new keys and write everything anew under them, because an old one may be in wrong hands."""
    from hearthside.cli.common import passphrase as given

    with opened_house(vault) as house:
        kinds = {way.kind for way in house.rooms.vault.ways()}
        passphrases = [given() or secret("HEARTHSIDE_PASSPHRASE", "Passphrase: ")] if "passphrase" in kinds else []
        job = follow(house, house.start_rotation(passphrases))
    raise typer.Exit(0 if job.state == "done" else 1)
