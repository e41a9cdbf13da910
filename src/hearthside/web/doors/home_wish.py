"""What the person wishes of the home in plain words: something on or off, or a light at a brightness; nothing else.

Plain patterns, no model. A wish is carried out by the client with its own tools and rights; Hearthside only understands
it. What `hearthside.home.actions` refuses always (locks, doors, garage, gas, alarm, oven) is refused here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from hearthside.errors import Refused
from hearthside.home import ActionClass, EntityState, HomeAction, action_class


class Deed(StrEnum):
    """What is to be done."""

    ON = "on"
    OFF = "off"
    BRIGHTNESS = "brightness"


@dataclass(frozen=True, slots=True)
class HomeWish:
    """One wish.

    Attributes:
        name: what it is called, as the person said it; "" where an area's lights are meant.
        area: the room whose lights are meant, or "".
        percent: brightness, 0 to 100, with `Deed.BRIGHTNESS` only.
    """

    deed: Deed
    name: str = ""
    area: str = ""
    percent: int | None = None

    @property
    def thing(self) -> str:
        """What it is about, in words."""
        return self.name or f"the lights in {self.area}"

    def in_words(self) -> str:
        """The wish as an order: ``turn off the kitchen light``."""
        if self.deed is Deed.BRIGHTNESS:
            return f"set {self.thing} to {self.percent} %"
        return f"turn {self.deed} {self.thing}"


_LONGEST = 200  # characters; no wish is longer, and the patterns take their time with what is
_POLITE = re.compile(
    r"^(?:(?:hey|ok|okay|please|and|now|then|hearthside|can you|could you|would you|will you)[ ,]+)+|"
    r"[ ,]+(?:please|now|for me|thanks|thank you)$",
    re.IGNORECASE,
)
_THE = r"(?:the |my |our |all the |all my |all )?"
_ORDERS = (
    re.compile(rf"^(?:turn|switch|put) (?P<deed>on|off) {_THE}(?P<thing>.+)$", re.IGNORECASE),
    re.compile(rf"^(?:turn|switch|put) {_THE}(?P<thing>.+?) (?P<deed>on|off)$", re.IGNORECASE),
    re.compile(
        rf"^(?:set|dim|turn|put|brighten) {_THE}(?P<thing>.+?)(?: brightness)?(?: up| down)? (?:to|at) "
        r"(?P<percent>\d{1,3}) ?(?:%|per ?cent)(?: brightness)?$",
        re.IGNORECASE,
    ),
)
_LIGHTS_IN = re.compile(r"^(?:lights?|lamps?) in (?:the |my |our )?(?P<area>.+)$", re.IGNORECASE)
_LIGHT = re.compile(r"\b(?:lights?|lamps?)$", re.IGNORECASE)
_NAME = re.compile(r"[^\W_][\w '’.-]{0,59}")
_NO_NAME = re.compile(
    r"^(?:it|that|this|these|those|them|everything|anything|something|all|me|you|lights?|lamps?)$|"
    r"\b(?:and|or|if|when|until|while|because|but|unless|after|before|at|in|for|not|tonight|tomorrow|later|soon)\b",
    re.IGNORECASE,
)
_A_TIME = re.compile(r"\b(?:a|an|seconds?|minutes?|hours?|days?|morning|afternoon|evening|night)\b", re.IGNORECASE)


def home_wish(text: str) -> HomeWish | None:
    """The wish that a text is, or None where it is anything else: two wishes at once, a condition, a question."""
    if len(text) > _LONGEST:
        return None
    plain = " ".join(text.split()).rstrip(" .!?")
    while (shorter := _POLITE.sub("", plain).strip(" ,")) != plain:
        plain = shorter
    for order in _ORDERS:
        match = order.match(plain)
        if match is not None:
            return _wish(match.groupdict())
    return None


def _wish(parts: dict[str, str]) -> HomeWish | None:
    percent = int(parts["percent"]) if "percent" in parts else None
    if percent is not None and percent > 100:
        return None
    deed = Deed.BRIGHTNESS if percent is not None else Deed(parts["deed"].casefold())
    lights = _LIGHTS_IN.match(parts["thing"])
    name, area = ("", lights["area"]) if lights is not None else (parts["thing"], "")
    thing = (name or area).strip()
    if not _NAME.fullmatch(thing) or _NO_NAME.search(thing) or (area and _A_TIME.search(area)):
        return None
    return HomeWish(deed, name.strip(), area.strip(), percent)


def never_done(wish: HomeWish) -> bool:
    """Whether it is about something that no program may touch, judged by what it is called."""
    if wish.area or _LIGHT.search(wish.name):
        return False
    state = EntityState("switch.named", "off", {"friendly_name": wish.name}, 0, "")
    try:
        return action_class(HomeAction("switch.named", "turn_on"), state) is ActionClass.C
    except Refused:
        return True
