"""Letting the invented sample life into an empty vault, through the real sources."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

from hearthside.app.rooms import CLOCK_SHIFT, HOME_ZONE, INVENTED, PERSON, SAMPLE, SELF_NAMES, Rooms
from hearthside.errors import NeedsPerson
from hearthside.events import local_datetime, ms_of
from hearthside.journal.decisions import decide, decided
from hearthside.sample_life import SampleLife, generate

_DAYS = 32


def let_sample_in(rooms: Rooms, seed: int, bring_in: Callable[[Path], str]) -> str:
    """Make the files of the sample life, bring them in, and remove them: nothing lies in the clear in a vault.

    Asked for twice, or cut short, the same files are made again; they add what is missing and nothing twice.

    Args:
        seed: of the life, where none was made in this vault yet.
        bring_in: imports a folder and returns the closing sentence.

    Raises:
        NeedsPerson: the vault holds the person's own life.
    """
    settings = decided(rooms.journal)
    made = settings.get(SAMPLE)
    if made is None and settings.get(INVENTED):
        return "The sample life is in this vault already."
    if made is None and rooms.has_life():
        raise NeedsPerson("sample-not-empty", "This vault holds your own life; the sample life goes into an empty one.")
    if made is None:
        made = {"seed": seed, "last_day": local_datetime(rooms.clock(), 0).date().isoformat()}
        decide(rooms.journal, SAMPLE, made, rooms.clock())
    folder = rooms.vault.folder / "sample_life"
    try:
        life = generate(folder, seed=int(made["seed"]), last_day=date.fromisoformat(made["last_day"]), days=_DAYS)
        if not settings.get(INVENTED):
            _settle_in(rooms, life)
        return bring_in(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settle_in(rooms: Rooms, life: SampleLife) -> None:
    """The invented life stands at the end of its last day; from there its clock runs on."""
    now = ms_of(life.now)
    decide(rooms.journal, CLOCK_SHIFT, rooms.clock.shift_ms + now - rooms.clock(), now)
    rooms.clock.set_to(now)
    decide(rooms.journal, PERSON, life.first_name, now)
    decide(rooms.journal, SELF_NAMES, list(life.self_names), now)
    decide(rooms.journal, HOME_ZONE, life.zone, now)
    decide(rooms.journal, INVENTED, True, now)  # last: it says that the others are complete
