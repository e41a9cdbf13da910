"""What plain code cannot compute: a question that asks for it is never answered with the value of a simpler one."""

from __future__ import annotations

import re

_MONTHS = "january|february|march|april|june|july|august|september|october|november|december"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_NUMBERS = r"(?:\d|an? |one|two|three|four|five|six|seven|eight|nine|ten|half)"
# A song, a search or a video may be called anything, so behind these verbs most words are part of a name.
_NAMED_FREELY = re.compile(
    r"\b(?:search(?:ed)? for|google[d]?|look(?:ed)? up|watch(?:ed)?|listen(?:ed)? to|play(?:ed)?|of|about|by|write to|"
    r"talk to|at) (?!(?:i|we)\b)(?P<name>.+)$"
)
_ALWAYS = (
    rf"\b(?:less|more|fewer|over|under|above|below|at least|at most|up to|exactly) (?:than )?{_NUMBERS}",
    rf"\b(?:on|at|during) (?:the )?(?:weekends?|weekdays?|workdays?|work days|(?:{_DAYS})s)\b",
    r"\bbefore last\b|\band (?:in )?(?:19|20)\d\d\b",
)
_OUTSIDE_NAMES = (
    r"\b(?:than|compar\w+|versus|vs|lose|lost|gain(?:ed)?|increas\w+|decreas\w+|chang\w+|improv\w+|difference|trend|"
    r"correlat\w+|median|percent\w*)\b",
    rf"\b(?:weekends?|weekdays?|(?:{_DAYS})s|each|every|{_DAYS}|{_MONTHS}|(?:19|20)\d\d)\b",
    r"\b(?:today|tonight|yesterday|tomorrow|(?:this|last|next|past) (?:night|week|weekend|month|year))\b",
    r"\b(?:deep|rem|light sleep|awake|awakenings|badly|poorly|restless\w*|efficien\w+)\b",
    r"\b(?:before|after|until|till|between|while|except|without|besides|instead|unless|if)\b",
    r"\b(?:not|never|nobody|nothing|didn['’]?t|haven['’]?t|wasn['’]?t|don['’]?t|only|alone|else)\b",
    r"\b(?:should|shall|will|next|coming)\b",
)


def beyond_computing(rest: str) -> bool:
    """Whether a question holds a condition, a comparison or a second time that no query can express.

    Args:
        rest: the question without the one time that was understood, lower case.
    """
    if any(re.search(pattern, rest) for pattern in _ALWAYS):
        return True
    plain = outside_names(rest)
    return any(re.search(pattern, plain) for pattern in _OUTSIDE_NAMES)


def outside_names(rest: str) -> str:
    """The question up to what may be the name of a song, a video or a search."""
    free = _NAMED_FREELY.search(rest)
    return rest[: free.start("name")] if free is not None else rest


_FILLER = frozenset(
    "a an the of on in at to for and or when what whats which who how many much long often time times day days night "
    "nights did do does have has had been be was were is are am i i've we us me my our total altogether overall all "
    "together average mean usually typically per please tell know ago last first recently recent latest most least "
    "shortest longest shorter highest lowest fewest best ever so far go going went get got getting take took taken "
    "that it up there".split()
)


def left_over(text: str, start: int, end: int, also: frozenset[str] = frozenset()) -> set[str]:
    """Words of a question that neither its topic nor the way of asking accounts for.

    Args:
        start, end: the part that the topic's pattern took.
        also: further words that add nothing to this topic.
    """
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)?", f"{text[:start]} {text[end:]}")
    return {word for word in words if word not in _FILLER and word not in also}
