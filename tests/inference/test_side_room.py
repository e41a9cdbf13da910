"""How a node asks for memory after its start: over real pipes, with the errors as the guard gave them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.events import Json
from hearthside.inference.side_room import AskedRoom, answer
from hearthside.inference.wire import error_body


class _Lease:
    """Takes so many bytes, and remembers what it was asked."""

    def __init__(self, room: int = 100) -> None:
        self.room, self.asked = room, list[tuple[str, int]]()
        self.told = threading.Event()

    def grow(self, more: int) -> None:
        if more > 10 * self.room:
            raise NeedsPerson("model-too-large", "It can never be loaded here.")
        if more > self.room:
            raise RetryLater("memory-short", "There is not enough memory now.")
        self.asked.append(("grow", more))

    def loaded(self) -> None:
        self.asked.append(("loaded", 0))

    def shrink(self, less: int) -> None:
        self.asked.append(("shrink", less))
        self.told.set()


@contextmanager
def _node_with(lease: _Lease) -> Iterator[AskedRoom]:
    """The node's side, with a parent that answers from a thread."""
    from_node, to_parent = os.pipe()
    from_parent, to_node = os.pipe()
    with (
        os.fdopen(to_parent, "wb", 0) as saying, os.fdopen(from_node, "rb") as said,
        os.fdopen(to_node, "wb", 0) as replying, os.fdopen(from_parent, "rb") as heard,
    ):  # fmt: skip

        def say(line: dict[str, Json]) -> None:
            saying.write(orjson.dumps(line) + b"\n")

        def listen() -> None:
            for line in heard:
                room.hear(line)

        room = AskedRoom(say)
        understood: list[bool] = []
        parent = threading.Thread(
            target=lambda: understood.extend(answer(orjson.loads(line), lease, replying) for line in said)
        )
        node = threading.Thread(target=listen)
        for thread in (parent, node):
            thread.start()
        try:
            yield room
        finally:
            saying.close()
            parent.join()
            replying.close()
            node.join()
        assert all(understood)


def test_a_load_is_asked_for_told_and_given_back() -> None:
    lease = _Lease()
    with _node_with(lease) as room:
        room.grow(60)
        room.loaded()
        room.shrink(60)
        assert lease.told.wait(20)
    assert lease.asked == [("grow", 60), ("loaded", 0), ("shrink", 60)]


@pytest.mark.parametrize(
    ("more", "kind", "code"), [(101, RetryLater, "memory-short"), (1001, NeedsPerson, "model-too-large")]
)
def test_a_refusal_arrives_as_the_guard_gave_it(more: int, kind: type[HearthsideError], code: str) -> None:
    with _node_with(_Lease()) as room:
        with pytest.raises(kind) as error:
            room.grow(more)
        assert error.value.code == code
        room.grow(1)  # and the next is asked all the same


def test_several_at_once_each_get_their_own_answer() -> None:
    lease, refused = _Lease(), list[int]()

    def ask(more: int) -> None:
        try:
            room.grow(more)
        except RetryLater:
            refused.append(more)

    with _node_with(lease) as room:
        asking = [threading.Thread(target=ask, args=(more,)) for more in (10, 110, 20, 120, 30)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(20)
    assert sorted(refused) == [110, 120]
    assert sorted(lease.asked) == [("grow", 10), ("grow", 20), ("grow", 30)]


def test_a_parent_that_is_gone_is_no_room() -> None:
    def gone(line: dict[str, Json]) -> None:
        raise BrokenPipeError

    with pytest.raises(RetryLater) as error:
        AskedRoom(gone).grow(1)
    assert error.value.code == "guard-away"


@pytest.mark.parametrize("refused", [False, True])
def test_what_is_admitted_too_late_is_given_back(refused: bool) -> None:
    said: list[dict[str, Json]] = []
    room = AskedRoom(said.append, answer_s=0.01)
    with pytest.raises(RetryLater) as error:
        room.grow(60)
    assert error.value.code == "guard-away"
    late = error_body(RetryLater("memory-short", "There is not enough memory now.")) if refused else None
    room.hear(orjson.dumps({"number": said[0]["number"], "error": late}))
    assert said[1:] == ([] if refused else [{"loaded": True}, {"shrink": 60}])


@pytest.mark.parametrize("line", [{}, {"leaving": "idle"}])
def test_other_lines_of_a_node_ask_for_nothing(line: dict[str, Json]) -> None:
    lease = _Lease()
    with Path(os.devnull).open("wb", 0) as nobody:
        assert answer(line, lease, nobody) is False
    assert lease.asked == []


@pytest.mark.parametrize("line", [{"shrink": "x"}, {"shrink": None}, {"grow": 5}, {"grow": [], "number": 1}])
def test_what_no_node_asks_is_told_to_who_listens(line: dict[str, Json]) -> None:
    with Path(os.devnull).open("wb", 0) as nobody, pytest.raises((TypeError, ValueError, KeyError)):
        answer(line, _Lease(), nobody)


def test_without_memory_for_a_thread_the_node_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with (tmp_path / "said").open("wb", 0) as node:
        assert answer({"grow": 5, "number": 3}, _Lease(), node)
    told = orjson.loads((tmp_path / "said").read_bytes())
    assert told["number"] == 3 and told["error"]["code"] == "memory-short"
