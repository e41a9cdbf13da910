"""What an answer rests on, said again when the person asks "why?" or "show me the evidence"."""

from __future__ import annotations

from collections.abc import Sequence

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.following import Before
from hearthside.companion.replies import quote
from hearthside.memory.hits import Hit

_QUOTED = 3  # records in the text; all of them stand beside it


def basis(last: Before, hits: Sequence[Hit]) -> Answer:
    """How the last answer of a conversation came about, with its evidence.

    Args:
        hits: its evidence that still exists; what was forgotten since is gone from here too.
    """
    mode = AnswerMode(last.mode)
    shown = "1 record is" if len(hits) == 1 else f"{len(hits)} records are"
    if mode is AnswerMode.COMPUTED:
        text = f"I worked that out from your own records: {last.query}."
        text += f" {shown} shown beside this." if hits else ""
    elif mode is AnswerMode.UNKNOWN:
        text = "I found no record that answers it." + (f" The nearest {shown} shown beside this." if hits else "")
    elif hits:
        text = "It rests on this. " + " ".join(quote(hit) for hit in hits[:_QUOTED])
    else:
        text, mode = "The records it rested on are gone.", AnswerMode.UNKNOWN
    return Answer(text, mode, last.query, evidence=list(hits), asked=last.asked)
