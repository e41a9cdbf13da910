"""What a node answers that is none, or more than may be: said as an outage, and never read whole."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import orjson
import pytest

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.client import ComputeNode
from hearthside.inference.wire import error_body

_USAGE = {"prompt_tokens": 1, "cached_tokens": 0, "completion_tokens": 1, "seconds": 0.1, "finish": "stop"}
_LAST = orjson.dumps({"text": "", "usage": _USAGE}) + b"\n"


class _Line:
    """A way to a node that answers so; probes are answered as they should be."""

    key = "start"

    def __init__(self, body: bytes | Iterator[bytes], status: int = 200) -> None:
        self._body, self._status = body, status
        self.breaks = 0

    @contextmanager
    def open(self, method: str, path: str, body: bytes = b"", *, timeout_s: float) -> Iterator[httpx.Response]:
        probe = path == "/probe"
        yield httpx.Response(200, json={"tokens": 1}) if probe else httpx.Response(self._status, content=self._body)

    def broken(self) -> None:
        self.breaks += 1


def _node(line: _Line) -> ComputeNode:
    return ComputeNode(lambda: line, lambda: 0)


def _said(line: _Line) -> str:
    return "".join(_node(line).complete([{"role": "user", "content": "x"}]))


@pytest.mark.parametrize(
    "said",
    [
        b"5", b"[]", b"null", b'{"error": {}}', b'{"error": "x"}', b'{"error": {"kind": [], "code": 1, "message": 2}}',
        b'{"nothing": 1}', b'{"text": 7}', b'{"text": "", "usage": {}}', b'{"text": "", "usage": 7}', b"\xff", b"",
        orjson.dumps({"text": "", "usage": {**_USAGE, "seconds": "a day"}}),
    ],
)  # fmt: skip
def test_a_line_that_is_none_of_a_node_ends_the_answer_as_an_outage(said: bytes) -> None:
    line = _Line(said + b"\n")
    with pytest.raises(RetryLater) as caught:
        _said(line)
    assert caught.value.code == "compute-gone" and line.breaks == 1


def test_a_node_that_takes_longer_than_somebody_waits_is_not_called_broken() -> None:
    def late() -> Iterator[bytes]:
        yield orjson.dumps({"text": "Well, "}) + b"\n"
        raise httpx.ReadTimeout("nothing came")

    line = _Line(late())
    answer = _node(line).complete([{"role": "user", "content": "x"}], patience_s=1.0)
    assert next(answer) == "Well, "
    with pytest.raises(RetryLater):
        next(answer)
    assert line.breaks == 0


def test_a_line_may_be_long_and_come_in_pieces_and_hold_any_character() -> None:
    text = "one\u2028two\x85" * 10_000
    whole = orjson.dumps({"text": text}) + b"\n" + _LAST
    assert _said(_Line(whole[at : at + 1000] for at in range(0, len(whole), 1000))) == text


def test_a_line_without_end_and_an_answer_without_end_are_given_up() -> None:
    read = [0]

    def pieces(piece: bytes) -> Iterator[bytes]:
        while True:
            read[0] += len(piece)
            yield piece

    for piece, most in ((bytes(1 << 16), 2 << 20), (b'{"text": ""}\n' * 5000, 17 << 20)):
        read[0] = 0
        with pytest.raises(RetryLater) as caught:
            _said(_Line(pieces(piece)))
        assert caught.value.code == "compute-gone" and read[0] < most


def test_no_other_answer_is_read_without_end_either() -> None:
    def spaces() -> Iterator[bytes]:
        while True:
            yield b" " * (1 << 16)

    asks: tuple[Callable[[_Line], object], ...] = (
        lambda line: _node(line).health(),
        lambda line: _node(line).embed(["x"]),
        lambda line: _node(line).transcribe(b"x"),
        lambda line: _node(line).held_head("00"),
    )
    for ask in asks:
        with pytest.raises(RetryLater, match="stopped in the middle"):
            ask(_Line(spaces()))
    for ask in (*asks, _said):
        with pytest.raises(RetryLater, match="stopped in the middle"):
            ask(_Line(spaces(), 500))


@pytest.mark.parametrize(
    "said", [b"5", b"{}", b"[1]", b'{"adapters": 1}', b'{"adapters": [], "tally": {"seconds": []}}']
)
def test_other_answers_that_are_none_of_a_node_say_that_it_failed(said: bytes) -> None:
    asks: tuple[Callable[[ComputeNode], object], ...] = (
        lambda node: node.health(),
        lambda node: node.embed(["x"]),
        lambda node: node.transcribe(b"x"),
        lambda node: node.read_picture(b"x"),
    )
    for ask in asks:
        with pytest.raises(RetryLater) as caught:
            ask(_node(_Line(said)))
        assert caught.value.code == "compute-failed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"segments": [{"start_ms": "soon", "end_ms": 1, "text": "x"}]}, {"segments": [{"start_ms": 0, "end_ms": 1}]},
        {"segments": [{"start_ms": 0, "end_ms": 1, "text": 7}]}, {"model": None}, {"duration_ms": []},
        {"lines": [{"text": "x", "box": [1, 2, 3], "confidence": 1}]}, {"lines": {"text": "x"}}, {"width": "wide"},
    ],
)  # fmt: skip
def test_what_no_side_model_says_is_an_answer_of_no_node(wrong: dict[str, Json]) -> None:
    heard = {"model": "m", "language": "en", "duration_ms": 5, "segments": [{"start_ms": 0, "end_ms": 5, "text": "x"}]}
    seen = {"model": "m", "width": 9, "height": 9, "lines": [{"text": "x", "box": [0, 0, 9, 9], "confidence": 0.5}]}
    assert _node(_Line(orjson.dumps(heard))).transcribe(b"").text == "x"
    assert _node(_Line(orjson.dumps(seen))).read_picture(b"").lines[0].box == (0, 0, 9, 9)
    reads: tuple[tuple[dict[str, Json], Callable[[ComputeNode], object]], ...] = (
        (heard, lambda node: node.transcribe(b"")),
        (seen, lambda node: node.read_picture(b"")),
    )
    for right, read in reads:
        if right.keys() & wrong.keys():
            with pytest.raises(RetryLater) as caught:
                read(_node(_Line(orjson.dumps(right | wrong))))
            assert caught.value.code == "compute-failed"


class _Forgetful(_Line):
    """A node that holds an adapter only once it was sent."""

    def __init__(self) -> None:
        super().__init__(_LAST)
        self.asked: list[str] = []

    @contextmanager
    def open(self, method: str, path: str, body: bytes = b"", *, timeout_s: float) -> Iterator[httpx.Response]:
        self.asked.append(f"{method} {path}")
        missing = path == "/complete" and not any(one.startswith("PUT") for one in self.asked)
        refused = {"error": error_body(Refused("adapter-not-loaded", "It is not loaded."))}
        probe = httpx.Response(200, json={"tokens": 1})
        other = httpx.Response(422, json=refused) if missing else httpx.Response(200, content=_LAST)
        yield probe if path == "/probe" else other


@pytest.mark.parametrize("withdrawn", [False, True])
def test_an_adapter_that_is_withdrawn_while_it_is_sent_is_taken_back(withdrawn: bool) -> None:
    line, fetched = _Forgetful(), list[str]()

    def fetch(adapter: str) -> bytes:
        fetched.append(adapter)
        if withdrawn and len(fetched) > 1:
            raise Refused("adapter-gone", "It rests on something that was forgotten.")
        return b"GGUF"

    node = ComputeNode(lambda: line, lambda: 0, fetch_adapter=fetch)
    if not withdrawn:
        assert "".join(node.complete([{"role": "user", "content": "x"}], adapter="a")) == ""
        assert line.asked[-1] == "POST /complete" and "DELETE /adapters/a" not in line.asked
        return
    with pytest.raises(Refused):
        node.complete([{"role": "user", "content": "x"}], adapter="a")
    assert line.asked[-2:] == ["PUT /adapters/a", "DELETE /adapters/a"]


@pytest.mark.parametrize("vectors", [0, 1, 3])
def test_vectors_that_are_not_one_for_each_text_are_not_taken(vectors: int) -> None:
    numbers = base64.b64encode(bytes(2 * 4 * vectors)).decode()
    answer = orjson.dumps({"model": "m", "dim": 4, "float16": numbers})
    with pytest.raises(RetryLater):
        _node(_Line(answer)).embed(["one", "two"])


def test_an_error_that_is_none_is_said_as_one() -> None:
    for body in (b"5", b'{"error": "x"}', b'{"error": {"kind": {}, "code": "c", "message": "m"}}', b"\xff"):
        with pytest.raises(HearthsideError) as caught:
            _said(_Line(body, 500))
        assert caught.value.code == "compute-failed"
