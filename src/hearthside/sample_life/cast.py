"""Who and where: the person, the people around them, the town and its places, all drawn from a seed."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from hearthside.sample_life.grammar import tables
from hearthside.sample_life.voice import ContactVoice, OwnVoice, draw_contact_voice, draw_own_voice

METRES_PER_DEGREE = 111_320.0  # of latitude


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the town: its name and where it is, in degrees (WGS 84)."""

    name: str
    lat: float
    lon: float

    def metres_to(self, other: Place) -> float:
        """Distance on the local plane; right to a metre within a town."""
        north = (other.lat - self.lat) * METRES_PER_DEGREE
        east = (other.lon - self.lon) * METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        return math.hypot(north, east)


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody the person writes with.

    Attributes:
        name: as shown in the chat export.
        role: ``mother``, ``partner``, ``veg`` (vegetarian), ``allergic`` or ``third``.
        nick: what the person calls them.
        note: what the dinner decision has to know about them; empty for mother and partner.
    """

    name: str
    role: str
    nick: str
    note: str
    voice: ContactVoice


@dataclass(frozen=True, slots=True)
class Restaurant:
    """A place to eat, with what a vegetarian and the others order there."""

    place: Place
    veg: tuple[str, ...]
    other: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything about this life that does not change during the month.

    Attributes:
        first_name, full_name: the person.
        display_name: how the person is shown in chat exports.
        town, zone: invented town and its IANA zone.
        contacts: by role.
        places: ``home``, ``work``, ``cafe``, ``shop``, ``market``, ``sport``, ``hobby``, ``partner``, ``quiet``,
            ``sight``, ``table1`` .. ``table4``.
        tables: restaurants by the same names (``quiet`` too).
        job, hobby, sport, diet: rows of the banks.
        words: every other drawn word, by slot name.
    """

    first_name: str
    full_name: str
    display_name: str
    town: dict[str, Any]
    zone: ZoneInfo
    contacts: dict[str, Contact]
    places: dict[str, Place]
    tables: dict[str, Restaurant]
    job: dict[str, Any]
    hobby: dict[str, Any]
    sport: dict[str, Any]
    diet: dict[str, Any]
    words: dict[str, str | tuple[str, ...]]
    voice: OwnVoice
    colleague: str
    hobby_weekday: int
    home_office_weekday: int
    sport_weekdays: tuple[int, ...]


def draw_cast(rng: random.Random) -> Cast:
    """A person with a town, a job, habits and people, from the banks."""
    names = tables("names")
    people = rng.sample(names["first"], 8)
    last = rng.sample(names["last"], 2)
    town = rng.choice(tables("towns")["town"])
    job, habits = rng.choice(tables("jobs")["job"]), tables("habits")
    hobby, sport, diet = (rng.choice(habits[kind]) for kind in ("hobby", "sport", "diet"))
    food = tables("tables")
    words = _words(rng, names, food, boss=people[7])
    tables_by_name = _restaurants(rng, town, food)
    places = _places(rng, town, job, hobby, sport, str(words["sight"])) | {
        key: table.place for key, table in tables_by_name.items()
    }
    words["quiet_dish"] = tables_by_name["quiet"].veg[0]
    hobby_day = rng.choice([1, 2, 3])
    return Cast(
        first_name=people[0],
        full_name=f"{people[0]} {last[0]}",
        display_name=rng.choice([people[0], f"{people[0]} {last[0]}", f"{people[0]} {last[0][0]}."]),
        town=town,
        zone=ZoneInfo(town["zone"]),
        contacts=_contacts(rng, town, people[1:6], words),
        places=places,
        tables=tables_by_name,
        job=job,
        hobby=hobby,
        sport=sport,
        diet=diet,
        words=words,
        voice=draw_own_voice(rng),
        colleague=people[6],
        hobby_weekday=hobby_day,
        home_office_weekday=rng.choice([day for day in (0, 2, 4) if day != hobby_day]),
        sport_weekdays=(*sorted(rng.sample([day for day in (0, 1, 3) if day != hobby_day], 2)), 6),
    )


def _contacts(
    rng: random.Random, town: dict[str, Any], people: list[str], words: dict[str, str | tuple[str, ...]]
) -> dict[str, Contact]:
    notes = {
        "partner": "",
        "veg": "vegetarian",
        "allergic": f"allergic to {words['allergen']}",
        "third": f"likes {words['third_like']} food, does not want {words['third_hate']}",
    }
    pet = rng.choice(["love", "bear", "sunshine", "fox", "captain"])
    contacts = {"mother": Contact(town["mother"], "mother", "mum", "", draw_contact_voice(rng))}
    for (role, note), name in zip(notes.items(), people, strict=False):
        nick = pet if role == "partner" else name[:3].lower() + rng.choice(["", "i", "o", "y", "chen"])
        contacts[role] = Contact(name, role, nick, note, draw_contact_voice(rng))
    return contacts


def _words(
    rng: random.Random, names: dict[str, Any], food: dict[str, Any], boss: str
) -> dict[str, str | tuple[str, ...]]:
    one = {
        "aunt": "aunts",
        "aunt_friend": "aunt_friends",
        "artist": "artists",
        "series": "series",
        "plant_real": "plants",
        "plant": "plant_names",
        "sight": "sights",
    }
    several = {
        "song": ("songs", 5),
        "book": ("books", 3),
        "dream": ("dreams", 6),
        "found": ("found", 3),
        "treat": ("treats", 4),
        "smelly": ("smelly", 4),
        "parcel": ("parcels", 3),
        "memory": ("memories", 3),
        "lost": ("lost_things", 4),
        "random_buy": ("random_buys", 4),
    }
    words: dict[str, str | tuple[str, ...]] = {slot: rng.choice(names[bank]) for slot, bank in one.items()}
    words |= {slot: tuple(rng.sample(names[bank], count)) for slot, (bank, count) in several.items()}
    words |= {
        "boss": boss,
        "age": str(rng.randint(27, 44)),
        "allergen": rng.choice(food["allergens"]),
        "third_like": rng.choice(food["likes"]),
        "third_hate": rng.choice(food["hates"]),
        "lunches": tuple(rng.sample(food["lunches"], 7)),
        "dinners": tuple(rng.sample(food["dinners"], 7)),
    }
    return words


def _near(rng: random.Random, name: str, town: dict[str, Any], low_m: float, high_m: float) -> Place:
    angle, metres = rng.uniform(0, 2 * math.pi), rng.uniform(low_m, high_m)
    lat = town["lat"] + metres * math.sin(angle) / METRES_PER_DEGREE
    lon = town["lon"] + metres * math.cos(angle) / (METRES_PER_DEGREE * math.cos(math.radians(town["lat"])))
    return Place(name, round(lat, 6), round(lon, 6))


def _places(
    rng: random.Random,
    town: dict[str, Any],
    job: dict[str, Any],
    hobby: dict[str, Any],
    sport: dict[str, Any],
    sight: str,
) -> dict[str, Place]:
    work = _near(rng, job["employer"], town, 3_000, 5_500)
    near_work = {**town, "lat": work.lat, "lon": work.lon}
    return {
        "home": _near(rng, "home", town, 0, 300),
        "work": work,
        "cafe": _near(
            rng, rng.choice(["Café Kranich", "The Blue Door", "Corner Kitchen", "Café Ampersand"]), near_work, 200, 450
        ),
        "shop": _near(rng, town["shop"], town, 500, 900),
        "market": _near(rng, "market square", town, 1_000, 1_500),
        "sport": _near(rng, sport["place"], town, 700, 1_200),
        "hobby": _near(rng, hobby["place"], town, 1_200, 2_400),
        "partner": _near(rng, "partner's flat", town, 1_800, 3_000),
        "sight": _near(rng, sight, town, 1_500, 2_500),
    }


def _restaurants(rng: random.Random, town: dict[str, Any], food: dict[str, Any]) -> dict[str, Restaurant]:
    found: dict[str, Restaurant] = {}
    for number, kind in enumerate(rng.sample(food["kind"], 4), 1):
        place = _near(rng, rng.choice(kind["names"]), town, 1_300, 3_000)
        found[f"table{number}"] = Restaurant(place, tuple(kind["veg"]), tuple(kind["other"]))
    name = f"{rng.choice(food['quiet_first'])} {rng.choice(food['quiet_second'])}"
    dishes = rng.sample(food["quiet_dishes"], 4)
    found["quiet"] = Restaurant(_near(rng, name, town, 1_300, 2_600), tuple(dishes[:2]), tuple(dishes[2:]))
    return found
