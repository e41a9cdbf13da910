"""The guard in the running product: the node is admitted, shed, ended and started again, and the page says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.errors import RetryLater
from hearthside.inference.backend import Message
from hearthside.inference.supervisor import NodeOptions
from tests.inference.guard.guarded_house import GuardedHouse
from tests.until import until

_SEA: list[Message] = [{"role": "user", "content": "Speak of the sea."}]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[GuardedHouse]:
    made = GuardedHouse(tmp_path)
    yield made
    made.supervisor.stop()


def test_a_node_is_ended_in_time_and_comes_back_when_there_is_room(house: GuardedHouse) -> None:
    house.supervisor.start()
    assert house.supervisor.wait_ready(60)
    node, first = house.supervisor.node, house.supervisor.pid
    assert "".join(node.complete(_SEA, max_tokens=4)) and node.embed(["sea"]).shape[0] == 1
    assert node.health().progress >= 4
    house.room(19)
    until(lambda: house.told("side models were unloaded"), "shedding")
    for ask in (lambda: node.complete(_SEA), lambda: node.embed(["sea"])):
        with pytest.raises(RetryLater) as caught:
            ask()
        assert caught.value.code == "memory-short"
    assert node.health().sha256 and house.supervisor.pid == first  # it lives on and is watched
    house.room(5)
    until(lambda: house.supervisor.state().phase == "down", "the end")
    assert "would not freeze" in house.supervisor.state().sentence or house.told("would not freeze")
    until(lambda: "Memory is short" in house.supervisor.state().sentence, "waiting for room")
    assert house.supervisor.pid is None
    house.room(60)
    assert house.supervisor.wait_ready(60)
    assert house.supervisor.pid != first and house.told("There is room again")
    assert "".join(node.complete(_SEA, max_tokens=4)) and node.embed(["sea"]).shape[0] == 1


def test_a_model_that_does_not_fit_is_never_started_and_the_reason_is_said(house: GuardedHouse) -> None:
    house.room(20.2)
    house.supervisor.start()
    until(lambda: house.supervisor.state().phase == "down", "the refusal")
    sentence = house.supervisor.state().sentence
    assert "needs" in sentence and "are kept free" in sentence and sentence.endswith("Everything else works meanwhile.")
    assert house.supervisor.pid is None
    house.room(60)
    assert house.supervisor.wait_ready(60)


def test_each_step_is_smaller_down_to_a_least() -> None:
    options = NodeOptions(context_tokens=4096, parallel=4, threads=3)
    assert options.smaller(0) is options
    assert [(options.smaller(n).context_tokens, options.smaller(n).parallel) for n in (1, 2, 9)] == [
        (2048, 1), (1024, 1), (512, 1),
    ]  # fmt: skip
    assert NodeOptions(context_tokens=256).smaller(3).context_tokens == 256 and options.smaller(2).threads == 3
