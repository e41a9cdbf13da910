"""Documents of the index: what of a record is searched, and what was said before and after it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, cast

import apsw
import orjson

from hearthside.events import HOUR_MS, MINUTE_MS, Event
from hearthside.memory.words import statement_share, terms_of

_SPOKEN = frozenset({"message", "utterance"})
_STREAMS = frozenset({"caption"})  # what the glasses saw: a minute explains the next
_GAP_MS = {"message": 12 * HOUR_MS}
"""What comes later than this after the one before it is no neighbour; an answer next morning still answers."""

_DEFAULT_GAP_MS = 10 * MINUTE_MS

# How people say their names in messages, in five languages; the name is one capitalised word, or what stands there.
_CALLED = re.compile(
    r"(?:\b(?:[Mm]y name is|[Mm]y name['’]s|[Cc]all me|[Ii]['’]?m called)"
    r"|(?:^|[.!?,]\s*)[Ii](?: a|['’])m"
    r"|\b(?:[Ii]ch hei(?:ß|ss)e|[Mm]ein Name ist|[Ii]ch bin (?:die|der)))"
    r"\s+([^\W\d_a-z][^\W\d_]+)\b(?=\s*(?:[.!?,(]|$|and\b|und\b))"
    r"|(?:我叫|我的名字是|私の名前は|제 이름은 )([\w]{1,6}?)(?=[,。.!！，、\s]|です|이에요|예요|입니다|$)"
)


class Document(NamedTuple):  # hundreds are made for each search: half the time of a dataclass
    """One record as the index holds it.

    Attributes:
        row: ``minute << 20 | n``.
        id: of the journal record.
        thread: what it is a part of, with others before and after it; "" when it stands alone.
        speaker: who said or wrote it; "" when nobody is named.
        words: how many words it has; terms: stems of its content words.
        statements: share of its words that do not ask.
    """

    row: int
    id: bytes
    thread: str
    speaker: str
    kind: str
    start_ms: int
    words: int
    statements: float
    terms: tuple[str, ...]


COLUMNS = "row, id, thread, speaker, kind, start_ms, length, statements, terms"
"""Of table doc, in the order of `Document`."""

_Columns = tuple[int, bytes, str, str, str, int, int, float]

# One statement in C for all windows: two statements for each row took half of a search's time.
_AROUND = f"""
WITH asked AS (SELECT doc.row, doc.thread FROM json_each(:asked) AS one JOIN doc ON doc.row = one.value),
near AS (
    SELECT row FROM asked
    UNION SELECT doc.row FROM asked JOIN doc ON doc.thread = asked.thread AND doc.thread <> ''
        AND doc.row >= coalesce((
            SELECT row FROM doc AS b WHERE b.thread = asked.thread AND b.thread <> '' AND b.row < asked.row
            ORDER BY row DESC LIMIT 1 OFFSET :beyond), {-(1 << 62)})
        AND doc.row <= coalesce((
            SELECT row FROM doc AS a WHERE a.thread = asked.thread AND a.thread <> '' AND a.row > asked.row
            ORDER BY row LIMIT 1 OFFSET :beyond), {1 << 62})
)
SELECT {COLUMNS}, (
    SELECT row FROM doc AS p WHERE p.thread = doc.thread AND p.thread <> '' AND p.row < doc.row
    ORDER BY row DESC LIMIT 1)
FROM doc WHERE row IN near ORDER BY thread, row
"""


def thread_of(event: Event) -> str:
    """The stream in which a record has neighbours: its conversation, or what one source saw."""
    conversation = conversation_of(event)
    if event.kind in _SPOKEN and (conversation or event.kind == "utterance"):
        return f"{event.source}\x1f{conversation}"
    return event.source if event.kind in _STREAMS else ""


def conversation_of(event: Event) -> str:
    """The name of the conversation a record belongs to, or ""."""
    return str(event.payload.get("conversation") or "") if event.kind in _SPOKEN else ""


def speaker_of(event: Event) -> str:
    """Who wrote or said it, as the source names them, or ""."""
    name = event.payload.get("sender" if event.kind == "message" else "speaker") if event.kind in _SPOKEN else None
    return str(name or "")


def embedded_text(event: Event) -> str:
    """What is embedded of a record: its own words and who said them, nothing of others, so that it can be forgotten."""
    speaker = speaker_of(event)
    return f"{speaker}: {event.text}" if speaker else event.text


def searched_fields(event: Event) -> tuple[str, str, str, int, float, str]:
    """Thread, conversation, speaker, words, share of statements and terms of a record."""
    terms, words = terms_of(event.text)
    statements = statement_share(event.text) if event.kind in _SPOKEN else 1.0  # a typed search asks by nature
    return thread_of(event), conversation_of(event), speaker_of(event), words, statements, " ".join(terms)


def names_said(event: Event) -> list[str]:
    """Names by which a speaker introduces himself or herself in a record, casefolded."""
    if not speaker_of(event):
        return []
    return [(match[0] or match[1]).casefold() for match in _CALLED.findall(event.text)]


def around(connection: apsw.Connection, rows: Iterable[int], reach: int) -> list[list[Document]]:
    """Documents of these rows with up to `reach` neighbours on either side, in runs without a gap.

    Returns:
        Runs in order of (thread, row); what stands alone is a run of its own. No document comes twice.
    """
    asked = orjson.dumps(sorted(set(rows))).decode()
    found = connection.execute(_AROUND, {"asked": asked, "beyond": reach - 1})
    runs: list[list[Document]] = []
    last: Document | None = None
    for *columns, terms, before in found:
        document = Document(*cast("_Columns", columns), tuple(cast("str", terms).split()))
        gap_ms = _GAP_MS.get(document.kind, _DEFAULT_GAP_MS)
        if last is not None and before == last.row and document.start_ms - last.start_ms <= gap_ms:
            runs[-1].append(document)
        else:
            runs.append([document])
        last = document
    return runs
