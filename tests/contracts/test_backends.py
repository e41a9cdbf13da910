"""What every model backend must do; a new backend adds one line to `_BACKENDS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import pytest

from hearthside.errors import Refused
from hearthside.inference.backend import Backend, Message, Sampling, Usage
from hearthside.inference.backends.llama_cpp import LlamaCpp
from hearthside.inference.backends.openai_http import OpenAiHttp
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.gguf_header import model_header
from hearthside.inference.shelf import embedded_model
from tests.inference.adapter_files import random_adapter
from tests.inference.llama_server import llama_server

_ADAPTERS = {"a": random_adapter(11), "b": random_adapter(12)}
_MESSAGES: list[Message] = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "Tell me about the sea and the weather at the coast."},
]


def _llama_cpp() -> Backend:
    model = embedded_model()
    return LlamaCpp(model.path, model.sha256, threads=1, context_tokens=512, parallel=2)


@contextmanager
def _openai_http(folder: Path, *, cache_ram_mib: int) -> Iterator[Backend]:
    """llama.cpp's own HTTP server, as its documentation starts it: with 8192 MiB it has fault 3 (test_llama_cpp)."""
    model = embedded_model()
    with llama_server(folder, _ADAPTERS, cache_ram_mib=cache_ram_mib) as (url, key):
        address = ServerAddress(url, key=key, memory_prompt_cache_off=cache_ram_mib == 0)
        yield OpenAiHttp(address, (model_header(model.path), model.sha256))


_BACKENDS: dict[str, Callable[[Path], AbstractContextManager[Backend]]] = {
    "llama_cpp": lambda _: nullcontext(_llama_cpp()),
    "openai_http": partial(_openai_http, cache_ram_mib=8192),
    "openai_http without the cache in memory": partial(_openai_http, cache_ram_mib=0),
}


@pytest.fixture(scope="module", params=sorted(_BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with _BACKENDS[request.param](tmp_path_factory.mktemp("server")) as served:
        assert served.start(_ADAPTERS) == {} and served.adapters == tuple(_ADAPTERS)
        yield served
        served.close()


def _run(backend: Backend, adapter: str | None, sampling: Sampling) -> tuple[list[str], Usage]:
    told: list[Usage] = []
    tokens = list(backend.generate(_MESSAGES, adapter=adapter, sampling=sampling, on_usage=told.append))
    assert [token.usage for token in tokens if token.usage] == told and tokens[-1].usage == told[0]
    return [token.text for token in tokens if token.text], told[0]


def test_answer_streams_in_pieces_and_ends_with_its_usage(backend: Backend) -> None:
    pieces, usage = _run(backend, None, Sampling(max_tokens=10))
    assert len(pieces) > 3 and usage.completion_tokens == 10 and usage.finish == "length"
    assert usage.prompt_tokens > 15 and usage.seconds > 0


def test_seed_repeats_the_answer_and_temperature_varies_it(backend: Backend) -> None:
    def text(seed: int, temperature: float) -> str:
        return "".join(_run(backend, None, Sampling(max_tokens=12, temperature=temperature, seed=seed))[0])

    assert text(1, 0.0) == text(2, 0.0)
    assert text(3, 1.5) == text(3, 1.5) != text(4, 1.5)


def test_stop_text_ends_the_answer_and_is_not_part_of_it(backend: Backend) -> None:
    whole = "".join(_run(backend, None, Sampling(max_tokens=20, seed=1))[0])
    word = whole.split()[3]
    pieces, usage = _run(backend, None, Sampling(max_tokens=20, seed=1, stop=(word,)))
    assert "".join(pieces) == whole[: whole.index(word)] and usage.finish == "stop"


def test_grammar_holds_the_answer_to_its_sentences(backend: Backend) -> None:
    sampling = Sampling(max_tokens=20, temperature=1.5, seed=5, grammar='root ::= ("low" | "high") " tide"')
    pieces, usage = _run(backend, "a", sampling)
    assert "".join(pieces) in ("low tide", "high tide") and usage.finish == "stop"


def test_grammar_that_cannot_be_read_is_refused(backend: Backend) -> None:
    told: list[Usage] = []
    sampling = Sampling(max_tokens=4, grammar="root ::= (")
    with pytest.raises(Refused) as caught:
        list(backend.generate(_MESSAGES, adapter=None, sampling=sampling, on_usage=told.append))
    assert caught.value.code == "grammar-wrong" and len(told) == 1
    assert _run(backend, None, Sampling(max_tokens=1))[1].completion_tokens == 1  # it still serves


def test_no_request_shows_in_another(backend: Backend) -> None:
    """Interleaved adapters, prefix caches allowed: each answer is one that its adapter gives on its own.

    On its own it gives one answer to a prompt read anew and perhaps another with its own cache: the rounding differs.
    """
    fresh = {name: _run(backend, name, Sampling(max_tokens=6, seed=1))[0] for name in (None, "a", "b")}
    assert len({"".join(pieces) for pieces in fresh.values()}) == 3
    own = {}
    for name in fresh:
        _run(backend, name, Sampling(max_tokens=1))
        own[name] = (fresh[name], _run(backend, name, Sampling(max_tokens=6))[0])
    for name in ("a", None, "b", None, "a"):
        assert _run(backend, name, Sampling(max_tokens=6))[0] in own[name]


def test_two_answers_at_once_with_different_adapters(backend: Backend) -> None:
    sampling = Sampling(max_tokens=6, seed=1)
    fresh = {name: _run(backend, name, sampling)[0] for name in ("a", "b")}
    running = {
        name: backend.generate(_MESSAGES, adapter=name, sampling=sampling, on_usage=lambda _: None) for name in fresh
    }
    assert {name: [token.text for token in tokens if token.text] for name, tokens in running.items()} == fresh


def test_unknown_adapter_is_refused(backend: Backend) -> None:
    with pytest.raises(Refused) as caught:
        backend.generate(_MESSAGES, adapter="nobody", sampling=Sampling(), on_usage=lambda _: None)
    assert caught.value.code == "adapter-not-loaded"


def test_too_long_prompt_is_refused_with_both_lengths(backend: Backend) -> None:
    told: list[Usage] = []
    messages: list[Message] = [{"role": "user", "content": "sea and sand " * 400}]
    with pytest.raises(Refused) as caught:
        list(backend.generate(messages, adapter=None, sampling=Sampling(), on_usage=told.append))
    assert caught.value.code == "prompt-too-long" and "512" in caught.value.message and len(told) == 1


def test_closed_answer_stops_the_model_and_is_still_metered(backend: Backend) -> None:
    told: list[Usage] = []
    generation = backend.generate(
        _MESSAGES, adapter=None, sampling=Sampling(max_tokens=400, temperature=1.5), on_usage=told.append
    )
    while not next(generation).text:
        pass
    generation.close()
    list(generation)
    _run(backend, None, Sampling(max_tokens=1))
    _run(backend, None, Sampling(max_tokens=1))  # two slots: one was free at least by now
    backend.close()
    assert len(told) == 1 and told[0].finish == "cancelled" and 0 < told[0].completion_tokens < 100
