"""OpenAI-compatible servers: llama.cpp's own for real; vLLM, Ollama, LM Studio as recorded; and what goes wrong."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.inference.backend import Generation, Message, Sampling, Usage
from hearthside.inference.backends.openai_http import OpenAiHttp
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.gguf_header import model_header
from hearthside.inference.shelf import embedded_model
from tests.inference.adapter_files import random_adapter
from tests.inference.backends.recorded_server import (
    LM_STUDIO_ANSWER,
    LM_STUDIO_TOO_LONG,
    OLLAMA_ANSWER,
    OLLAMA_NO_MODEL,
    VLLM_ANSWER,
    VLLM_GONE,
    VLLM_KNOWN,
    VLLM_LOADED,
    VLLM_NOT_LOADED,
    VLLM_TOO_LONG,
    VLLM_UNLOADED,
    Recorded,
    Reply,
    models,
    recorded_server,
    stream,
)
from tests.inference.llama_server import llama_server

_CHAT = ("POST", "/v1/chat/completions")
_MODELS = ("GET", "/v1/models")
_LOAD, _UNLOAD = ("POST", "/v1/load_lora_adapter"), ("POST", "/v1/unload_lora_adapter")
_ASK: list[Message] = [{"role": "user", "content": "When is low tide?"}]
_EMBEDDED = embedded_model()
_BASE = (model_header(_EMBEDDED.path), _EMBEDDED.sha256)


def _started(server: Recorded, **options: Any) -> OpenAiHttp:
    backend = OpenAiHttp(ServerAddress(server.url, **options), _BASE)
    assert backend.start({}) == {}
    return backend


def _ask(backend: OpenAiHttp, adapter: str | None = None, **sampling: Any) -> tuple[str, Usage]:
    told: list[Usage] = []
    running = backend.generate(_ASK, adapter=adapter, sampling=Sampling(**sampling), on_usage=told.append)
    text = "".join(token.text for token in running)
    assert len(told) == 1
    return text, told[0]


def _problem(backend: OpenAiHttp, **sampling: Any) -> HearthsideError:
    with pytest.raises(HearthsideError) as caught:
        _ask(backend, **sampling)
    return caught.value


# ---- recorded, not run ----


def test_vllm_answer_with_usage_in_two_chunks() -> None:
    with recorded_server({_MODELS: models("vllm", "home"), _CHAT: VLLM_ANSWER}) as server:
        backend = _started(server, key="secret")
        text, usage = _ask(backend, seed=7, grammar='root ::= "Low tide"')
        assert (text, usage.finish) == ("Low tide", "stop") and backend.flavour == "vLLM"
        assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (16, 12, 3)
        _, _, body, key = server.asked[-1]
        assert key == "Bearer secret" and body["model"] == "home" and body["seed"] == 7
        assert body["structured_outputs"] == {"grammar": 'root ::= "Low tide"'} and body["cache_salt"]


def test_vllm_loads_an_adapter_under_a_name_of_its_content_and_drops_the_one_before() -> None:
    seen: list[dict[str, Any]] = []

    def load(body: Any) -> Reply:
        folder = Path(body["lora_path"])
        config = json.loads((folder / "adapter_config.json").read_text())
        seen.append({"config": config, "files": {file.name for file in folder.iterdir()}, "folder": folder})
        assert folder.stat().st_mode & 0o777 == 0o700
        return VLLM_LOADED

    replies: dict[tuple[str, str], Any] = {
        _MODELS: models("vllm", "home"), _CHAT: VLLM_ANSWER, _LOAD: load, _UNLOAD: VLLM_UNLOADED,
    }  # fmt: skip
    with recorded_server(replies) as server:
        backend = _started(server)
        backend.load_adapter("ann", random_adapter(1))
        backend.load_adapter("ann", random_adapter(1))  # nothing new
        _ask(backend, adapter="ann")
        first = server.asked[-1][2]["model"]
        backend.load_adapter("ann", random_adapter(2))
        _ask(backend, adapter="ann")
        second = server.asked[-1][2]["model"]
        assert first != second and first.startswith("ann-") and backend.adapters == ("ann",)
        _ask(backend)
        assert server.asked[-1][2]["model"] == "home"
        backend.close()
        paths = [(path, body) for _, path, body, _ in server.asked if "lora_adapter" in path]
    assert [path for path, _ in paths] == [_LOAD[1], _LOAD[1], _UNLOAD[1], _UNLOAD[1]]
    assert [body["lora_name"] for _, body in paths] == [first, second, first, second]
    assert not any(one["folder"].exists() for one in seen)
    assert seen[0]["files"] == {"adapter_config.json", "adapter_model.safetensors"}
    assert seen[0]["config"]["r"] == 4 and seen[0]["config"]["target_modules"] == ["q_proj", "v_proj"]


@pytest.mark.parametrize(("reply", "code"), [(None, "adapters-unsupported"), (VLLM_NOT_LOADED, "adapter-not-loadable")])
def test_vllm_that_does_not_take_the_adapter(reply: Reply | None, code: str) -> None:
    with recorded_server({_MODELS: models("vllm", "home"), **({_LOAD: reply} if reply else {})}) as server:
        backend = OpenAiHttp(ServerAddress(server.url), _BASE)
        refused = backend.start({"ann": random_adapter(1)})
        assert refused["ann"].code == code and backend.adapters == ()


def test_adapter_that_vllm_let_go_of_is_loaded_anew() -> None:
    replies: dict[tuple[str, str], Any] = {_MODELS: models("vllm", "home"), _LOAD: VLLM_LOADED, _CHAT: VLLM_GONE}
    with recorded_server(replies) as server:
        backend = _started(server)
        backend.load_adapter("ann", random_adapter(1))
        with pytest.raises(RetryLater) as gone:
            _ask(backend, adapter="ann")
        assert gone.value.code == "adapter-let-go" and backend.adapters == ()
        with pytest.raises(Refused) as unlisted:  # which makes the station send it again
            _ask(backend, adapter="ann")
        assert unlisted.value.code == "adapter-not-loaded"
        answers = [VLLM_KNOWN, VLLM_LOADED]  # it still lists the name
        server.replies |= {_LOAD: lambda _: answers.pop(0), _UNLOAD: VLLM_UNLOADED, _CHAT: VLLM_ANSWER}
        backend.load_adapter("ann", random_adapter(1))
        assert answers == []
        assert _ask(backend, adapter="ann")[0] == "Low tide"


def test_adapter_is_checked_against_the_base_before_the_server_sees_it() -> None:
    with recorded_server({_MODELS: models("vllm", "home"), _LOAD: VLLM_LOADED}) as server:
        backend = _started(server)
        with pytest.raises(Refused) as foreign:
            backend.load_adapter("ann", random_adapter(1, architecture="qwen2"))
        assert foreign.value.code == "adapter-base-differs" and len(server.asked) == 1
        unknown = OpenAiHttp(ServerAddress(server.url))
        assert unknown.start({"ann": random_adapter(1)})["ann"].code == "adapter-base-unknown"


def test_vllm_prompt_too_long() -> None:
    with recorded_server({_MODELS: models("vllm", "home"), _CHAT: VLLM_TOO_LONG}) as server:
        problem = _problem(_started(server))
    assert problem.code == "prompt-too-long" and "3797" in problem.message and "4096" in problem.message


def test_ollama() -> None:
    with recorded_server({_MODELS: models("library", "gemma3:4b"), _CHAT: OLLAMA_ANSWER}) as server:
        backend = OpenAiHttp(ServerAddress(server.url + "/v1/"), _BASE)
        refused = backend.start({"ann": random_adapter(1)})
        assert refused["ann"].code == "adapters-unsupported" and "Ollama" in refused["ann"].message
        text, usage = _ask(backend)
        assert text == "Low tide" and (usage.prompt_tokens, usage.completion_tokens) == (26, 3)
        with pytest.raises(Refused) as named:
            _ask(backend, adapter="ann")
        assert named.value.code == "adapter-not-loaded"
        with pytest.raises(Refused) as held:
            _ask(backend, grammar='root ::= "a"')
        assert held.value.code == "grammar-unsupported"
        backend.unload_adapter("ann")


def test_ollama_lost_its_model() -> None:
    with recorded_server({_MODELS: models("library", "gemma3:4b"), _CHAT: OLLAMA_NO_MODEL}) as server:
        problem = _problem(_started(server))
    assert isinstance(problem, NeedsPerson) and problem.code == "backend-model-missing"


def test_lm_studio_thoughts_are_no_answer() -> None:
    with recorded_server({_MODELS: models("organization_owner", "qwen3-4b"), _CHAT: LM_STUDIO_ANSWER}) as server:
        backend = _started(server)
        text, usage = _ask(backend)
        assert backend.flavour == "LM Studio"
    assert text == "Low tide" and usage.finish == "length" and usage.completion_tokens == 9


def test_lm_studio_refuses_a_long_prompt_within_an_answer_that_began_well() -> None:
    with recorded_server({_MODELS: models("organization_owner", "qwen3-4b"), _CHAT: LM_STUDIO_TOO_LONG}) as server:
        problem = _problem(_started(server))
    assert problem.code == "prompt-too-long" and "14538" in problem.message and "2048" in problem.message


# ---- what can go wrong with any of them ----


@pytest.mark.parametrize(
    ("reply", "family", "code"),
    [
        (Reply(401, b'{"error":{"message":"Invalid API Key"}}'), NeedsPerson, "backend-key-wrong"),
        (Reply(503, b'{"error":{"message":"Loading model","code":503}}'), RetryLater, "backend-busy"),
        (Reply(400, b'{"error":{"message":"secret words of the prompt"}}'), Refused, "request-wrong"),
        (Reply(400, b'{"error":{"message":"Failed to parse grammar"}}'), Refused, "grammar-wrong"),
        (Reply(500, b"<html>oops</html>", "text/html"), RetryLater, "completion-failed"),
        (Reply(307, b"", headers={"Location": "http://127.0.0.1:1/v1"}), Refused, "backend-redirects"),
        (stream(done=True), RetryLater, "completion-failed"),
        (stream('{"choices":[{"delta":{"content":"Low"}}]}', done=False), RetryLater, "completion-failed"),
        (stream("{not json"), RetryLater, "completion-failed"),
        (stream("[1,2]", '{"choices":[5]}'), RetryLater, "completion-failed"),
        (stream('{"object":"error","message":"boom","code":500}'), RetryLater, "completion-failed"),
        (stream('{"choices":[{"delta":{},"finish_reason":"abort"}]}'), RetryLater, "completion-failed"),
    ],
)
def test_problem_becomes_one_sentence_without_words_of_the_prompt(
    reply: Reply, family: type[HearthsideError], code: str
) -> None:
    with recorded_server({_MODELS: models("someone", "m"), _CHAT: reply}) as server:
        problem = _problem(_started(server))
        assert [path for _, path, _, _ in server.asked] == [_MODELS[1], _CHAT[1]]
    assert isinstance(problem, family) and problem.code == code and "secret" not in problem.message


def test_characters_that_look_like_ends_of_lines_stay_in_the_text() -> None:
    words = "one\u2028two\x85three"
    reply = stream(
        json.dumps({"choices": [{"delta": {"content": words}, "finish_reason": "stop"}]}, ensure_ascii=False)
    )
    assert isinstance(reply.body, bytes)
    middle = reply.body.index("\u2028".encode()) + 1  # also cut within a character
    split = Reply(200, [reply.body[:middle], reply.body[middle:]], reply.kind)
    with recorded_server({_MODELS: models("someone", "m"), _CHAT: split}) as server:
        assert _ask(_started(server))[0] == words


@pytest.mark.parametrize("began", [False, True])
def test_closing_cuts_the_connection_before_and_after_the_first_byte(began: bool) -> None:
    first: list[bytes | float] = [b'data: {"choices":[{"delta":{"content":"Low"}}]}\n\n'] if began else []
    with recorded_server({_MODELS: models("someone", "m"), _CHAT: Reply(200, [*first, 60.0])}) as server:
        backend = _started(server)
        told: list[Usage] = []
        ended = threading.Event()

        def on_usage(usage: Usage) -> None:
            told.append(usage)
            ended.set()

        running: Generation = backend.generate(_ASK, adapter=None, sampling=Sampling(), on_usage=on_usage)
        if began:
            assert next(running).text == "Low"
        running.close()
        assert ended.wait(10) and told[0].finish == "cancelled" and told[0].completion_tokens == int(began)
        list(running)
        backend.close()  # waits for the answer's thread: what was not asked by now never is
        assert not server.asked[1:] or server.cut.wait(10)


def test_closing_works_while_the_server_has_not_even_answered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        backend = OpenAiHttp(ServerAddress(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        accepted: list[socket.socket] = []
        answered = threading.Thread(target=lambda: accepted.append(_answer_models(silent)))
        answered.start()
        backend.start({})
        answered.join()
        told: list[Usage] = []
        running = backend.generate(_ASK, adapter=None, sampling=Sampling(), on_usage=told.append)
        connection, _ = silent.accept()
        assert connection.recv(65536).startswith(b"POST /v1/chat/completions")
        running.close()
        backend.close()  # waits for the answer's thread
        assert [usage.finish for usage in told] == ["cancelled"]
        connection.close()
        for other in accepted:
            other.close()


def _answer_models(listener: socket.socket) -> socket.socket:
    connection, _ = listener.accept()
    connection.recv(65536)
    body = b'{"data":[{"id":"m"}]}'
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return connection


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    backend = OpenAiHttp(ServerAddress(f"http://127.0.0.1:{port}"))
    with pytest.raises(NeedsPerson) as caught:
        backend.start({})
    assert caught.value.code == "backend-not-there" and str(port) in caught.value.message
    with pytest.raises(RetryLater) as early:
        backend.generate(_ASK, adapter=None, sampling=Sampling(), on_usage=lambda _: None)
    assert early.value.code == "compute-starting"
    with recorded_server({_MODELS: models("someone", "m")}) as server:
        gone = _started(server)
    assert _problem(gone).code == "backend-away"
    gone.close()


def test_model_that_is_not_listed() -> None:
    with recorded_server({_MODELS: models("library", "gemma3:4b")}) as server:
        with pytest.raises(NeedsPerson) as caught:
            OpenAiHttp(ServerAddress(server.url, model="nobody")).start({})
        assert caught.value.code == "backend-model-missing" and "nobody" in caught.value.message
        server.replies[_MODELS] = Reply(401, b"{}")
        with pytest.raises(NeedsPerson) as locked:
            OpenAiHttp(ServerAddress(server.url)).start({})
        assert locked.value.code == "backend-not-ready" and "key" in locked.value.message


@pytest.mark.parametrize(
    ("url", "family", "code"),
    [
        ("ftp://127.0.0.1", ConfigError, "backend-address-wrong"),
        ("127.0.0.1:8080", ConfigError, "backend-address-wrong"),
        ("http://127.0.0.1:notaport", ConfigError, "backend-address-wrong"),
        ("http://ann:pw@127.0.0.1:8080", ConfigError, "backend-address-wrong"),
        ("https://api.example.com/v1", Refused, "backend-host-unknown"),
        ("http://192.168.1.20:8080", Refused, "backend-host-unknown"),
        ("http://spark.home:8080", Refused, "backend-not-private"),
        ("http://127.0.0.1.example.com", Refused, "backend-host-unknown"),
    ],
)
def test_address_outside_the_house_is_refused_before_anything_is_sent(
    url: str, family: type[HearthsideError], code: str
) -> None:
    with pytest.raises(family) as caught:
        OpenAiHttp(ServerAddress(url, nodes=frozenset({"spark.home"})))
    assert caught.value.code == code


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/v1", "http://[::1]:8080/v1/", "http://localhost:8080"])
def test_addresses_of_this_machine(url: str) -> None:
    assert ServerAddress(url).root() == url.rstrip("/").removesuffix("/v1")
    assert ServerAddress("https://spark.home:8443", nodes=frozenset({"spark.home"})).root() == "https://spark.home:8443"


def test_environment_sends_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        recorded_server({_MODELS: models("someone", "m"), _CHAT: OLLAMA_ANSWER}) as server,
        recorded_server({}) as proxy,
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert _ask(_started(server))[0] == "Low tide" and proxy.asked == []


class _Home:
    """A certificate authority of the home and a server that it vouches for; made anew for each test."""

    def __init__(self, folder: Path, host: str) -> None:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "home")])
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        self._certificate, self._key = folder / f"{host}.pem", folder / f"{host}.key"
        self._certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self._key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        return context

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._certificate))


def test_compute_node_by_https_shows_that_it_is_the_paired_one(tmp_path: Path) -> None:
    home, stranger = _Home(tmp_path, "localhost"), _Home(tmp_path, "stranger")
    replies: dict[tuple[str, str], Any] = {_MODELS: models("someone", "m"), _CHAT: OLLAMA_ANSWER}
    with recorded_server(replies, home.server()) as server:
        port = server.url.rpartition(":")[2]
        url = f"https://localhost:{port}"
        backend = OpenAiHttp(ServerAddress(url, tls=home.client()))
        backend.start({})
        assert _ask(backend)[0] == "Low tide"
        asked = len(server.asked)
        for wrong in (ServerAddress(url, tls=stranger.client()), ServerAddress(url)):
            with pytest.raises(Refused) as caught:
                OpenAiHttp(wrong).start({})
            assert caught.value.code == "backend-not-trusted"
        assert len(server.asked) == asked
        server.replies[_CHAT] = Reply(200, [b'data: {"choices":[{"delta":{"content":"Low"}}]}\n\n', 60.0])
        told: list[Usage] = []
        running = backend.generate(_ASK, adapter=None, sampling=Sampling(), on_usage=told.append)
        assert next(running).text == "Low"
        running.close()
        backend.close()
        assert [usage.finish for usage in told] == ["cancelled"] and server.cut.wait(10)


# ---- llama.cpp's own server ----

_WALK = "The morning began with a long walk along the river, then coffee with friends who spoke of their winter. " * 2
_COLOURS = "Numbers and colours: red one, blue two, green three, yellow four, black five, white six. " * 2


def test_fault_3_of_llama_server_does_not_show_with_its_usual_settings(tmp_path: Path) -> None:
    """The sequence of test_llama_cpp: the walk's cache goes to memory and must not come back under another adapter."""
    adapters = {"calm": random_adapter(1), "wild": random_adapter(2)}
    with llama_server(tmp_path, adapters, parallel=1, cache_ram_mib=8192) as (url, key):
        backend = OpenAiHttp(ServerAddress(url, key=key), _BASE)
        assert backend.start({"calm": adapters["calm"]}) == {} and backend.flavour == "llama-server"

        def say(prompt: str, adapter: str | None, **sampling: Any) -> str:
            turns: list[Message] = [{"role": "user", "content": prompt}]
            chosen = Sampling(max_tokens=8, **sampling)
            return "".join(
                token.text
                for token in backend.generate(turns, adapter=adapter, sampling=chosen, on_usage=lambda _: None)
            )

        base = say(_WALK, None, seed=1)
        assert say(_WALK, "calm") != base
        say(_COLOURS, None)
        assert say(_WALK, None) == base
        with pytest.raises(Refused) as unlisted:
            say(_WALK, "wild")  # the server has it, nobody loaded it
        assert unlisted.value.code == "adapter-not-loaded"
        with pytest.raises(Refused) as unknown:
            backend.load_adapter("late", random_adapter(3))
        assert unknown.value.code == "adapter-not-at-server" and "--lora" in unknown.value.message
        backend.unload_adapter("calm")
        assert backend.adapters == () and say(_WALK, None) == base
        backend.close()
