"""The note in the folder that says what this is: invented, by which seed, from when to when, in which formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.timeline import Day

_TEXT = """\
A SAMPLE LIFE. EVERYTHING IN THIS FOLDER IS INVENTED.

Hearthside made these files; no real data went in. Person, town, restaurants and companies are made up, and a
likeness to real ones is chance.
They have the formats of real exports, so that they go into the house through the same doors as your own.

person    {person} (shown in the chats as "{display}")
town      {town}, invented; zone {zone}
days      {first} to {last} (the last day ends at 17:00), and the night before the first
seed      {seed}: the same seed and last day give the same files again, another seed gives another life

files and records
{files}
"""


def write_readme(folder: Path, seed: int, cast: Cast, days: Sequence[Day], counts: Mapping[str, int]) -> None:
    """README.txt."""
    text = _TEXT.format(
        person=cast.full_name,
        display=cast.display_name,
        town=cast.town["name"],
        zone=cast.zone.key,
        first=days[0].date,
        last=days[-1].date,
        seed=seed,
        files="\n".join(f"  {count:>6}  {name}" for name, count in counts.items()),
    )
    (folder / "README.txt").write_text(text, encoding="utf-8", newline="\n")
