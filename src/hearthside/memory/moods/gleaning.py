"""How the person's own words and voice felt in one chunk; nobody else's."""

from __future__ import annotations

from hearthside.alignment.columns import ORIGINS
from hearthside.events import Origin
from hearthside.memory.gleanings import Given, Row
from hearthside.memory.moods.lexicon import tone_valence, valence

NAME = "moods"
VERSION = 1
KINDS = frozenset({"message", "utterance", "post"})


def glean(given: Given) -> list[Row]:
    """Rows ``[start ms, local day, valence -1 to 1, whether the voice says so, id]``; neutral words give none."""
    columns, rows = given.columns, list[Row]()
    for i, text in enumerate(columns.text):
        if ORIGINS[columns.origin[i]] is not Origin.SELF:
            continue
        heard = tone_valence(columns.note[i].rpartition(" · ")[2]) if columns.kind == "utterance" else None
        felt = heard if heard is not None else valence(text)
        if felt is not None:
            rows.append(
                [
                    int(columns.start_ms[i]),
                    int(given.days[i]),
                    round(felt, 3),
                    heard is not None,
                    columns.identity(i).hex(),
                ]
            )
    return rows
