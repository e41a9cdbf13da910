"""The words of one day: what every {slot} of the banks means on that date in this life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from hearthside.sample_life.cast import Cast, Contact
from hearthside.sample_life.threads import Threads
from hearthside.sample_life.timeline import Day

_LOOKS = {
    "sun": ("long shadows", "low sun", "a blue sky"),
    "rain": ("rain", "wet asphalt", "umbrellas"),
    "wind": ("leaves in the air", "flapping flags", "a grey windy sky"),
    "grey": ("a grey sky", "flat light", "thin fog"),
}
_SPORT_WEATHER = {
    "sun": "the light was golden",
    "rain": "soaked to the bone",
    "wind": "headwind both ways",
    "grey": "air like cold soup",
}
_ANIMALS = ("fox", "heron", "whale", "hare", "tortoise")
_BREAKFASTS = ("toast with jam", "porridge", "yoghurt with pear", "two eggs", "bread and cheese")


def slots_of(cast: Cast, threads: Threads, day: Day) -> dict[str, str | Sequence[str]]:
    """Every slot of the banks except the addressee's ({nick}), which `with_contact` adds."""
    names = {role: contact.name for role, contact in cast.contacts.items()}
    slots: dict[str, str | Sequence[str]] = {**cast.words, **names, "mother_word": names["mother"]}
    slots |= _town(cast) | _today(cast, threads, day) | _work(cast, threads, day) | _habits(cast, threads, day)
    return slots | _dinners(cast, threads)


def with_contact(slots: dict[str, str | Sequence[str]], contact: Contact) -> dict[str, str | Sequence[str]]:
    """The slots of a day for a chat with one contact."""
    return {**slots, "nick": contact.nick}


def weekday_name(day: date) -> str:
    """The English name of the weekday."""
    return f"{day:%A}"


def _town(cast: Cast) -> dict[str, str | Sequence[str]]:
    return {
        "town": cast.town["name"],
        "transport": cast.town["transport"],
        "park": cast.town["park"],
        "shop": cast.town["shop"],
        "colleague": cast.colleague,
        "quiet": cast.places["quiet"].name,
        "very": cast.voice.very,
        "laugh": cast.voice.laugh,
    }


def _today(cast: Cast, threads: Threads, day: Day) -> dict[str, str | Sequence[str]]:
    office = "office" in day.flags
    # Friends speak of a coming day by its name; two days ahead is never "today".
    return {
        "weekday": weekday_name(day.date + timedelta(days=2)),
        "today": weekday_name(day.date),
        "degrees": str(day.degrees),
        "weather_look": _LOOKS[day.weather],
        "weather_sport": _SPORT_WEATHER[day.weather],
        "weather_bad": {"rain": "it rains", "wind": "the wind is mad"}.get(day.weather, "the sofa is calling"),
        "commute": f"way to the {cast.town['transport']}" if office else "way to the bakery",
        "ate": next((d.ate for d in threads.dinners if d.day == day.date - timedelta(days=1)), "bread"),
        "lunch": day.lunch,
        "dinner": day.dinner,
        "breakfast": [food for food in _BREAKFASTS if threads.may_eat(cast, day.date, food)],
        "animal": _ANIMALS,
        "morning_drink": "tea" if cast.diet["name"] == "no coffee" and "diet_firm" in day.flags else "coffee",
    }


def _work(cast: Cast, threads: Threads, day: Day) -> dict[str, str | Sequence[str]]:
    job = cast.job
    days_left = (threads.meeting - day.date).days
    return {
        "employer": job["employer"],
        "project": job["project"],
        "project_short": job["project_short"],
        "chore": job["chores"],
        "trouble": job["troubles"],
        "good": job["goods"],
        "meeting": job["meeting"],
        "meeting_with": job["meeting_with"],
        "meeting_day": "tomorrow" if days_left == 1 else weekday_name(threads.meeting),
        "meeting_when_rel": "tomorrow",
        "meeting_hour": threads.meeting_hour,
        "meeting_slides": next(titles[0] for app, titles in job["apps"] if app == "Slides"),
        "app_title": [title for _, titles in job["apps"] for title in titles],
    }


def _habits(cast: Cast, threads: Threads, day: Day) -> dict[str, str | Sequence[str]]:
    hobby, sport, diet = cast.hobby, cast.sport, cast.diet
    minutes = sum(block.minutes for block in day.of("sport"))
    kilometres = f"{minutes / 60 * sport['kmh']:.1f}" if sport["moves"] and minutes else ""
    return {
        "hobby": hobby["name"],
        "hobby_person": hobby["person"],
        "hobby_made": hobby["made"],
        "hobby_fail": hobby["fail"],
        "hobby_next": hobby["next"],
        "hobby_sight": hobby["sees"],
        "hobby_objects": ", ".join(hobby["objects"]),
        "sport": sport["name"],
        "sport_done": sport["done"],
        "sport_plan": sport["plan"],
        "sport_detail": f"{kilometres} km in {minutes:.0f} minutes" if kilometres else f"{minutes:.0f} minutes",
        "sport_sight": sport["sees"],
        "sport_objects": ", ".join(sport["objects"]),
        "diet": diet["name"],
        "diet_rule": diet["rule"],
        "diet_why": diet["why"],
        "diet_good": diet["good"],
        "diet_bad": diet["bad"],
        "diet_bad_short": diet["bad_short"],
        "diet_bad_object": diet["bad_short"],
        "diet_gain": diet["gain"],
        "excuse": diet["excuse"],
        "diet_day": str((day.date - threads.diet_start).days + 1),
    }


def _dinners(cast: Cast, threads: Threads) -> dict[str, str | Sequence[str]]:
    slots: dict[str, str | Sequence[str]] = {
        "din4_day": weekday_name(threads.open_dinner),
        "din4_candidate": cast.places[threads.candidates[-1][1]].name,
    }
    for number, dinner in enumerate(threads.dinners, 1):
        table = cast.tables[dinner.table]
        slots |= {
            f"din{number}_place": table.place.name,
            f"din{number}_day": weekday_name(dinner.day),
            f"din{number}_veg": table.veg[0],
            f"din{number}_other": dinner.ate,
            f"din{number}_ate": dinner.ate,
        }
    return slots
