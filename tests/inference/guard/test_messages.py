"""Messages come back whole however they were cut, and nothing that is no message gets through."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.inference.guard import keeper, messages, process
from hearthside.inference.guard.messages import Lines, encode

_messages = st.lists(st.tuples(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(), st.integers()), max_size=8)


@given(_messages, st.integers(1, 20))
def test_messages_come_back_whole_however_they_were_cut(messages: list[tuple[str, str, int]], piece: int) -> None:
    stream = b"".join(encode(kind, words=text, number=number) for kind, text, number in messages)
    lines, found = Lines(), []
    for start in range(0, len(stream), piece):
        found += lines.feed(stream[start : start + piece])
    assert [(m["kind"], m["words"], m["number"]) for m in found] == messages


@given(st.binary(max_size=300))
def test_noise_is_left_out(noise: bytes) -> None:
    assert all(isinstance(message["kind"], str) for message in Lines().feed(noise + b"\n"))


def test_a_line_without_end_is_not_our_counterpart() -> None:
    with pytest.raises(ValueError):
        Lines().feed(b"x" * 70_000)


def _heard(node: ast.AST) -> list[ast.AST]:
    """What a `case "..."` or a comparison with `message["kind"]` names."""
    if isinstance(node, ast.match_case) and isinstance(node.pattern, ast.MatchValue):
        return [node.pattern.value]
    compares = isinstance(node, ast.Compare) and ast.unparse(node.left) == "message['kind']"
    return list(node.comparators) if isinstance(node, ast.Compare) and compares else []


def _said(node: ast.AST) -> list[ast.AST]:
    """The kinds in a call that sends, or that makes a message."""
    if not isinstance(node, ast.Call):
        return []
    name = ast.unparse(node.func).rpartition(".")[2]
    says = name in ("_send", "_send_if_there", "_say", "encode", "_ask_alone") and node.args
    return list(ast.walk(node.args[0])) if says else []


def _kinds(module: ModuleType, find: Callable[[ast.AST], list[ast.AST]]) -> set[str]:
    tree = ast.parse(Path(str(module.__file__)).read_text())
    found = (value for node in ast.walk(tree) for value in find(node))
    return {value.value for value in found if isinstance(value, ast.Constant) and isinstance(value.value, str)}


def test_what_is_written_down_is_what_both_sides_say_and_hear() -> None:
    station, _, guard = (messages.__doc__ or "").partition("guard → station")
    to_guard, to_station = (set(re.findall(r"^    (\w+)", part, re.MULTILINE)) for part in (station, guard))
    assert to_guard == _kinds(process, _heard)
    assert to_guard == _kinds(keeper, _said)
    assert to_station == _kinds(process, _said)
    assert to_station - {"left"} == _kinds(keeper, _heard)  # the holder's owner notices its end by itself
