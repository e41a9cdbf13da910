"""What plain code left in a text for a model to read: sentences that state something it has no phrase for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hearthside.memory.facts.phrases import doubtful, statements

Stretch = tuple[int, int]
"""Characters [start, end) of a text."""

_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LEAST_WORDS = 4
_LEAST_WIDE = 6  # signs, where no blanks part words
_LONGEST_TEXT = 4000
_DOUBT = re.compile(
    r"\b(?:falls|wenn|vielleicht|würden?|könnten?|hätten?|wäre|angeblich|sagte?|sagt|meinte?|erzählte?|behauptet)\b"
    r"|如果|要是|也许|可能|听说|她说|他说|他们说|她觉得|他觉得"
    r"|もし|かも|らしい|と言|って言|だって。"
    r"|만약|아마|라고|다고|대요|래요|냐고|[「」『』„«»]",
    re.IGNORECASE,
)  # fmt: skip
"""Suppositions and others' words in four languages more; `phrases` knows the English ones."""
_ORDER = re.compile(
    r"\b(?:note|remember|save|store|record|memori[sz]e|write down|add|keep in mind)\b.{0,20}"
    r"\b(?:that|fact|memory|this)\b"
    r"|\bthe (?:user|owner|resident|writer)\b|\bignore\b.{0,30}\b(?:instruction|rule|above|previous|everything)"
    r"|\b(?:system prompt|assistant|language model|chatbot|hearthside|AI)\b|^\s*(?:system|user|note|memo|fact)\s*:"
    r"|\b(?:merk dir|notiere|speichere|der (?:nutzer|benutzer|besitzer)|ignoriere?|sprachmodell)\b"
    r"|记住|記住|记录|用户|用戶|使用者|忽略|覚えて|記録|ユーザー|無視|기억해|기록해|사용자|무시",
    re.IGNORECASE,
)
_YOU = re.compile(
    r"\b(?:you|your|yours|you['’](?:re|ve|ll))\b|\b(?:du|dich|dir|deine?[nmrs]?)\b|[你您]|あなた|너는|네가|너의|당신",
    re.IGNORECASE,
)


def open_stretches(text: str) -> list[Stretch]:
    """Sentences of the writer's own that state something and that no phrase has exhausted."""
    known = [(one.start, one.end) for one in statements(text)]
    return [
        (start, end)
        for start, end in _sentences(text)
        if not _says_nothing(text[start:end]) and not is_order(text[start:end])
        and _enough(_without(text, start, end, known))
    ]  # fmt: skip


def stretches_about_you(text: str) -> list[Stretch]:
    """Sentences that say something of the one who is spoken to; none of a text with an order to a machine in it."""
    if is_order(text):
        return []
    return [
        (start, end)
        for start, end in _sentences(text)
        if _YOU.search(text[start:end]) and not _says_nothing(text[start:end]) and _enough(text[start:end])
    ]


def is_order(text: str) -> bool:
    """Whether a text tells a machine what to note or to do, in one of five languages."""
    return _ORDER.search(text) is not None


def _sentences(text: str) -> Iterator[Stretch]:
    for found in _SENTENCE.finditer(text[:_LONGEST_TEXT]):
        yield found.start(), found.end()


def _says_nothing(sentence: str) -> bool:
    asked = sentence.rstrip().endswith(("?", "？"))
    return asked or doubtful(sentence) or _DOUBT.search(sentence) is not None


def _without(text: str, start: int, end: int, known: list[Stretch]) -> str:
    said = list(text[start:end])
    for first, last in known:
        for at in range(max(first, start), min(last, end)):
            said[at - start] = " "
    return "".join(said)


def _enough(text: str) -> bool:
    return len(_WIDE.findall(text)) >= _LEAST_WIDE or len(text.split()) >= _LEAST_WORDS
