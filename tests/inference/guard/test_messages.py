"""Messages come back whole however they were cut, and nothing that is no message gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
