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
        whole: what counts is how long it lasted.
    """

    pattern: re.Pattern[str]
    kinds: tuple[str, ...]
    unit: str
    verb: str
    origins: tuple[Origin, ...] = ()
    layers: tuple[Layer, ...] = ()
    best_source: bool = False
    named: bool = False
    whole: bool = False


def _topic(pattern: str, kinds: tuple[str, ...], unit: str, verb: str, **more: object) -> Topic:
    return Topic(re.compile(pattern), kinds, unit, verb, **more)  # type: ignore[arg-type]


_THING = r"(?P<thing>.+?)"
_ACTIVITIES = (
    r"(?P<thing>runn?(?:ing)?|walk(?:ing)?|bik(?:e|ing)|cycl(?:e|ing)|swim(?:ming)?|badminton|danc(?:e|ing)|elliptical|"
    r"strength(?: training)?|row(?:ing)?|yoga|climb(?:ing)?|hik(?:e|ing)|gym)"
)
SPOKEN = ("utterance", "conversation")
TOPICS = (
    # What was searched for or watched may be named like anything else, so these come first.
    _topic(rf"\b(?:search|searched|google|googled|look(?:ed)? up)(?: for)?(?: {_THING})?$", ("search",), "times", "searched for {thing}"),
    _topic(rf"\bvideos?(?: (?:of|by|with|from) {_THING})?(?: (?:have|did) (?:i|we))? watch(?:ed)?$", ("watch",), "times", "watched {thing}"),
    _topic(rf"\b(?:watch|watched|watching)(?: {_THING})?$", ("watch",), "times", "watched {thing}"),
    _topic(r"\b(?:in bed)\b", ("sleep",), "duration", "were in bed", best_source=True, whole=True),
    _topic(r"\b(?:sleep|asleep|slept|nights?)\b", ("sleep",), "duration", "slept", best_source=True),
    _topic(r"\bsteps?\b|\bwalk(?:ed)? (?:far|steps)", ("activity_day",), "steps", "took"),
    _topic(r"\b(?:weigh|weight|weighed)\b", ("weight_day",), "kg", "weighed"),
    _topic(r"\breadiness\b", ("readiness_day",), "points", "had a readiness of"),
    _topic(r"\b(?:cod(?:e|ed|ing)|program(?:med|ming)?)\b", ("coding_time_day",), "duration", "spent programming"),
    _topic(r"\b(?:at|on) (?:my|the) computer\b|\bcomputer time\b", ("app_time_day",), "duration", "were at the computer"),
    _topic(rf"\b(?:listen|listened|listening|hear(?! from)|heard(?! from)|play|played)(?: to)?(?: {_THING})?$", ("listen",), "times", "listened to {thing}"),
    _topic(r"\b(?:posts?|posted|tweets?|tweeted)\b", ("post",), "times", "posted"),
    _topic(r"\b(?:songs?|tracks?)\b", ("listen",), "songs", "listened to"),
    _topic(rf"\bmessages?\b.*?\b(?:send|sent|write|wrote)(?: to {_THING})?$", ("message",), "messages", "sent {to}{thing}", origins=(Origin.SELF,), named=True),
    _topic(rf"\bmessages?\b.*?\b(?:get|got|receive|received)(?: from {_THING})?$", ("message",), "messages", "got {from}{thing}", origins=(Origin.PERSON,), named=True),
    _topic(rf"\b(?:message|messaged|text|texted|write to|wrote to|write|wrote|send|sent)(?: to)? {_THING}$", ("message",), "times", "wrote to {thing}", origins=(Origin.SELF,), named=True),
    _topic(rf"\b(?:did|has|have) {_THING} (?:last |first )?(?:write|text|message)(?: to)?(?: me)?$", ("message",), "times", "heard from {thing}", origins=(Origin.PERSON,), named=True),
    _topic(rf"\b(?:talk|talked|speak|spoke) (?:to|with) {_THING}$", SPOKEN, "times", "talked with {thing}", named=True),
    _topic(rf"\b(?:chat|chatted|in touch|hear|heard) (?:to|with|from) {_THING}$", SAID, "times", "were in touch with {thing}", named=True),
    _topic(rf"\b(?:leave|left) {_THING}$", ("region_leave",), "times", "left {thing}"),
    _topic(r"\b(?:come|came|get|got|arrive|arrived|be|been) (?:back )?(?:to |at )?(?P<thing>home|work|office)$", ("region_enter",), "times", "came {thing}"),
    _topic(rf"\b{_ACTIVITIES}\b", ("workout",), "times", "went {thing}"),
    _topic(r"\bwork(?:ed)?[ -]?outs?\b|\bexercise[sd]?\b", ("workout",), "times", "worked out"),
    _topic(rf"\b(?:see|saw|meet|met) {_THING}$", (*SAID, "region_enter"), "times", "have a record of {thing}"),
    _topic(rf"\b(?:spend|spent|use|used|using) (?:on |in |with )?{_THING}$", ("app_use",), "duration", "used {thing}"),
)  # fmt: skip

NOUNS = {
    "sleep": "your sleep",
    "activity_day": "your steps",
    "weight_day": "your weight",
    "readiness_day": "your readiness",
    "coding_time_day": "time spent programming",
    "app_time_day": "time at the computer",
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
    (re.compile(r"^(?:what'?s|what is|what was|tell me)?\s*(?:my |the )?(?:average|mean)\b|\bon average\b|\bper (?:day|night)\b|\busually\b"), Measure.MEAN),
    (re.compile(r"^how (?:often|many times|many)\b"), Measure.COUNT),
    (re.compile(r"^how (?:long|much)\b|^how (?:well )?(?:did|was|have)\b.*\b(?:sleep|slept|night)\b"), Measure.SUM),
    (re.compile(r"^when (?:did|was|were|have)\b"), Measure.LAST),
)  # fmt: skip
