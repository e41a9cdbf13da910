"""A capable model words an answer from evidence; what it says out of records is shown as quotations of them.

The model's sentence is taken apart word by word. What it may say as the companion's own are words that the person used
in the question, words that join a sentence, and days that code has told from the day of a record. Every other word must
stand in the evidence, and is set in quotation marks as it stands there. So no name, number or date can be made up, and
no text in a record is ever spoken in the companion's own voice, whatever it tells the model to do. A sentence must take
something from one record, name nobody whom neither that record nor the question names, and deny what it denies. One
that strays is thrown away, and the evidence is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from hearthside.companion import context
from hearthside.companion.abstention import author_of
from hearthside.companion.answers import Answer
from hearthside.companion.asked import stem
from hearthside.companion.grounding import ungrounded
from hearthside.companion.quoting import INNER, reads_like_a_sentence
from hearthside.companion.recalling import source_line
from hearthside.companion.spans import day_in_words, days_meant
from hearthside.companion.wording import AS_THEY_STAND, AWAY, LanguageModel, complete
from hearthside.events import Origin
from hearthside.memory.hits import Hit
from hearthside.memory.when import MONTHS

_MOST_TOKENS = 48
_READ, _RECORD_CHARS = 6, 280  # records that a model is given, and characters of each
_NAME_WORDS = 3
_NUMBERS = {
    name: str(i) for i, name in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
_LONGEST = 300  # characters of a sentence
_MONTH = "(?:" + "|".join(MONTHS) + ")"
_UNKNOWN = re.compile(
    r"\b(?:unknown|not (?:mentioned|stated|specified|known|in the records)|no (?:record|information))\b", re.I
)
_MARKS = re.compile(r"[“”\"„«»*_`]")  # quotation marks are set by code alone
_STRANGE = re.compile(r"[^\w\s.,;:!?'’()\-–—%€$£&/+°]|//|\w:\S*[a-z]")  # links, tags, tables: no plain sentence
_DATE = re.compile(
    rf"\b(?:(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m>{_MONTH})"
    rf"|(?P<m2>{_MONTH}) (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?)\b"
    r"(?:,? (?P<y>\d{4}))?",
    re.IGNORECASE,
)
_WHEN, _DIGIT = re.compile(r"\s*(?:since )?when\b", re.IGNORECASE), re.compile(r"\d")
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_JOINING = frozenset(
    """
    a about after again all also an and any are as at because been before being both but by did do does for from had has
    have he her hers his in is it its itself just more most no not of off on once only or other our out over own she so
    some such than that the their theirs them then there these they this those to too under until up very was were what
    when where which while who whom why will with without would yes you your yours during since near around between into
    through every each few several many lot lots mainly mostly usually often probably maybe likely
    """.split()
)
"""Words of a closed class: they join what is said, and say nothing by themselves."""
_DENIED = re.compile(
    r"\b(?:not|never|no|nobody|none|neither|nor|nothing|nowhere|without|cannot|nicht|nichts|nie|niemals|niemand|nein"
    r"|kein(?:e[mnrs]?)?|ohne|pas|jamais|rien|nunca|nada|nadie"
    r"|(?:do|does|did|is|was|were|are|ca|wo|could|would|should|has|have|had)nt)\b|n['’]t\b|[不没沒]|않|아니|ない",
    re.IGNORECASE,
)
_YES = re.compile(r"\byes\b|^\W*(?:yeah|yep|yup|sure|indeed|ja|doch|oui|sí|si)\b", re.IGNORECASE)
_NO = re.compile(r"^\W*(?:no|nope|nah|nein|non)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a model is told besides question and evidence.

    Attributes:
        profile, tone, present: see `context.build`.
        conversation: earlier turns as (role, text), oldest first.
    """

    profile: str = ""
    tone: str = ""
    present: str = ""
    conversation: tuple[tuple[str, str], ...] = ()


def tell(
    model: LanguageModel, question: str, plain: Answer, hits: Sequence[Hit], setting: Setting, names: Iterable[str] = ()
) -> Answer:
    """The answer in the model's sentence, where it keeps to the evidence; else the plain one.

    Args:
        plain: what plain code says; its evidence is shown beside either.
        hits: the evidence, best first.
        names: known from this life.
    """
    hits = hits[:_READ]
    messages = context.build(
        question, [record(hit) for hit in hits], setting.conversation, setting.profile, setting.tone, setting.present
    )
    said, limited = complete(model, messages, _MOST_TOKENS)
    line = _line(said)
    if limited or not line or _UNKNOWN.search(line):
        return replace(plain, limited=AS_THEY_STAND if limited == AWAY else limited)
    told = set_apart(line, question, hits, names)
    if told is None or (_WHEN.match(question) and _DIGIT.search(plain.value) and not _DIGIT.search(told.text)):
        return plain  # code tells a day where the model tells none
    if any(word.search(told.text) and not word.search(plain.value) for word in (_YES, _NO)):
        return plain  # whether it is so is for code to tell
    source = next((hit for hit in hits if hit.id == told.source), hits[0])
    cited = [source, *(hit for hit in plain.evidence if hit.id != source.id)]
    text = f"{told.text[0].upper()}{told.text[1:]}{'' if told.text[-1] in '.!?' else '.'} {source_line(source)}"
    value = told.text.replace("“", "").replace("”", "")
    return replace(plain, text=text, value=value, evidence=cited[: max(len(plain.evidence), 1)], worded_by=model.name)


def record(hit: Hit) -> str:
    """A record as one line, with its day in words and what "yesterday" and the like mean in it."""
    said = date.fromisoformat(hit.local[:10])
    text = " ".join(context.harmless(hit.text).split())[:_RECORD_CHARS]
    meant = [f"{phrase} = {day}" for phrase, day in days_meant(text, said)]
    who = context.harmless(author_of(hit)) or ("you" if hit.origin is Origin.SELF else hit.kind)
    note = f" ({'; '.join(meant)})" if meant else ""
    return f"- {day_in_words(said)}, {who}: “{text.translate(INNER)}”{note}"


def _line(said: str) -> str:
    """The first line of what a model said, without what it puts around an answer; "" for what no answer looks like."""
    lines = [line for line in (" ".join(one.split()) for one in said.splitlines()) if line]
    line = re.sub(r"^(?:[-*•]\s*|answer\s*:\s*)", "", lines[0], flags=re.IGNORECASE) if lines else ""
    line = _MARKS.sub("", line).strip(" '")
    return line if 0 < len(line) <= _LONGEST and not _STRANGE.search(line) else ""


# -- whose words are whose ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence with what it takes from records in quotation marks, and the id of the record that most of it is in."""

    text: str
    source: str


def set_apart(line: str, question: str, hits: Sequence[Hit], names: Iterable[str] = ()) -> Told | None:
    """A model's sentence with every run of words out of records between quotation marks; None when it strays.

    It strays with a word, name, number or date out of nowhere, with nothing taken from a record, with a name or a day
    of another record than the one that most of it is in, and where it denies what that record says, or the reverse.
    """
    names = list(names)
    texts, days = [" ".join(hit.text.split()) for hit in hits], [_days_of(hit) for hit in hits]
    every_day = [day for some in days for day in some]
    dates = list(_DATE.finditer(line))
    if not all(_is_told(found, every_day, [question, *texts]) for found in dates):
        return None
    named, own = _own_words(_plain(names)), _own_words([question], every_day)
    words = list(_WORD.finditer(line))
    used = [_told_days(line, dates, question, some, text) for some, text in zip(days, texts, strict=True)]
    parts: list[str] = []
    i = at = 0
    while i < len(words):
        if _is_own(words[i].group(), own | named) or _in_one(words[i], dates):
            i += 1
            continue
        found = _run(words, i, texts, own | named) or _another_form(words[i].group(), i, texts)
        if found is None:
            return None
        parts += [line[at : words[i].start()], f"“{found.text.translate(INNER)}”"]
        used[found.place] += found.end - i
        at, i = words[found.end - 1].end(), found.end
    text = "".join([*parts, line[at:]])
    if not any(used) or ungrounded(
        text, [question, *every_day, *(f"{hit.local} {hit.note} {hit.text}" for hit in hits)], names
    ):
        return None
    best = max(range(len(hits)), key=lambda j: (used[j], -j))
    free = [word.group() for word in words if not _in_one(word, dates)]
    if not all(_is_told(found, days[best], [question, texts[best]]) for found in dates):
        return None
    return Told(text, hits[best].id) if _keeps_to(hits[best], line, free, own, named) else None


def _keeps_to(source: Hit, line: str, words: Iterable[str], own: frozenset[str], named: frozenset[str]) -> bool:
    """Whether a sentence names nobody whom its source and the question do not name, and denies what its source does."""
    known = own | _own_words([author_of(source), source.text])
    strangers = [one for one in words if one.casefold() not in _JOINING and _key(one) in named - known]
    return not strangers and bool(_DENIED.search(line)) == bool(_DENIED.search(source.text))


def _told_days(line: str, dates: Iterable[re.Match[str]], question: str, days: Sequence[str], text: str) -> int:
    """How many of the dates and calendar words of a sentence a record tells, and the question does not."""
    whole = sum(found[0].casefold() not in question.casefold() and _is_told(found, days, [text]) for found in dates)
    told = _own_words([], days) - _own_words([question])
    spoken = [word.group().casefold() for word in _WORD.finditer(_DATE.sub(" ", line))]
    return whole + sum(word not in _JOINING and _key(word) in told for word in spoken)


def _in_one(word: re.Match[str], dates: Iterable[re.Match[str]]) -> bool:
    return any(one.start() <= word.start() < one.end() for one in dates)


def _is_told(match: re.Match[str], days: Iterable[str], texts: Iterable[str]) -> bool:
    """Whether a date in a sentence is, as a whole, one of the days that code told, or stands so in a text."""
    day, month = int(match["d"] or match["d2"]), (match["m"] or match["m2"]).casefold()
    year = match["y"] or ""
    for known in days:
        for one in _DATE.finditer(known):
            same = (int(one["d"] or one["d2"]), (one["m"] or one["m2"]).casefold()) == (day, month)
            if same and (not year or one["y"] == year):
                return True
    return any(match[0].casefold() in text.casefold() for text in texts)


def _own_words(texts: Iterable[str], days: Iterable[str] = ()) -> frozenset[str]:
    """Stems of the words of texts, and of days told by code."""
    spoken = {_key(word.group()) for text in texts for word in _WORD.finditer(text)}
    calendar = {_key(word.group()) for day in days for word in _WORD.finditer(day)}
    return frozenset(spoken | {word for word in calendar if len(word) > 2})  # two digits are no day by themselves


def _plain(names: Iterable[str]) -> list[str]:
    """The names without what is a sentence and calls itself a name."""
    return [name for name in names if len(name.split()) <= _NAME_WORDS and not reads_like_a_sentence(name)]


def _is_own(word: str, own: frozenset[str]) -> bool:
    return word.casefold() in _JOINING or _key(word) in own


def _key(word: str) -> str:
    """What forms of a word have in common; a number is the same in letters and in digits."""
    lower = word.casefold()
    return _NUMBERS.get(lower, stem(lower))


@dataclass(frozen=True, slots=True)
class _Run:
    """Words up to `end` as they stand in the text at `place`."""

    end: int
    text: str
    place: int


def _run(words: Sequence[re.Match[str]], at: int, texts: Sequence[str], own: frozenset[str]) -> _Run | None:
    """The longest run of words that stands so in a record, and does not end in the companion's own words."""
    for end in range(len(words), at, -1):
        if end - 1 > at and _is_own(words[end - 1].group(), own):
            continue
        phrase = r"\W+".join(re.escape(word.group()) for word in words[at:end])
        pattern = re.compile(rf"(?<![^\W_]){phrase}(?![^\W_])", re.IGNORECASE)
        for place, text in enumerate(texts):
            found = pattern.search(text)
            if found is not None:
                return _Run(end, found[0], place)
    return None


def _another_form(word: str, at: int, texts: Sequence[str]) -> _Run | None:
    """The form in which a record holds a word: "painting" for "paints"."""
    for place, text in enumerate(texts):
        found = next((one.group() for one in _WORD.finditer(text) if _key(one.group()) == _key(word)), None)
        if found is not None:
            return _Run(at + 1, found, place)
    return None


def _days_of(hit: Hit) -> list[str]:
    """Days that code can tell from a record: its own, and those that its words mean."""
    said = date.fromisoformat(hit.local[:10])
    return [day_in_words(said), hit.local[:10], *(day for _, day in days_meant(hit.text, said))]
