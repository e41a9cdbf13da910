"""No name, number, date or quotation in an answer that is not in its evidence: checked whatever the model said."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"\d+(?:[.,:/\-–]\d+)*")
_UNIT = re.compile(r"(\d+(?:[.,:/\-–]\d+)*)[^\S\n]*([^\W\d_]+|%)?")
_QUOTED = re.compile(r"[“\"„«]([^”\"“»]{2,})[”\"“»]|(?<!\w)['‘]([^'’]{2,})['’](?!\w)")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NUMBER_WORDS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million dozen half "
    "once twice thrice first second third fourth fifth".split()
)
_CALENDAR = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun yesterday tomorrow today tonight noon "
    "midnight spring summer autumn winter christmas easter".split()
)
_RELATIONS = frozenset(
    "mother mum mom father dad sister brother wife husband son daughter aunt uncle cousin niece nephew grandmother "
    "grandma grandfather grandpa girlfriend boyfriend fiance fiancee boss colleague neighbour neighbor doctor dentist "
    "dog cat".split()
)
_ALWAYS_CAPITAL = frozenset({"i", "ok", "hearthside", "i'm", "i'll", "i'd", "i've"})
_NOT_AT_ALL = frozenset({"may", "one", "second", "half", "sun", "sat", "march", "spring", "first", "mon", "wed"})
"""Words that are far more often something else; they count as a date or a number only where the capital says so."""
# A sentence may begin with these though the capital could be a name's; any other first word must be in the evidence.
_BEGINNINGS = frozenset(
    """
    a about absolutely actually after again ah all almost alright also always am an and another any anytime anything are
    as ask at aw be because been before being both bye but by can certainly chat come cool could did do does don't each
    either enjoy even every everything exactly feel fine for from fun get give glad go good got great had happy has have
    haven't having he hello help her here hey hi his hmm hope how however i i'd i'll i'm i've if in indeed interesting
    is isn't it it'd it'll it's its just keep know last lately let let's like listening look looks lots lovely make many
    maybe me might more morning most much my my pleasure nice night no not nothing now of of course oh ok okay on once
    only or our out over perfect perhaps please pleased possibly probably quite rather ready really rest right say see
    seems several shall she should since so some something sometimes soon sorry sound sounds still such sure take talk
    tell thank thanks that that'd that'll that's the their them then there there's these they they're thing things think
    this those though thus to too true try under until up very wait want was we we'd we'll we're we've welcome well were
    what what's whatever when where which while who why will wish with without wonderful wonder would wow yeah yep yes
    yet you you'd you'll you're you've your yours
    """.split()
)
# Words that add warmth or join a sentence, and no fact: what a rewording may add to what plain code said.
_MANNER = _BEGINNINGS | frozenset(
    """
    bit btw cheers dear friend gentle haha hi hm indeed kind little lol mate mm nah pal pretty simply totally u ur um
    well-done yay yup according back do does doing done far went gone happened happening record records recorded shows
    showing told says said
    """.split()
)


def claims(text: str, names: Iterable[str] = ()) -> set[str]:
    """What a text claims that could be wrong: numbers, dates, names, people by relation and quotations, lower case.

    A capital counts as a name wherever it stands, at the beginning of a sentence too unless the word is a common
    beginning.

    Args:
        names: names known from this life; they count as names however they are written.
    """
    known = {part.casefold() for name in names for part in name.split() if len(part) > 2}
    found = set(_numbers(text))
    found |= {quote.casefold().strip(" .,!?…") for pair in _QUOTED.findall(text) for quote in pair if quote}
    for sentence in re.split(r"(?<=[.!?…\n:;])\s+|[“\"(\[*_]", text):
        for position, word in enumerate(_WORD.findall(sentence)):
            lower = _plain(word)
            if _is_claim(word, lower, position) or lower in known:
                found.add(lower)
    return found


def _is_claim(word: str, lower: str, position: int) -> bool:
    if lower in _ALWAYS_CAPITAL:
        return False
    if lower in _NUMBER_WORDS | _CALENDAR | _RELATIONS:
        return lower not in _NOT_AT_ALL or (word[0].isupper() and position > 0)
    return word[0].isupper() and (position > 0 or lower not in _BEGINNINGS)


def ungrounded(text: str, support: Iterable[str], names: Iterable[str] = ()) -> set[str]:
    """Claims of a text that none of the supporting texts holds."""
    ground = " ".join("\n".join(support).casefold().split())
    ground_words = {_plain(word) for word in _WORD.findall(ground)} | set(_numbers(ground))
    return {claim for claim in claims(text, names) if not _supported(claim, ground, ground_words)}


def added(text: str, sentence: str) -> set[str]:
    """Words of a rewording that are neither in the sentence nor mere manner."""
    ground = {_plain(word) for word in _WORD.findall(sentence)}
    return {lower for word in _WORD.findall(text) if (lower := _plain(word)) not in ground | _MANNER}


def unquoted(text: str) -> str:
    """A text without its quotations: what it says itself."""
    return _QUOTED.sub(" ", text)


def _supported(claim: str, ground: str, ground_words: set[str]) -> bool:
    if claim in ground_words:
        return True
    # Only a quotation of several words is looked up as a whole, from word to word.
    spaced = " ".join(claim.split())
    return " " in spaced and re.search(rf"(?<!\w){re.escape(spaced)}(?!\w)", ground) is not None


def keeps(text: str, sentence: str) -> bool:
    """Whether a rewording still holds every claim of the sentence, who did it to whom, and most of its words."""
    if not claims(sentence) <= claims(text) | {_plain(word) for word in _WORD.findall(text)}:
        return False
    if not _units(sentence) <= _units(text) or _order(text, sentence) != _order(sentence, sentence):
        return False
    wanted = {_plain(word) for word in _WORD.findall(sentence) if len(word) > 3}
    given = {_plain(word) for word in _WORD.findall(text)}
    return not wanted or len(wanted & given) / len(wanted) >= 0.6


def _order(text: str, sentence: str) -> list[str]:
    """Persons, in the order in which the text names them, and its negations: "you wrote to Ann" is not "Ann wrote"."""
    people = {"you", "your", "i", "my", "me", "not", "no", "never", "nothing", "don't", "didn't"}
    named = {_plain(word) for word in _WORD.findall(sentence)[1:] if word[0].isupper()} - _CALENDAR
    words = [_plain(word) for word in _WORD.findall(text)]
    return [word for word in words if word in people | named]


def _units(text: str) -> set[tuple[str, str]]:
    """Each number with the word after it: "7 h" is not "7 min"."""
    return {(number.rstrip(".,:-–/"), unit.casefold()) for number, unit in _UNIT.findall(text) if unit}


def _numbers(text: str) -> list[str]:
    return [number.rstrip(".,:-–/") for number in _NUMBER.findall(text)]


def _plain(word: str) -> str:
    """Lower case, with straight apostrophes and without a possessive."""
    lower = word.casefold().replace("’", "'")
    if lower.endswith("'s") and lower not in {"it's", "that's", "let's", "there's", "what's"}:
        return lower[:-2]
    return lower
