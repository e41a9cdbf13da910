"""Sentences in which people say something lasting about themselves: a table of English phrases.

A phrase names what it states, how sure that is, and whether it ends something. The object is cut where another thought
begins. Sentences that ask, suppose, or repeat somebody else's words state nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = r"(?P<value>[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,3})"
_THING = r"(?P<value>[^.,;:!?\n()\"“”]{2,60})"
_KIN = (
    "sister|brother|mum|mom|mother|dad|father|wife|husband|partner|girlfriend|boyfriend|fiancée?|son|daughter|aunt|"
    "uncle|grandma|grandmother|grandpa|grandfather|cousin|niece|nephew|flatmate|roommate|boss"
)
_PET = "dog|cat|puppy|kitten|parrot|rabbit|hamster|horse|tortoise"
_ILLNESS = "asthma|diabetes|migraines?|epilepsy|hay fever|arthritis|eczema|tinnitus|insomnia|high blood pressure|ADHD"
_DIET = "vegetarian|vegan|pescatarian|coeliac|celiac|lactose intolerant|gluten free|gluten-free|teetotal"
_I = r"\bI(?:['’]m| am| have|['’]ve)?"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One way of stating something.

    Attributes:
        predicate, topic: of the fact.
        pattern: with a group ``value``, and ``role`` where the predicate needs one.
        sentence: for the person, with ``{value}`` and ``{role}``.
        single: see `Fact.single`.
        sure: how often it is meant as it is said, by our estimate.
        ends: it says that something no longer holds.
    """

    predicate: str
    topic: str
    pattern: re.Pattern[str]
    sentence: str
    single: bool = False
    sure: float = 0.7
    ends: bool = False


def _phrase(
    predicate: str, topic: str, pattern: str, sentence: str, *, single: bool = False, sure: float = 0.7,
    ends: bool = False,
) -> Phrase:  # fmt: skip
    return Phrase(predicate, topic, re.compile(pattern), sentence, single, sure, ends)


PHRASES = (
    _phrase("lives_in", "places", rf"\bI (?:now |still |currently )?live in {_NAME}", "You live in {value}.",
            single=True, sure=0.85),
    _phrase("lives_in", "places", rf"\bI(?:['’]ve| have)? (?:just )?moved to {_NAME}", "You live in {value}.",
            single=True, sure=0.7),
    _phrase("grew_up_in", "places", rf"\bI (?:grew up|was raised) in {_NAME}", "You grew up in {value}.", single=True,
            sure=0.85),
    _phrase("born", "person", rf"\bI was born (?:in|on) {_THING}", "You were born {value}.", single=True, sure=0.8),
    _phrase("birthday", "person", r"\b[Mm]y birthday(?:['’]s| is) (?:on )?(?P<value>(?:the )?\d[^.,;:!?\n]{1,30}"
            r"|(?:January|February|March|April|May|June|July|August|September|October|November|December)[^.,;:!?\n]{1,20})",
            "Your birthday is {value}.", single=True, sure=0.85),
    _phrase("works_at", "work", rf"\bI (?:now |still |currently )?work (?:at|for) {_NAME}", "You work at {value}.",
            single=True, sure=0.8),
    _phrase("works_as", "work", r"\bI work as (?P<value>an? [^.,;:!?\n]{2,40})", "You work as {value}.", single=True,
            sure=0.8),
    _phrase("studies", "work", rf"\bI(?:['’]m| am) studying {_THING}", "You study {value}.", sure=0.7),
    _phrase("family", "family", rf"\b[Mm]y (?P<role>{_KIN})(?:['’]s name is| is called| is named|,)? {_NAME}",
            "Your {role} is {value}.", sure=0.75),
    _phrase("pet", "family", rf"\b[Mm]y (?P<role>{_PET})(?:['’]s name is| is called| is named|,)? {_NAME}",
            "Your {role} is {value}.", sure=0.8),
    _phrase("has_pet", "family", rf"\bI (?:have|own) an? (?P<value>{_PET})\b", "You have {value}.", sure=0.75),
    _phrase("allergic_to", "health", rf"\bI(?:['’]m| am) (?:very |really |quite |badly )?allergic to {_THING}",
            "You are allergic to {value}.", sure=0.9),
    _phrase("diet", "food", rf"\bI(?:['’]m| am) (?:an? )?(?P<value>{_DIET})\b", "You are {value}.", sure=0.85),
    _phrase("condition", "health", rf"\bI (?:have|suffer from|['’]ve got) (?P<value>{_ILLNESS})\b", "You have {value}.",
            sure=0.8),
    _phrase("speaks", "languages", r"\bI (?:can )?speak (?P<value>(?:fluent |some |a little )?[A-Z][a-z]+)\b",
            "You speak {value}.", sure=0.75),
    _phrase("learns", "languages", rf"\bI(?:['’]m| am) learning (?:how )?{_THING}", "You are learning {value}.",
            sure=0.7),
    _phrase("plays", "hobbies", rf"\bI play (?:the )?{_THING}", "You play {value}.", sure=0.7),
    _phrase("likes", "likes", r"\b[Oo]ne of my (?:all[- ]time )?favou?rite [a-z]+(?: [a-z]+){0,2} is "
            r"(?P<value>[^.,;:!?\n]{2,50})", "You like {value}.", sure=0.65),
    _phrase("favourite", "likes", r"\b[Mm]y (?:all[- ]time )?favou?rite (?P<role>[a-z]+(?: [a-z]+)?) is "
            r"(?P<value>[^.,;:!?\n]{2,50})", "Your favourite {role} is {value}.", single=True, sure=0.75),
    _phrase("likes", "likes", rf"\bI (?:really |still |just |absolutely )*(?:love|adore|enjoy) {_THING}",
            "You like {value}.", sure=0.65),
    _phrase("dislikes", "likes", rf"\bI (?:really |still |just |absolutely )*(?:hate|dislike|loathe|"
            r"(?:can['’]?t|cannot)"
            rf" stand|don['’]t like|do not like) {_THING}", "You dislike {value}.", sure=0.65),
    _phrase("started", "habits", rf"\bI(?:['’]ve| have)? (?:recently |just )?(?:started|taken up|took up) {_THING}",
            "You started {value}.", sure=0.6),
    _phrase("stopped", "habits", rf"\bI(?:['’]ve| have)? (?:recently |just |finally )?(?:stopped|quit|gave up|given up)"
            rf" {_THING}", "You stopped {value}.", sure=0.6, ends=True),
    _phrase("used_to", "habits", rf"\bI used to {_THING}", "You used to {value}.", sure=0.6, ends=True),
)  # fmt: skip
"""In order: the first phrase that fits a place counts."""

_ANY = re.compile(r"\b(?:I|[Mm]y)\b")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_SUPPOSES = re.compile(
    r"\b(?:if|unless|wish|imagine|pretend|would|wouldn|could|might|maybe|perhaps|suppose|when I was|joking|jk|lol)\b"
    r"|['’]d\b",
    re.IGNORECASE,
)
_SOMEBODY_ELSES = re.compile(
    r"[\"“”]|^\s*>|\b(?:he|she|they|who|says?|said|told|tells|asked|wrote|song|lyrics?|quote)\b", re.IGNORECASE
)
_CUT = re.compile(
    r"\s+(?:and|but|it['’]?s|in general|because|cause|cuz|so|when|whenever|while|with|since|though|"
    r"although|which|that|as|for|until|after|"
    r"before|if|or|too|now|again|lately|anymore|these days|at the moment|right now|today|tonight|yesterday|last|this|"
    r"haha\w*|lol|xx+)\b.*$|\s*[-–—]\s.*$|[^\w\s)'’&%/-].*$",
    re.IGNORECASE | re.DOTALL,
)  # fmt: skip
_EMPTY = frozenset(
    "it that this these those you him her them me us one some any all both so to how what when where who why there here"
    " being having doing going getting seeing hearing talking thinking everything anything nothing something everyone"
    " your my his their our its every each the a an more most in on at of by from for is are was were be called"
    " making these those many much lots lot ton tons bunch with makes has had does did must".split()
)
_PRONOUNS = frozenset(
    {"i", "we", "he", "she", "they", "ich", "wir", "er", "sie", "es", "나", "우리", "私", "我", "他", "她"}
)
_ARTICLES = frozenset({"the", "a", "an"})
_AGO = re.compile(
    r"(?:about |around |almost |over )?(?:\w+|an? \w+(?: of)?) (?:day|week|month|year|time)s? ago\b.*", re.I
)
_POSSESSIVE = re.compile(r"['’]s$")
_CALLED = frozenset({"family", "pet"})
"""“My daughter Sara's birthday” names Sara."""

_ENDS_EMPTY = frozenset("the a an my your his her their our of in on at to with and or so very".split())
_MOST_WORDS = 5
_WEAK = 0.65  # phrases no surer than this must name something of its own: "the city" is said of a city talked of
_LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Statement:
    """A phrase found in a text: characters [start, end) of it say `value`, in the role `role`."""

    phrase: Phrase
    value: str
    role: str
    start: int
    end: int


def statements(text: str) -> Iterator[Statement]:
    """What a text states about its writer, in order."""
    if not _ANY.search(text):
        return
    for sentence in _SENTENCE.finditer(text[:_LONGEST_TEXT]):
        said = sentence.group()
        if said.rstrip().endswith("?") or doubtful(said):
            continue
        yield from _stated(said, sentence.start())


def doubtful(sentence: str) -> bool:
    """Whether a sentence supposes something or repeats somebody else's words, so that it states nothing."""
    return _SUPPOSES.search(sentence) is not None or _SOMEBODY_ELSES.search(sentence) is not None


def is_empty(value: str) -> bool:
    """Whether words name nothing of their own: “it”, “what you”."""
    words = [word.strip("'’") for word in value.casefold().split()]
    return not any(char.isalnum() for char in value) or all(word in _EMPTY | _PRONOUNS for word in words)


def _stated(said: str, offset: int) -> Iterator[Statement]:
    """The statements of one sentence, which begins `offset` characters into its text; no two overlap."""
    found = list[Statement]()
    for phrase in PHRASES:
        position = 0
        while (match := phrase.pattern.search(said, position)) is not None:
            position = match.start() + 1
            value = _object(match.group("value"), phrase)
            start, end = offset + match.start(), offset + match.start("value") + len(value)
            if value and not any(start < other.end and other.start < end for other in found):
                found.append(Statement(phrase, value, (match.groupdict().get("role") or "").casefold(), start, end))
    yield from sorted(found, key=lambda statement: statement.start)


def _object(said: str, phrase: Phrase) -> str:
    """The object of a phrase without what follows it, or "" when nothing is left that stands for itself."""
    value = _CUT.sub("", said.strip()).strip(" '’-")
    value = _POSSESSIVE.sub("", value) if phrase.predicate in _CALLED else value
    words = value.split()
    if not words or len(words) > _MOST_WORDS or is_empty(value) or _AGO.fullmatch(value):
        return ""
    first, last = words[0].casefold(), words[-1].casefold()
    starts = _ARTICLES | {"to"} if phrase.predicate == "learns" else _ARTICLES  # to draw
    if first in _EMPTY - starts or last in _ENDS_EMPTY:
        return ""
    if phrase.sure <= _WEAK and first in {"the", "my"}:
        return ""
    return value
