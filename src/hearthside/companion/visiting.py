"""Questions about being somewhere, and about meals with others: when, where, how often."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hearthside.memory.query import Measure
from hearthside.memory.when import Period

MEALS = {"breakfast": (5, 11), "brunch": (9, 14), "lunch": (11, 16), "dinner": (17, 24), "supper": (17, 24)}
"""Local hours in which a meal begins."""

_NUMBERS = {name: i for i, name in enumerate("zero one two three four five six seven eight nine ten".split())}
_MEAL = re.compile(
    rf"\b(?P<meal>{'|'.join(MEALS)})s?\b(?: (?:did|have) (?:i|we) (?:have|had|eat|eaten))?(?: out| together)?"
    r"(?: (?:at|in) (?P<place>.+?))?(?: with (?P<who>.+?))?(?: (?:at|in) (?P<place2>.+))?$"
)
_OF_US = re.compile(r"^(?:all |the )*(?P<count>\d{1,2}|two|three|four|five|six|seven|eight|nine|ten) of us$")
_AT = re.compile(
    r"\b(?:visit|visited|be at|be in|go to|went to|gone to|been to|been at|been in|eat at|ate at|eaten at) "
    r"(?P<place>.+)$|"
    r"\b(?:i|we) (?:last |first )?(?:at|in) (?P<place2>.+)$|\b(?:go|went) (?P<home>home)$"
)
_NO_MEAL = re.compile(
    r"\b(?:make|made|cook|cooked|cooking|order|ordered|skip|skipped|prepare|prepared|"
    r"about|messages?|send|sent|wrote|write|written|text|texted|said|say|talk|talked|mention|mentioned|search|listen)\b"
    r"|\bdid (?!i\b|we\b)\w"
)
_NO_PLACE = re.compile(
    r"^(?:my |the )?(?:bed|sleep|computer|phone|screen|touch|gym|contact|(?:good |bad )?mood|hurry|rush)\b|ing$|"
    r"\b(?:with|for|because|without)\b"
)
_WHERE = re.compile(r"^where (?:was|were|have) (?:i|we)\b(?: been)?$")
_ORDER = re.compile(r"\b(?:most recently|most recent|recently|latest|last|first|the last time|the first time)\b")


@dataclass(frozen=True, slots=True)
class Visiting:
    """A question about stays at places.

    Attributes:
        measure: FIRST, LAST, COUNT, DAYS or SUM (how long); LIST for "where was I ...".
        place: words of the place's name, lower case; empty for any place.
        meal: breakfast, lunch ... or "".
        people: words of names of those who must have been there.
        count: how many were there with the person among them, or None.
        wants: ``when`` or ``where``.
        asked: what is asked about, in the person's words, for the answer.
    """

    measure: Measure
    period: Period | None
    wants: str
    place: str = ""
    meal: str = ""
    people: tuple[str, ...] = ()
    count: int | None = None
    asked: str = ""


def visiting(rest: str, measure: Measure | None, period: Period | None) -> Visiting | None:
    """The question about a stay that the words ask, or None.

    Args:
        rest: the question without its time, lower case.
        measure: what is asked of the stays, as far as the words say.
    """
    if _WHERE.match(rest) and period is not None:
        return Visiting(Measure.LIST, period, "where")
    wants = (
        "where" if re.match(r"^(?:where|at which (?:place|restaurant)|which (?:place|restaurant))\b", rest) else "when"
    )
    if wants == "where":
        measure = Measure.FIRST if re.search(r"\bfirst\b", rest) else Measure.LAST
    if measure not in {Measure.FIRST, Measure.LAST, Measure.COUNT, Measure.DAYS, Measure.SUM}:
        return None
    about = " ".join(_ORDER.sub(" ", rest).split())
    meal = _MEAL.search(about)
    if meal is not None and not _NO_MEAL.search(about) and measure is not Measure.SUM:
        return _meal(meal, measure, period, wants)
    at = _AT.search(about)
    place = (at["place"] or at["place2"] or at["home"] or "").strip() if at is not None else ""
    mine = re.search(r"\b(?:i|we)\b", about) is not None
    if not place or not mine or wants == "where" or _NO_PLACE.search(place):
        return None
    place = re.sub(r"^(?:the|my|a|an) (?=\w+$)", "", place)
    return Visiting(measure, period, "when", place=place, asked=place)


def _meal(match: re.Match[str], measure: Measure, period: Period | None, wants: str) -> Visiting | None:
    who = (match["who"] or "").strip()
    place = (match["place"] or match["place2"] or "").strip()
    together = _OF_US.match(who)
    count = None
    people: tuple[str, ...] = ()
    if together is not None:
        count = _NUMBERS.get(together["count"]) or int(together["count"])
    elif who:
        people = tuple(name for name in re.split(r",? and |, ", who) if name)
        if any(name in {"us", "all of us", "everybody", "everyone", "friends", "my friends"} for name in people):
            return None
    asked = match["meal"] + (f" at {place}" if place else "") + (f" with {who}" if who else "")
    return Visiting(measure, period, wants, place, match["meal"], people, count, asked)
