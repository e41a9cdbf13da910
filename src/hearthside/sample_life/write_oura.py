"""Oura's nights, days of movement and readiness, with the fields of the ring's own export."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.files import write_json_lines
from hearthside.sample_life.timeline import Block, Day

_STEP = timedelta(minutes=5)
# Mean MET of a minute (Compendium of Physical Activities, Ainsworth et al. 2011, rounded) and its spread.
_MET = {
    "sleep": (0.9, 0.02), "wash": (2.0, 0.4), "breakfast": (1.5, 0.2), "work": (1.4, 0.2), "home_work": (1.4, 0.2),
    "night_work": (1.3, 0.1), "meeting": (1.5, 0.2), "lunch": (1.6, 0.3), "lunch_home": (1.6, 0.3), "shop": (2.3, 0.4),
    "market": (2.6, 0.5), "hobby": (2.0, 0.4), "friends": (1.6, 0.3), "menu_look": (1.8, 0.2), "partner": (1.4, 0.3),
    "partner_day": (2.6, 0.7), "quiet": (1.5, 0.2), "cook": (2.1, 0.4), "dinner_home": (1.5, 0.2), "sofa": (1.2, 0.1),
    "sofa_low": (1.1, 0.1), "chores": (2.2, 0.8), "bed": (1.0, 0.05), "call_mother": (1.3, 0.2), "walk": (3.4, 0.3),
}  # fmt: skip
_STEPS_PER_MET_MINUTE = 26  # above light movement


def write_oura(
    folder: Path, rng: random.Random, cast: Cast, days: Sequence[Day], now: datetime
) -> tuple[dict[str, int], list[tuple[str, int, int]]]:
    """Three files, a line a night or day; lines per file, and per night (wake date, minutes asleep, minutes in bed)."""
    sleeps = [_night(rng, cast, day) for day in days]
    activities = _activities(rng, cast, days, now)
    readiness = [_readiness(rng, day, sleep) for day, sleep in zip(days, sleeps, strict=True)]
    rows = {"sleep": sleeps, "activity": activities, "readiness": readiness}
    counts = {
        f"oura/oura-{name}.jsonl": write_json_lines(folder / f"oura/oura-{name}.jsonl", lines)
        for name, lines in rows.items()
    }
    nights = [
        (day.date.isoformat(), round(sleep["total"] / 60), round(sleep["duration"] / 60))
        for day, sleep in zip(days, sleeps, strict=True)
    ]
    return counts, nights


def _local(cast: Cast, at: datetime) -> str:
    return at.astimezone(cast.zone).isoformat(timespec="seconds")


def _offset_min(cast: Cast, at: datetime) -> int:
    return int((at.astimezone(cast.zone).utcoffset() or timedelta()).total_seconds()) // 60


def _hypnogram(rng: random.Random, steps: int, restless: float) -> str:
    """Stages in cycles of 90 minutes: deep sleep early, REM late; 1 deep, 2 light, 3 REM, 4 awake."""
    stages = ["4"] * rng.randint(1, 3)
    while len(stages) < steps - 1:
        share, in_cycle = len(stages) / steps, (len(stages) % 18) / 18
        if rng.random() < restless:
            stages.append("4")
        elif 0.2 < in_cycle < 0.2 + 0.5 * (1 - share):
            stages.append(rng.choices("12", [0.85, 0.15])[0])
        elif in_cycle > 0.95 - 0.4 * share:
            stages.append(rng.choices("32", [0.8, 0.2])[0])
        else:
            stages.append("2")
    return "".join(stages[: steps - 1]) + "4"


def _night(rng: random.Random, cast: Cast, day: Day) -> dict[str, Any]:
    duration = round((day.awake - day.asleep).total_seconds())
    steps = math.ceil(duration / _STEP.total_seconds())
    poor = bool(day.flags & {"low", "short_night"})
    stages = _hypnogram(rng, steps, 0.09 if poor else 0.045)
    base = 56 + (4 if poor else 0)
    pulse = [round(base + 7 * math.cos(math.pi * n / steps) ** 2 + rng.gauss(0, 1.5)) for n in range(steps)]
    variability = [
        max(12, round((38 if poor else 62) + 14 * math.sin(math.pi * n / steps) + rng.gauss(0, 9)))
        for n in range(steps)
    ]
    for n in rng.sample(range(steps), steps // 25):
        pulse[n] = variability[n] = 0  # the ring writes 0 where it measured nothing
    awake, deep, light, rem = (stages.count(stage) * 300 for stage in "4123")
    awake -= steps * 300 - duration  # the last step is not a whole one
    total = deep + light + rem
    midnight = datetime.combine(day.date, time(0), tzinfo=cast.zone).astimezone(UTC)
    score = max(30, min(96, round(100 * total / 28_800 - (6 if poor else 0) + rng.gauss(0, 2))))
    summary = (day.date - timedelta(days=1)).isoformat()
    return {
        "awake": awake,
        "bedtime_end": _local(cast, day.awake),
        "bedtime_end_delta": round((day.awake - midnight).total_seconds()),
        "bedtime_start": _local(cast, day.asleep),
        "bedtime_start_delta": round((day.asleep - midnight).total_seconds()),
        "breath_average": round(rng.uniform(12.8, 14.6), 3),
        "day": summary,
        "deep": deep,
        "duration": duration,
        "efficiency": round(100 * total / duration),
        "hr_5min": pulse,
        "hr_average": round(fmean(value for value in pulse if value), 2),
        "hr_lowest": min(value for value in pulse if value),
        "hypnogram_5min": stages,
        "is_longest": 1,
        "light": light,
        "midpoint_time": duration // 2,
        "onset_latency": (len(stages) - len(stages.lstrip("4"))) * 300,
        "period_id": 0,
        "rem": rem,
        "restless": rng.randint(25, 48) if poor else rng.randint(10, 30),
        "rmssd": round(fmean(value for value in variability if value)),
        "rmssd_5min": variability,
        "score": score,
        "summary_date": summary,
        "temperature_delta": round(rng.gauss(0, 0.15), 2),
        "timezone": _offset_min(cast, day.asleep),
        "total": total,
    }


def _minutes(rng: random.Random, cast: Cast, days: Sequence[Day]) -> dict[int, float]:
    """UTC minute → MET, from the first evening on."""
    found: dict[int, float] = {}
    for day in days:
        for block in (Block(day.asleep, day.awake, "sleep", cast.places["home"]), *day.blocks):
            mean, spread = _met(cast, block)
            # A block's minutes hang together: one level for each, with small changes from minute to minute.
            level = max(0.9, rng.gauss(mean, spread))
            for minute in range(int(block.start.timestamp()) // 60, int(block.end.timestamp()) // 60):
                found[minute] = round(max(0.9, rng.gauss(level, spread * 0.6)), 1)
    return found


def _met(cast: Cast, block: Block) -> tuple[float, float]:
    if block.activity == "sport":
        return float(cast.sport["met"]), 0.36
    if block.activity == "move":
        return (3.5, 0.3) if block.mode == "walk" else (1.6, 0.4)
    return _MET[block.activity]


def _activities(rng: random.Random, cast: Cast, days: Sequence[Day], now: datetime) -> list[dict[str, Any]]:
    minutes = _minutes(rng, cast, days)
    rows = []
    for day in days:
        # The ring's day runs from 4:00 to 4:00 local: 23 or 25 hours where the clock changes, cut at `now` at the end.
        start = datetime.combine(day.date, time(4), tzinfo=cast.zone).astimezone(UTC)
        end = datetime.combine(day.date + timedelta(days=1), time(4), tzinfo=cast.zone).astimezone(UTC)
        first, final = int(start.timestamp()) // 60, int(min(end, now).timestamp()) // 60
        rows.append(_activity(cast, day, [minutes[minute] for minute in range(first, final)], start, min(end, now)))
    return rows


def _activity(cast: Cast, day: Day, met: list[float], start: datetime, end: datetime) -> dict[str, Any]:
    classes = [_class(fmean(met[n : n + 5])) for n in range(0, len(met), 5)]
    steps = round(sum(max(0.0, value - 1.7) for value in met) * _STEPS_PER_MET_MINUTE)
    active = round(sum(max(0.0, value - 1.5) for value in met) * 1.1)
    return {
        "average_met": round(fmean(met), 5),
        "cal_active": active,
        "cal_total": 1650 + active,
        "class_5min": "".join(classes),
        "daily_movement": round(steps * 0.74),
        "day": day.date.isoformat(),
        "day_end": _local(cast, end - timedelta(seconds=1)),
        "day_start": _local(cast, start),
        "high": sum(value >= 7 for value in met),
        "inactive": classes.count("2") * 5,
        "inactivity_alerts": 0,
        "low": classes.count("3") * 5,
        "medium": sum(3 <= value < 7 for value in met),
        "met_1min": met,
        "non_wear": 0,
        "rest": classes.count("1") * 5,
        "rest_mode_state": 0,
        "steps": steps,
        "summary_date": day.date.isoformat(),
        "timezone": _offset_min(cast, start),
        "total": sum(value >= 1.5 for value in met),
    }


def _class(met: float) -> str:
    """Oura's classes: 1 rest, 2 inactive, 3 low, 4 medium, 5 high."""
    return "1" if met < 1.05 else "2" if met < 2 else "3" if met < 3.2 else "4" if met < 7 else "5"


def _readiness(rng: random.Random, day: Day, sleep: dict[str, Any]) -> dict[str, Any]:
    score = max(35, min(95, round(0.6 * sleep["score"] + 34 + rng.gauss(0, 3))))
    return {
        "day": sleep["summary_date"],
        "period_id": 0,
        "rest_mode_state": 0,
        "score": score,
        "score_activity_balance": rng.randint(70, 98),
        "score_previous_day": rng.randint(60, 95),
        "score_previous_night": sleep["score"],
        "score_recovery_index": rng.randint(55, 98),
        "score_resting_hr": max(20, min(100, 100 - 4 * max(0, sleep["hr_lowest"] - 53))),
        "score_sleep_balance": rng.randint(45, 70) if day.flags & {"low", "short_night"} else rng.randint(70, 96),
        "score_temperature": rng.randint(80, 100),
        "summary_date": sleep["summary_date"],
    }
