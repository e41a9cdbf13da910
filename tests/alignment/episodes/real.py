"""The real data sets as lives, read once for all tests that look at them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from hearthside.events import Item
from hearthside.sources import recognise
from hearthside.sources.reading import Opened, Reading, read_sample
from tests.alignment.episodes.windows import Life, life_of
from tests.shared_data import shared_data


def read_files(paths: Iterable[Path], zone: str = "UTC") -> Iterator[Item]:
    """Everything the sources find in some files."""
    for path in paths:
        source = recognise(read_sample(path))
        assert source is not None, path
        yield from source.read(Opened(path, source.NAME, Reading(ZoneInfo(zone))))


@cache
def person_a(*names: str) -> Life:
    """Some files of life_person_A, by the beginning of their names."""
    folder = shared_data("life_person_A")
    return life_of(read_files(path for name in names for path in sorted(folder.glob(f"{name}*.gz"))), 60)


@cache
def kasteren() -> Life:
    """The home of smarthome_kasteren_A."""
    folder = shared_data("smarthome_kasteren_A")
    return life_of(read_files(sorted(folder.glob("kasteren*.txt")), "Europe/Amsterdam"), 60)


@cache
def mit_house() -> Life:
    """The home of smarthome_mit_S1."""
    folder = shared_data("smarthome_mit_S1")
    return life_of(read_files([folder / "activities_data.csv"], "America/New_York"), -300)
