"""Typed questions over the life stream: `parse` or `from_json` makes a `Query`, `ask` answers it with its evidence."""

from hearthside.memory.asking.frames import frame
from hearthside.memory.asking.items import with_items
from hearthside.memory.asking.parse import parse
from hearthside.memory.asking.query import Query, canonical, from_json, json_schema
from hearthside.memory.asking.result import Answer
from hearthside.memory.asking.run import ask
from hearthside.memory.asking.source import LifeSource, Vocabulary, vocabulary_of
from hearthside.memory.asking.written import written

__all__ = [
    "Answer",
    "LifeSource",
    "Query",
    "Vocabulary",
    "ask",
    "canonical",
    "frame",
    "from_json",
    "json_schema",
    "parse",
    "vocabulary_of",
    "with_items",
    "written",
]
