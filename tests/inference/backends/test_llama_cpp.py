"""The isolation faults of llama.cpp's server exist as described, and none shows through our backend."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import xllamacpp

from hearthside.errors import NeedsPerson, Refused
from hearthside.inference.backend import Generation, Message, Sampling, Usage
from hearthside.inference.backends.llama_cpp import LlamaCpp, _private_path
from hearthside.inference.shelf import embedded_model
from tests.inference.adapter_files import random_adapter

_MODEL = embedded_model()
_ADAPTERS = {"calm": random_adapter(1), "wild": random_adapter(2)}
_WALK = "The morning began with a long walk along the river, then coffee with friends who spoke of their winter. " * 2
_COLOURS = "Numbers and colours: red one, blue two, green three, yellow four, black five, white six. " * 2


class _RawServer:
    """xllamacpp's server as its own documentation starts it, with two adapters."""

    def __init__(self, folder: Path, cache_ram_mib: int) -> None:
        params = xllamacpp.CommonParams()
        params.model.path, params.n_ctx, params.n_parallel, params.port = str(_MODEL.path), 512, 1, 0
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.warmup, params.verbosity, params.ui = False, -1, False
        params.cache_ram_mib, params.lora_init_without_apply = cache_ram_mib, True
        infos = []
        for name, gguf in _ADAPTERS.items():
            (folder / name).write_bytes(gguf)
            info = xllamacpp.CommonAdapterLoraInfo()
            info.path, info.scale = str(folder / name), 1.0
            infos.append(info)
        params.lora_adapters = infos
        self._server = xllamacpp.Server(params)
        self._http = httpx.Client(base_url=self._server.listening_address, trust_env=False, timeout=60)

    def post(self, path: str, body: Any) -> Any:
        return self._http.post(path, json=body).raise_for_status().json()

    def logprob(self, prompt: str, scales: Sequence[float] | None, *, cache: bool) -> tuple[float, int]:
        """Log-probability of the likeliest next token, and how much of the prompt came from the cache."""
        body = {"prompt": prompt, "n_predict": 1, "temperature": 0, "n_probs": 1, "cache_prompt": cache}
        if scales is not None:
            body["lora"] = [{"id": number, "scale": scale} for number, scale in enumerate(scales)]
        answer = self.post("/completion", body)
        return answer["completion_probabilities"][0]["top_logprobs"][0]["logprob"], answer["timings"]["cache_n"]

    def close(self) -> None:
        self._http.close()
        self._server = None


_NONE, _CALM, _BOTH = (0.0, 0.0), (1.0, 0.0), (1.0, 1.0)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_RawServer]:
    server = _RawServer(tmp_path_factory.mktemp("raw"), cache_ram_mib=8192)  # 8192 is llama.cpp's own default
    yield server
    server.close()


def test_fault_1_raw_request_without_a_list_runs_with_every_adapter(raw: _RawServer) -> None:
    base, _ = raw.logprob(_WALK, _NONE, cache=False)
    both, _ = raw.logprob(_WALK, _BOTH, cache=False)
    assert abs(base - both) > 0.1  # nats; the adapters are strong enough to see
    unnamed, _ = raw.logprob(_WALK, None, cache=False)
    assert unnamed == both
    raw.post("/lora-adapters", [])
    assert raw.logprob(_WALK, None, cache=False)[0] == base


def test_fault_2_raw_request_without_a_list_reuses_another_adapters_cache(raw: _RawServer) -> None:
    raw.post("/lora-adapters", [])
    base, _ = raw.logprob(_WALK, _NONE, cache=False)
    raw.logprob(_WALK, _CALM, cache=False)
    leaked, cached = raw.logprob(_WALK, None, cache=True)
    assert cached > 30 and abs(leaked - base) > 0.1
    raw.logprob(_WALK, _CALM, cache=False)
    assert raw.logprob(_WALK, _NONE, cache=True) == (base, 0)  # the full list closes it


def test_fault_3_raw_prompt_cache_in_memory_ignores_adapters_even_with_the_full_list(
    raw: _RawServer, tmp_path: Path
) -> None:
    base, _ = raw.logprob(_WALK, _NONE, cache=False)
    for server, leaks in ((raw, True), (_RawServer(tmp_path, cache_ram_mib=0), False)):
        server.logprob(_WALK, _CALM, cache=True)
        server.logprob(_COLOURS, _NONE, cache=True)  # the slot changes hands; the walk's cache goes to memory
        found, cached = server.logprob(_WALK, _NONE, cache=True)
        assert (cached > 30 and abs(found - base) > 0.1) if leaks else (found, cached) == (base, 0)
    server.close()


@pytest.fixture(scope="module")
def backend() -> Iterator[LlamaCpp]:
    served = LlamaCpp(_MODEL.path, _MODEL.sha256, threads=1, context_tokens=512, parallel=1)
    assert served.start(_ADAPTERS) == {}
    yield served
    served.close()


def _begin(backend: LlamaCpp, prompt: str, adapter: str | None, max_tokens: int, seed: int | None) -> Generation:
    messages: list[Message] = [{"role": "user", "content": prompt}]
    sampling = Sampling(max_tokens=max_tokens, seed=seed)
    return backend.generate(messages, adapter=adapter, sampling=sampling, on_usage=lambda _: None)


def _answer(backend: LlamaCpp, prompt: str, adapter: str | None, seed: int | None = None) -> tuple[str, Usage]:
    tokens = list(_begin(backend, prompt, adapter, 8, seed))
    assert tokens[-1].usage is not None
    return "".join(token.text for token in tokens), tokens[-1].usage


def test_no_fault_shows_through_the_backend(backend: LlamaCpp) -> None:
    """The three sequences above, with the prefix cache allowed; one slot, so that everything meets in it."""
    fresh = {adapter: _answer(backend, _WALK, adapter, seed=1)[0] for adapter in (None, "calm", "wild")}
    assert len(set(fresh.values())) == 3
    assert _answer(backend, _WALK, None)[0] == fresh[None]  # after "wild"
    _answer(backend, _WALK, "calm")
    _answer(backend, _COLOURS, None)
    text, usage = _answer(backend, _WALK, None)
    # the chat template's opening tokens are shared by both prompts of the base, the walk itself is computed anew
    assert text == fresh[None] and usage.cached_tokens < usage.prompt_tokens / 2
    _answer(backend, _WALK, "wild")
    assert _answer(backend, _WALK, "calm")[0] == fresh["calm"]


def test_cache_is_used_within_one_adapter_and_left_out_with_a_seed(backend: LlamaCpp) -> None:
    _answer(backend, _WALK, "calm")
    _, usage = _answer(backend, _WALK, "calm")
    assert usage.cached_tokens > usage.prompt_tokens / 2
    assert _answer(backend, _WALK, "calm", seed=7)[1].cached_tokens == 0


def test_two_persons_and_the_base_alone_share_two_slots_and_nothing_else() -> None:
    """Six requests in an order in which every slot changes hands, among them the base right after each adapter."""
    served = LlamaCpp(_MODEL.path, _MODEL.sha256, threads=1, context_tokens=256, parallel=2)
    served.start(_ADAPTERS)
    prompts = {"walk": _WALK[: len(_WALK) // 2], "colours": _COLOURS[: len(_COLOURS) // 2]}
    asked = [("walk", None), ("walk", "calm"), ("walk", "wild"), ("colours", None)]
    fresh = {one: _answer(served, prompts[one[0]], one[1], seed=1)[0] for one in asked}
    assert len(set(fresh.values())) == 4
    reused = 0
    for one in [asked[i] for i in (1, 0, 2, 0, 3, 0)]:
        text, usage = _answer(served, prompts[one[0]], one[1])
        assert text == fresh[one], one
        reused += usage.cached_tokens > usage.prompt_tokens / 2
    assert 1 <= reused < 6
    served.load_adapter("late", random_adapter(3))  # a new server: nothing of the old one is left
    assert _answer(served, prompts["walk"], None)[1].cached_tokens == 0
    served.close()


def test_more_requests_than_slots_all_end_and_one_that_is_given_up_waits_no_longer(backend: LlamaCpp) -> None:
    running = [_begin(backend, _COLOURS, "calm", 12, seed=None) for _ in range(3)]
    running[2].close()
    used = list[Usage]()
    backend.generate(
        [{"role": "user", "content": "."}], adapter=None, sampling=Sampling(max_tokens=1), on_usage=used.append
    ).close()
    for generation in running[:2]:
        assert [token.usage for token in generation][-1] is not None
    assert _answer(backend, _COLOURS, None)[0]
    assert [usage.finish for usage in used] == ["cancelled"]


def test_conversation_in_flight_continues_while_its_adapter_is_replaced(backend: LlamaCpp) -> None:
    backend.load_adapter("late", random_adapter(3))
    whole = "".join(token.text for token in _begin(backend, _COLOURS, "late", 24, seed=1))
    running = _begin(backend, _COLOURS, "late", 24, seed=1)
    pieces = [next(running).text for _ in range(4)]
    backend.load_adapter("late", random_adapter(4))  # a new server beside the old one
    replaced = "".join(token.text for token in _begin(backend, _COLOURS, "late", 8, seed=1))
    backend.unload_adapter("late")
    with pytest.raises(Refused) as gone:
        _begin(backend, _COLOURS, "late", 4, seed=1)
    assert gone.value.code == "adapter-not-loaded" and backend.adapters == ("calm", "wild")
    pieces += [token.text for token in running]
    assert "".join(pieces) == whole and not whole.startswith(replaced)


def test_adapter_that_does_not_fit_is_refused_and_changes_nothing(backend: LlamaCpp) -> None:
    with pytest.raises(Refused):
        backend.load_adapter("foreign", random_adapter(5, architecture="qwen2"))
    assert backend.adapters == ("calm", "wild")
    assert _answer(backend, _WALK, None)[0]


def test_start_serves_the_base_when_an_adapter_is_broken() -> None:
    served = LlamaCpp(_MODEL.path, _MODEL.sha256, threads=1, context_tokens=512, parallel=1)
    refused = served.start({"broken": _ADAPTERS["calm"][:5000], "calm": _ADAPTERS["calm"]})
    assert list(refused) == ["broken"] and served.adapters == ("calm",)
    served.close()


def test_model_that_llama_cpp_cannot_load_needs_the_person(tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(_MODEL.path.read_bytes()[:5_000_000])
    served = LlamaCpp(path, _MODEL.sha256, threads=1, context_tokens=512, parallel=1)
    with pytest.raises(NeedsPerson) as caught:
        served.start({})
    assert caught.value.code == "model-not-loadable"


def test_adapter_bytes_are_in_memory_only() -> None:
    before = set(Path(tempfile.gettempdir()).iterdir())
    with _private_path(_ADAPTERS["calm"]) as path:
        assert Path(path).read_bytes() == _ADAPTERS["calm"]
        assert str(Path(path).readlink()).startswith("/memfd:")
        assert set(Path(tempfile.gettempdir()).iterdir()) - before == set()
    assert not Path(path).exists()


def test_adapter_file_without_memfd_is_private_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with _private_path(_ADAPTERS["calm"]) as path:
        file = Path(path)
        assert file.stat().st_mode & 0o077 == 0 and file.parent.stat().st_mode & 0o077 == 0
        assert file.read_bytes() == _ADAPTERS["calm"]
    assert not file.parent.exists()
