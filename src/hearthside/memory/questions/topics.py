"""What questions are about: which records each topic is, and which field of them is its figure."""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.memory.asking.query import Filter, Is, Of, Selection, What
from hearthside.memory.asking.query import Test as Condition
from hearthside.memory.questions.names import LISTED, SORTS, Name
from hearthside.memory.questions.signs import Signs

_ANY = Filter()
_SOME = (Condition("amount", Is.MORE, 0.0),)  # a day of 0 seconds says that nothing was recorded


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing that is asked about.

    Attributes:
        sort: ``amount`` (a figure for each day or night), ``clock`` (a time of the day), or ``count`` (things happen).
        kind: of the records.
        field: of which the figure is.
        unit: of the figure.
        noun: as it is called in what was understood.
        where: what always holds.
        mean: whether figures of several days are averaged, not added, when nothing else is said.
        distinct: what is counted of things that are recorded again and again, or "".
    """

    name: str
    sort: str
    kind: str
    unit: str
    noun: str
    field: str = "amount"
    where: Filter = _ANY
    mean: bool = False
    distinct: str = ""

    def select(self, where: Filter) -> Selection:
        """The records, under further conditions."""
        return Selection(What(Of.EVENTS, (self.kind,)), where)


_NIGHT = Filter(longest=True)
TOPICS = {topic.name: topic for topic in (
    Topic("sleep", "amount", "sleep", "s", "time asleep", where=_NIGHT, mean=True),
    Topic("inbed", "amount", "sleep", "s", "time in bed", "duration", _NIGHT, mean=True),
    Topic("bed", "clock", "sleep", "clock", "bedtime", "start", _NIGHT),
    Topic("wake", "clock", "sleep", "clock", "wake-up time", "end", _NIGHT),
    Topic("steps", "amount", "activity_day", "steps", "steps", where=Filter(once=True)),
    Topic("weight", "amount", "weight_day", "kg", "weight", mean=True),
    Topic("readiness", "amount", "readiness_day", "points", "readiness", mean=True),
    Topic("computer", "amount", "app_time_day", "s", "time at the computer", where=Filter(tests=_SOME)),
    Topic("coding", "amount", "coding_time_day", "s", "time programming", where=Filter(tests=_SOME)),
    Topic("music", "count", "listen", "times", "plays"),
    Topic("podcast", "count", "podcast", "times", "podcast episodes", distinct="text"),
    Topic("post", "count", "post", "times", "posts"),
    Topic("like", "count", "like", "times", "liked posts"),
    Topic("workout", "count", "workout", "times", "workouts", "duration", Filter(apart=True)),
)}  # fmt: skip
_OF_NAME = {"artist": "music", "album": "music", "track": "music", "show": "podcast", "episode": "podcast",
            "activity": "workout", "item": "computer", "language": "coding"}  # fmt: skip
_BOTH = {
    frozenset({"post", "like"}): "like", frozenset({"bed", "sleep"}): "bed",
    frozenset({"computer", "coding"}): "coding",
    frozenset({"music", "podcast"}): "podcast", frozenset({"bed", "inbed"}): "bed", frozenset({"steps", "workout"}): "",
    frozenset({"bed", "inbed", "sleep"}): "bed",
}  # fmt: skip
_WALKED = {"ask:how_often", "ask:how_long", "agg:first", "agg:last", "noun:session", "unit:hours", "unit:minutes",
           "unit:time"}  # fmt: skip
_TAKEN = {
    "music": {"hear:hear", "noun:song"}, "podcast": {"hear:hear", "noun:show", "noun:episode"},
    "workout": {"walk:walk", "hear:hear", "noun:session"}, "steps": {"walk:walk", "noun:show"},
    "weight": {"heavy:heavy", "unit:kg", "noun:show"},
    "like": {"noun:twitter", "write:write"}, "post": {"noun:twitter", "write:write", "own:own"},
    "sleep": {"noun:night", "noun:show"}, "inbed": {"noun:night"},
    "coding": {"unit:time", "write:write"}, "computer": {"unit:time"},
}  # fmt: skip
"""Signs of which the topic itself is reason enough; those that rules look at are kept."""


def topic_of(found: Signs, amounts: set[str]) -> tuple[Topic, Name | None, frozenset[str]] | None:
    """The one topic of a question, the name it is about, and the signs that are left; None where it is not one.

    Args:
        amounts: units of the conditions on amounts.
    """
    if len(found.names) > 1:
        return None
    name = found.names[0] if found.names else None
    signs = found.signs
    of = {sign[3:] for sign in signs if sign.startswith("of:")}
    if of == {"music", "post"} and "noun:twitter" in signs:  # "put on Twitter"
        of = {"post"}
    if of == {"music"} and signs & {"unit:kg", "heavy:heavy"} and name is None:  # "how many kilos did I put on"
        signs, of = signs - {"of:music"} | {"agg:gain"}, set()
    topic = _OF_NAME.get(name.sort, "") if name else ""
    if name is None:
        topic = _BOTH.get(frozenset(of), "") if len(of) > 1 else next(iter(of), "")
        if of == {"sleep", "wake"} and "ask:clock" not in signs and signs & _HELD:
            topic = "sleep"  # "how long had I slept when I woke up"
        if of == {"sleep", "wake"} and not topic and "ask:clock" in signs:
            topic = "wake"  # "how late did I sleep in"
        if not of and {"up:up", "ask:clock"} <= signs:
            topic = "wake"
        if topic == "inbed" and "ask:clock" in signs:
            topic = "bed"
        topic = topic or ("" if of else _implied(signs, amounts))
    elif not of <= {topic, "music"} or (
        topic == "music" and not (of or _is_heard(signs) or signs & _ENDS or _is_plain(name, signs))
    ):
        return None
    if not topic:
        return None
    if topic == "sleep" and of == {"sleep", "wake"}:
        signs = signs - {"ask:when"} if signs & {"ask:how_long", "ask:how_much", "unit:hours"} else signs
    if topic == "weight" and "walk:walk" in signs:  # "how did the scale move"
        signs = signs - {"walk:walk"} | {"agg:change"}
    if signs & {"noun:morning", "noun:evening", "noun:night"} and TOPICS[topic].kind != "sleep":
        return None  # a part of the day, not of a night
    if "noun:morning" in signs:
        signs = signs - {"noun:morning"} | {"noun:day"}
    if topic == "bed":
        signs = signs - {"noun:evening"}
    told = _told_far(topic, signs)
    if told is None or ("does:does" in signs and name is not None and not signs & {"me:me", "noun:play"}):
        return None  # "how many songs does she have"
    signs = told
    left = {sign for sign in signs if not sign.startswith("of:")} - _TAKEN.get(topic, set()) - _MEANS_NOTHING
    if topic == "computer" and "do:do" in left:  # "what did I do most on the computer"
        left = left - {"do:do"} | {"ask:what"}
    if topic != "weight" and signs & {"agg:most", "agg:least", "agg:more", "agg:less"}:
        left -= {"heavy:heavy"}  # "my heaviest day at the computer"
    kept = _TAKEN.get(topic, set()) & signs & (_LOOKED_AT if topic == "podcast" else _LOOKED_AT - {"noun:show"})
    return TOPICS[topic], name, frozenset(left | kept)


_MEANS_NOTHING = {"up:up", "me:me", "does:does"}


def _told_far(topic: str, signs: frozenset[str]) -> frozenset[str] | None:
    """ "How far" and "how active" are a number where the question says of what; else they are another question."""
    if topic == "music" and "noun:play" in signs:
        signs = signs - {"noun:play"}
        if "ask:how_much" in signs:  # "how much music, in plays"
            signs = signs - {"ask:how_much"} | {"ask:how_many"}
    if topic == "music" and {"ask:how_much", "ask:how_often"} <= signs:  # "how much of her, in number of plays"
        signs = signs - {"ask:how_much"}
    if "ask:far" not in signs:
        return signs
    if topic not in {"steps", "post"} or f"of:{topic}" not in signs:
        return None
    return signs - {"ask:far"} | {"ask:how_many"}


_LOOKED_AT = {"noun:night", "noun:show", "noun:episode", "noun:song", "unit:time"}


_HELD = {"ask:how_long", "ask:how_much", "unit:hours", "agg:longest", "agg:shortest"}
_ENDS = {"agg:first", "agg:last"}


def _is_plain(name: Name, signs: frozenset[str]) -> bool:
    """Whether how often a name of several words came up is all that is asked: "how often did Taylor Swift come on"."""
    return " " in name.spelt and signs - _MEANS_NOTHING - {"agg:total"} == {"ask:how_often"}


def _is_heard(signs: frozenset[str]) -> bool:
    return bool(signs & {"hear:hear", "noun:song", "noun:artist", "noun:album"})


def _implied(signs: frozenset[str], amounts: set[str]) -> str:
    """The topic of a question that names none: of "my longest night", "my favourite band", "how heavy was I"."""
    if "walk:walk" in signs:
        return "workout" if signs & _WALKED and not amounts else "steps"
    if signs & {"heavy:heavy", "unit:kg"} or "kg" in amounts:
        return "weight"
    if signs & {"noun:show", "noun:episode"}:
        return "podcast" if "hear:hear" in signs else ""
    if signs & {"noun:artist", "noun:album", "noun:song"} or (
        "hear:hear" in signs and signs & {"agg:most", "ask:who", "neg:neg"}
    ):
        return "music"
    slept = signs & _OF_NIGHTS or ("unit:hours" in signs and signs & {"agg:most", "agg:least"})
    if "noun:night" in signs and amounts <= {"s", ""} and (amounts or slept):
        return "sleep"
    if "noun:language" in signs and "me:me" in signs:
        return "coding"
    if signs & {"noun:session", "noun:category"} and "agg:most" in signs:
        return "workout"
    return ""


_OF_NIGHTS = {"agg:more", "agg:less", "agg:longest", "agg:shortest", "ask:how_many", "ask:how_long"}


def part_of_name(name: Name) -> str:
    """The field of a record in which a name is looked for."""
    return "item" if name.sort in LISTED else SORTS[name.sort][1]
