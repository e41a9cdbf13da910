"""A house over a vault of its own, without any running process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hearthside.app.house import House
from hearthside.app.station import open_house
from hearthside.config import Settings
from hearthside.events import day_start_ms

NOW_MS = day_start_ms("2026-11-18") + 15 * 3_600_000


def settings_in(folder: Path) -> Settings:
    """Settings of a vault in this folder, whatever the machine's environment says."""
    paths = {"vault": folder / "vault", "key_file": folder / "key", "heads_folder": folder / "heads"}
    return Settings.model_construct(**{**Settings.model_construct().model_dump(), **paths})


@contextmanager
def house_in(folder: Path, clock: Callable[[], int] = lambda: NOW_MS, passphrase: str | None = None) -> Iterator[House]:
    """A house without a compute node, closed at the end."""
    house = open_house(settings_in(folder), clock=clock, passphrase=passphrase, with_compute=False)
    try:
        yield house
    finally:
        house.close()
