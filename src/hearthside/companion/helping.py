"""“What helped when I was low last time?”: what was done while a low mood lifted, told as it was, never as advice."""

from __future__ import annotations

import re

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.replies import Memory, unknown
from hearthside.memory.moods.last_time import LastTime
from hearthside.memory.query import EVIDENCE_SHOWN
from hearthside.memory.search import hits_of

_HELPED = (
    r"(?:helps?|helped|lifts|lifted|cheers me up|cheered me up|picks me up|picked me up|"
    r"(?:made|makes) (?:me feel |it )?better|(?:got|gets) me (?:out|through))"
)
_LOW = r"(?:low|down|sad|blue|depressed|unhappy|miserable|lonely|gloomy|bad|awful|terrible|in (?:a )?(?:bad|low) mood)"
_I_WAS_LOW = rf"i(?: was| am|['’]m| felt| feel|['’]ve been| get| got)(?: feeling| so| very| really| that)* {_LOW}"
_ENGLISH = re.compile(
    rf"(?:so |and |please |tell me |do you (?:know|remember) )*what (?:has |have |had |usually |always |did )*{_HELPED}"
    rf"(?: me)?(?: last time| the last time)? ?(?:,? ?(?:when|while|whenever|the last time|last time) {_I_WAS_LOW})"
    r"(?: last time| the last time| before| lately| recently)?",
    re.IGNORECASE,
)
_GERMAN = re.compile(
    r"was (?:hat|hilft) (?:mir|mich)(?: beim letzten mal| letztes mal| sonst| meistens| immer)?"
    r"(?: geholfen| aufgemuntert)?,? (?:als|wenn) (?:ich|es mir) (?:so |sehr )?(?:traurig|niedergeschlagen|schlecht|"
    r"einsam|unglücklich)(?: war| bin| ging| geht)(?: das letzte mal)?",
    re.IGNORECASE,
)
_QUERY = "what helped: doings of the last low days until the mood was better"


def asks_what_helped(text: str) -> bool:
    """Whether a whole text asks what helped the person out of a low mood, and nothing else."""
    asked = " ".join(text.split()).strip(" ?!.")
    return any(pattern.fullmatch(asked) is not None for pattern in (_ENGLISH, _GERMAN))


def answer_helped(memory: Memory, last: LastTime | None) -> Answer:
    """What memory holds of the last low mood that lifted; an honest "I don't know" when none did."""
    if last is None:
        return unknown("a low mood of yours that lifted", query=_QUERY)
    shown = [(identity, 1.0, "evidence") for identity in last.evidence[:EVIDENCE_SHOWN]]
    evidence = hits_of(memory.journal, memory.stream, shown)
    return Answer(last.sentence, AnswerMode.COMPUTED, _QUERY, ", ".join(last.doings), evidence)
