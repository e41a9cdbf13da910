"""The command line: `hearthside up`, `import`, `ask`, `backup`, `keys` and the rest."""

from __future__ import annotations

import os
import sys

import apsw
import typer
from rich.markup import escape

from hearthside.cli import compute, costs, keys, known, life, mcp, models, nodes, query, safety, station, tokens
from hearthside.cli.common import err
from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater

app = typer.Typer(
    help="Hearthside: the private AI that lives at home and knows one person.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for part in (station, life, query, known, safety, mcp, compute, costs):
    app.registered_commands += part.app.registered_commands
app.add_typer(keys.app, name="keys")
app.add_typer(tokens.app, name="token")
app.add_typer(models.app, name="models")
app.add_typer(nodes.app, name="nodes")

_EXIT = {ConfigError: 3, NeedsPerson: 4, Refused: 5, RetryLater: 6}


def main() -> None:
    """Entry point: errors become one sentence and an exit status."""
    os.umask(0o077)  # whatever a library writes is the owner's alone too
    try:
        app()
    except HearthsideError as error:
        err.print(f"[bold]{type(error).__name__}[/bold] ({error.code}): {escape(error.message)}", markup=True)
        if error.code == "vault-passphrase-needed":
            err.print("Give it in the environment variable HEARTHSIDE_PASSPHRASE.")
        sys.exit(next(code for family, code in _EXIT.items() if isinstance(error, family)))
    except apsw.CorruptError:
        err.print(
            "A file that is made from the journal is damaged; the journal itself is untouched."
            " Make it again: hearthside rebuild",
            markup=False,
        )
        sys.exit(_EXIT[NeedsPerson])
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        err.print(f"The system refused{where}: {error.strerror or error}. What was journalled is kept.", markup=False)
        sys.exit(_EXIT[NeedsPerson])
