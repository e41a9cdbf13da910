"""The command `hearthside mcp`: MCP over standard input and output, for clients that start a program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hearthside.cli.common import settings_of
from hearthside.errors import NeedsPerson, Refused

app = typer.Typer()

TOKEN = "HEARTHSIDE_TOKEN"


@app.command()
def mcp(
    url: Annotated[str, typer.Option(help="The running station; default: the one of the settings.")] = "",
    token_file: Annotated[
        Path | None, typer.Option(help=f"File with an API token; or give it in the environment variable {TOKEN}.")
    ] = None,
) -> None:
    """Speak MCP on standard input and output, for the station that runs on this machine."""
    import anyio

    from hearthside.cli.mcp_relay import relay

    settings = settings_of(None)
    if not url and not settings.port:
        raise Refused("station-address-missing", "The station takes a free port; say where it is with --url.")
    anyio.run(relay, url or f"http://{settings.host}:{settings.port}", _token(token_file))


def _token(file: Path | None) -> str:
    """The token, never from the command line, which others can read."""
    try:
        text = os.environ.get(TOKEN, "") if file is None else file.read_text(encoding="utf-8")
    except OSError as error:
        raise NeedsPerson("token-missing", f"{file} cannot be read ({error.strerror}). Nothing was sent.") from error
    token = text.strip()
    if not token or not (token.isascii() and token.isprintable()):  # nothing else travels in a header
        raise NeedsPerson(
            "token-missing",
            f"Give a token in {TOKEN} or --token-file; `hearthside token add NAME --scope memory.read` makes one.",
        )
    return token
