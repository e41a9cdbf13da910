"""A metered backend: the same answers, with what each of them took, shared, also where they break off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from hearthside.errors import HearthsideError, Refused
from hearthside.inference.backend import Backend, Generation, Message, Sampling, Token, Usage
from hearthside.inference.backends.openai_http import OpenAiHttp
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.energy import Absent, Reading
from hearthside.inference.energy.meters import Said
from hearthside.inference.metered import Metered
from tests.inference.backends.recorded_server import VLLM_ANSWER, models, recorded_server

_ASK: list[Message] = [{"role": "user", "content": "When is low tide?"}]


class _Machine:
    """Takes 20 W; a second goes by whenever it is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.silent = ""

    def read(self) -> Said:
        return Absent("x", self.silent) if self.silent else Reading(20 * self.now, "RAPL", "all")


class _Two:
    """Answers with two tokens when it is let; keeps what it was asked."""

    adapters: tuple[str, ...] = ("a",)

    def __init__(self) -> None:
        self.running: list[Callable[[], None]] = []
        self.did: list[str] = []

    def start(self, adapters: Mapping[str, bytes]) -> dict[str, HearthsideError]:
        self.did.append("start")
        return {}

    def load_adapter(self, adapter: str, gguf: bytes) -> None:
        self.did.append(f"load {adapter}")

    def unload_adapter(self, adapter: str) -> None:
        self.did.append(f"unload {adapter}")

    def close(self) -> None:
        self.did.append("close")

    def generate(
        self, messages: Sequence[Message], *, adapter: str | None, sampling: Sampling,
        on_usage: Callable[[Usage], None],
    ) -> Generation:  # fmt: skip
        if adapter == "missing":
            raise Refused("adapter-not-loaded", "It is not here.")
        generation = Generation()

        def end() -> None:
            usage = Usage(4, 1, 2, 1.5, "cancelled" if generation.cancelled else "stop")
            on_usage(usage)
            generation.put(Token("low"))
            generation.put(Token("", usage))
            generation.end()

        self.running.append(end)
        return generation


@pytest.fixture
def machine() -> _Machine:
    return _Machine()


def _begin(backend: Backend, told: list[Usage], adapter: str | None = None) -> Generation:
    return backend.generate(_ASK, adapter=adapter, sampling=Sampling(), on_usage=told.append)


def test_usage_and_last_token_say_what_it_took(machine: _Machine) -> None:
    two, told = _Two(), list[Usage]()
    metered = Metered(two, machine, lambda: machine.now)
    first = _begin(metered, told)
    machine.now = 2.0
    second = _begin(metered, told)
    machine.now = 3.0
    two.running[0]()
    machine.now = 4.0
    two.running[1]()
    tokens = list(first)
    assert told[0] == tokens[-1].usage == Usage(4, 1, 2, 1.5, "stop", 50.0, "RAPL: all.", 2.5)
    assert [token.text for token in tokens] == ["low", ""] and list(second)[-1].usage == told[1]
    assert (told[1].joules, told[1].shared_s) == (30.0, 1.5)
    assert Usage(**asdict(told[1])) == told[1]


def test_where_nothing_measures_there_is_a_reason_and_no_figure(machine: _Machine) -> None:
    two, told = _Two(), list[Usage]()
    machine.silent = "Nobody counts here."
    metered = Metered(two, machine, lambda: machine.now)
    running = _begin(metered, told)
    machine.now = 2.0
    two.running[0]()
    assert (told[0].joules, told[0].meter, told[0].shared_s) == (None, "Nobody counts here.", 2.0)
    assert list(running)[-1].usage == told[0]


def test_what_breaks_off_or_is_refused_leaves_nothing_behind(machine: _Machine) -> None:
    two, told = _Two(), list[Usage]()
    metered = Metered(two, machine, lambda: machine.now)
    with pytest.raises(Refused):
        _begin(metered, told, "missing")
    running = _begin(metered, told)
    machine.now = 1.0
    running.close()
    assert running.cancelled
    two.running[0]()
    assert (told[0].finish, told[0].joules) == ("cancelled", 20.0)
    again = _begin(metered, told)
    machine.now = 2.0
    two.running[1]()
    assert told[1].joules == 20.0 and len(list(again)) == 2


def test_everything_else_is_the_backends_own(machine: _Machine) -> None:
    two = _Two()
    metered = Metered(two, machine, lambda: machine.now)
    assert metered.adapters == ("a",) and metered.start({}) == {}
    metered.load_adapter("b", b"")
    metered.unload_adapter("b")
    metered.close()
    assert two.did == ["start", "load b", "unload b", "close"]


@pytest.fixture
def served(machine: _Machine) -> Iterator[Metered]:
    chat, known = ("POST", "/v1/chat/completions"), ("GET", "/v1/models")
    with recorded_server({known: models("vllm", "home"), chat: VLLM_ANSWER}) as server:
        backend = OpenAiHttp(ServerAddress(server.url), None)
        backend.start({})
        yield Metered(backend, machine, lambda: machine.now)
        backend.close()


def test_a_real_backend_is_metered_from_many_threads(served: Metered, tmp_path: Path) -> None:
    told, texts = list[Usage](), list[str]()

    def ask() -> None:
        texts.append("".join(token.text for token in _begin(served, told)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["Low tide"] * 8 and len(told) == 8
    assert {one.joules for one in told} == {0.0} and {one.meter for one in told} == {"RAPL: all."}
