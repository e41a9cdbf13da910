"""Values as a person reads them, and the answer as JSON."""

from __future__ import annotations

import orjson
import pytest

from hearthside.memory.asking import ask, from_json, parse, vocabulary_of
from hearthside.memory.asking.result import shown
from tests.memory.asking.lives import NOW, SmallLife, night, play


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "s", "–"), (0.0, "s", "0 s"), (40.0, "s", "40 s"), (59.9, "s", "59.9 s"), (720.0, "s", "12 min"),
        (25_500.0, "s", "7 h 05 min"), (12 * 86_400 + 3 * 3600.0, "s", "12 d 3 h"), (-3600.0, "s", "-1 h 00 min"),
        (1439.7, "clock", "00:00"), (75.0, "clock", "01:15"), (0.3456, "share", "34.6%"), (1.0, "times", "1 time"),
        (1234.0, "times", "1,234 times"), (2.5, "times", "2.50 times"), (1.0, "days", "1 day"),
        (0.0, "ms", "1970-01-01T00:00:00Z"), (4.28, "MET", "4.28 MET"), (123_456.7, "steps", "123,457 steps"),
        (2.0, "", "2"),
    ],
)  # fmt: skip
def test_values(value: float | None, unit: str, said: str) -> None:
    assert shown(value, unit) == said


def test_the_json_of_an_answer_holds_the_query_it_answers() -> None:
    life = SmallLife([play(0, 9, "A")], [night(0, 23, 31)])
    for text in ("count listen by weekday", "last listen", "list of sleep", "mean duration of sleep"):
        query = parse(text, vocabulary_of(life), NOW, 0)
        plain = orjson.loads(orjson.dumps(ask(life, query, NOW).to_json()))
        assert from_json(orjson.dumps(plain["query"])) == query
        assert plain["answer"].endswith(plain["coverage"]["sentence"])
        assert plain["coverage"]["share"] == 1.0
