"""What all commands share: consoles, opening a house, following a job, and errors as one sentence."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from hearthside.config import Settings, load_settings
from hearthside.errors import Refused
from hearthside.logs import start_logging

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VAULT = Annotated[Path | None, typer.Option("--vault", help="Folder of the vault.")]


def settings_of(vault: Path | None) -> Settings:
    """The settings in force."""
    return load_settings(vault)


def passphrase() -> str | None:
    """From the environment; an empty one counts as none."""
    return os.environ.get("HEARTHSIDE_PASSPHRASE") or None


@contextmanager
def opened_house(vault: Path | None, with_compute: bool = False) -> Iterator[Any]:
    """The house over a vault, closed at the end."""
    from hearthside.app.station import open_house

    start_logging()
    house = open_house(settings_of(vault), passphrase=passphrase(), with_compute=with_compute)
    try:
        if house.overview().invented:
            err.print("(This life is invented: nobody in it exists.)", style="dim")
        yield house
    finally:
        house.close()


def secret(variable: str, prompt: str) -> str:
    """From the environment, or typed without being shown; never from the command line, which others can read."""
    given = os.environ.get(variable)
    if given:
        return given
    try:
        return getpass.getpass(prompt)
    except EOFError as error:
        raise Refused("secret-missing", f"Nothing was typed. In a script, give it in {variable}.") from error


def progress_bar() -> Progress:
    """A bar on the error stream; `note` says what is being done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=True)


def follow(house: Any, job_id: str) -> Any:
    """Show a job's progress until it ends; Ctrl-C stops it and keeps what was done."""
    with progress_bar() as bar:
        task = bar.add_task("", total=None, note="")
        while True:
            try:
                job = house.wait(job_id, 0.2)
            except KeyboardInterrupt:
                house.stop_job(job_id)
                continue
            bar.update(task, description=job.title, completed=job.done, total=job.total or None, note=job.message)
            if not job.active:
                break
    for line in job.details:
        out.print(line, markup=False)
    out.print(job.message, markup=False)
    return job


def print_json(value: object) -> None:
    """A dataclass, or a list of them, as indented JSON."""
    plain = [asdict(item) for item in value] if isinstance(value, list) else asdict(value)  # type: ignore[call-overload]
    sys.stdout.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


def check_date(text: str) -> None:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return
    except ValueError:
        pass
    raise Refused("date-wrong", f"“{text}” is not a date like 2026-03-04.")


def moment(house: Any, text: str) -> int:
    from hearthside.events import MINUTE_MS, ms_of

    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("time-wrong", f"“{text}” is not a time like 2026-03-04T18:30.") from error
    if found.tzinfo is not None:
        return ms_of(found)
    offset: int = house.rooms.stream.offset_on(found.date().isoformat())
    return ms_of(found.replace(tzinfo=UTC)) - offset * MINUTE_MS
