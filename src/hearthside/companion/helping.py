"""“What helped when I was low last time?”: what was done while a low mood lifted, told as it was, never as advice."""

from __future__ import annotations

import re

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.replies import Memory, unknown
from hearthside.memory.moods.last_time import LastTime
from hearthside.memory.query import EVIDENCE_SHOWN
from hearthside.memory.search import hits_of

_HELP = re.compile(
    r"\b(?:help(?:s|ed)?|lift(?:s|ed)|cheer(?:s|ed)? me up|pick(?:s|ed)? me up|ma(?:de|kes) (?:me (?:feel )?)?(?:it )?"
    r"better|got me (?:out|through)|gets me (?:out|through)|geholfen|hilft|aufgemuntert)\b",
    re.IGNORECASE,
)
_LOW = re.compile(
    r"\b(?:low|down|sad|blue|depressed|unhappy|miserable|lonely|gloomy|in a bad mood|bad mood|low moods?|felt (?:bad|"
    r"awful|terrible)|feeling (?:bad|awful|terrible)|traurig|niedergeschlagen|schlecht ging|schlechte laune)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(r"^\W*(?:so |and |please |tell me |do you (?:know|remember) )*(?:what|was)\b", re.IGNORECASE)
_ME = re.compile(r"\b(?:i|i'm|i’m|me|my|ich|mir|mich)\b", re.IGNORECASE)
_QUERY = "what helped: doings of the last low days until the mood was better"


def asks_what_helped(text: str) -> bool:
    """Whether a text asks what helped the person out of a low mood, and not somebody else or in general."""
    return all(pattern.search(text) is not None for pattern in (_ASKS, _HELP, _LOW, _ME))


def answer_helped(memory: Memory, last: LastTime | None) -> Answer:
    """What memory holds of the last low mood that lifted; an honest "I don't know" when none did."""
    if last is None:
        return unknown("a low mood of yours that lifted", query=_QUERY)
    shown = [(identity, 1.0, "evidence") for identity in last.evidence[:EVIDENCE_SHOWN]]
    evidence = hits_of(memory.journal, memory.stream, shown)
    return Answer(last.sentence, AnswerMode.COMPUTED, _QUERY, ", ".join(last.doings), evidence)
