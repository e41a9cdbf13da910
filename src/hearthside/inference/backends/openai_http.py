"""A model server that speaks OpenAI's API over HTTP: llama-server, vLLM, Ollama, LM Studio or another.

Sockets go to the configured host and nowhere else: no redirect is followed, no proxy of the environment is used. A new
connection is made for each request (llama-server drops kept ones without a word after a stream), and closing an answer
cuts its connection, which stops the model at these servers.

What the servers tell about themselves in `/v1/models` says which one it is; what differs between them is in
`server_adapters` and `server_stream`.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.backend import Generation, Message, Sampling, Token, Usage
from hearthside.inference.backends.server_adapters import Adapters, Base, adapters_of
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.backends.server_stream import Progress, broken_off, error_of, events, token_of

_CONNECT_S = 5.0
_FAREWELL_S = 5.0  # how long `close` waits for answers that it cut off
_OWNERS = {"llamacpp": "llama-server", "vllm": "vLLM", "library": "Ollama", "organization_owner": "LM Studio"}


class _Answer(Generation):
    """An answer whose connection is cut when nobody wants it any more, also before the first byte came."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """See Generation."""
        super().close()
        with self._lock:
            if self._socket is not None:
                _cut(self._socket)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by httpx what happens to the connection; takes hold of the socket as soon as there is one."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self.cancelled and self._socket is not None:
                    _cut(self._socket)

    def let_go(self) -> None:
        """The connection is closed by others."""
        with self._lock:
            self._socket = None


@dataclass(slots=True, eq=False)
class _Connected:
    """The server as it was found: its kind, the model to ask for, and how it takes adapters."""

    flavour: str
    model: str
    adapters: Adapters


class OpenAiHttp:
    """See Backend."""

    def __init__(self, address: ServerAddress, base: Base | None = None) -> None:
        """Nothing is sent yet.

        Args:
            address: of the server.
            base: the GGUF header and hash of the model that the server serves, where it is known; without it no
                adapter is loaded, for it could not be checked against its base.

        Raises:
            ConfigError, Refused: see `ServerAddress.root`.
        """
        self._root = address.root()
        self._address, self._base = address, base
        headers = {"Authorization": f"Bearer {address.key}"} if address.key else {}
        self._client = httpx.Client(
            trust_env=False,
            follow_redirects=False,
            verify=address.tls if address.tls is not None else self._root.startswith("https"),
            headers=headers,
            timeout=httpx.Timeout(address.silence_s, connect=_CONNECT_S),
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._connected: _Connected | None = None
        self._running: dict[threading.Thread, _Answer] = {}
        self._lock = threading.Lock()

    @property
    def adapters(self) -> tuple[str, ...]:
        """Ids of the loaded adapters."""
        return self._connected.adapters.ids if self._connected else ()

    @property
    def flavour(self) -> str:
        """Which server it is, for the page: ``llama-server``, ``vLLM``, ``Ollama``, ``LM Studio`` or ``other``."""
        return self._connected.flavour if self._connected else "other"

    @property
    def model(self) -> str:
        """The model that is asked of the server; empty before the start."""
        return self._connected.model if self._connected else ""

    def start(self, adapters: Mapping[str, bytes]) -> dict[str, HearthsideError]:
        """See Backend. The server is looked at, not started."""
        flavour, model = self._look()
        self._connected = _Connected(flavour, model, adapters_of(flavour, model, self._address, self._base, self.call))
        refused: dict[str, HearthsideError] = {}
        for name, gguf in adapters.items():
            try:
                self._connected.adapters.load(name, gguf)
            except Refused as error:
                refused[name] = error
        return refused

    def load_adapter(self, adapter: str, gguf: bytes) -> None:
        """See Backend."""
        self._server().adapters.load(adapter, gguf)

    def unload_adapter(self, adapter: str) -> None:
        """See Backend."""
        self._server().adapters.unload(adapter)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None,
        sampling: Sampling,
        on_usage: Callable[[Usage], None],
    ) -> Generation:
        """See Backend."""
        server = self._server()
        request = _request(server, messages, sampling) | server.adapters.fields(adapter, sampling.seed is None)
        answer = _Answer()
        worker = threading.Thread(
            target=self._work, args=(request, adapter, answer, on_usage), name="completion", daemon=True
        )
        with self._lock:
            self._running[worker] = answer
        worker.start()
        return answer

    def close(self) -> None:
        """See Backend. Answers under way are cut off; the server stays as it is."""
        with self._lock:
            running = dict(self._running)
        for answer in running.values():
            answer.close()
        for worker in running:
            worker.join(_FAREWELL_S)
        if self._connected is not None:
            self._connected.adapters.close()
        self._connected = None
        self._client.close()

    def call(self, method: str, path: str, body: Json = None) -> tuple[int, Json]:
        """Status and JSON of a short request; None for an answer that is not JSON.

        Raises:
            RetryLater: `backend-away`.
            Refused: `backend-redirects`, `backend-not-trusted`.
        """
        content = orjson.dumps(body) if body is not None else b""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            response = self._client.request(method, self._root + path, content=content, headers=headers)
        except httpx.TransportError as error:
            raise self._unreached(error) from error
        self._check_redirect(response)
        return response.status_code, _json(response.content)

    def _look(self) -> tuple[str, str]:
        """Which server it is and the model to ask for."""
        try:
            status, body = self.call("GET", "/v1/models")
        except RetryLater as error:
            raise NeedsPerson("backend-not-there", error.message) from error
        if status != 200:
            problem = error_of(status, body, f"The model server at {self._address.place}")
            raise NeedsPerson("backend-not-ready", f"The model server cannot be used yet: {problem.message}")
        listed = body.get("data") if isinstance(body, dict) else None
        models = {str(one["id"]): one for one in listed or () if isinstance(one, dict) and "id" in one}
        model = self._address.model or next(iter(models), "")
        if model not in models:
            raise NeedsPerson(
                "backend-model-missing",
                f"The model server at {self._address.place} does not list the model “{model}”. Load it there, or name "
                "another in the settings.",
            )
        return _OWNERS.get(str(models[model].get("owned_by")), "other"), model

    def _server(self) -> _Connected:
        if self._connected is None:
            raise RetryLater("compute-starting", "The language model is not loaded yet; ask again in a moment.")
        return self._connected

    def _work(self, request: Json, adapter: str | None, answer: _Answer, on_usage: Callable[[Usage], None]) -> None:
        progress = Progress()
        try:
            self._stream(request, adapter, answer, progress)
            if progress.finish is None and not answer.cancelled:
                progress.error = progress.error or broken_off()
        except Refused as error:
            progress.error = error
        except httpx.ConnectError as error:
            progress.error = self._unreached(error)
        except (httpx.TransportError, httpx.StreamError, OSError, ValueError, TypeError, KeyError, AttributeError):
            progress.error = broken_off()  # cut off, or not the form that was agreed; its words go nowhere
        finally:
            answer.let_go()
        if answer.cancelled:
            progress.finish, progress.error = None, None
        usage = progress.usage()
        try:
            on_usage(usage)
        finally:  # whoever waits is told in any case
            if progress.error is None:
                answer.put(Token("", usage))
            answer.end(progress.error)
            with self._lock:
                self._running.pop(threading.current_thread(), None)

    def _stream(self, request: Json, adapter: str | None, answer: _Answer, progress: Progress) -> None:
        with self._client.stream(
            "POST",
            f"{self._root}/v1/chat/completions",
            content=orjson.dumps(request),
            headers={"Content-Type": "application/json"},
            extensions={"trace": answer.trace},
        ) as response:
            self._check_redirect(response)
            if response.status_code != 200:
                told = _json(response.read())
                progress.error = error_of(response.status_code, told, f"The model server at {self._address.place}")
                if response.status_code == 404 and adapter is not None:
                    progress.error = self._let_go(adapter)
                return
            for chunk in events(response.iter_bytes()):
                token = token_of(chunk, progress)
                if answer.cancelled or progress.error is not None:
                    return
                answer.put(token)

    def _let_go(self, adapter: str) -> RetryLater:
        """The server dropped an adapter by itself: it is no longer counted as loaded, so that it is loaded anew."""
        if self._connected is not None:
            self._connected.adapters.forget(adapter)
        return RetryLater(
            "adapter-let-go",
            f"The model server at {self._address.place} has let go of your adapter. Ask again: it is loaded anew.",
        )

    def _check_redirect(self, response: httpx.Response) -> None:
        if 300 <= response.status_code < 400:
            raise Refused(
                "backend-redirects",
                f"The model server at {self._address.place} points to another address; Hearthside never follows. "
                "Enter the final address in the settings.",
            )

    def _unreached(self, error: httpx.TransportError) -> HearthsideError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Refused(
                "backend-not-trusted",
                f"What answers at {self._address.place} cannot show that it is the compute node that was paired; "
                "nothing was sent to it. Pair it again if it was set up anew.",
            )
        return self._address.absent()


def _request(server: _Connected, messages: Sequence[Message], sampling: Sampling) -> dict[str, Json]:
    """The part of a request that OpenAI's API names, and what this server needs for a grammar or a fresh prompt."""
    request: dict[str, Json] = {
        "model": server.model,
        "messages": [{"role": message["role"], "content": message["content"]} for message in messages],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "stop": list(sampling.stop),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.seed is not None:
        request["seed"] = sampling.seed
    if server.flavour == "llama-server":
        request["return_progress"] = True
    elif server.flavour == "vLLM" and sampling.seed is not None:
        request["cache_salt"] = secrets.token_urlsafe(12)  # shares no prefix with any other request
    if sampling.grammar:
        request |= _grammar(server.flavour, sampling.grammar)
    return request


def _grammar(flavour: str, grammar: str) -> dict[str, Json]:
    if flavour == "llama-server":
        return {"grammar": grammar}
    if flavour == "vLLM":
        return {"structured_outputs": {"grammar": grammar}}
    raise Refused(
        "grammar-unsupported",
        f"{flavour} cannot hold its answers to a grammar; use llama-server, vLLM or the embedded model for that.",
    )


def _json(content: bytes) -> Json:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it ended by itself
        connection.shutdown(socket.SHUT_RDWR)
