"""Mood by day against the person's own usual, and the low stretches in it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hearthside.events import iso_day
from hearthside.memory.gleanings import Row

USUAL_DAYS = 90
"""What is usual is the mean of so many days before, in which something was felt."""

LEAST_USUAL = 10
"""Days without which nobody knows what is usual."""

LOW_BELOW = 1.0
"""Standard deviations under the usual from which a day is low ..."""

LEAST_DROP = 0.15
"""... but at least by so much, where every day is like the other ..."""

LOW_AT_MOST = -0.05
"""... and it must not sound pleasant either."""

STEADYING = 2.0
"""A day counts as if the usual had been heard so many times more: one word makes no mood."""

LONGEST_GAP_DAYS = 2
"""Days without a word that a low stretch may have in it."""

_EVIDENCE = 4


@dataclass(frozen=True, slots=True)
class MoodDay:
    """How a day sounded.

    Attributes:
        day: local, ISO.
        score: -1 to 1, drawn towards the usual where little was said.
        usual: the mean of the days before; None where too little is known.
        low: whether it was clearly under the usual.
        heard: texts and utterances with a feeling; voices: how many of them by tone of voice.
        evidence: journal ids, the strongest first.
    """

    day: str
    number: int
    score: float
    usual: float | None
    low: bool
    heard: int
    voices: int
    evidence: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LowStretch:
    """Low days in a row.

    Attributes:
        first_day, last_day: local, ISO.
        lifted_day: the first day after it that was heard and was not low, within `LONGEST_GAP_DAYS` + 1; "" else.
        days: the low days in it; none when only the person's word is left of it.
        id: stays the same when everything is made anew, and while the first day does.
        decided: ``pinned`` or ``corrected`` by the person, else ""; note: the words of a correction.
        word: record of that decision, b"" without one.
    """

    first_day: str
    last_day: str
    lifted_day: str
    days: tuple[MoodDay, ...]
    id: str = ""
    decided: str = ""
    note: str = ""
    word: bytes = b""

    @property
    def evidence(self) -> tuple[bytes, ...]:
        """Records it was read from, day by day, and the person's word."""
        found = [one for day in self.days for one in day.evidence]
        return tuple(dict.fromkeys([*found, *([self.word] if self.word else [])]))


def low_id(first_day: str) -> str:
    """32 hex digits for the low stretch that begins on a local day, ISO."""
    return hashlib.blake2b(f"low\0{first_day}".encode(), digest_size=16).hexdigest()


def mood_days(rows: Iterable[Row]) -> list[MoodDay]:
    """Every day on which something was felt, in order, from rows as of `moods.gleaning.glean`."""
    by_day: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_day[row[1]].append(row)
    numbers = sorted(by_day)
    raw = np.array([float(np.mean([row[2] for row in by_day[n]])) for n in numbers])
    found = []
    for place, number in enumerate(numbers):
        first = int(np.searchsorted(numbers, number - USUAL_DAYS))
        before = raw[first:place]
        usual = float(before.mean()) if len(before) >= LEAST_USUAL else None
        found.append(_day(number, by_day[number], usual, float(before.std()) if usual is not None else 0.0))
    return found


def _day(number: int, rows: list[Row], usual: float | None, spread: float) -> MoodDay:
    said = [row[2] for row in rows]
    score = (sum(said) + STEADYING * (usual or 0.0)) / (len(said) + STEADYING)
    low = (
        usual is not None
        and score < usual - _steadied(max(LOW_BELOW * spread, LEAST_DROP), len(said))
        and score <= LOW_AT_MOST
    )
    strongest = sorted(rows, key=lambda row: (row[2] if low else -abs(row[2]), row[0]))[:_EVIDENCE]
    return MoodDay(
        iso_day(number), number, round(score, 3), None if usual is None else round(usual, 3), low, len(rows),
        sum(bool(row[3]) for row in rows), tuple(bytes.fromhex(row[4]) for row in strongest),
    )  # fmt: skip


def _steadied(spread: float, heard: int) -> float:
    """The spread of days, drawn in as the score of a day with so many texts is."""
    return spread * heard / (heard + STEADYING)


def low_stretches(days: Sequence[MoodDay]) -> list[LowStretch]:
    """Runs of at least two low days, in order: one of twenty-five days is low by chance alone, two in a row seldom."""
    runs: list[list[MoodDay]] = []
    lifted: list[str] = []
    for place, day in enumerate(days):
        if not day.low:
            continue
        before = days[place - 1] if place else None
        if runs and before is runs[-1][-1] and day.number - before.number <= LONGEST_GAP_DAYS + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
            lifted.append("")
        after = days[place + 1] if place + 1 < len(days) else None
        near = after is not None and after.number - day.number <= LONGEST_GAP_DAYS + 1
        lifted[-1] = after.day if after is not None and near and not after.low else ""
    return [
        LowStretch(run[0].day, run[-1].day, up, tuple(run), low_id(run[0].day))
        for run, up in zip(runs, lifted, strict=True)
        if len(run) > 1
    ]
