"""JSON is taken whole or not at all: the quick looks judge like the slow one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.events import Json
from hearthside.sources.exact_json import exact_object

_NAMES = st.sampled_from(["a", "b", 'a":', "a :", "{", "}", "0123456789012345678901", "\\", "\n :"])
_SPACES = st.sampled_from(["", " ", "\t", "\r", "\n", "  "])
_NUMBERS = st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63), 2**64 - 1, 2**64, -(2**63) - 1, 10**19, 10**30])


@st.composite
def _object(draw: st.DrawFn, depth: int = 0) -> str:
    """The text of an object that may name a field twice, with spaces anywhere."""
    fields = []
    for _ in range(draw(st.integers(0, 4))):
        name = json.dumps(draw(_NAMES))
        fields.append(f"{draw(_SPACES)}{name}{draw(_SPACES)}:{draw(_SPACES)}{draw(_value(depth + 1))}")
    return "{" + ",".join(fields) + draw(_SPACES) + "}"


def _value(depth: int) -> st.SearchStrategy[str]:
    plain = st.one_of(_NAMES.map(json.dumps), _NUMBERS.map(str), st.sampled_from(["null", "true", "1.5", "1e5"]))
    if depth > 3:
        return plain
    lists = st.lists(st.deferred(lambda: _value(depth + 1)), max_size=3).map(lambda parts: "[" + ",".join(parts) + "]")
    return st.one_of(plain, _object(depth), lists)


def _strict(text: str) -> Json:
    """The object as Python's own reader has it, or None when some of it would be lost."""

    def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError
        return dict(pairs)

    def exact(digits: str) -> int:
        if not -(2**63) <= int(digits) < 2**64:
            raise ValueError
        return int(digits)

    try:
        return json.loads(text, object_pairs_hook=unique, parse_int=exact)
    except ValueError:
        return None


@given(_object())
def test_what_is_taken_is_whole_and_what_is_whole_is_taken(text: str) -> None:
    expected = _strict(text)
    if expected is None:
        with pytest.raises(ValueError, match="this line"):
            exact_object(text.encode())
    else:
        assert exact_object(text.encode()) == expected


def test_the_message_names_what_it_is_about() -> None:
    with pytest.raises(ValueError, match="this record is not a JSON object"):
        exact_object(b"[]", "record")
