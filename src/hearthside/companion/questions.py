"""Turning a question into something the life stream can compute, by plain patterns; no model is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hearthside.companion.greetings import is_small_talk, without_greeting
from hearthside.companion.limits import beyond_computing, left_over, outside_names
from hearthside.companion.tallies import Listing, Tally, listing, tally
from hearthside.companion.topics import ASKS, NOUNS, TOPICS, Topic, said_of
from hearthside.companion.visiting import Visiting, visiting
from hearthside.events import Origin
from hearthside.memory.query import Measure, Query
from hearthside.memory.when import Period, find_period
from hearthside.memory.words import content_words

_HEARD = ("listen", "podcast", "watch")


@dataclass(frozen=True, slots=True)
class Computed:
    """A question that a typed query answers.

    Attributes:
        unit: how to say the value: ``duration``, ``messages``, ``times`` ...
        verb: what the person did, past tense, e.g. "wrote to Ann", "listened to Radiohead".
        wants: ``when`` or ``how much``, or ``what``: the words themselves.
        about: what narrows a number of things, e.g. "by Radiohead", "about dinner".
    """

    query: Query
    unit: str
    verb: str
    wants: str = "when"
    about: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A question about what was going on at a time, or while something else last happened.

    Attributes:
        kinds: which kinds to tell of; empty for everything.
        period: the time asked about, or None.
        anchor: the occurrence that sets the time ("when I last went running"), or None.
        verb: "listening to", "doing", "watching", "looking at".
    """

    kinds: tuple[str, ...]
    period: Period | None
    anchor: Computed | None
    verb: str


@dataclass(frozen=True, slots=True)
class Recall:
    """A question that only the person's own evidence can answer, by quoting it.

    Attributes:
        beyond: it asks for something to be worked out that plain code cannot work out; no quotation answers it.
    """

    words: list[str]
    period: Period | None
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """When records last or first held some words, or how many do; said as just that."""

    measure: Measure
    words: tuple[str, ...]
    period: Period | None
    topic: str


@dataclass(frozen=True, slots=True)
class SmallTalk:
    """Nothing about the person's life is asked."""


Understood = Computed | Visiting | Moment | Mention | Tally | Listing | Recall | SmallTalk


_ALIKE = dict.fromkeys(("bike", "bikes", "biking", "cycle", "cycling", "cycled"), "bik")
_SPEAKING = frozenset(
    "write wrote written text message messages tell told mention mentioned talk talked ask asked".split()
)
_STATEMENT = re.compile(r"^(?:i|i'm|im|i’m|i've|we|we're|it|it's|its|my|that|that's|this|today)\b", re.IGNORECASE)
_NO_FORM = frozenset("morning evening nothing something anything everything during wedding building pudding".split())
_MEASURE_WORDS = re.compile(r"\b(?:last|first|recently|most recently|shortest|longest|the last time|the first time)\b")
_FILLER = re.compile(
    r"\b(?:when|how|was|were|is|the last time|the first time|did|do|have|had|has|i|we|my|me|times?|often|many|much|"
    r"long|ago|last|first|recently|most recent|latest|on average|average|mean|usually|per day|per night|please|you|"
    r"tell|know|day|what|which|total|in total|altogether)\b"
)
_QUALIFIED = re.compile(
    r"\b(?:before|after|while|during|since|when|on|in|at|with|about|from|than|most)\b|"
    r"^(?:an?|my|our|people|friends|him|her|them|me)\b"
)
_ANYTHING = re.compile(r"^(?:some|any|every|no)(?:thing|one|body)\b")
_ONE = frozenset({Measure.FIRST, Measure.LAST})
_EXTREME = frozenset({Measure.LEAST, Measure.MOST, Measure.MEAN})
_BY_WORDS = frozenset({Measure.LAST, Measure.FIRST, Measure.COUNT, Measure.DAYS})


def understand(text: str, now_ms: int, offset_min: int) -> Understood:
    """What a question asks for.

    Args:
        text: the person's words.
        now_ms, offset_min: the present and the person's UTC offset, for "yesterday" and the like.
    """
    if is_small_talk(text):
        return SmallTalk()
    plain = re.sub(r"[?!.]+\s*$", "", without_greeting(text.strip()))
    lowered = plain.casefold()
    period, rest = find_period(plain, now_ms, offset_min)
    rest = rest.strip(" ,?")
    rest = _turned(rest)
    moment = _moment(rest, lowered, period)
    if moment is not None:
        return _as_written(moment, plain)
    beyond = beyond_computing(rest)
    for parse in () if beyond else (tally, listing, _visiting, _computed):
        found = parse(rest, lowered, period)
        if found is not None:
            return _as_written(found, plain)
    if _STATEMENT.match(plain) and "?" not in text:
        return SmallTalk()
    words = content_words(rest)
    words = [word for word in words if word not in _SPEAKING] or words
    return Recall(words, period, beyond or _asks_for_a_value(rest))


def _turned(rest: str) -> str:
    """The question with what narrows its subject at its end: “how many songs did i hear by Ann”."""
    return re.sub(
        r"^((?:on )?how many \w+) ((?:about|by|from|of|with|to|mentioning) .+?) ((?:did|have) (?:i|we) .+)$",
        r"\1 \3 \2",
        rest,
    )


def _asks_for_a_value(rest: str) -> bool:
    return bool(re.match(r"^(?:on )?how (?:many|much|long|often)\b", rest)) or any(
        pattern.search(rest) for pattern, measure in ASKS if measure in {Measure.LEAST, Measure.MOST, Measure.MEAN}
    )


def _as_written(found: Understood, plain: str) -> Understood:
    """Names in the answer are spelt as the person spelt them in the question."""
    spelt = {word.casefold(): word for word in re.findall(r"[^\W\d_]+", plain) if word != word.casefold()}
    if isinstance(found, Moment) and found.anchor is not None:
        return replace(found, anchor=_respelt(found.anchor, spelt))
    if isinstance(found, Mention):
        return replace(found, topic=_back(found.topic, spelt))
    if isinstance(found, Visiting):
        return replace(found, asked=_back(found.asked, spelt), place=_back(found.place, spelt))
    return _respelt(found, spelt) if isinstance(found, Computed) else found


def _respelt(found: Computed, spelt: dict[str, str]) -> Computed:
    query = replace(found.query, topic=_back(found.query.topic, spelt))
    return replace(found, query=query, verb=_back(found.verb, spelt), about=_back(found.about, spelt))


def _back(text: str, spelt: dict[str, str]) -> str:
    return re.sub(r"[^\W\d_]+", lambda match: spelt.get(match.group(), match.group()), text)


def _moment(rest: str, lowered: str, period: Period | None) -> Moment | None:
    match = re.match(
        r"^what (?:was|were|did) (?:i|we) (?P<verb>listening to|listen to|doing|do|watching|watch|looking at|look at|"
        r"playing|hearing)(?P<when>.*)$",
        rest,
    )
    if match is None:
        return None
    verb = match["verb"]
    kinds: tuple[str, ...] = ()
    if verb.startswith(("listen", "play", "hear")):
        kinds = _HEARD
    elif verb.startswith("watch"):
        kinds = ("watch",)
    elif verb.startswith("look"):
        kinds = ("dwell", "caption")
    clause = re.match(r"^\s*(?:when|while|during)\s+(?P<what>.+)$", match["when"])
    anchor = None
    if clause is not None:
        anchor = _query_for(clause["what"], Measure.LAST, period)
    elif period is None:
        return None
    return Moment(kinds, period, anchor, verb)


def _visiting(rest: str, lowered: str, period: Period | None) -> Visiting | None:
    measure = next((m for pattern, m in ASKS if pattern.search(lowered) or pattern.search(rest)), None)
    return visiting(rest, measure, period)


def _computed(rest: str, lowered: str, period: Period | None) -> Computed | Mention | None:
    for pattern, measure in ASKS:
        if pattern.search(lowered) or pattern.search(rest):
            found = _query_for(rest, measure, period)
            if found is not None:
                return replace(found, wants="what") if rest.startswith("what did ") else found
            if measure in _BY_WORDS and (measure in _ONE or "mention" in rest):
                return _mention(rest, measure, period)
            if measure in _EXTREME and pattern.search(outside_names(rest)):
                return None  # the question behind it is another one
    return None


def _query_for(rest: str, measure: Measure, period: Period | None) -> Computed | None:
    about = " ".join(_MEASURE_WORDS.sub(" ", rest).split())
    for topic in TOPICS:
        match = topic.pattern.search(about)
        if match is None or left_over(about, *match.span(), topic.also):
            continue
        thing = match.groupdict().get("thing") or ""
        if _ANYTHING.match(thing) or (topic.named and _QUALIFIED.search(thing)):
            continue
        fitting = _measured(topic, measure, rest)
        if fitting is not None:
            return _query_of(topic, match, *fitting, period)
    return None


def _query_of(topic: Topic, match: re.Match[str], measure: Measure, unit: str, period: Period | None) -> Computed:
    parts = match.groupdict()
    thing, subject = (parts.get("thing") or "").strip(), (parts.get("subject") or "").strip()
    workout = topic.kinds == ("workout",)
    thing = "home" if thing == "house" and topic.kinds == ("region_leave",) else thing
    words = (
        tuple(_ALIKE.get(word, _stem(word)) if workout else _stem(word) for word in content_words(thing))
        if thing
        else ()
    )
    verb = topic.verb.format_map({"thing": thing, "to": "to " if thing else "", "from": "from " if thing else ""})
    verb = said_of(thing) if workout and thing else " ".join(verb.split())
    verb = re.sub(r" (?:for|to)$", "", verb) if topic.unit == "times" else verb
    mentioned = tuple(_stem(word) for word in content_words(subject)) if subject else ()
    noun = NOUNS.get(topic.kinds[0], topic.unit)
    if topic.unit == "songs":
        thing, noun = "", f"{noun} by {thing}" if thing else noun
    named = (
        f"{noun} {'from' if Origin.PERSON in topic.origins else 'to'} {thing}" if topic.unit == "messages" else thing
    )
    asked = (named if thing else noun) + (f" about {subject}" if subject else "")
    query = Query(
        measure, topic.kinds, mentioned if topic.named else (*words, *mentioned), period, topic.origins, topic.layers,
        asked, about=words if topic.named else (),
    )  # fmt: skip
    suffix = f"by {parts['thing']}" if unit == "songs" and parts.get("thing") else f"about {subject}" if subject else ""
    return Computed(query, unit, verb, about=suffix)


def _measured(topic: Topic, measure: Measure, rest: str) -> tuple[Measure, str] | None:
    """What to compute of a topic, and its unit; None where the topic has no such measure."""
    timed = re.match(r"^how many (?:hours?|minutes?)\b", rest) is not None
    if topic.unit == "duration":
        if measure is Measure.COUNT:
            return (Measure.SUM, topic.unit) if timed else None
        return None if measure in _EXTREME else (measure, topic.unit)
    return None if timed or measure is Measure.SUM or measure in _EXTREME else (measure, topic.unit)


def _mention(rest: str, measure: Measure, period: Period | None) -> Mention | None:
    thing = " ".join(_FILLER.sub(" ", rest).split())
    words = tuple(word for word in content_words(thing) if word not in _SPEAKING) if thing else ()
    return Mention(measure, words, period, thing) if words else None


def _stem(word: str) -> str:
    """The beginning that a word's forms share: "running" and "runs" both begin with "run"."""
    if word.endswith("ing") and word not in _NO_FORM and len(word) > 5:
        stem = word[:-3]
        return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
    for ending in ("ches", "shes", "sses", "xes"):
        if word.endswith(ending):
            return word[:-2]
    if word.endswith("ed") and len(word) > 4:
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
