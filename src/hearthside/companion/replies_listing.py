"""Answers that name what comes up most, list a period's records, or say which records mention a word."""

from __future__ import annotations

import re
from dataclasses import replace

from hearthside.alignment.occurrence import Occurrence
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.questions import Mention
from hearthside.companion.replies import Memory, amount_of_time, evidence_of, in_words, unknown, what_of
from hearthside.companion.tallies import Leader, Listing, Tally, leader, listed, query_of, within
from hearthside.companion.topics import SAID
from hearthside.memory.query import EVIDENCE_SHOWN, Measure

_MENTIONING = (*SAID, "search", "watch", "post", "listen", "workout", "app_use")
_SHOWN = 5  # things named in one sentence


def answer_tally(memory: Memory, asked: Tally) -> Answer:
    """Who or what comes up most; all of them where several are level."""
    query = f"most by {asked.by}: {query_of(asked).in_words()}"
    found = leader(memory.stream, asked)
    when = f" {asked.period.label}" if asked.period else ""
    if found is None:
        what = {"chat": "messages of yours", "app": "apps you used"}[asked.by]
        return unknown(f"{what}{when}", query=query)
    names = _and(found.names[:_SHOWN])
    text = f"You {_done(asked.by)} {names} most{when}: {_counted(found, asked.by)}."
    return Answer(text, AnswerMode.COMPUTED, query, names, evidence_of(memory, found.evidence))


def _done(by: str) -> str:
    return {"chat": "wrote to", "app": "used"}[by]


def _counted(found: Leader, by: str) -> str:
    if by == "app":
        return amount_of_time(found.amount)
    return f"{round(found.amount):,} message{'' if found.amount == 1 else 's'}"


def answer_listing(memory: Memory, asked: Listing) -> Answer:
    """What was searched for, watched, heard or posted in a period, newest first."""
    found = listed(memory.stream, asked)
    query = f"list, {asked.kind}, {asked.period.label}"
    if not found:
        return unknown(f"what you {asked.verb} {asked.period.label}", query=query)
    more = f", and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    names = ", ".join(f"“{what_of(o)}”" for o in found[:_SHOWN])
    text = f"You {asked.verb} {names}{more} {asked.period.label}."
    return Answer(text, AnswerMode.QUOTED, query, "", evidence_of(memory, found[:EVIDENCE_SHOWN]))


def answer_mention(memory: Memory, asked: Mention) -> Answer:
    """The first or last record that holds the words, or how many do: no claim beyond the words."""
    stems = [_bare(word) for word in asked.words]
    if asked.period is not None:
        found = within(memory.stream, asked.period, _MENTIONING, stems)
    else:
        found = memory.stream.occurrences(kinds=_MENTIONING, words=stems)
    found = [o for o in found if all(_holds_word(f"{o.text}\n{o.note}", word) for word in stems)]
    words = " and ".join(f"“{word}”" for word in asked.words)
    when = f" {asked.period.label}" if asked.period else ""
    query = f"{asked.measure.value}, anything that mentions {words}{when or ', in the whole life stream'}"
    if not found:
        answer = unknown("", query=query)
        return replace(answer, text=f"I don't know: I found no record{when} that mentions {words}.")
    return Answer(
        _mentioned(asked, found, words, when), AnswerMode.QUOTED, query, "", evidence_of(memory, _best(found))
    )


def _mentioned(asked: Mention, found: list[Occurrence], words: str, when: str) -> str:
    chosen = found[0] if asked.measure is Measure.FIRST else found[-1]
    at = in_words(chosen).removeprefix("on ")
    quoted = f"“{what_of(chosen)}”"
    if asked.measure in {Measure.COUNT, Measure.DAYS}:
        count = len(found) if asked.measure is Measure.COUNT else len({o.local_day for o in found})
        noun = "record" if asked.measure is Measure.COUNT else "day"
        verb = "mentions" if asked.measure is Measure.COUNT else "has a record that mentions"
        if count != 1:
            verb = "mention" if asked.measure is Measure.COUNT else "have a record that mentions"
        return f"{count:,} {noun}{'' if count == 1 else 's'} {verb} {words}{when}, the last from {at}: {quoted}"
    which = "first" if asked.measure is Measure.FIRST else "last"
    return f"The {which} record{when} that mentions {words} is from {at}: {quoted}"


def _best(found: list[Occurrence]) -> list[Occurrence]:
    return list(reversed(found))[:EVIDENCE_SHOWN]


def _bare(word: str) -> str:
    """The word without a possessive or the ending of a plural."""
    word = re.sub(r"['’]s$", "", word)
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _holds_word(text: str, word: str) -> bool:
    if not word.isascii():
        return word.casefold() in text.casefold()
    return re.search(rf"(?<!\w){re.escape(word)}(?:e?s|['’]s)?(?!\w)", text, re.IGNORECASE) is not None


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
