"""The month's four threads, as dates counted back from the last day: dinners, a diet, a short night, a low mood."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from hearthside.sample_life.cast import Cast

MIN_DAYS = 31  # the oldest thread begins 30 days before the last day


@dataclass(frozen=True, slots=True)
class Dinner:
    """One dinner with the three friends.

    Attributes:
        day: local date of the dinner.
        table: name of the restaurant in `Cast.tables`.
        asked: who proposed it (role).
        ate: what the person had.
    """

    day: date
    table: str
    asked: str
    ate: str


@dataclass(frozen=True, slots=True)
class Threads:
    """What runs through the month.

    Attributes:
        dinners: the three that took place, oldest first.
        open_dinner: the day for which nobody has chosen a place yet; after the last day.
        candidates: (day, table): menus looked at from outside for the open dinner.
        diet_start, diet_fade, diet_wobble: first day, first day of fading, the first slip.
        low_start, quiet_visit, lifted_end: first low day, evening at the quiet restaurant, last day of the lift.
        flat: the flat days at the end.
        short_night: date of the morning after the short night (the last day).
        meeting: local date of the important meeting; the day after the last day.
        meeting_hour: local, e.g. "9:30".
        on: day of each exchange that is placed on one day, by the bank's ``on=`` name.
    """

    dinners: tuple[Dinner, ...]
    open_dinner: date
    candidates: tuple[tuple[date, str], ...]
    diet_start: date
    diet_fade: date
    diet_wobble: date
    low_start: date
    quiet_visit: date
    lifted_end: date
    flat: tuple[date, ...]
    short_night: date
    meeting: date
    meeting_hour: str
    on: dict[str, date]

    def may_eat(self, cast: Cast, day: date, food: str) -> bool:
        """Whether the diet, while it is firm, lets this food pass."""
        firm = self.diet_start <= day < self.diet_fade
        return not (firm and any(word in food for word in cast.diet["avoid"]))

    def flags(self, day: date) -> set[str]:
        """The phases a day belongs to, as the banks' flags."""
        phases = {
            "diet_firm": self.diet_start < day < self.diet_fade,
            "diet_fade": day >= self.diet_fade,
            "low": self.low_start <= day <= self.quiet_visit,
            "lifted": self.quiet_visit < day <= self.lifted_end,
            "flat": day in self.flat,
            "short_night": day == self.short_night,
            "dinner_today": any(dinner.day == day for dinner in self.dinners),
            "dinner_yesterday": any(dinner.day == day - timedelta(days=1) for dinner in self.dinners),
            "quiet_today": day == self.quiet_visit,
        }
        return {name for name, holds in phases.items() if holds}


def draw_threads(rng: random.Random, cast: Cast, last_day: date) -> Threads:
    """Dates for every thread, a little different for every seed."""

    def back(days: int) -> date:
        return last_day - timedelta(days=days)

    visit, fade = rng.choice([18, 19, 20]), rng.choice([9, 10])
    firsts = (rng.choice([28, 29]), rng.choice([14, 15]), rng.choice([6, 7]))
    asked = ("veg", "allergic", "third")
    start = rng.choice([25, 26])
    dinners = tuple(
        Dinner(back(days), f"table{number}", who, _dish(rng, cast, f"table{number}", fade < days <= start))
        for number, (days, who) in enumerate(zip(firsts, asked, strict=True), 1)
    )
    on = {
        "diet_start": start, "diet_start2": start - 1, "diet_wobble": 12, "quiet": visit, "night_before": 1,
        "short_night": 0, "meeting_news": 8, "meeting_mum": 5, "meeting_practice": 4, "din4_ask": 2, "din4_ask2": 1,
        "din4_open": 0,
    }  # fmt: skip
    for number, days in enumerate(firsts, 1):
        on |= {f"din{number}_plan": days + (2 if number > 1 else 1), f"din{number}_after": days - 1}
    return Threads(
        dinners=dinners,
        open_dinner=last_day + timedelta(days=2),
        candidates=((back(2), "quiet"), (back(1), "table4")),
        diet_start=back(start),
        diet_fade=back(fade),
        diet_wobble=back(12),
        low_start=back(visit + rng.choice([3, 4])),
        quiet_visit=back(visit),
        lifted_end=back(visit - 5),
        flat=(back(1), last_day),
        short_night=last_day,
        meeting=last_day + timedelta(days=1),
        meeting_hour=rng.choice(["9:00", "9:30", "10:00"]),
        on={name: back(days) for name, days in on.items()},
    )


def _dish(rng: random.Random, cast: Cast, table: str, firm: bool) -> str:
    """What the person orders; a firm diet has its say."""
    restaurant = cast.tables[table]
    dishes = [d for d in restaurant.other if not (firm and any(word in d for word in cast.diet["avoid"]))]
    return rng.choice(dishes or list(restaurant.veg))
