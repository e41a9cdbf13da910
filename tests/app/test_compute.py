"""What the settings let the compute node serve, and how an answer passes from one node to the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from hearthside.app.compute import NodeLanguageModel, Speaker, model_of, server_of
from hearthside.app.station import open_house
from hearthside.app.training import TrainingDesk
from hearthside.companion.wording import Worded, reword
from hearthside.errors import ConfigError, Refused, RetryLater
from hearthside.identity.vault import create_vault
from hearthside.inference.adapters import AdapterManifest, AdapterRegistry
from hearthside.inference.client import ComputeNode
from hearthside.inference.pool import Serving
from hearthside.inference.shelf import embedded_model
from tests.app.helpers import house_in, settings_in


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("127.0.0.1:8080", "backend-address-wrong"),
        ("http://", "backend-address-wrong"),
        ("ftp://127.0.0.1", "backend-address-wrong"),
        ("http://127.0.0.1:99999", "backend-address-wrong"),
        ("http://192.168.1.7:8080", "backend-host-unknown"),
        ("https://models.example", "backend-host-unknown"),
    ],
)
def test_a_wrong_address_is_said_before_anything_is_made(tmp_path: Path, url: str, code: str) -> None:
    settings = settings_in(tmp_path).model_copy(update={"model_server": url})
    with pytest.raises((ConfigError, Refused)) as caught:
        open_house(settings)
    assert caught.value.code == code and not (tmp_path / "vault").exists()


def test_a_key_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    update = {"model_server": "http://127.0.0.1:8080", "model_server_key_file": tmp_path / "absent"}
    with pytest.raises(ConfigError) as caught:
        server_of(settings_in(tmp_path).model_copy(update=update))
    assert caught.value.code == "model-server-key-unreadable"


def test_the_model_of_a_server_is_known_by_the_file_that_was_named(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert model_of(settings) == embedded_model() and server_of(settings) is None
    settings = settings.model_copy(update={"model_server": "http://localhost:8080/v1", "model_server_model": "big"})
    assert (model_of(settings).name, model_of(settings).sha256) == ("big", "")
    named = model_of(settings.model_copy(update={"model_path": embedded_model().path}))
    assert named.sha256 == embedded_model().sha256
    server = server_of(settings)
    assert server is not None and server.root() == "http://localhost:8080" and server.model == "big"


class _Node:
    """A node that says so many pieces and then breaks off, or ends."""

    def __init__(self, pieces: int, breaks: bool, model: str = "large", sha256: str = "ab" * 32) -> None:
        self.pieces, self.breaks, self.model, self.sha256 = pieces, breaks, model, sha256
        self.id, self.code = f"{model}{pieces}", "adapter-not-loaded"
        self.asked: list[str | None] = []
        self.node = ComputeNode(lambda: self, lambda: 0, fetch_adapter=self._refuse)
        self.key = "start"

    def _refuse(self, adapter: str) -> bytes:
        raise Refused("adapter-base-differs", "It was trained for another base model.")

    @contextmanager
    def open(self, method: str, path: str, body: bytes = b"", *, timeout_s: float) -> Iterator[httpx.Response]:
        if path == "/probe":
            yield httpx.Response(200, json={"seconds": 0.1})
            return
        self.asked.append(orjson.loads(body)["adapter"])
        if self.asked[-1] is not None:
            error = {"kind": "Refused", "code": self.code, "message": "It is not here."}
            yield httpx.Response(422, json={"error": error})
            return
        usage = {"prompt_tokens": 1, "cached_tokens": 0, "completion_tokens": 1, "seconds": 0.1, "finish": "stop"}
        lines = [orjson.dumps({"text": f"{number} "}) for number in range(self.pieces)]
        yield httpx.Response(200, content=b"\n".join([*lines, *([] if self.breaks else [_last(usage)])]))

    def broken(self) -> None:
        """Whoever chooses, chooses another."""


def _last(usage: dict[str, object]) -> bytes:
    return orjson.dumps({"text": "", "usage": usage})


class _Choosing:
    """Compute that hands out these nodes, one after the other, and the last for ever."""

    def __init__(self, *nodes: _Node) -> None:
        self.nodes = list(nodes)

    def snapshot(self) -> Serving:
        node = self.nodes.pop(0) if len(self.nodes) > 1 else self.nodes[0]
        model = node.model, node.sha256
        return Serving(node.id, node.node, *model, 0, lambda: (node.model, node.sha256))


_COUNT = [{"role": "user", "content": "Count."}]


def _said(compute: _Choosing, registry: AdapterRegistry, steady: bool = False) -> tuple[str, Speaker]:
    speaker = NodeLanguageModel(compute, registry).now(steady)
    assert speaker is not None
    return "".join(speaker.complete(_COUNT, 9)), speaker


def _promoted(registry: AdapterRegistry) -> str:
    manifest = AdapterManifest("ab" * 32, "lora_sft", "2026-01-01", "2026-01-31", 900, "receipt")
    adapter = registry.stage(b"weights", manifest)
    registry.promote(adapter)
    return adapter


@pytest.fixture
def registry(tmp_path: Path) -> AdapterRegistry:
    return AdapterRegistry(create_vault(tmp_path / "vault", key_file=tmp_path / "key"), lambda: 0)


def test_a_node_that_goes_before_its_first_word_leaves_the_answer_to_the_next(registry: AdapterRegistry) -> None:
    first, second = _Node(0, breaks=True), _Node(3, breaks=False)
    assert _said(_Choosing(first, second), registry)[0] == "0 1 2 "
    assert first.asked == second.asked == [None]


def test_half_an_answer_is_not_begun_anew_and_one_node_is_not_asked_twice(registry: AdapterRegistry) -> None:
    half, second = _Node(2, breaks=True), _Node(3, breaks=False)
    with pytest.raises(RetryLater):
        _said(_Choosing(half, second), registry)
    assert second.asked == []
    alone = _Node(0, breaks=True)
    with pytest.raises(RetryLater):
        _said(_Choosing(alone), registry)
    assert len(alone.asked) == 1


def test_an_adapter_that_a_node_cannot_take_leaves_the_answer_to_its_base(registry: AdapterRegistry) -> None:
    adapter = _promoted(registry)
    node = _Node(1, breaks=False)
    node.code = "adapter-not-taken"
    models = NodeLanguageModel(_Choosing(node), registry)
    for asked in ([adapter, None], [adapter, None, None]):  # and is not tried there again
        model = models.now()
        assert model is not None and "".join(model.complete(_COUNT, 9)) == "0 "
        assert node.asked == asked and model.name == "large"


def test_an_adapter_that_one_node_did_not_take_is_tried_on_the_next(registry: AdapterRegistry) -> None:
    adapter, compute = _promoted(registry), _Choosing(_Node(1, breaks=False), _Node(2, breaks=False))
    first, second = compute.nodes
    first.code = "adapter-not-taken"
    models = NodeLanguageModel(compute, registry)
    for _ in range(2):
        model = models.now()
        assert model is not None and "".join(model.complete(_COUNT, 9))
    assert first.asked == second.asked == [adapter, None]


def test_an_adapter_of_another_base_is_not_given_up_for_good(registry: AdapterRegistry) -> None:
    """The client says so when the node came to serve another file between one request and the next."""
    adapter, node = _promoted(registry), _Node(1, breaks=False)
    models = NodeLanguageModel(_Choosing(node), registry)
    for _ in range(2):
        model = models.now()
        assert model is not None and "".join(model.complete(_COUNT, 9)) == "0 "
    assert node.asked == [adapter, None] * 2


def test_who_was_judged_speaks_or_nobody(registry: AdapterRegistry) -> None:
    """The gate knows the large one; the small one, which takes over in the middle, it never saw."""
    large, small = _Node(0, breaks=True), _Node(3, breaks=False, model="small", sha256="cd" * 32)
    assert _said(_Choosing(large, small), registry)[0] == "0 1 2 "  # small talk takes whoever there is
    assert _said(_Choosing(large, small), registry)[1].name == "small"  # and says whose words they are
    small.asked.clear()
    with pytest.raises(RetryLater):
        _said(_Choosing(large, small), registry, steady=True)
    assert small.asked == []
    twin = _Node(3, breaks=False)
    assert _said(_Choosing(large, twin), registry, steady=True)[0] == "0 1 2 "
    nameless = _Node(0, breaks=True, sha256=""), _Node(3, breaks=False, sha256="")
    with pytest.raises(RetryLater):  # whether they are the same nobody knows
        _said(_Choosing(*nameless), registry, steady=True)


def test_who_reads_at_night_is_the_node_whose_model_is_named(tmp_path: Path, registry: AdapterRegistry) -> None:
    """The choice changes with each look, as it may; node, name and hash are of one of them all the same."""
    large, small = _Node(1, breaks=False), _Node(2, breaks=False, model="small", sha256="cd" * 32)
    with house_in(tmp_path / "life") as house:
        desk = TrainingDesk(house.rooms, _Choosing(large, small), lambda: None)  # type: ignore[arg-type]
        reader = desk.reader()
        assert reader is not None and reader.model == "large#abababababab"
        assert reader.say([("user", "Count.")], "", 9) == "0 " and (len(large.asked), small.asked) == (1, [])
        large.model = "other"
        with pytest.raises(RetryLater, match="another model"):
            reader.say([("user", "Count.")], "", 9)


def test_who_was_judged_keeps_model_and_adapter(registry: AdapterRegistry) -> None:
    node = _Node(2, breaks=False)
    models = NodeLanguageModel(_Choosing(node), registry)
    bare = models.now(steady=True)
    assert bare is not None and bare.name == "large" and bare.identity == "large#abababababab"
    adapter = _promoted(registry)
    with pytest.raises(RetryLater):
        list(bare.complete(_COUNT, 9))
    spoken = models.now(steady=True)
    assert spoken is not None and spoken.name == f"large + your adapter {adapter[:8]}"
    node.code = "adapter-not-taken"
    with pytest.raises(RetryLater):  # the base alone was not judged
        list(spoken.complete(_COUNT, 9))
    node.model, node.sha256 = "small", "cd" * 32
    with pytest.raises(RetryLater, match="another model"):
        list(spoken.complete(_COUNT, 9))
    assert node.asked == [adapter]


def test_who_only_words_what_is_known_is_not_waited_for_longer_than_the_patience(registry: AdapterRegistry) -> None:
    now_s = [0.0]
    node = _Node(5, breaks=False)

    def speaker(patience_s: float | None) -> Speaker:
        return Speaker(_Choosing(node), registry, set(), False, patience_s, lambda: now_s[0])

    for patience_s, passes_s, said in ((None, 1000.0, 5), (8.0, 1.0, 5), (8.0, 3.0, 3)):
        heard = list[str]()
        answer = speaker(patience_s).complete(_COUNT, 9)
        try:
            for piece in answer:
                heard.append(piece)
                now_s[0] += passes_s
        except RetryLater as error:
            assert error.code == "compute-slow"
        assert len(heard) == said
    slow = Speaker(_Choosing(node), registry, set(), False, 0.0, lambda: now_s[0])
    assert reword(slow, "You walked 7 times.", []) == Worded("You walked 7 times.", "", "")
    hurried = NodeLanguageModel(_Choosing(node), registry).hurried()
    assert hurried is not None and "".join(hurried.complete(_COUNT, 9)) == "0 1 2 3 4 "
    assert NodeLanguageModel(None, registry).hurried() is None


class _Stuck(_Node):
    """A node that takes its time over one thing, and says nothing meanwhile."""

    def __init__(self, over: str) -> None:
        super().__init__(5, breaks=False)
        self.over, self.reached, self.goes_on, self.closed = (
            over,
            threading.Event(),
            threading.Event(),
            threading.Event(),
        )

    def _refuse(self, adapter: str) -> bytes:
        return b"weights"

    @contextmanager
    def open(self, method: str, path: str, body: bytes = b"", *, timeout_s: float) -> Iterator[httpx.Response]:
        if path.startswith("/adapters") and self.over == "adapter":
            self._stick()
            yield httpx.Response(200)
        elif path == "/complete" and self.over == "words":
            try:
                yield httpx.Response(200, content=self._words())
            finally:
                self.closed.set()
        else:
            with super().open(method, path, body, timeout_s=timeout_s) as response:
                yield response

    def _stick(self) -> None:
        self.reached.set()
        assert self.goes_on.wait(30)

    def _words(self) -> Iterator[bytes]:
        yield b'{"text": "0 "}\n'
        self._stick()
        yield b'{"text": "1 "}\n{"text": "2 "}\n'
        raise AssertionError("nobody wanted more")


@pytest.mark.parametrize(("over", "said"), [("words", "0 "), ("adapter", "")])
def test_the_patience_ends_in_the_middle_of_a_wait_for_the_node(
    registry: AdapterRegistry, over: str, said: str
) -> None:
    """The node goes on only once it was given up; nothing but the patience ends the wait."""
    if over == "adapter":
        _promoted(registry)
    node, heard = _Stuck(over), ""
    speaker = Speaker(_Choosing(node), registry, set(), False, 1.0)
    try:
        with pytest.raises(RetryLater) as error:
            for piece in speaker.complete(_COUNT, 9):
                heard += piece
        assert (error.value.code, heard) == ("compute-slow", said) and node.reached.is_set()
    finally:
        node.goes_on.set()
    if over == "words":
        assert node.closed.wait(30)
