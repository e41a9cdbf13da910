"""Conditions on what a row says and how much it is: words, people and places, parts such as the artist, numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hearthside.alignment.columns import ORIGINS, EventColumns
from hearthside.alignment.kinds import NUMBERS
from hearthside.alignment.occurrence import folded
from hearthside.errors import Refused
from hearthside.memory.asking.parts import kinds_with, part_of
from hearthside.memory.asking.query import BY_THING, CLOCKS, Filter, Is, Of, Selection
from hearthside.memory.asking.query import Test as Condition
from hearthside.memory.asking.rows import Rows, Words
from hearthside.memory.asking.source import Bools, Floats, Ints

_COMPARED: dict[Is, Callable[[Floats, float], Bools]] = {
    Is.EQUAL: operator.eq, Is.UNEQUAL: operator.ne, Is.LESS: operator.lt, Is.AT_MOST: operator.le,
    Is.MORE: operator.gt, Is.AT_LEAST: operator.ge,
}  # fmt: skip
_NOT_WORDS = frozenset({"place", "source", "kind", "layer", "origin"})
WORD_FIELDS = tuple(name for name in BY_THING if name not in _NOT_WORDS)
"""Fields that hold words."""


class Said:
    """Text and second line of every row of a batch, put together only when somebody asks."""

    def __init__(self, chunks: Sequence[EventColumns]) -> None:
        self._chunks = chunks
        self._text: list[str] | None = None
        self._note: list[str] | None = None

    @classmethod
    def of_labels(cls, labels: list[str]) -> Said:
        """Rows that say their label."""
        said = cls(())
        said._text, said._note = labels, [""] * len(labels)
        return said

    def text(self) -> list[str]:
        """Of every row of the batch."""
        if self._text is None:
            self._text = [text for chunk in self._chunks for text in chunk.text]
        return self._text

    def note(self) -> list[str]:
        """Of every row of the batch."""
        if self._note is None:
            self._note = [note for chunk in self._chunks for note in chunk.note]
        return self._note


def is_words(name: str) -> bool:
    """Whether a field holds words and not a number."""
    return name in WORD_FIELDS


def number_names(where: Filter) -> frozenset[str]:
    """Numbers of the kind that the conditions need."""
    return frozenset(test.field for test in where.tests if not is_words(test.field))


def check_fields(select: Selection) -> None:
    """Refuses conditions that mean nothing, here and in the anchors; an episode may have a number of any name.

    Raises:
        Refused: ``query-field-unknown``.
    """
    known = ["amount", "duration", "sure", *sorted({name for names in NUMBERS.values() for name in names})]
    for test in select.where.tests:
        problem = ""
        of_words = isinstance(test.value, str) or test.compare in {Is.HOLDS, Is.HOLDS_NOT}
        if test.field in CLOCKS:
            problem = "Clock times are asked for with hours, as in “between 22:00 and 06:00”."
        elif not is_words(test.field) and test.field not in known and select.what.of is not Of.EPISODES:
            problem = f"There is no field “{test.field}”; possible: {', '.join([*known, *WORD_FIELDS])}."
        elif of_words != is_words(test.field):
            needed = "words in quotation marks" if is_words(test.field) else "a number and one of = != < <= > >="
            problem = f"“{test.field}” is compared with {needed}."
        if problem:
            raise Refused("query-field-unknown", f"{problem} Nothing was asked.")
    for relation in select.relations:
        check_fields(relation.anchor)


def meets(rows: Rows, at: Ints, where: Filter, said: Said) -> Bools:
    """Which rows meet all conditions but those of time.

    Args:
        at: where each row stands in the batch.
    """
    kept = np.ones(len(rows), dtype=np.bool_)
    if where.origins:
        kept &= np.isin(rows.origin, [ORIGINS.index(origin) for origin in where.origins])
    if not where.longest:  # else the longest of all is chosen first
        kept &= numbers_hold(rows, where)
    left = np.flatnonzero(kept)
    if not (where.words or where.about or any(is_words(test.field) for test in where.tests)):
        return kept
    for test in where.tests:
        if is_words(test.field) and test.field != "item":  # those are on the list of a day
            left = left[_words_hold(rows, at, left, test, said)]
    for word in where.words:
        texts, notes = said.text(), said.note()
        left = left[_contains([f"{texts[i]}\n{notes[i]}" for i in at[left].tolist()], word)]
    for word in where.about:
        left = left[_contains(_named(rows, at, left, said), word)]
    return np.isin(np.arange(len(rows)), left, assume_unique=True)


def numbers_hold(rows: Rows, where: Filter) -> Bools:
    """Which rows meet the conditions on numbers."""
    kept = np.ones(len(rows), dtype=np.bool_)
    for test in where.tests:
        if not is_words(test.field):
            kept &= _number_holds(rows, test)
    return kept


def _number_holds(rows: Rows, test: Condition) -> Bools:
    assert not isinstance(test.value, str)
    return _COMPARED[test.compare](number_of(rows, test.field), test.value) & ~np.isnan(number_of(rows, test.field))


def number_of(rows: Rows, name: str) -> Floats:
    """A number of each row, NaN where it has none; durations in seconds."""
    if name == "amount":
        return rows.amount
    if name == "duration":
        return np.where(rows.lasts, rows.held_ms / 1000, np.nan)
    return rows.numbers[name]


def _words_hold(rows: Rows, at: Ints, left: Ints, test: Condition, said: Said) -> Bools:
    found = _codes(rows.stream[left], rows.streams, at[left], test.field, said)
    wanted = folded(str(test.value))
    holding = test.compare in {Is.HOLDS, Is.HOLDS_NOT}
    hit = [wanted in folded(name) if holding else wanted == folded(name) for name in found.names]
    matches = np.array([*hit, False])[found.code]
    return ~matches if test.compare in {Is.HOLDS_NOT, Is.UNEQUAL} else matches


def _contains(texts: list[str], word: str) -> Bools:
    wanted, known = folded(word), dict[str, bool]()
    for text in texts:
        if text not in known:
            known[text] = wanted in folded(text)
    return np.array([known[text] for text in texts], dtype=np.bool_)


def _named(rows: Rows, at: Ints, left: Ints, said: Said) -> list[str]:
    """Where people and places are named: the second line, the region, the label of an episode or visit."""
    texts, notes = said.text(), said.note()
    names_in_text = [kind.startswith("region") or not source for _, source, kind in rows.streams]
    return [
        texts[i] if names_in_text[stream] else notes[i]
        for i, stream in zip(at[left].tolist(), rows.stream[left].tolist(), strict=True)
    ]


def words_of_rows(rows: Rows, at: Ints, names: frozenset[str], said: Said) -> Rows:
    """The rows with some of their words."""
    words = {name: _codes(rows.stream, rows.streams, at, name, said) for name in sorted(names)}
    return replace(rows, words=words)


def _codes(stream: Ints, streams: Sequence[tuple[str, str, str]], at: Ints, name: str, said: Said) -> Words:
    """One part of the words of each row, as numbers."""
    code = np.full(len(stream), -1)
    known: dict[str, int] = {}
    for number, (_, source, kind) in enumerate(streams):
        mine = np.flatnonzero(stream == number)
        part = part_of(kind if source else "", name)
        if not len(mine) or part is None:
            continue
        texts = said.note() if part.note else said.text()
        if not texts:  # samples say nothing but what they are
            continue
        cut: dict[str, int] = {}
        for text in {texts[i] for i in at[mine].tolist()}:
            words = part.of(text, text)
            cut[text] = known.setdefault(words, len(known)) if words else -1
        code[mine] = [cut[texts[i]] for i in at[mine].tolist()]
    return Words(code, tuple(known))


def unknown_part(name: str, kinds: Sequence[str]) -> str:
    """Why none of these kinds has such a part, or "" when one has."""
    if not kinds or name in _NOT_WORDS or any(part_of(kind, name) is not None for kind in kinds):
        return ""
    return f"{' and '.join(kinds)} has no {name}; {', '.join(kinds_with(name))} has."
