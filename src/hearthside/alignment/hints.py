"""Words that tell of food and of rooms, in English: small tables that evidence is read by; no model is asked."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

import numpy as np

from hearthside.alignment.columns import EventColumns
from hearthside.alignment.sessions import Codes

NONE = 0

# --- food -------------------------------------------------------------------------------------------------------

EATING, PREPARING, SEEN, PLACE, COOKING, STORE, DISHES = range(1, 8)
"""What a hint at food is: a label that says eating, one that says preparing, something seen, a place, and at home a
firing of what cooks, of what keeps food, of what it is eaten from."""

_MEAL = r"breakfast|brunch|lunch|dinner|supper|meal|snack"
_EATING = re.compile(rf"\b(eat|eats|eating|dining|having (a |an )?({_MEAL})|{_MEAL})\b", re.IGNORECASE)
_PREPARING = re.compile(rf"\b(prepar\w*|cook\w*|mak\w*)\b.*\b(food|{_MEAL})\b|\bcooking\b", re.IGNORECASE)
_NOT_A_MEAL = re.compile(r"\b(clean|cleanup|wash|washing|shopping|groceries|dishes|beverage|drink)\b", re.IGNORECASE)
_SEEN = re.compile(
    rf"\b({_MEAL}|menu|eating|restaurant|plate of|plates of|bowl of|slice of|food|soup|salad|sandwich|pasta|spaghetti"
    r"|noodles|ramen|pizza|burger|fries|rice|curry|sushi|steak|omelette|pancakes|cereal|porridge|toast|dessert)\b",
    re.IGNORECASE,
)
_PLACES = re.compile(
    r"\b(restaurant|café|cafe|canteen|cafeteria|diner|bistro|brasserie|osteria|trattoria|pizzeria|bakery|food court"
    r"|steakhouse|sushi bar|snack bar|mensa)\b",
    re.IGNORECASE,
)
_COOKING = re.compile(r"\b(microwave|oven|stove|hob|cooker|burner|toaster|pans?|air fryer|grill)\b", re.IGNORECASE)
_STORE = re.compile(r"\b(fridge|refrigerator|freezer|groceries|cereal|pantry|larder)\b", re.IGNORECASE)
_DISHES = re.compile(r"\b(plates?|dishwasher|cutlery|crockery)\b", re.IGNORECASE)
_NAMES = re.compile(r"\b(breakfast|brunch|lunch|dinner|supper|snack)\b", re.IGNORECASE)

# --- rooms ------------------------------------------------------------------------------------------------------

ROOMS = ("", "kitchen", "bathroom", "bedroom", "living room", "study")
"""Rooms by code; a sensor whose name tells none of them is in none."""

_ROOM_WORDS = (
    (1, re.compile(r"kitchen|\b(dishwasher|cups?|kettle|coffee machine|garbage disposal|containers)\b", re.IGNORECASE)),
    (2, re.compile(r"bathroom|toilet|shower|\b(bath|washroom|medicine|faucet)\b", re.IGNORECASE)),
    (3, re.compile(r"bedroom|\b(bed|jewelry)\b", re.IGNORECASE)),
    (4, re.compile(r"living room|\b(lounge|sofa|couch|tv|dvd)\b", re.IGNORECASE)),
    (5, re.compile(r"\b(study|office|desk)\b", re.IGNORECASE)),
)
# How a state ends that somebody's hand or body made; a lamp may be switched by a rule, which is why one is not enough.
_USED = re.compile(
    r"\b(?<!not )(on|open|opened|closed|pressed|unlocked|occupied)$|\b(?<!no )(motion|vibration) detected$"
)


def meal_name(label: str) -> str:
    """The meal that a label names, or "meal"."""
    match = _NAMES.search(label)
    return match[1].lower() if match else "meal"


@lru_cache(maxsize=65_536)
def _label(text: str) -> int:
    if _NOT_A_MEAL.search(text) and not _NAMES.search(text):
        return NONE
    return PREPARING if _PREPARING.search(text) else EATING if _EATING.search(text) else NONE


@lru_cache(maxsize=65_536)
def _caption(text: str) -> int:
    return SEEN if _SEEN.search(text) else NONE


@lru_cache(maxsize=65_536)
def _place(text: str) -> int:
    return PLACE if _PLACES.search(text) else NONE


@lru_cache(maxsize=65_536)
def _appliance(text: str) -> int:
    if _USED.search(text) is None:
        return NONE
    for code, words in ((COOKING, _COOKING), (DISHES, _DISHES), (STORE, _STORE)):
        if words.search(text):
            return code
    return NONE


@lru_cache(maxsize=65_536)
def _room(text: str) -> int:
    if _USED.search(text) is None:
        return NONE
    for code, words in _ROOM_WORDS:
        if words.search(text):
            return code
    return 1 if _appliance(text) else NONE


_FOOD: dict[str, Callable[[str], int]] = {
    "activity": _label, "caption": _caption, "region_enter": _place, "state": _appliance,
}  # fmt: skip


def food(columns: EventColumns) -> Codes:
    """(n,) what each event hints at of food, `NONE` mostly."""
    return _codes(columns, _FOOD[columns.kind])


def rooms(columns: EventColumns) -> Codes:
    """(n,) the room in which each state says that somebody did something, a code into `ROOMS`."""
    return _codes(columns, _room)


_KEPT = 16  # the days that lie in the windows of several days at once
_coded: OrderedDict[tuple[int, Callable[[str], int]], tuple[EventColumns, Codes]] = OrderedDict()


def _codes(columns: EventColumns, of: Callable[[str], int]) -> Codes:
    """The code of each event; of the columns asked for last it is known, for every day is in the windows of others."""
    kept = _coded.get((id(columns), of))
    if kept is not None and kept[0] is columns:
        return kept[1]
    values, text = columns.numbers.get("value"), columns.text
    if values is None:
        found = np.fromiter(map(of, text), np.int8, len(text))
    else:  # a state that is a number is a reading, not a firing: most of a home's states
        found = np.zeros(len(columns), np.int8)
        chosen = np.flatnonzero(np.isnan(values)).tolist()
        found[chosen] = [of(text[i]) for i in chosen]
    found.flags.writeable = False
    _coded[id(columns), of] = columns, found
    while len(_coded) > _KEPT:
        with suppress(KeyError):  # another thread was faster
            _coded.popitem(last=False)
    return found
