"""Words out of records stand in quotation marks, and cannot end their quotation themselves.

A title, a file name or a place is shown as it is while it looks like a name; one that reads like a sentence or holds
marks is put between quotation marks, so that what a stranger wrote is never read as said by the companion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hearthside.companion.context import harmless
from hearthside.companion.replies import QUOTED_CHARS
from hearthside.memory.hits import Hit

_NAME_WORDS = 6  # a name has no more
_SENTENCE_MARKS = re.compile(r"[<>\[\]{}|:!?！？。\n]|\.\s")
_CUT_AT = (QUOTED_CHARS - 1, 119, 117)  # where plain code cuts what it quotes, before the “…”
INNER = str.maketrans({"“": "‘", "”": "’", "„": "‚", "«": "‹", "»": "›"})
"""Quotation marks within a quotation."""


def quoted_safely(text: str, evidence: Iterable[Hit]) -> str:
    """An answer in which what its evidence says stands in whole quotation marks, without unseen characters."""
    phrases = {phrase for hit in evidence for whole in _wholes(hit) for phrase in _shown(whole)}
    for phrase in sorted(phrases, key=len, reverse=True):
        text = _set_apart(text, phrase)
    return text


def _wholes(hit: Hit) -> list[str]:
    """The texts of a hit that an answer may hold; of a region also its name alone."""
    texts = [hit.text, *hit.note.split(" · ")]
    texts += [re.sub(r"^(?:arrived|left): ", "", hit.text)] if hit.kind.startswith("region_") else []
    return texts + [text[4:] for text in texts if text.startswith("the ")]


def _shown(whole: str) -> list[str]:
    """The ways in which plain code shows a text: whole, or cut."""
    flat = " ".join(whole.split())
    if not (reads_like_a_sentence(flat) or flat.translate(INNER) != flat or harmless(flat) != flat):
        return []
    return [*dict.fromkeys((whole, flat)), *(flat[:cut] + "…" for cut in _CUT_AT if len(flat) > cut)]


def reads_like_a_sentence(text: str) -> bool:
    """Whether a text is more than a name: long, or with marks that no name has."""
    return len(text.split()) > _NAME_WORDS or _SENTENCE_MARKS.search(text) is not None


def _set_apart(text: str, phrase: str) -> str:
    shown = " ".join(harmless(phrase).translate(INNER).split())
    parts = text.split(phrase)
    made = parts[0]
    for part in parts[1:]:
        inside = made.count("“") > made.count("”")
        made += (shown if inside else f"“{shown}”") + part
    return made
