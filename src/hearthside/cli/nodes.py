"""`hearthside nodes`: compute nodes on other machines, paired with a code and let go with a word."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from hearthside.cli.common import JSON, VAULT, opened_house, out, print_json, secret
from hearthside.web.nodes_views import task_words

app = typer.Typer(help="Compute nodes on other machines.", invoke_without_command=True)


@app.callback()
def list_(context: typer.Context, vault: VAULT = None, as_json: JSON = False) -> None:
    """Show the compute nodes that are paired, and how they are now; asks each of them."""
    if context.invoked_subcommand is not None:
        return
    with opened_house(vault) as house:
        rows = house.nodes.look()
    if as_json:
        print_json(rows)
        return
    table = Table("id", "name", "address", "is", "model", "tokens/s", "plug")
    for row in rows:
        pace = "" if row.pace is None else f"{row.pace:.0f}"
        table.add_row(row.id, row.name, row.address, row.phase, row.model, pace, row.plug)
    if rows:
        out.print(table, soft_wrap=False)
        for row in rows:
            if can := task_words(row.tasks):
                out.print(f"{row.name} {', '.join(can)}.", markup=False, highlight=False)
    else:
        out.print("No compute node is paired; the model runs on this machine. Another machine: hearthside compute")


@app.command()
def find(vault: VAULT = None, as_json: JSON = False) -> None:
    """Look for compute nodes on the network for a few seconds."""
    with opened_house(vault) as house:
        found = house.nodes.find()
    if as_json:
        print_json(found)
        return
    for one in found:
        address = f"[{one.host}]:{one.port}" if ":" in one.host else f"{one.host}:{one.port}"
        pairing = "waits to be paired" if one.pairing else "does not wait to be paired"
        out.print(f"{one.id}  {address}  {pairing}", markup=False)
    if not found:
        out.print("No new node says it is there. Where the network carries no multicast: hearthside nodes pair ADDRESS")


@app.command()
def pair(
    address: Annotated[str, typer.Argument(help="Where it is, as it shows it, e.g. 192.168.1.7.")],
    name: Annotated[str, typer.Option(help="What to call it.")] = "",
    vault: VAULT = None,
) -> None:
    """Pair with the node that shows a code; it is asked for, or taken from HEARTHSIDE_PAIRING_CODE."""
    code = secret("HEARTHSIDE_PAIRING_CODE", "The code that the node shows: ")
    with opened_house(vault) as house:
        row = house.nodes.pair(address, code, name)
    out.print(f"Paired with {row.name} ({row.id}). A running station uses it within a second.", markup=False)


@app.command()
def revoke(node: Annotated[str, typer.Argument(help="Its id.")], vault: VAULT = None) -> None:
    """Let a node go for good; a running station asks it nothing more within a second, and has it forget."""
    with opened_house(vault) as house:
        said = house.nodes.let_go(node)
    out.print(f"{said} To use it again, pair it anew.", markup=False)


@app.command()
def plug(
    node: Annotated[str, typer.Argument(help="Its id.")],
    entity: Annotated[str, typer.Argument(help="Home Assistant switch, e.g. switch.compute; “none” takes it back.")],
    vault: VAULT = None,
) -> None:
    """Choose the switch that powers a node: it is switched off and on when the node stays silent."""
    with opened_house(vault) as house:
        house.nodes.set_plug(node, "" if entity == "none" else entity)
    out.print("Noted.")
