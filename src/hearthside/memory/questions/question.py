"""A question as it was understood: one or two typed queries, and what of their answers is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hearthside.memory.asking.query import Query


class Take(StrEnum):
    """What of the answer is asked for."""

    VALUE = "value"  # the number
    DAY = "day"  # the local day of the row, or of the group, that the query chose
    BEST = "best"  # the name of the group with the greatest value
    LEAST = "least"  # the name of the group with the smallest value
    NAMES = "names"  # the names of all groups
    NUMBER = "number"  # how many groups there are
    MORE = "more"  # which of two queries has the greater value
    LESS = "less"  # which of two queries has the smaller value
    CHANGE = "change"  # the second value less the first


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the life stream can answer.

    Attributes:
        queries: two for `Take.MORE`, `Take.LESS` and `Take.CHANGE`, else one.
        topic: what it is about: ``sleep``, ``steps``, ``music`` ...; see `english`.
        unit: how its value is counted: ``s``, ``clock``, ``steps``, ``kg``, ``points``, ``nights``, ``days`` ...
        understood: the reading in plain words, to be shown beside the answer.
        labels: what each period is called in a sentence ("in March 2022"), "" for none.
        thing: the name it is about, as the data spells it, or "".
        said: which words stand for the aggregate in a sentence: ``mean``, ``most`` ...
        sorts: what the names in the answer are: ``artist``, ``weekday`` ... or "".
        on: which days of the week, as in "on weekends", or "".
        over: the condition in words, as in "more than 10,000 steps", or "".
    """

    queries: tuple[Query, ...]
    take: Take
    topic: str
    unit: str
    understood: str
    labels: tuple[str, ...] = ("",)
    thing: str = ""
    said: str = ""
    sorts: str = ""
    on: str = ""
    over: str = ""

    @property
    def query(self) -> Query:
        """The first or only query."""
        return self.queries[0]
