"""“What helped when I was low last time?”: the last low stretch that lifted, and what was done until it did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from hearthside.events import day_number
from hearthside.memory.moods.days import LowStretch
from hearthside.memory.moods.helped import Doing, Helped

_MOST = 6
_NO_CAUSE = "That they came before does not say that they helped."


@dataclass(frozen=True, slots=True)
class LastTime:
    """The last time a low mood lifted.

    Attributes:
        stretch: the low days.
        doings: what was done from the first low day until the better one, what is known to help first.
        sentence: for the person, with what speaks for it over all low days, and what it does not say.
        evidence: records: the words of those days, and the doings.
    """

    stretch: LowStretch
    doings: tuple[str, ...]
    sentence: str
    evidence: tuple[bytes, ...]


def last_time(stretches: Sequence[LowStretch], doings: Iterable[Doing], helped: Sequence[Helped]) -> LastTime | None:
    """The last stretch that lifted; None when none ever did.

    Args:
        stretches: in order, as the person decided.
        doings: of the days of the life, any order.
        helped: as the person decided; those that say so stand first, with their figures.
    """
    lifted = [one for one in stretches if one.lifted_day and one.decided != "corrected"]
    if not lifted:
        return None
    last = lifted[-1]
    first, until = day_number(last.first_day), day_number(last.lifted_day)
    there: dict[str, Doing] = {}
    for doing in doings:
        if first <= doing.number < until:
            there.setdefault(doing.name, doing)
    known = {one.name: one for one in helped if one.says}
    names = sorted(there, key=lambda name: (name not in known, name))[:_MOST]
    records = [one for name in names for one in there[name].evidence]
    evidence = tuple(dict.fromkeys((*last.evidence, *records)))
    return LastTime(last, tuple(names), _sentence(last, names, [known[n] for n in names if n in known]), evidence)


def _sentence(last: LowStretch, names: Sequence[str], known: Sequence[Helped]) -> str:
    days = _day(last.first_day)
    if last.last_day != last.first_day:
        days = f"from {days} to {_day(last.last_day)}"
    told = f"You last sounded low {days}; {_day(last.lifted_day)} was better."
    if not names:
        return f"{told} Nothing that you did in between is on record."
    told += f" In between: {', '.join(names)}."
    return " ".join([told, *(f"{one.name}: {one.sentence}" for one in known), *([] if known else [_NO_CAUSE])])


def _day(day: str) -> str:
    at = date.fromisoformat(day)
    return f"{at.day} {at:%B %Y}"
