"""Answers about a life from its raw export files, with the standard library alone; definitions in question_keys.py."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

Key = int | float | str | tuple[str, ...]
Slots = dict[str, str]
Answer = tuple[Key, str, int] | None

WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_OFFSETS_MIN = (-480, 0, 330)  # always tried, besides those in the folder
_SLEEP_CODES = {72, 109, 110, 111, 112}  # Google Fit: sleeping and its stages
_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Night(NamedTuple):
    """One night: date of waking, seconds asleep, local minutes of the day, UTC offset as written at waking."""

    day: str
    asleep_s: float
    bed_min: float
    wake_min: float
    offset_min: int


class Play(NamedTuple):
    """One song played; `at` in UTC seconds."""

    at: int
    artist: str
    track: str
    album: str


@dataclass
class Life:
    """What the folder holds; days are "YYYY-MM-DD", instants UTC seconds."""

    night_of: dict[str, Night] = field(default_factory=dict)
    other_sleep: list[str] = field(default_factory=list)
    steps: dict[str, float] = field(default_factory=dict)
    computer: dict[str, dict[str, float]] = field(default_factory=dict)
    coding: dict[str, float] = field(default_factory=dict)
    weight: dict[str, float] = field(default_factory=dict)
    plays: dict[tuple[int, str, str], Play] = field(default_factory=dict)
    podcasts: list[tuple[str, str, str]] = field(default_factory=list)
    posts: dict[str, dict[str, int]] = field(default_factory=lambda: {"tweets": {}, "likes": {}})
    workouts: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    offsets_min: set[int] = field(default_factory=lambda: set(_OFFSETS_MIN))
    _played: dict[int, dict[str, list[Play]]] = field(default_factory=dict)

    @property
    def nights(self) -> list[Night]:
        """Nights in order of waking."""
        return sorted(self.night_of.values())

    def computer_s(self, category: str = "any") -> dict[str, float]:
        """Seconds at the computer by recorded day, of all or of one category."""
        days = self.computer.items()
        return {day: sum(s for name, s in items.items() if category in ("any", name)) for day, items in days}

    def played_days(self) -> list[str]:
        """Days with a play, in UTC."""
        return sorted({_local_day(play.at, 0) for play in self.plays.values()})

    def utc_day(self, at_ms: int) -> str:
        """The day of an instant, for choosing periods to ask about."""
        return _local_day(at_ms // 1000, 0)

    def played(self, offset_min: int, period: str) -> list[Play]:
        """Plays of a day, month or year, or of all, if local time were always at this offset."""
        if offset_min not in self._played:
            found: dict[str, list[Play]] = {}
            for play in self.plays.values():
                day = _local_day(play.at, offset_min)
                for prefix in ("ever", day[:4], day[:7], day):
                    found.setdefault(prefix, []).append(play)
            self._played[offset_min] = found
        return self._played[offset_min].get(period, [])


def read(folder: Path) -> Life:
    """All rows of the JSON-lines files (also gzipped) in a folder; files and rows of other formats are passed over."""
    life = Life()
    for path in sorted(folder.iterdir()):
        if re.search(r"\.jsonl?(\.gz)?$", path.name):
            raw = path.read_bytes()
            for line in (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8", "replace").splitlines():
                row = _row(line)
                _take_body(life, row)
                _take_rest(life, row)
    return life


def _row(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _take_body(life: Life, row: dict[str, Any]) -> None:
    if "bedtime_start" in row and isinstance(row.get("total"), int | float):
        start, end = datetime.fromisoformat(row["bedtime_start"]), datetime.fromisoformat(row["bedtime_end"])
        life.offsets_min.add(_offset_min(end))
        if row.get("is_longest", 1) == 1:
            night = Night(end.date().isoformat(), row["total"], _minute(start), _minute(end), _offset_min(end))
            life.night_of[row["summary_date"]] = night
    elif isinstance(row.get("steps"), int | float) and "summary_date" in row:
        life.steps[row["summary_date"]] = row["steps"]
        if "day_start" in row:
            life.offsets_min.add(_offset_min(datetime.fromisoformat(row["day_start"])))
    elif set(row) == {"day", "weight"}:
        life.weight[row["day"]] = row["weight"]
    elif "startTimeMillis" in row and "activityType" in row:
        start_ms, end_ms = int(row["startTimeMillis"]), int(row["endTimeMillis"])
        if row["activityType"] in _SLEEP_CODES:
            life.other_sleep += [_local_day(at // 1000, 0) for at in (start_ms, end_ms)]
        else:
            life.workouts.setdefault(row["name"].lower(), []).append((start_ms, end_ms))


def _take_rest(life: Life, row: dict[str, Any]) -> None:
    if row.get("kind") == "top-overview" and row.get("items"):
        seconds: Counter[str] = Counter()
        for name, spent in row["items"]:
            seconds[name] += spent
        life.computer[row["day"]] = dict(seconds)
    elif "total_seconds" in row and "languages" in row:
        if row["total_seconds"]:
            life.coding[row["day"]] = row["total_seconds"]
    elif "uts" in row and "artist" in row:
        play = Play(int(row["uts"]), row["artist"], row["track"], row.get("album") or "")
        life.plays[play[:3]] = play
    elif "podcast" in row and "uuid" in row:
        life.podcasts.append((row["day"], row["podcast"], row["uuid"]))
    elif "created_at" in row and "text" in row:
        at = datetime.strptime(row["created_at"], "%a %b %d %H:%M:%S %z %Y")
        life.posts["tweets" if "source" in row else "likes"][row["id"]] = int(at.timestamp())


# --- small measures -------------------------------------------------------------------------------------------------


def _local_day(at_s: int, offset_min: int) -> str:
    return date.fromordinal(_EPOCH_DAY + (at_s + offset_min * 60) // 86_400).isoformat()


def _offset_min(at: datetime) -> int:
    return int((at.utcoffset() or timedelta()).total_seconds()) // 60


def _minute(at: datetime) -> float:
    """Minutes since local midnight."""
    return at.hour * 60 + at.minute + at.second / 60


def _in(day: str, period: str) -> bool:
    return period == "ever" or day.startswith(period)


def _on(day: str, days: str) -> bool:
    weekday = date.fromisoformat(day).weekday()
    return days == "all" or days == WEEKDAYS[weekday] or days == ("weekends" if weekday >= 5 else "weekdays")


def _values(series: Mapping[str, float], slots: Slots) -> list[float]:
    period, days = slots.get("period", "ever"), slots.get("days", "all")
    return [value for day, value in series.items() if _in(day, period) and _on(day, days)]


def _number(value: float, unit: str, decimals: int = 0) -> Answer:
    """None where the value lies so near the middle of a rounding step that the order of adding could decide."""
    if abs(value * 10**decimals % 1 - 0.5) < 1e-3:
        return None
    return (round(value, decimals) if decimals else round(value)), unit, decimals


def _best(scores: Mapping[str, float], sign: int = 1) -> str | None:
    """The name with the highest (with -1: lowest) score, None on a tie or without any."""
    ranked = sorted(scores, key=lambda name: sign * -scores[name])
    if not ranked or (len(ranked) > 1 and scores[ranked[0]] == scores[ranked[1]]):
        return None
    return ranked[0]


def _named(name: str | None, unit: str) -> Answer:
    return None if name is None else (name, unit, 0)


def _stable(life: Life, answer: Callable[[int], Answer]) -> Answer:
    """The answer if it is the same at every offset, else None."""
    found = {answer(offset) for offset in life.offsets_min}
    return found.pop() if len(found) == 1 else None


def _amount(series: Mapping[str, float], slots: Slots, unit: str, decimals: int, per_unit: float = 1) -> Answer:
    values = _values(series, slots)
    if not values:
        return None
    if slots["which"] == "total":
        return _number(sum(values) / per_unit, unit, decimals)
    return _number(fmean(values) / per_unit, unit, decimals + (per_unit > 1))


def _gap(days: Iterable[str], period: str) -> int | None:
    """Most calendar days without a record between two with one; None where an edge of the period is emptier."""
    known = sorted(date.fromisoformat(day).toordinal() for day in set(days) if _in(day, period))
    if len(known) < 2:
        return None
    longest = max(later - earlier - 1 for earlier, later in pairwise(known))
    if period != "ever":
        year = int(period)
        edges = known[0] - date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() - known[-1]
        if max(edges) >= longest:
            return None
    return longest or None


# --- answers, one function a kind -----------------------------------------------------------------------------------


def _nights(life: Life, period: str) -> list[Night]:
    """Nights of a period; none where another source measured nights, too, or where two end on one day."""
    nights = [night for night in life.nights if _in(night.day, period)]
    doubtful = any(_in(day, period) for day in life.other_sleep) or len({n.day for n in nights}) < len(nights)
    return [] if doubtful else nights


def _sleep_amount(life: Life, slots: Slots) -> Answer:
    nights = _nights(life, slots["period"])
    if slots["which"] == "nights":
        return (len(nights), "nights", 0) if nights else None
    return None if _dubious(nights) else _number(fmean(n.asleep_s for n in nights) / 3600, "hours", 2)


def _dubious(nights: list[Night]) -> bool:
    return not nights or min(night.asleep_s for night in nights) < 3600


def _sleep_extreme(life: Life, slots: Slots) -> Answer:
    nights = _nights(life, slots["period"])
    longest = slots["which"] == "longest"
    if len(nights) < 5 or (not longest and _dubious(nights)):
        return None
    return _named(_best({n.day: n.asleep_s for n in nights}, 1 if longest else -1), "date")


def _sleep_clock(life: Life, slots: Slots) -> Answer:
    nights = [night for night in _nights(life, slots["period"]) if _on(night.day, slots["days"])]
    bed = slots["which"] == "bedtime"
    if len(nights) < 5 or (bed and len({night.offset_min for night in nights}) > 1):
        return None
    minutes = [(night.bed_min - 720) % 1440 if bed else night.wake_min for night in nights]
    found = _number(fmean(minutes), "clock")
    if found is None or not isinstance(found[0], int):
        return None
    clock = (found[0] + (720 if bed else 0)) % 1440
    return f"{clock // 60:02d}:{clock % 60:02d}", "clock", 0


def _sleep_on_date(life: Life, slots: Slots) -> Answer:
    nights = _nights(life, slots["date"])
    return None if _dubious(nights) else _number(nights[0].asleep_s / 3600, "hours", 2)


def _last_sleep_under(life: Life, slots: Slots) -> Answer:
    short = [night for night in life.nights if night.asleep_s < float(slots["hours"]) * 3600]
    if not short or short[-1].asleep_s < 3600 or any(day >= short[-1].day for day in life.other_sleep):
        return None
    return short[-1].day, "date", 0


def _steps_amount(life: Life, slots: Slots) -> Answer:
    doubtful = slots["which"] == "average" and 0 in _values(life.steps, slots)
    return None if doubtful else _amount(life.steps, slots, "steps", 0)


def _top_day(series: Mapping[str, float], slots: Slots) -> Answer:
    return _named(_best({day: value for day, value in series.items() if _in(day, slots["period"])}), "date")


def _steps_top_weekday(life: Life, slots: Slots) -> Answer:
    by_weekday = {name: _values(life.steps, slots | {"days": name}) for name in WEEKDAYS}
    if not all(by_weekday.values()) or 0 in _values(life.steps, slots):
        return None
    return _named(_best({name: fmean(values) for name, values in by_weekday.items()}), "weekday")


def _steps_streak(life: Life, slots: Slots) -> Answer:
    limit = float(slots["threshold"])
    steps = {day: value for day, value in life.steps.items() if _in(day, slots["period"])}
    over = {day for day, value in steps.items() if value > limit}
    if not over or limit in steps.values():
        return None
    if slots["which"] == "days":
        return len(over), "days", 0
    days = sorted(date.fromisoformat(day).toordinal() for day in over)
    run = longest = 1
    for earlier, later in pairwise(days):
        run = run + 1 if later == earlier + 1 else 1
        longest = max(longest, run)
    return longest, "days", 0


def _computer_hours(life: Life, slots: Slots) -> Answer:
    found = _amount(life.computer_s(slots["category"]), slots, "hours", 1, 3600)
    return found if found and isinstance(found[0], int | float) and found[0] >= 1 else None


def _computer_top_category(life: Life, slots: Slots) -> Answer:
    total: Counter[str] = Counter()
    for day, items in life.computer.items():
        if _in(day, slots["period"]):
            total.update(items)
    return _named(_best(total), "category")


def _coding_hours(life: Life, slots: Slots) -> Answer:
    return _amount(life.coding, {"which": "total"} | slots, "hours", 1, 3600)


def _artist_first_last(life: Life, slots: Slots) -> Answer:
    times = [play.at for play in life.plays.values() if play.artist == slots["artist"]]
    if not times or not _one_spelling(life, slots["artist"]):
        return None
    at = min(times) if slots["which"] == "first" else max(times)
    return _stable(life, lambda offset: (_local_day(at, offset), "date", 0))


def _one_spelling(life: Life, artist: str) -> bool:
    return len({p.artist for p in life.plays.values() if p.artist.casefold() == artist.casefold()}) == 1


def _plays(life: Life, slots: Slots) -> Answer:
    artist, period = slots["artist"], slots["period"]
    if artist != "any" and not _one_spelling(life, artist):
        return None

    def count(offset: int) -> Answer:
        return sum(artist in ("any", play.artist) for play in life.played(offset, period)), "plays", 0

    found = _stable(life, count)
    return found if found and found[0] else None


def _music_top(life: Life, slots: Slots) -> Answer:
    """Not where capitals, or equal titles by several artists, would change the winner."""

    def top(offset: int) -> Answer:
        plays = life.played(offset, slots["period"])
        winner = _best(Counter(name for play in plays if (name := getattr(play, slots["which"]))))
        loose = _best(Counter(name.casefold() for play in plays if (name := getattr(play, slots["which"]))))
        pairs = Counter((play.artist, name) for play in plays if (name := getattr(play, slots["which"])))
        same = winner is not None and winner.casefold() == loose and pairs.most_common(1)[0][0][1] == winner
        return _named(winner if same else None, slots["which"])

    return _stable(life, top)


def _played_on_date(life: Life, slots: Slots) -> Answer:
    def artists(offset: int) -> Answer:
        return tuple(sorted({play.artist for play in life.played(offset, slots["date"])})), "artists", 0

    found = _stable(life, artists)
    return found if found and isinstance(found[0], tuple) and 1 <= len(found[0]) <= 6 else None


def _weight(life: Life, slots: Slots) -> Answer:
    days = sorted(life.weight)
    wanted = [slots[name] for name in ("date", "date_a", "date_b") if name in slots]
    if not days or not all(day in life.weight for day in wanted):
        return None
    kilograms = {
        "first": life.weight[days[0]], "last": life.weight[days[-1]],
        "lowest": min(life.weight.values()), "highest": max(life.weight.values()),
        "on_date": life.weight[wanted[0]] if wanted else 0,
        "change": life.weight[wanted[-1]] - life.weight[wanted[0]] if wanted else 0,
    }  # fmt: skip
    found = kilograms[slots["which"]]
    return _number(found, "kg", 1) if found else None


def _longest_gap(life: Life, slots: Slots) -> Answer:
    of, period = slots["which"], slots.get("period", "ever")

    def gap(offset: int) -> Answer:
        plays = (_local_day(play.at, offset) for play in life.plays.values())
        nights = (night.day for night in life.nights)
        known = {"music": plays, "sleep": nights, "steps": life.steps, "computer": life.computer}[of]
        found = _gap(known, period)
        return None if found is None else (found, "days", 0)

    if of == "sleep" and not _nights(life, period):  # a whole life with nights of another source is doubtful, too
        return None
    return _stable(life, gap) if of == "music" else gap(0)


def _podcasts(life: Life, slots: Slots) -> Answer:
    rows = [row for row in life.podcasts if _in(row[0], slots["period"])]
    if not rows or Counter(day for day, _, _ in rows).most_common(1)[0][1] > 20:
        return None
    if slots["which"] == "count":
        return len({episode for _, _, episode in rows}), "episodes", 0
    shows = tuple(sorted({show for _, show, _ in rows}))
    return (shows, "shows", 0) if len(shows) <= 6 else None


def _count_instants(life: Life, instants: Iterable[int], period: str, unit: str) -> Answer:
    times = list(instants)
    found = _stable(life, lambda offset: (sum(_in(_local_day(at, offset), period) for at in times), unit, 0))
    return found if found and found[0] else None


def _posts_likes(life: Life, slots: Slots) -> Answer:
    return _count_instants(life, life.posts[slots["which"]].values(), slots["period"], slots["which"])


def _workouts(life: Life, slots: Slots) -> Answer:
    sessions = life.workouts.get(slots["activity"], [])
    twice = [start for (start, _), n in Counter(sessions).items() if n > 1]
    if any(_in(_local_day(start // 1000, 0), slots["period"][:4]) for start in twice):
        return None
    return _count_instants(life, [start // 1000 for start, _ in sessions], slots["period"], "sessions")


def _comparison(life: Life, slots: Slots) -> Answer:
    a, b = slots["period_a"], slots["period_b"]
    if slots["which"] == "plays":
        plays = {p: _plays(life, {"artist": "any", "period": p}) for p in (a, b)}
        counts = {p: found[0] for p, found in plays.items() if found and isinstance(found[0], int)}
        return _named(_best(counts), "period") if len(counts) == 2 else None
    nights = {night.day: night.asleep_s for p in (a, b) for night in _nights(life, p)}
    series = {"sleep": nights, "steps": life.steps, "computer": life.computer_s()}[slots["which"]]
    values = {period: _values(series, {"period": period}) for period in (a, b)}
    if any(len(found) < 5 or 0 in found for found in values.values()):
        return None
    winners = {_best({p: sum(v) for p, v in values.items()}), _best({p: fmean(v) for p, v in values.items()})}
    return _named(winners.pop(), "period") if len(winners) == 1 else None


ANSWERS: dict[str, Callable[[Life, Slots], Answer]] = {
    "sleep_amount": _sleep_amount,
    "sleep_extreme": _sleep_extreme,
    "sleep_clock": _sleep_clock,
    "sleep_on_date": _sleep_on_date,
    "last_sleep_under": _last_sleep_under,
    "steps_amount": _steps_amount,
    "steps_top_day": lambda life, slots: _top_day(life.steps, slots),
    "steps_top_weekday": _steps_top_weekday,
    "steps_streak": _steps_streak,
    "artist_first_last": _artist_first_last,
    "artist_plays": _plays,
    "plays_total": lambda life, slots: _plays(life, slots | {"artist": "any"}),
    "music_top": _music_top,
    "played_on_date": _played_on_date,
    "computer_hours": _computer_hours,
    "computer_top_category": _computer_top_category,
    "computer_top_day": lambda life, slots: _top_day(life.computer_s(), slots),
    "coding_hours": _coding_hours,
    "weight": _weight,
    "longest_gap": _longest_gap,
    "podcasts": _podcasts,
    "posts_likes": _posts_likes,
    "comparison": _comparison,
    "workouts": _workouts,
}
