"""How people speak of what happened: patterns of topics and of what is asked about them; a table, one line each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hearthside.events import Layer, Origin
from hearthside.memory.query import Measure

SAID = ("message", "utterance", "conversation", "caption")


@dataclass(frozen=True, slots=True)
class Topic:
    """How a person speaks of a kind of occurrence.

    Attributes:
        named: the thing is a person or a place, so it must be named as such, not merely mentioned.
        also: words that may stand beside the pattern and add nothing to what is asked.
    """

    pattern: re.Pattern[str]
    kinds: tuple[str, ...]
    unit: str
    verb: str
    origins: tuple[Origin, ...] = ()
    layers: tuple[Layer, ...] = ()
    named: bool = False
    also: frozenset[str] = frozenset()


def _topic(pattern: str, kinds: tuple[str, ...], unit: str, verb: str, **more: object) -> Topic:
    return Topic(re.compile(pattern), kinds, unit, verb, **more)  # type: ignore[arg-type]


def _also(words: str) -> frozenset[str]:
    return frozenset(words.split())


_THING = r"(?P<thing>.+?)"
_I = r"(?:did|have) (?:i|we)"
_ABOUT = r"(?: (?:about|mentioning) (?P<subject>.+))?"
_OTHER = r"(?P<thing>(?!(?:i|we)\b).+?)"
_ACTIVITIES = (
    r"(?P<thing>runn?(?:ing)?|walk(?:ing|s)?|bik(?:e|ing)|cycl(?:e|ing)|swim(?:ming)?|badminton|tennis|football|squash|"
    r"basketball|danc(?:e|ing)|elliptical|strength(?: training)?|row(?:ing)?|yoga|climb(?:ing)?|hik(?:e|ing)|gym)"
)
_GO = _also("play played playing done exercise training longest shortest session sessions")
_HOURS = _also("hour hours minute minutes spend spent")
SPOKEN = ("utterance", "conversation")
TOPICS = (
    # What was searched for or watched may be named like anything else, so these come first.
    _topic(rf"\b(?:search|searched|google|googled|look(?:ed)? up)(?: for)?(?: {_THING})?$", ("search",), "times", "searched for {thing}"),
    _topic(rf"\bvideos? {_I} watch(?:ed)?(?: (?:of|by|with|from|about) {_THING})?$", ("watch",), "videos", "watched {thing}"),
    _topic(rf"\b(?:watch|watched|watching)(?: {_THING})?$", ("watch",), "times", "watched {thing}"),
    _topic(rf"\b{_ACTIVITIES}\b", ("workout",), "times", "went {thing}", also=_GO | _HOURS),
    _topic(r"\bwork(?:ed)?[ -]?outs?\b|\bexercise[sd]?\b", ("workout",), "times", "worked out", also=_GO | _HOURS),
    _topic(rf"\b(?:songs?|tracks?) {_I} (?:listen(?:ed)? to|hear|heard|play(?:ed)?)(?: (?:by|from|of) {_THING})?$", ("listen",), "songs", "listened to"),
    _topic(rf"\b(?:listen|listened|listening|hear(?! from)|heard(?! from)|play|played)(?: to)?(?: {_THING})?$", ("listen",), "times", "listened to {thing}"),
    _topic(rf"\b(?:(?:tweets?|posts?) {_I} )?(?:post|posted|tweet|tweeted|write|wrote|publish|published)(?: tweets?)?{_ABOUT}$", ("post",), "times", "posted"),
    _topic(rf"\bmessages? {_I} (?:send|sent|write|wrote|written)(?: to {_THING})?{_ABOUT}$", ("message",), "messages", "sent {to}{thing}", origins=(Origin.SELF,), named=True),
    _topic(rf"\bmessages? {_I} (?:get|got|gotten|receive|received)(?: from {_THING})?{_ABOUT}$", ("message",), "messages", "got {from}{thing}", origins=(Origin.PERSON,), named=True),
    _topic(rf"\bmessages? (?:did|has|have) {_OTHER} (?:send|sent|write|wrote|written)(?: to)?(?: me| us)?{_ABOUT}$", ("message",), "messages", "got {from}{thing}", origins=(Origin.PERSON,), named=True),
    _topic(rf"\b(?:message|messaged|text|texted|write to|wrote to|written to|write|wrote|send|sent)(?: to)? (?!about\b){_THING}{_ABOUT}$", ("message",), "times", "wrote to {thing}", origins=(Origin.SELF,), named=True),
    _topic(rf"\b(?:did|has|have) {_OTHER} (?:write|text|message|written|texted|messaged)(?: to)?(?: me| us)?$", ("message",), "times", "heard from {thing}", origins=(Origin.PERSON,), named=True),
    _topic(rf"\b(?:talk|talked|speak|spoke|spoken) (?:to|with) {_THING}{_ABOUT}$", SPOKEN, "times", "talked with {thing}", named=True),
    _topic(rf"\b(?:chat|chatted|in touch|hear|heard) (?:to|with|from) {_THING}{_ABOUT}$", SAID, "times", "were in touch with {thing}", named=True),
    _topic(r"\b(?:leave|left) (?:the |my )?(?P<thing>home|house|work|office|gym|school|\w+)$", ("region_leave",), "times", "left {thing}"),
    _topic(r"\b(?:come|came|get|got|arrive|arrived|be|been) (?:back )?(?:to |at )?(?P<thing>home|work|office)$", ("region_enter",), "times", "came {thing}"),
    _topic(rf"\b(?:spend|spent|use|used|using) (?:on |in |with )?{_THING}$", ("app_use",), "duration", "used {thing}", also=_HOURS),
)  # fmt: skip

_SAID_OF = {
    "run": "went running", "runn": "went running", "walk": "went walking", "walks": "went walking", "bike": "went biking",
    "cycle": "went cycling", "swim": "went swimming", "row": "went rowing", "climb": "went climbing",
    "hike": "went hiking", "dance": "went dancing", "gym": "went to the gym", "yoga": "did yoga",
    "elliptical": "were on the elliptical", "strength": "did strength training", "strength training": "did strength training",
    "badminton": "played badminton", "tennis": "played tennis", "football": "played football", "squash": "played squash",
    "basketball": "played basketball",
}  # fmt: skip


def said_of(activity: str) -> str:
    """What a person did, past tense: "went running", "played badminton"."""
    return _SAID_OF.get(activity, f"went {activity}")


NOUNS = {
    "listen": "songs you listened to",
    "search": "searches",
    "watch": "videos you watched",
    "message": "messages",
    "workout": "workouts",
    "post": "posts",
}
"""What a topic is called where the question names no thing of its own."""

ASKS = (
    (re.compile(r"\b(?:shortest|fewest|lowest|least)\b"), Measure.LEAST),
    (re.compile(r"\b(?:longest|highest|most)\b(?! recent)"), Measure.MOST),
    (re.compile(r"^(?:on )?how many (?:days|nights)\b"), Measure.DAYS),
    (re.compile(r"^(?:when|(?:at )?what (?:time|day)|which day|how long ago)\b.*\b(?:last|most recent|latest|most recently)\b|^when was the last time\b|^how long ago\b"), Measure.LAST),
    (re.compile(r"^what did (?:i|we) (?:last|most recently) (?:write|send|search|watch|text|message)"), Measure.LAST),
    (re.compile(r"^what did .{1,40} (?:last|most recently) (?:write|text|message)"), Measure.LAST),
    (re.compile(r"^(?:when|(?:at )?what (?:time|day)|which day)\b.*\bfirst\b|^when was the first time\b"), Measure.FIRST),
    (re.compile(r"^(?:what'?s|what is|what was|tell me)?\s*(?:my |the )?(?:average|mean)\b|\baverage\b|\bper (?:day|night)\b|\busually\b"), Measure.MEAN),
    (re.compile(r"^(?:what(?:'?s| is| was)? (?:my|was my)|what (?:do|did) i)\b.*\b(?:weigh|weight|readiness)\b"), Measure.LAST),
    (re.compile(r"^how (?:often|many times|many)\b"), Measure.COUNT),
    (re.compile(r"^how (?:long|much)\b|^how (?:well )?(?:did|was|have)\b.*\b(?:sleep|slept|night)\b"), Measure.SUM),
    (re.compile(r"^when (?:did|was|were|have)\b"), Measure.LAST),
)  # fmt: skip
