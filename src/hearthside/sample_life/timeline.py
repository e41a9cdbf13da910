"""What the person really does, minute by minute: the one truth that every file of the sample is a view of."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from hearthside.sample_life.cast import Cast, Place
from hearthside.sample_life.grammar import capital
from hearthside.sample_life.threads import Threads

SPEED_KMH = {"walk": 4.9, "transit": 24.0}
NOW = time(17, 0)  # local time on the last day at which the sample ends


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of time with one activity.

    Attributes:
        start, end: UTC; `end` is exclusive and is the next block's start.
        activity: ``sleep``, ``work``, ``move``, ``friends`` ...
        place: where; None while moving.
        people: first names of those present, without the person.
        origin, target: of a move; the same place for a loop (running, cycling).
        mode: ``walk``, ``transit`` or ``loop``; empty when not moving.
    """

    start: datetime
    end: datetime
    activity: str
    place: Place | None
    people: tuple[str, ...] = ()
    origin: Place | None = None
    target: Place | None = None
    mode: str = ""

    @property
    def minutes(self) -> float:
        """Length in minutes."""
        return (self.end - self.start).total_seconds() / 60


@dataclass(frozen=True, slots=True)
class Day:
    """One local day from waking to falling asleep.

    Attributes:
        date: local date.
        flags: the phases and circumstances the banks ask about.
        asleep, awake: UTC start and end of the night that ends this morning.
        weather: ``sun``, ``rain``, ``wind`` or ``grey``; degrees: outside at noon, Celsius.
        lunch, dinner: what is eaten when it is eaten at work or at home.
        blocks: from `awake` to bed time, without a gap.
    """

    date: date
    flags: frozenset[str]
    asleep: datetime
    awake: datetime
    weather: str
    degrees: int
    lunch: str
    dinner: str
    blocks: tuple[Block, ...]

    def of(self, *activities: str) -> list[Block]:
        """The blocks of these activities, in order."""
        return [block for block in self.blocks if block.activity in activities]


@dataclass
class _Itinerary:
    """A day being planned: where the person is and what came before."""

    cast: Cast
    rng: random.Random
    now: datetime
    place: Place
    blocks: list[Block] = field(default_factory=list)

    def stay(self, activity: str, until: datetime, people: tuple[str, ...] = ()) -> None:
        if until > self.now:
            self.blocks.append(Block(self.now, until, activity, self.place, people))
            self.now = until

    def spend(self, activity: str, minutes: float, people: tuple[str, ...] = ()) -> None:
        self.stay(activity, self.now + timedelta(minutes=round(minutes)), people)

    def go(self, name: str) -> None:
        target = self.cast.places[name]
        metres = self.place.metres_to(target)
        if metres < 1:
            return
        mode = "transit" if metres > 2_000 else "walk"
        # Streets are a third longer than the straight line; a vehicle also has to be waited for.
        minutes = metres * 1.3 / 1000 / SPEED_KMH[mode] * 60 + (self.rng.randint(6, 11) if mode == "transit" else 0)
        end = self.now + timedelta(minutes=math.ceil(minutes))
        self.blocks.append(Block(self.now, end, "move", None, (), self.place, target, mode))
        self.now, self.place = end, target


def local_instant(cast: Cast, day: date, at: time, plus_minutes: float = 0) -> datetime:
    """UTC instant of a local wall-clock time, plus elapsed minutes."""
    return datetime.combine(day, at, tzinfo=cast.zone).astimezone(UTC) + timedelta(minutes=round(plus_minutes))


def live(rng: random.Random, cast: Cast, threads: Threads, last_day: date, days: int) -> tuple[list[Day], datetime]:
    """Every day of the life, and the instant (UTC) at which the sample ends."""
    dates = [last_day - timedelta(days=back) for back in reversed(range(days))]
    now = local_instant(cast, last_day, NOW)
    nights = [_night(rng, cast, threads, day) for day in dates]
    weathers = list(_weathers(rng, cast, dates))
    lived: list[Day] = []
    for index, day in enumerate(dates):
        bed = nights[index + 1][0] if index + 1 < days else now
        lived.append(_day(rng, cast, threads, day, nights[index], bed, weathers[index]))
    return lived, now


def _night(rng: random.Random, cast: Cast, threads: Threads, day: date) -> tuple[datetime, datetime]:
    """Bed time on the eve and waking on `day`, UTC."""
    phases, eve = threads.flags(day), day - timedelta(days=1)
    free_eve, free = eve.weekday() in (4, 5), day.weekday() in (5, 6)
    if "short_night" in phases:
        bed = local_instant(cast, day, time(2, 0), rng.randint(5, 25))
        return bed, bed + timedelta(minutes=rng.randint(262, 284))
    if "low" in phases and day > threads.low_start:
        bed = local_instant(cast, day, time(0, 50), rng.randint(0, 55))
        return bed, local_instant(cast, day, time(9 if free else 7, 0), rng.randint(-5, 25))
    bed = local_instant(cast, eve, time(23, 0), rng.gauss(55 if free_eve else 5, 17))
    wake = local_instant(cast, day, time(8, 5) if free else time(6, 45), rng.gauss(10, 12))
    if "dinner_yesterday" in phases:
        bed += timedelta(minutes=25)
    return bed, wake


def _weathers(rng: random.Random, cast: Cast, dates: list[date]) -> Iterator[tuple[str, int]]:
    """Weather that lingers, with a temperature for the latitude and the season."""
    weather, drift = rng.choice(["sun", "grey", "rain"]), 0.0
    lat = cast.town["lat"]
    for day in dates:
        if rng.random() < 0.45:
            weather = rng.choice(["sun", "sun", "grey", "rain", "rain", "wind"])
        season = math.cos(2 * math.pi * (day.timetuple().tm_yday - 200) / 365.25) * math.copysign(1, lat)
        drift = 0.7 * drift + rng.gauss(0, 1.4)
        base = 30 - 0.36 * abs(lat) + 0.22 * abs(lat) * season
        yield weather, round(base + drift + {"sun": 2, "rain": -1, "wind": -2, "grey": 0}[weather])


def _day(
    rng: random.Random,
    cast: Cast,
    threads: Threads,
    day: date,
    night: tuple[datetime, datetime],
    bed: datetime,
    weather: tuple[str, int],
) -> Day:
    flags = threads.flags(day) | {weather[0]}
    weekday = day.weekday()
    flags.add("weekend" if weekday >= 5 else "weekday")
    if weekday < 5:
        flags.add("homeday" if weekday == cast.home_office_weekday and "short_night" not in flags else "office")
    flags |= {name for number, name in ((0, "monday"), (4, "friday"), (6, "sunday")) if weekday == number}
    out_tonight = flags & {"dinner_today", "quiet_today", "flat"}
    if weekday == cast.hobby_weekday and not flags & {"low"} and not out_tonight:
        flags.add("hobby_today")
    if weekday in cast.sport_weekdays and "low" not in flags and not out_tonight:
        flags.add("sport_today")
    if weekday == 4 and not flags & {"low"} and not out_tonight:
        flags.add("partner_tonight")
    if not flags & {"dinner_today", "quiet_today", "partner_tonight", "short_night"}:
        flags.add("dinner_home")
    plan = _Itinerary(cast, rng, night[1], cast.places["home"])
    _morning(plan, flags)
    (_weekend if "weekend" in flags else _workday)(plan, cast, day, flags)
    _evening(plan, cast, threads, day, flags, bed)
    blocks = tuple(
        Block(b.start, min(b.end, bed), b.activity, b.place, b.people, b.origin, b.target, b.mode)
        for b in plan.blocks
        if b.start < bed
    )
    return Day(
        date=day,
        flags=frozenset(flags),
        asleep=night[0],
        awake=night[1],
        weather=weather[0],
        degrees=weather[1],
        lunch=rng.choice(
            [food for food in cast.words["lunches"] if threads.may_eat(cast, day, food)] or ["a big salad"]
        ),
        dinner=rng.choice(
            [food for food in cast.words["dinners"] if threads.may_eat(cast, day, food)] or ["roast vegetables"]
        ),
        blocks=blocks,
    )


def _morning(plan: _Itinerary, flags: set[str]) -> None:
    plan.spend("wash", plan.rng.randint(14, 24))
    plan.spend("breakfast", plan.rng.randint(45, 80) if "weekend" in flags else plan.rng.randint(18, 30))


def _workday(plan: _Itinerary, cast: Cast, day: date, flags: set[str]) -> None:
    rng, office = plan.rng, "office" in flags
    work = "work" if office else "home_work"
    if office:
        plan.go("work")
    if office and rng.random() < 0.6:
        plan.stay(work, local_instant(cast, day, time(9, 45), rng.randint(0, 20)))
        plan.spend("meeting", rng.randint(25, 45), (cast.colleague,))
    plan.stay(work, local_instant(cast, day, time(12, 10), rng.randint(0, 25)))
    if office:
        plan.go("cafe")
        plan.spend("lunch", rng.randint(30, 42), (cast.colleague,))
        plan.go("work")
    else:
        plan.spend("lunch_home", rng.randint(25, 40))
    if office and (rng.random() < 0.4 or "short_night" in flags):
        plan.stay(work, local_instant(cast, day, time(14, 15), rng.randint(0, 30)))
        plan.spend("meeting", rng.randint(25, 40), (cast.colleague,))
    if "short_night" in flags:
        plan.stay(work, local_instant(cast, day, time(15, 40), rng.randint(0, 15)))
    else:
        plan.stay(work, local_instant(cast, day, time(17, 5), rng.randint(0, 35)))


def _weekend(plan: _Itinerary, cast: Cast, day: date, flags: set[str]) -> None:
    rng, partner = plan.rng, cast.contacts["partner"].name
    if "short_night" in flags:
        plan.stay("home_work", local_instant(cast, day, time(12, 30), rng.randint(0, 20)))
        plan.spend("lunch_home", 30)
        plan.stay("home_work", local_instant(cast, day, time(15, 30)))
        return
    if day.weekday() == 5 and "low" not in flags:
        plan.stay("chores", local_instant(cast, day, time(10, 15), rng.randint(0, 25)))
        plan.go("market")
        plan.spend("market", rng.randint(35, 55))
        plan.go("sight")
        plan.spend("partner_day", rng.randint(70, 120), (partner,))
        plan.go("home")
        plan.spend("lunch_home", rng.randint(25, 40))
        plan.stay("chores", local_instant(cast, day, time(15, 30), rng.randint(0, 40)))
    else:
        plan.stay("sofa", local_instant(cast, day, time(10, 45), rng.randint(0, 30)))
        if "sport_today" in flags:
            _sport(plan, cast)
        plan.stay("chores", local_instant(cast, day, time(12, 40), rng.randint(0, 30)))
        plan.spend("lunch_home", rng.randint(25, 45))
        if "flat" not in flags:
            plan.stay("sofa", local_instant(cast, day, time(14, 30), rng.randint(0, 40)))
            _stroll(plan, cast, rng.randint(35, 60))
    plan.stay("sofa", local_instant(cast, day, time(17, 0), rng.randint(0, 30)))


def _stroll(plan: _Itinerary, cast: Cast, minutes: int) -> None:
    home = cast.places["home"]
    end = plan.now + timedelta(minutes=minutes)
    plan.blocks.append(Block(plan.now, end, "walk", None, (), home, home, "loop"))
    plan.now = end


def _sport(plan: _Itinerary, cast: Cast) -> None:
    home, minutes = cast.places["home"], plan.rng.randint(34, 62)
    if not cast.sport["moves"]:
        plan.go("sport")
        plan.spend("sport", minutes)
        plan.go("home")
    else:
        end = plan.now + timedelta(minutes=minutes)
        plan.blocks.append(Block(plan.now, end, "sport", None, (), home, home, "loop"))
        plan.now = end
    plan.spend("wash", plan.rng.randint(15, 22))


def _table(
    plan: _Itinerary, cast: Cast, day: date, table: str, activity: str, people: tuple[str, ...], at: time
) -> None:
    """An evening at a restaurant, arriving about `at`, and home again."""
    plan.go("home")
    minutes = plan.place.metres_to(cast.places[table]) / 1000 * 1.3 / SPEED_KMH["walk"] * 60
    plan.stay("sofa", local_instant(cast, day, at, -min(minutes, 22)))
    plan.go(table)
    plan.spend(activity, plan.rng.randint(118, 150), people)
    plan.go("home")


def _evening(plan: _Itinerary, cast: Cast, threads: Threads, day: date, flags: set[str], bed: datetime) -> None:
    rng, names = plan.rng, {role: contact.name for role, contact in cast.contacts.items()}
    for at, table in threads.candidates:
        if at == day:
            plan.go(table)
            plan.spend("menu_look", rng.randint(6, 8))
    if "office" in flags and not flags & {"dinner_today", "quiet_today", "hobby_today", "flat"} and rng.random() < 0.45:
        plan.go("shop")
        plan.spend("shop", rng.randint(16, 28))
    if "dinner_today" in flags:
        table = next(dinner.table for dinner in threads.dinners if dinner.day == day)
        _table(plan, cast, day, table, "friends", (names["veg"], names["allergic"], names["third"]), time(19, 30))
    elif "quiet_today" in flags:
        _table(plan, cast, day, "quiet", "quiet", (names["partner"],), time(19, 0))
    elif "partner_tonight" in flags:
        plan.go("home")
        plan.stay("sofa", local_instant(cast, day, time(18, 30), rng.randint(0, 20)))
        plan.go("partner")
        plan.stay("partner", local_instant(cast, day, time(22, 0), rng.randint(0, 30)), (names["partner"],))
        plan.go("home")
    elif "short_night" in flags:
        plan.go("home")
    else:
        _evening_at_home(plan, cast, day, flags)
    if day + timedelta(days=1) == threads.short_night:
        plan.stay("night_work", bed - timedelta(minutes=rng.randint(12, 18)))
    if "short_night" in flags:
        plan.stay("sofa_low", bed)  # the sample ends in the afternoon
    plan.stay("sofa_low" if flags & {"low", "flat"} else "sofa", bed - timedelta(minutes=rng.randint(14, 24)))
    plan.stay("bed", bed)


def _evening_at_home(plan: _Itinerary, cast: Cast, day: date, flags: set[str]) -> None:
    rng = plan.rng
    plan.go("home")
    if "sport_today" in flags and "weekend" not in flags:
        plan.spend("sofa", rng.randint(12, 25))
        _sport(plan, cast)
    if "hobby_today" in flags:
        plan.spend("dinner_home", 25)
        plan.stay("sofa", local_instant(cast, day, time(18, 40), rng.randint(0, 10)))
        plan.go("hobby")
        plan.stay("hobby", local_instant(cast, day, time(21, 0), rng.randint(0, 15)), (capital(cast.hobby["person"]),))
        plan.go("home")
        return
    plan.stay("sofa_low" if "low" in flags else "sofa", local_instant(cast, day, time(18, 30), rng.randint(0, 25)))
    plan.spend("cook", rng.randint(28, 48))
    plan.spend("dinner_home", rng.randint(18, 30))
    if day.weekday() in (2, 6):
        plan.spend("sofa", rng.randint(5, 20))
        plan.spend("call_mother", rng.randint(14, 28), (cast.contacts["mother"].name,))
