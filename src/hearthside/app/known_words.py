"""How beliefs are told: the topics they are shown under, and sentences made of what was counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hearthside.events import day_number
from hearthside.memory.moods.days import LowStretch
from hearthside.memory.preferences.preference import Preference, Trend

_FROM_THE_START_DAYS = 60
"""What was there so soon after the first record of its kind did not begin then, as far as anybody knows."""


@dataclass(frozen=True, slots=True)
class TopicWords:
    """A topic: its name in addresses of the page, its title, and what belongs to it, in this order."""

    key: str
    title: str
    kinds: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


OTHERS = TopicWords("others", "What others said", facts=("others",))
"""Statements of others: never beliefs about the person."""

TOPICS = (
    TopicWords("you", "About you", ("writes_in",), ("person", "languages", "habits", "plans", "mood")),
    TopicWords("likes", "Likes and hobbies", ("said",), ("likes", "hobbies")),
    TopicWords("music", "Music", ("artist", "song")),
    TopicWords("podcasts", "Podcasts", ("podcast",)),
    TopicWords("films", "Films and videos", ("channel",)),
    TopicWords("reading", "Reading and searching", ("site", "search")),
    TopicWords("food", "Food", ("meal",), ("food",)),
    TopicWords("places", "Places", ("place",), ("places",)),
    TopicWords("people", "People", ("writes_with", "talks_with"), ("people", "family")),
    TopicWords("work", "Work and study", ("language", "category", "activity"), ("work",)),
    TopicWords("apps", "Apps", ("app",)),
    TopicWords("exercise", "Exercise", ("sport",)),
    TopicWords("routines", "Routines", facts=("sleep", "routine")),
    TopicWords("health", "Body and health", facts=("body", "health")),
    TopicWords("around", "Around you", ("dwelt", "seen")),
    TopicWords("bought", "Bought", ("purchase",)),
    TopicWords("devices", "Devices", facts=("devices",)),
    OTHERS,
)
"""In the order of the page; kinds and fact topics nobody placed here get a topic of their own at the end."""

GROUP_TITLES = {"artist": "Artists", "place": "Where you go", "meal": "Meals", "said": "Said to like"}
"""Titles of groups, where those of their kinds would repeat the topic's."""

_DOINGS = {
    "artist": ("listen to {}", "listened to {}"),
    "song": ("play “{}”", "played “{}”"),
    "podcast": ("listen to the podcast {}", "listened to the podcast {}"),
    "channel": ("watch videos of {}", "watched videos of {}"),
    "site": ("read pages of {}", "read pages of {}"),
    "search": ("search for “{}”", "searched for “{}”"),
    "dwelt": ("look at {} for long", "looked at {} for long"),
    "seen": ("see “{}” around you", "saw “{}” around you"),
    "app": ("use {}", "used {}"),
    "category": ("spend computer time on {}", "spent computer time on {}"),
    "activity": ("spend computer time on {}", "spent computer time on {}"),
    "language": ("program in {}", "programmed in {}"),
    "sport": ("do {} for exercise", "did {} for exercise"),
    "purchase": ("spend money on {}", "spent money on {}"),
    "writes_with": ("write with {}", "wrote with {}"),
    "writes_in": ("write in {}", "wrote in {}"),
    "talks_with": ("talk with {}", "talked with {}"),
    "place": ("spend time at {}", "spent time at {}"),
    "meal": ("eat {}", "ate {}"),
    "said": ("say that you like {}", "said that you like {}"),
}
_ROLES = frozenset({"Home", "Work", "School"})
_ANYTHING = ("turn to {}", "turned to {}")


def month_words(day: str) -> str:
    """``2019-03-04`` or ``2019-03`` as ``March 2019``."""
    return f"{date.fromisoformat(f'{day[:7]}-01'):%B %Y}"


def sentence_of(preference: Preference, heard_from: str) -> str:
    """A preference in plain words.

    Args:
        heard_from: the first local day with anything of its kind, ISO.
    """
    what = _in_a_sentence(preference)
    now, then = (words.format(what) for words in _DOINGS.get(preference.kind, _ANYTHING))
    first, last = month_words(preference.first_day), month_words(preference.last_day)
    early = day_number(preference.first_day) - day_number(heard_from) <= _FROM_THE_START_DAYS
    began = f"on record from the start, {first}" if early else f"it began in {first}"
    span = f"in {first}" if first == last else f"from {first} to {last}"
    match preference.trend:
        case Trend.RISING:
            return f"You {now} a lot lately, more than before; {began}."
        case Trend.STEADY:
            return f"You {now} regularly; {began}."
        case Trend.FADING:
            return f"You {now} less than before; {began}."
        case Trend.PAST:
            return f"You no longer {now}; you did {span}."
        case Trend.UNHEARD:
            return f"You {then} {span}."


def _in_a_sentence(preference: Preference) -> str:
    """What is preferred; a kind of sport and the role of a place are no names."""
    what = preference.what
    common = preference.kind == "sport" or (preference.kind == "place" and what in _ROLES)
    return what[:1].lower() + what[1:] if common and not what[1:2].isupper() else what


def day_words(day: str) -> str:
    """``2019-03-04`` as ``4 March 2019``."""
    return f"{int(day[8:10])} {month_words(day)}"


def low_sentence(stretch: LowStretch) -> str:
    """A low stretch in plain words."""
    days = f"on {day_words(stretch.first_day)}"
    if stretch.last_day != stretch.first_day:
        days = f"from {day_words(stretch.first_day)} to {day_words(stretch.last_day)}"
    if stretch.decided == "corrected":
        return f"What you say of the time {days}: {stretch.note.rstrip('.')}."
    better = f"; better on {day_words(stretch.lifted_day)}" if stretch.lifted_day else ""
    return f"You sounded low {days}{better}."


def amount_words(amount: float, unit: str) -> str:
    """An amount with its unit: ``5,408 times``, ``82 hours``."""
    if unit == "seconds":
        minutes = amount / 60
        return f"{minutes / 60:,.0f} hours" if minutes >= 120 else f"{minutes:,.0f} minutes"
    if unit == "times":
        return "once" if amount == 1 else f"{amount:,.0f} times"
    return f"{amount:,.0f} {unit}"


def about_words(preference: Preference) -> str:
    """What a preference rests on, in one sentence or two."""
    days = "1 day" if preference.days == 1 else f"{preference.days:,} days"
    half = f"Without it, it counts half after {preference.half_life_days:,.0f} days."
    return f"{amount_words(preference.total, preference.unit).capitalize()} on {days}. {preference.why} {half}"
