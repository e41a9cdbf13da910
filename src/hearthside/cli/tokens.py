"""`hearthside token`: API tokens for devices and programs, each with the least it needs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from hearthside.cli.common import VAULT, opened_house, out
from hearthside.events import local_datetime

app = typer.Typer(help="Tokens for devices and programs that talk to the API.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What it is for, e.g. phone.")],
    scope: Annotated[
        list[str], typer.Option(help="capture.write, ask, memory.read, memory.write, home.control:<class> or admin.")
    ] = ["capture.write"],  # noqa: B006 - never changed
    vault: VAULT = None,
) -> None:
    """Make a token; it is shown once and kept nowhere."""
    with opened_house(vault) as house:
        text = house.access.make(name, scope)
    out.print(text, markup=False)
    out.print("It is not shown again. Send it as: Authorization: Bearer <token>", style="dim")


@app.command("list")
def list_(vault: VAULT = None) -> None:
    """Show the tokens there are."""
    table = Table("id", "name", "scopes", "made", "")
    with opened_house(vault) as house:
        for token in house.access.all_tokens():
            made = local_datetime(token.created_ms, 0).date().isoformat()
            state = "revoked" if token.revoked_ms is not None else ""
            table.add_row(token.id, token.name, ", ".join(sorted(token.scopes)), made, state)
    out.print(table, soft_wrap=False)


@app.command()
def revoke(token: Annotated[str, typer.Argument(help="Its id.")], vault: VAULT = None) -> None:
    """Revoke a token; a running station refuses it within a second."""
    with opened_house(vault) as house:
        house.access.revoke(token)
    out.print("Revoked.")
