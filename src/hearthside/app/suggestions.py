"""Questions a newcomer may ask, chosen from what this life can answer."""

from __future__ import annotations

from collections import Counter

from hearthside.alignment.stream import LifeStream

_BY_KIND = (
    ("sleep", "How long did I sleep last night?"),
    ("workout", "When did I last go {thing}?"),
    ("message", "When did I last write to {thing}?"),
    ("listen", "How many songs did I listen to last month?"),
    ("caption", "What was I doing yesterday at 15:00?"),
    ("activity_day", "How many steps did I take last week?"),
    ("post", "How many times did I post in the last two months?"),
)
_AT_MOST = 4
_RECENT = 400  # occurrences looked at to find whom and what a question may name


def suggestions(stream: LifeStream) -> list[str]:
    """At most four questions."""
    kinds = {kind for _, kind in stream.counts()}
    found = []
    for kind, question in _BY_KIND:
        if kind in kinds and (thing := _thing(stream, kind, question)) is not None:
            found.append(question.format(thing=thing))
    return found[:_AT_MOST]


def _thing(stream: LifeStream, kind: str, question: str) -> str | None:
    """The most frequent name or activity lately; "" where the question needs none, None when there is none."""
    if "{thing}" not in question:
        return ""
    recent = stream.occurrences(kinds=[kind], newest_first=True, limit=_RECENT)
    own = [o for o in recent if kind != "message" or o.origin.value == "self"]
    names = Counter((o.note.split(" · ")[0] if kind == "message" else o.text).strip() for o in own)
    names.pop("", None)
    return names.most_common(1)[0][0] if names else None
