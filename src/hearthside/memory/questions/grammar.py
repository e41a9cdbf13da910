"""The grammar that a model must keep to when it writes a query: made of the query language and the names of a life.

What plain code already found in the question (its time, weekdays, names, numbers) stands in the grammar as it must be
written, so a model chooses what is asked of what, and cannot drop or invent the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hearthside.memory.asking.source import Vocabulary
from hearthside.memory.asking.times import WEEKDAYS
from hearthside.memory.asking.written import quoted
from hearthside.memory.questions.mentions import Mentions, Named
from hearthside.memory.questions.names import LISTED, SORTS
from hearthside.memory.questions.times import When

UNKNOWN = "unknown"
"""What a model writes for a question that no query answers."""

KINDS = {
    "listen": "songs played", "podcast": "podcast episodes heard", "message": "chat messages",
    "utterance": "things said aloud", "post": "own posts", "like": "posts of others that were liked",
    "search": "searches", "watch": "videos watched", "page_visit": "web pages visited",
    "workout": "workouts, runs, rides",
    "activity_day": "steps of each day", "weight_day": "body weight in kg", "readiness_day": "readiness score",
    "app_time_day": "time at the computer, each day", "coding_time_day": "time programming, each day",
    "sleep": "nights asleep; start is bedtime, end is waking up", "app_use": "use of programs",
    "caption": "things seen",
}  # fmt: skip
"""Kinds of records that are asked about in words, and what they are."""

EPISODES = {
    "sleep": "nights", "work": "being at work", "commute": "ways to work and back", "conversation": "conversations",
    "listening": "listening to music", "computer": "sitting at the computer", "meal": "meals", "exercise": "exercise",
    "watching": "watching",
}  # fmt: skip
"""Kinds of episodes, the same way."""

_AMOUNTS = ("activity_day", "weight_day", "readiness_day", "app_time_day", "coding_time_day")
_LAST = ("sleep", "workout", "podcast", "listen", "app_use")
_STRETCHES = "stretches"
_MOST_SHOWN = 50
_GROUPS = ("weekday", "month", "year", "hour")
_LABELS = {
    "listen": ("artist", "track", "album"), "podcast": ("show", "episode"), "workout": ("activity",),
    "message": ("conversation", "person"), "app_use": ("app",), "app_time_day": ("item",), "coding_time_day": ("item",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """What a query may be made of.

    Attributes:
        kinds, episodes, places: the names there are.
        mentions: what the question names.
        activities: of workouts; a question may name one in another language than the records.
    """

    kinds: tuple[str, ...]
    episodes: tuple[str, ...]
    places: tuple[str, ...]
    mentions: Mentions
    activities: tuple[str, ...] = ()


def offer_of(known: Vocabulary, mentions: Mentions, activities: Iterable[str] = ()) -> Offer:
    """What of a life can be asked about in words."""
    kinds = tuple(kind for kind in KINDS if kind in known.kinds)
    episodes = tuple(kind for kind in EPISODES if kind in known.episodes and kind != "sleep")
    return Offer(kinds, episodes, tuple(sorted(known.places)), mentions, tuple(sorted(activities))[:_MOST_SHOWN])


def described(offer: Offer) -> str:
    """The names and what they are, one a line, for the prompt."""
    lines = [f"records of {kind}: {KINDS[kind]}" for kind in offer.kinds]
    lines += [f"episodes of {kind}: {EPISODES[kind]}" for kind in offer.episodes]
    lines += [f"visits to {quoted(place)}" for place in offer.places[:12]]
    if offer.activities and "workout" in offer.kinds:
        lines.append("activity of workouts: " + ", ".join(_quote(name) for name in offer.activities))
    return "\n".join(lines)


def grammar_of(offer: Offer) -> str:
    """GBNF of the queries that mention all the question names, in the language of docs/query.md, and of `UNKNOWN`."""
    tail = _time(offer.mentions.when) + _weekdays(offer.mentions.weekdays)
    forms = [form for kind in offer.kinds for form in _of_kind(kind, offer)] + _of_stretches(offer)
    rules = [f"root ::= {_text(UNKNOWN)}" + "".join(f" | q{n}" for n in range(len(forms)))]
    rules += [f"q{n} ::= {form} tail{' ' + by if by else ''}" for n, (form, by) in enumerate(forms)]
    groups = [(kind, keys) for kind, keys in _groups(offer) if keys]
    rules += [f"by{_slug(kind)} ::= ( {_any(f' by {key}' for key in keys)} )" for kind, keys in groups]
    rules += [f"top{_slug(kind)} ::= ( {_any(_tops(kind, offer.mentions))} )" for kind, _ in groups
              if _tops(kind, offer.mentions)]  # fmt: skip
    return "\n".join([*rules, f"tail ::= {_text(tail)}"]) + "\n"


# -- forms -------------------------------------------------------------------------------------------------------------


def _of_kind(kind: str, offer: Offer) -> list[tuple[str, str]]:
    """Queries about one kind of record, without their time, and the rule of the groups they may end with."""
    what, by, mentions = _text(f" of records of {kind}"), f"by{_slug(kind)}", offer.mentions
    tops = [(f"{_text('count')} {what} {ways}", f"top{_slug(kind)}")
            for ways in [_conditions(kind, offer, numbers=False)] if ways and _tops(kind, mentions)]  # fmt: skip
    ways = _conditions(kind, offer)
    if not ways:
        return tops
    whole, one = ["count", "days", *_figures(kind, ("sum", "mean", "median"))], ["first", "last"]
    one += _figures(kind, ("min", "max"))
    runs = _any(["longest gap between", "longest streak of", "longest pause between"])
    return [
        *tops,
        *_grouped(f"( {_any(whole)} ) {what} {ways}", by, mentions.grouped, required=True),
        *_grouped(f"( {_any(one)} ) {what} {ways}", by, mentions.grouped, required=False),
        (f"( {runs} ) {_text(f' records of {kind}')} {ways}", ""),
    ]


def _grouped(form: str, by: str, grouped: bool, required: bool) -> list[tuple[str, str]]:
    """A form with groups where the question asks which one; of one row (the longest) it may be the row itself."""
    if not grouped:
        return [(form, "")]
    return [(form, by)] if required else [(form, by), (form, "")]


def _figures(kind: str, measures: tuple[str, ...]) -> list[str]:
    """Measures of a kind's figure."""
    if kind in _AMOUNTS:
        return list(measures)
    if kind == "sleep":
        return [*measures, *(f"{measure} {edge}" for measure in measures if measure in {"mean", "min", "max"}
                             for edge in ("start", "end"))]  # fmt: skip
    return [f"{measure} duration" for measure in measures if measure != "median"] if kind in _LAST else []


def _of_stretches(offer: Offer) -> list[tuple[str, str]]:
    """Queries about episodes and visits."""
    named = offer.mentions.names
    visits = [f" visits to {quoted(name.spelt)}" for name in named if "place" in name.sorts]
    episodes = [] if named else [f" episodes of {kind}" for kind in offer.episodes]
    what = visits or episodes
    if not what or len(named) > 1 or offer.mentions.numbers:
        return []
    whole = ["count of", "days of", "time of", "share of time of", "mean duration of"]
    one = ["max duration of", "min duration of", "first of", "last of"]
    by, names = f"by{_slug(_STRETCHES)}", f"( {_any(what)} )"
    return [
        *_grouped(f"( {_any(whole)} ) {names}", by, offer.mentions.grouped, required=True),
        *_grouped(f"( {_any(one)} ) {names}", by, offer.mentions.grouped, required=False),
        (f"( {_any(['longest gap between', 'longest streak of'])} ) {names}", ""),
    ]


def _groups(offer: Offer) -> list[tuple[str, tuple[str, ...]]]:
    named = {sort for name in offer.mentions.names for sort in name.sorts}
    found = [
        (kind, (*_GROUPS, *(label for label in _LABELS.get(kind, ()) if label not in named))) for kind in offer.kinds
    ]
    return [*found, (_STRETCHES, _GROUPS)]


def _tops(kind: str, mentions: Mentions) -> list[str]:
    """Endings of "my top 5 artists"."""
    if len(mentions.numbers) != 1 or mentions.numbers[0] not in range(2, _MOST_SHOWN + 1):
        return []
    return [f" by {label} limit {mentions.numbers[0]:g}" for label in _LABELS.get(kind, ())]


# -- what must be mentioned --------------------------------------------------------------------------------------------


def _conditions(kind: str, offer: Offer, numbers: bool = True) -> str:
    """The conditions with every name and number, as alternatives; "" where this kind cannot have them."""
    mentions = offer.mentions
    parts = [_ways(kind, name) for name in mentions.names]
    if mentions.numbers and numbers:
        parts.append(_amounts(kind, mentions.numbers[0]) if len(mentions.numbers) == 1 else [])
    if not all(parts):
        return ""
    joined = [""]
    for ways in parts:
        joined = [f"{before}{' and' if before else ' where'} {way}" for before in joined for way in ways]
    if kind == "workout" and not mentions.names:
        joined += [f"{one}{' and' if one else ' where'} activity = {_quote(name)}"
                   for one in joined for name in offer.activities]  # fmt: skip
    own = f" ( {_any([' origin self', ' origin person'])} )?" if kind in {"message", "utterance"} else ""
    return f"( {_any(joined)} ){own}"


def _ways(kind: str, name: Named) -> list[str]:
    fields = []
    for sort in name.sorts:
        of, part = (LISTED[sort], "item") if sort in LISTED else SORTS.get(sort, ("", sort))
        if of == kind:
            fields.append(part)
        elif sort == "person" and kind in {"message", "utterance"}:
            fields += ["person", "conversation"] if kind == "message" else ["person"]
    return [f"{field} = {_quote(name.spelt)}" for field in dict.fromkeys(fields)]


def _amounts(kind: str, number: float) -> list[str]:
    """A number as a condition on the figure of a kind."""
    if kind not in {*_AMOUNTS, "sleep", "workout"}:
        return []
    field = "duration" if kind == "workout" else "amount"
    units = ("",) if kind in {"activity_day", "weight_day", "readiness_day"} else (" h", " min")
    figure = repr(number).removesuffix(".0")
    return [f"{field} {sign} {figure}{unit}" for sign in (">", ">=", "<", "<=") for unit in units]


def _time(when: When | None) -> str:
    if when is None:
        return ""
    first, last = when.first, when.last
    if first and last:
        days = f" on {first}" if first == last else f" from {first} to {last}"
    else:
        days = f" since {first}" if first else f" until {last}" if last else ""
    hours = "" if when.hours is None else " between " + " and ".join(f"{m // 60:02d}:{m % 60:02d}" for m in when.hours)
    return days + hours


def _weekdays(days: Sequence[int]) -> str:
    return " on " + " or ".join(WEEKDAYS[day] for day in days) if days else ""


def _quote(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


# -- GBNF --------------------------------------------------------------------------------------------------------------


def _any(texts: Iterable[str]) -> str:
    return " | ".join(_text(text) for text in texts)


def _text(text: str) -> str:
    """A text as a terminal; whatever a name of this life holds, it stays a text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\r", " ").replace("\t", " ")
    return f'"{escaped}"'


def _slug(kind: str) -> str:
    return "-" + kind.replace("_", "-")
