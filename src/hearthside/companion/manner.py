"""How the person wants to be spoken to: measured from their own messages by plain code, and what they asked for.

A wish ("please be shorter", "no emojis", "call me Ann") is kept in the journal as a decision of the person and goes
before what was measured; it holds until it is taken back or another wish takes its place. Short by default.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from hearthside.events import Event, Json, Origin
from hearthside.journal import Journal
from hearthside.journal.decisions import decide, decided

SETTING = "manner"
"""Name of the decision that holds the wishes in force."""

_READ = 300  # of the person's newest messages; more would not change a median
_LEAST = 20  # messages before anything is measured
_LONG_WORDS = 40  # who writes so many words in half of their messages is answered at length
_OFTEN = 0.15  # share of messages with a greeting, or with an emoji
_CALLED = 40  # characters of a name
_NAME_WORDS = 3
_EMOJI = re.compile(r"[\u2600-\u27bf\U0001f300-\U0001faff](?:[\ufe0f\u200d\U0001f3fb-\U0001f3ff])*")
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|dear|good (?:morning|evening)|hallo|guten|liebe[rs]?|moin|hoi|안녕|你好)\b", re.I
)
_FORMAL = re.compile(r"\b(?:would you|could you|kindly|dear|regards|sincerely|Sie|Ihnen|Ihre?[mnrs]?)\b|습니다|您")
_CASUAL = re.compile(r"\b(?:gonna|wanna|lol|haha+|u|ur|yeah|nah|hey|thx|omg|btw|du|dir|dich)\b|ㅋㅋ|哈哈", re.I)
_SCRIPTS = (
    ("ko", re.compile(r"[\uac00-\ud7a3]")),
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
)
_COMMON = {
    "en": frozenset("the and you that is it to of was have for not with this".split()),
    "de": frozenset("der die und ich nicht das ist ein mit auf wir zu den es".split()),
    "fr": frozenset("le la les et je pas est une que pour dans avec tu vous".split()),
    "es": frozenset("el la los y que no es una con para por pero como muy".split()),
}
LANGUAGES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "ko": "Korean", "ja": "Japanese", "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak to the person.

    Attributes:
        long: at length; else short.
        greets, emoji: whether the person does so in their own messages, or asked for it.
        formal: whether they write formally.
        language: two letters of the language they mostly write, or "" where it does not show.
        called: what they asked to be called, or "".
    """

    long: bool = False
    greets: bool = False
    emoji: bool = False
    formal: bool = False
    language: str = ""
    called: str = ""

    def line(self) -> str:
        """One line for a prompt; the same words for the same manner."""
        parts = ["Answer at some length." if self.long else "Keep it short."]
        parts += ["Be formal."] if self.formal else []
        parts += [] if self.emoji else ["No emojis."]
        parts += [f"Answer in {LANGUAGES[self.language]}."] if self.language not in {"", "en"} else []
        parts += [f"They want to be called “{self.called}”."] if self.called else []
        return " ".join([*parts, "Never lecture."])


def manner_of(journal: Journal) -> Manner:
    """The manner in force: what was measured from the person's own messages, and their wishes before it."""
    return with_wishes(measured(own_texts(journal)), wishes(journal))


def wishes(journal: Journal) -> dict[str, Json]:
    """The wishes in force, by the part of the manner they are about."""
    wished = decided(journal).get(SETTING)
    return dict(wished) if isinstance(wished, dict) else {}


def own_texts(journal: Journal) -> list[str]:
    """The person's newest own messages."""
    newest = journal.read(kinds=["message"], newest_first=True)
    texts = (
        item.record.text
        for item in islice(newest, 10 * _READ)
        if isinstance(item.record, Event) and item.record.origin is Origin.SELF and item.record.text.strip()
    )
    return list(islice(texts, _READ))


def measured(texts: Sequence[str]) -> Manner:
    """What own messages show; of too few of them nothing."""
    if len(texts) < _LEAST:
        return Manner()
    formal, casual = (sum(pattern.search(text) is not None for text in texts) for pattern in (_FORMAL, _CASUAL))
    return Manner(
        long=statistics.median(len(text.split()) for text in texts) >= _LONG_WORDS,
        greets=_share(_GREETING, texts) >= _OFTEN,
        emoji=_share(_EMOJI, texts) >= _OFTEN,
        formal=formal > 2 * casual and formal >= _OFTEN * len(texts),
        language=language_of(texts),
    )


def _share(pattern: re.Pattern[str], texts: Sequence[str]) -> float:
    return sum(pattern.search(text) is not None for text in texts) / len(texts)


def language_of(texts: Iterable[str]) -> str:
    """The language of most of the texts, by script and by the commonest words; "" where it does not show."""
    votes: dict[str, int] = {}
    for text in texts:
        found = next((name for name, script in _SCRIPTS if len(script.findall(text)) * 3 > len(text.split())), "")
        if not found:
            words = text.casefold().split()
            scored = {name: sum(word in common for word in words) for name, common in _COMMON.items()}
            found = max(scored, key=lambda name: scored[name]) if max(scored.values()) else ""
        if found:
            votes[found] = votes.get(found, 0) + 1
    best = max(votes, key=lambda name: votes[name], default="")
    return best if best and votes[best] * 2 > sum(votes.values()) else ""


# -- wishes ------------------------------------------------------------------------------------------------------------

_PLEASE = r"^(?:(?:please|pls|could you|can you|bitte|ok(?:ay)?|hey),? )*"
_FROM_NOW = r"(?: with me| from now on| in future| in the future| please| again| anymore| any more)*$"
_SHORTER = (
    r"(?:be (?:a (?:bit|little) )?(?:shorter|brief(?:er)?|more concise)"
    r"|(?:keep|make) (?:it|your answers?) (?:short(?:er)?|brief)"
    r"|(?:answer|write|speak) (?:more )?(?:briefly|shorter)|(?:give me )?shorter answers|fass dich k[uü]rzer)"
)
_LONGER = (
    r"(?:be (?:a (?:bit|little) )?(?:longer|more detailed)"
    r"|(?:answer|write|speak) (?:at (?:more |greater )?length|longer|more)"
    r"|(?:give me )?(?:longer|more detailed) answers"
    # "more detail" alone is about one answer
    r"|(?:always|from now on|in (?:the )?future),? (?:give me )?more details?"
    r"|(?:give me )?more details?(?: in (?:all |your )*answers| always| from now on| in (?:the )?future))"
)
_WISHES: tuple[tuple[re.Pattern[str], str, Json, str], ...] = tuple(
    (re.compile(_PLEASE + pattern + _FROM_NOW), name, value, said)
    for pattern, name, value, said in (
        (_SHORTER, "long", False, "I will keep it short."),
        (_LONGER, "long", True, "I will say more."),
        (r"(?:no|stop (?:using |with )?|don['’]?t use|without|keine) ?(?:any |the )?emojis?", "emoji", False,
         "No emojis."),
        (r"(?:use|you (?:may|can) use) (?:some )?emojis?", "emoji", True, "Emojis are welcome, then."),
        (r"be (?:more )?formal", "formal", True, "I will be formal."),
        (r"be (?:less formal|(?:more )?(?:informal|casual))", "formal", False, "I will be less formal."),
    )
)  # fmt: skip
_CALL = re.compile(
    _PLEASE + r"call me (?:[\"“„'‘«](?P<quoted>[^\W\d_][^,.!?;:\n\"“”„«»‘]{0,39}?)[\"”“'’»]"
    r"|(?P<name>[^\W\d_][^,.!?;:\n]{0,39}?))(?:,? (?:please|from now on))*[.!]*$",
    re.IGNORECASE,
)
_NOT_A_NAME = re.compile(
    r"\b(?:when(?:ever)?|if|at|on|in|by|after|before|until|once|this|next|your|my|a|an|the|about|what(?:ever)?"
    r"|today|tonight|tomorrow|now|asap|soon|later|back|again|never|maybe|please|anytime|sometimes?|anything|something"
    r"|morning|afternoon|evening|night|weekend|work|crazy|old"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|july|september|october|november|december)\b"
    r"|\b(?:april|may|june|august)\b.|.\b(?:april|may|june|august)\b",  # names where they stand alone
    re.IGNORECASE,
)
_LANGUAGE = re.compile(_PLEASE + r"(?:answer|write|speak|talk|reply)(?: to me)? in (?P<language>[a-z]+)" + _FROM_NOW)
_BACK = re.compile(
    _PLEASE + r"(?:forget (?:how i (?:want|asked) you to (?:write|speak|answer)|my wishes about your (?:tone|manner))"
    r"|(?:write|speak|answer) as (?:you did )?before)" + _FROM_NOW
)


@dataclass(frozen=True, slots=True)
class Wish:
    """Something the person asks of how they are spoken to.

    Attributes:
        name, value: of the part of the manner; name "" takes all wishes back.
        said: what is said to it.
    """

    name: str
    value: Json
    said: str


def wish_of(text: str) -> Wish | None:
    """The wish that a whole text is; None for anything else, a question above all."""
    plain = " ".join(text.split())
    if len(plain) > 80 or plain.endswith("?"):
        return None
    name = _name_of(plain)
    if name:
        return Wish("called", name, f"I will call you {name}.")
    lowered = plain.casefold().rstrip(".! ")
    if _BACK.match(lowered):
        return Wish("", None, "I will speak as your own messages suggest.")
    asked = _LANGUAGE.match(lowered)
    code = next((two for two, name in LANGUAGES.items() if asked is not None and name.lower() == asked["language"]), "")
    if code:
        return Wish("language", code, f"I will word answers in {LANGUAGES[code]} where a model is able to.")
    found = (Wish(name, value, said) for pattern, name, value, said in _WISHES if pattern.match(lowered))
    return next(found, None)


def _name_of(text: str) -> str:
    """What a text asks to be called: words with a capital (in scripts that have them), or a name in quotation marks."""
    called = _CALL.match(text)
    name = (called["quoted"] or called["name"]).strip() if called is not None else ""
    if called is None or len(name.split()) > _NAME_WORDS:
        return ""
    capital = all(not word[0].islower() for word in name.split())
    return name if called["quoted"] or (capital and not _NOT_A_NAME.search(name)) else ""


def keep(journal: Journal, wish: Wish, at_ms: int) -> None:
    """Journal a wish beside those in force."""
    decide(journal, SETTING, {**wishes(journal), wish.name: wish.value} if wish.name else {}, at_ms)


def with_wishes(manner: Manner, wished: Mapping[str, Json]) -> Manner:
    """A manner with wishes before it; what is no wish is left out."""

    def said(name: str, measured: bool) -> bool:
        value = wished.get(name)
        return value if isinstance(value, bool) else measured

    language, called = wished.get("language"), wished.get("called")
    return Manner(
        said("long", manner.long), said("greets", manner.greets), said("emoji", manner.emoji),
        said("formal", manner.formal), language if language in LANGUAGES else manner.language,
        called[:_CALLED] if isinstance(called, str) else "",
    )  # fmt: skip


# -- what it changes ---------------------------------------------------------------------------------------------------

_SHORT_QUOTE = 160  # characters of a quotation in a short answer; the whole stands beside it as evidence


def shaped(text: str, manner: Manner) -> str:
    """An answer of plain code in this manner: in short ones a long quotation is cut, as all of it stands beside it."""
    if manner.long:
        return text
    return re.sub(r"“([^“”]*)”", lambda match: f"“{_cut(match[1])}”", text)


def _cut(words: str) -> str:
    if len(words) <= _SHORT_QUOTE:
        return words
    end = words.rfind(" ", 0, _SHORT_QUOTE - 1)
    return words[: end if end > 0 else _SHORT_QUOTE - 1].rstrip("…, ") + "…"


def without_emojis(text: str, manner: Manner) -> str:
    """What a model said, without emojis unless they are welcome."""
    return text if manner.emoji else " ".join(_EMOJI.sub("", text).split())


def greeting(manner: Manner) -> str:
    """What is said in small talk where no model is able to talk."""
    name = f", {manner.called}" if manner.called else ""
    hello = "Hello" + name + ". " if manner.greets else ""
    here = "I'm here" + ("" if manner.greets else name)
    return f"{hello}{here}. Ask me about your days, or just talk."
