"""Letting the model word what plain code found out; a wording that fails the grounding check is thrown away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hearthside.companion.context import harmless
from hearthside.companion.grounding import added, keeps, ungrounded, unquoted
from hearthside.errors import HearthsideError, RetryLater

_MAX_TOKENS = 80
_TURNS_TOLD, _SENTENCES_KEPT = 4, 2  # of small talk: earlier turns that a model is told, and sentences of its answer
_REWORD = (
    "Repeat the user's sentence as a friend would say it to them, in one short sentence. Keep every name, number, date "
    "and quotation exactly. Add nothing."
)
_CHAT = (
    "You are Hearthside, a calm private companion at home. Answer in one or two short warm sentences. You know no "
    "facts about the user here, so state none: no names, no numbers, no dates."
)


# Small talk claims nothing about the person's life, their past above all.
_ABOUT_YOU = re.compile(
    r"\byou(?:['’](?:d|ve))? (?:\w+ly )?(?:said|told|mentioned|wrote|went|were|was|did|had|have been|have had|always|"
    r"usually|used to|often|never|love|loved|like|liked|hate|hated|live|lived|work|worked|ate|slept|bought|met|saw|"
    r"made|called|asked)\b|\b(?:last time|remember when|as before|i (?:remember|recall|noticed|saw|heard|know))\b",
    re.IGNORECASE,
)


STANDBY = "The compute node is away just now, so a small model talks with you; it knows nothing of your records."
AWAY = "The language model could not be asked."
SET_PHRASE = AWAY[:-1] + ", so this is a set phrase; questions about your days are answered all the same."
AS_THEY_STAND = AWAY[:-1] + ", so the records are quoted as they stand."
BY_WORDS = AWAY[:-1] + ", so records were found by their words alone, not by their meaning."
NOT_SOUGHT = AWAY[:-1] + ", so records that say it in other words were not looked for."
WITHOUT_MODEL = frozenset({STANDBY, AWAY, SET_PHRASE, AS_THEY_STAND, BY_WORDS, NOT_SOUGHT})
"""What is said of answers that lack the model; a computed one lacks nothing but its wording, and none of it is said."""

_QUOTATION = re.compile(r"“[^”]*”")


class LanguageModel(Protocol):
    """The compute node as the companion sees it."""

    @property
    def name(self) -> str:
        """Model, and adapter where one is active, for the label beside an answer."""
        ...

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        """Pieces of text; RetryLater when the compute node is away or dies."""
        ...


@dataclass(frozen=True, slots=True)
class Worded:
    """A sentence to say.

    Attributes:
        by: name of the model that worded it, or "" when plain code did.
        limited: what is missing because the model could not be asked, or "".
    """

    text: str
    by: str
    limited: str


def reword(model: LanguageModel | None, sentence: str, names: list[str]) -> Worded:
    """The sentence in the person's manner; the sentence itself whenever the model is away or strays from it.

    Nothing is missing from it then: what was computed stays as exact, so only what the person must settle is said.
    """
    masked, quotations = _masked(sentence)
    said, limited = complete(model, [{"role": "system", "content": _REWORD}, {"role": "user", "content": masked}])
    if model is None or limited:
        return Worded(sentence, "", "" if limited == AWAY else limited)
    first_line = _unmasked(said.strip().splitlines()[0].strip() if said.strip() else "", quotations)
    if first_line and _faithful(first_line, sentence, names):
        return Worded(first_line, model.name, "")
    return Worded(sentence, "", "")


def _masked(sentence: str) -> tuple[str, list[str]]:
    """The sentence with “[1]” for its first quotation and so on: what others wrote is not for the model to read."""
    quotations = _QUOTATION.findall(sentence)
    for number, quotation in enumerate(quotations, 1):
        sentence = sentence.replace(quotation, f"“[{number}]”", 1)
    return sentence, quotations


def _unmasked(text: str, quotations: list[str]) -> str:
    for number, quotation in enumerate(quotations, 1):
        text = re.sub(rf"[“\"]?\[{number}\][”\"]?", lambda _, said=quotation: said, text)  # type: ignore[misc]
    return text


def _faithful(text: str, sentence: str, names: list[str]) -> bool:
    """Whether a rewording claims what the sentence claims and no more; what it quotes it does not say."""
    if not keeps(text, sentence) or ungrounded(text, [sentence], names) or added(text, sentence):
        return False
    return not added(unquoted(text), unquoted(sentence))


def small_talk(model: LanguageModel | None, history: list[tuple[str, str]], text: str, names: list[str]) -> Worded:
    """A short friendly answer that claims nothing.

    Args:
        history: earlier turns as (role, text), oldest first.
    """
    messages = [{"role": "system", "content": _CHAT}]
    messages += [{"role": role, "content": said} for role, said in history[-_TURNS_TOLD:]]
    messages.append({"role": "user", "content": text})
    said, limited = complete(model, messages)
    if model is not None and not limited:
        support = [text, *(earlier for role, earlier in history if role == "user")]
        kept = [s for s in _sentences(said) if not ungrounded(s, support, names) and not _ABOUT_YOU.search(s)]
        if kept:
            return Worded(" ".join(kept[:_SENTENCES_KEPT]), model.name, "")
    return Worded("I'm here. Ask me about your days, or just talk.", "", SET_PHRASE if limited == AWAY else limited)


def complete(
    model: LanguageModel | None, messages: list[dict[str, str]], max_tokens: int = _MAX_TOKENS
) -> tuple[str, str]:
    """What a model says, and why it could not be asked (`AWAY`, or what the person must settle), or "".

    Every message is made harmless first: nothing that came out of a record can open or close a turn of the prompt.
    """
    if model is None:
        return "", AWAY
    safe = [{"role": message["role"], "content": harmless(message["content"])} for message in messages]
    try:
        return "".join(model.complete(safe, max_tokens)), ""
    except RetryLater:
        return "", AWAY
    except HearthsideError as error:  # a model server that wants another key takes no answer of plain code away
        return "", error.message


def _sentences(text: str) -> list[str]:
    sentences, start = [], 0
    flat = " ".join(text.split())
    for i, char in enumerate(flat):
        if char in ".!?…" and (i + 1 == len(flat) or flat[i + 1] == " "):
            sentences.append(flat[start : i + 1].strip())
            start = i + 1
    return [s for s in sentences if s]
