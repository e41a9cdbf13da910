"""What people say of themselves in one chunk: statements in the person's own words, and in others' words apart."""

from __future__ import annotations

from hearthside.alignment.columns import ORIGINS, TRUSTS
from hearthside.events import Origin, Trust, iso_day
from hearthside.memory.facts.phrases import statements
from hearthside.memory.gleanings import Given, Row

NAME = "statements"
VERSION = 2
KINDS = frozenset({"message", "utterance", "post"})


def glean(given: Given) -> list[Row]:
    """Rows ``[predicate, value, role, span start, span end, local day, start ms, id, speaker]``.

    Only the person's own words (origin ``self``) and those of known people (origin ``person``, trust known or own):
    never those of an AI, of strangers or of unknown senders. The speaker is "" for the person.
    """
    columns, rows = given.columns, list[Row]()
    for i, text in enumerate(columns.text):
        origin = ORIGINS[columns.origin[i]]
        if origin is Origin.SELF:
            speaker = ""
        elif origin is Origin.PERSON and TRUSTS[columns.trust[i]] is not Trust.UNKNOWN:
            speaker = _speaker(columns.kind, columns.note[i])
            if not speaker:
                continue
        else:
            continue
        rows += [
            [
                found.phrase.predicate, found.value, found.role, found.start, found.end, iso_day(int(given.days[i])),
                int(columns.start_ms[i]), columns.identity(i).hex(), speaker,
            ]
            for found in statements(text)
        ]  # fmt: skip
    return rows


def _speaker(kind: str, note: str) -> str:
    """Who said it, from the second line: "conversation · sender" of a message (one where both are one), or the name."""
    parts = note.split(" · ")
    if kind == "message":
        return parts[1] if len(parts) > 1 else parts[0]
    return parts[0]
