"""The station's view of the compute node: completions as a stream of text, vectors, and health.

The only addresses it speaks to are those of our own child process on loopback; that is no egress.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import httpx
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.backend import Message, Usage
from hearthside.inference.meter import Tally
from hearthside.inference.wire import error_of

# A piece of prompt or answer every five minutes counts as alive: big models on small machines are slow.
_TIMEOUT = httpx.Timeout(300, connect=5)
_HEALTH_TIMEOUT_S = 10.0
_SILENCE_MS = 10 * 60_000  # after so long without an answer the node is probed before it is trusted with a question
_SHED_TIMEOUT_S = 2.0
_EMBED_BATCH = 32  # texts in one request, so that none holds the node for long


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the node listens, and the token of this start."""

    url: str
    token: str

    def __repr__(self) -> str:
        """Without the token."""
        return f"Endpoint({self.url!r})"


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """What the node says of itself.

    Attributes:
        model: name of the model served.
        sha256: hash of its file.
        adapters: ids of the adapters loaded.
        running: completions under way.
        progress: pieces of prompts and answers so far; while completions run and it stands still, the model hangs.
        last_completion_ms: when the last real one ended, UTC milliseconds; None before the first.
        tally: what was used since the node started.
    """

    model: str
    sha256: str
    adapters: tuple[str, ...]
    running: int
    progress: int
    last_completion_ms: int | None
    uptime_ms: int
    tally: Tally


class NodeEmbedder:
    """The node's text embedder, as memory uses it."""

    def __init__(self, ask: Callable[[Sequence[str], bool], dict[str, Json]]) -> None:
        """`ask` sends one batch to the node."""
        self._ask = ask
        self._model = ""
        self._dim = 0

    @property
    def model(self) -> str:
        """Name and hash of the model; vectors of two models must never be compared. Raises as `embed` does."""
        if not self._model:
            self.embed([])
        return self._model

    @property
    def dim(self) -> int:
        """Length of a vector. Raises as `embed` does."""
        if not self._dim:
            self.embed([])
        return self._dim

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """See ComputeNode.embed."""
        parts = []
        for start in range(0, max(len(texts), 1), _EMBED_BATCH):
            answer = self._ask(texts[start : start + _EMBED_BATCH], query)
            self._model, self._dim = str(answer["model"]), int(answer["dim"])
            flat = np.frombuffer(base64.b64decode(answer["float16"]), dtype="<f2")
            parts.append(flat.reshape(-1, self._dim).astype(np.float32))
        return np.concatenate(parts)


class Completion(Iterator[str]):
    """Pieces of an answer as they come; close it to stop the model. `usage` is known after the last piece."""

    def __init__(self, response: httpx.Response, on_usage: Callable[[Usage], None]) -> None:
        """Takes over an open response; `on_usage` is called at the end."""
        self._response = response
        self._lines = response.iter_lines()
        self._on_usage = on_usage
        self.usage: Usage | None = None

    def __next__(self) -> str:
        """The next piece of text, never empty.

        Raises:
            RetryLater: `compute-gone`; the node died or stopped in the middle.
            Refused: `prompt-too-long` and others, before the first piece.
        """
        while self.usage is None:
            line = self._read()
            if "error" in line:
                self.close()
                raise error_of(line["error"])
            if "usage" in line:
                self.usage = Usage(**line["usage"])
                self._on_usage(self.usage)
            if line["text"]:
                return str(line["text"])
        self.close()
        raise StopIteration

    def _read(self) -> dict[str, Json]:
        try:
            line: dict[str, Json] = orjson.loads(next(self._lines))
            return line
        except (httpx.HTTPError, httpx.StreamError, StopIteration, orjson.JSONDecodeError) as error:
            self.close()
            raise _gone() from error

    def close(self) -> None:
        """Stop the model and free the connection; safe to call twice."""
        self._response.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


class ComputeNode:
    """The compute node as the other rooms use it; calls may come from several threads."""

    def __init__(
        self,
        endpoint: Callable[[], Endpoint],
        clock: Callable[[], int],
        *,
        fetch_adapter: Callable[[str], bytes] | None = None,
        pressed: Callable[[], str] = lambda: "",
    ) -> None:
        """A client of whichever node runs now.

        Args:
            endpoint: where it listens; raises RetryLater while there is none.
            clock: UTC milliseconds.
            fetch_adapter: gives the bytes of an adapter that a request names and the node does not hold yet.
            pressed: why new work must wait for want of memory, as a sentence; empty when it need not.
        """
        self._pressed = pressed
        self._endpoint, self._clock, self._fetch_adapter = endpoint, clock, fetch_adapter
        self._http = httpx.Client(trust_env=False, timeout=_TIMEOUT)
        self._heard: tuple[str, int] | None = None  # which node gave the last sign of a working model, and when
        self.embedder = NodeEmbedder(self._embed)
        self.last_usage: Usage | None = None
        self.answered_ms: int | None = None  # when the last answer ended, UTC milliseconds; probes do not count

    def complete(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        max_tokens: int = 256,
        temperature: float = 0.0,
        seed: int | None = None,
        stop: Sequence[str] = (),
        grammar: str = "",
    ) -> Completion:
        """Begin an answer.

        Args:
            messages: the conversation; the model's own chat template is applied. Give a system message: some templates
                put in one of their own otherwise.
            adapter: id of the personal adapter, None for the base.
            temperature: 0 takes the likeliest token each time.
            seed: asks for the same answer to the same request, at the price of reading the whole prompt anew.
            stop: texts that end the answer.
            grammar: GBNF that the answer keeps to; see `Sampling`.

        Raises:
            RetryLater: `compute-gone`, `compute-starting` or `memory-short`; nothing is lost, and it passes by itself.
            Refused: the adapter is unknown or does not fit, or the request is malformed. A grammar that cannot be read
                (`grammar-wrong`) is refused by the first piece.
        """
        endpoint = self._endpoint()
        self._wait_for_room()
        self._probe_after_silence(endpoint)
        body = {
            "messages": [{key: _encodable(text) for key, text in message.items()} for message in messages],
            "adapter": adapter,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "stop": list(stop),
            "grammar": _encodable(grammar),
        }
        try:
            response = self._send(endpoint, "POST", "/complete", orjson.dumps(body), stream=True)
        except Refused as error:
            if error.code != "adapter-not-loaded" or adapter is None or self._fetch_adapter is None:
                raise
            self.load_adapter(adapter, self._fetch_adapter(adapter))
            response = self._send(endpoint, "POST", "/complete", orjson.dumps(body), stream=True)
        return Completion(response, lambda usage: self._answered(endpoint, usage))

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """Vectors of shape (len(texts), dim), unit length to float16 precision.

        Args:
            query: True for what is asked, False for what is searched.

        Raises:
            RetryLater: the node is away.
            NeedsPerson: `embedder-missing`; this machine has none.
        """
        return self.embedder.embed(texts, query=query)

    def health(self, timeout_s: float = _HEALTH_TIMEOUT_S) -> NodeHealth:
        """A heartbeat; costs no token. Raises RetryLater when there is no answer in time."""
        answer = self._json(self._endpoint(), "GET", "/health", timeout=httpx.Timeout(timeout_s))
        answer["adapters"] = tuple(answer["adapters"])
        answer["tally"] = Tally(**answer["tally"])
        return NodeHealth(**answer)

    def probe(self, endpoint: Endpoint | None = None) -> None:
        """Generate one token, metered apart. Raises RetryLater when the model gives none."""
        endpoint = endpoint or self._endpoint()
        self._json(endpoint, "POST", "/probe")
        self._heard = (endpoint.token, self._clock())

    def load_adapter(self, adapter: str, gguf: bytes) -> None:
        """Load an adapter at the node while conversations go on; raises Refused when it does not fit the base."""
        self._json(self._endpoint(), "PUT", f"/adapters/{adapter}", gguf)

    def unload_adapter(self, adapter: str) -> None:
        """Drop an adapter at the node; answers under way end first."""
        self._json(self._endpoint(), "DELETE", f"/adapters/{adapter}")

    def keep_head(self, vault: str, head: bytes) -> None:
        """Let the node remember the head of a vault's journal; it never goes back to an earlier one."""
        self._send(self._endpoint(), "PUT", f"/heads/{vault}", head)

    def held_head(self, vault: str) -> bytes | None:
        """The head that the node remembers, or None. Raises RetryLater when it is away."""
        response = self._send(self._endpoint(), "GET", f"/heads/{vault}")
        return response.content or None

    def shed(self, *, models: bool) -> None:
        """Let the node give back memory that it can fill again; `models`: side models as well."""
        self._json(self._endpoint(), "POST", "/shed", orjson.dumps({"models": models}), httpx.Timeout(_SHED_TIMEOUT_S))

    def close(self) -> None:
        """Free the connections."""
        self._http.close()

    def _embed(self, texts: Sequence[str], query: bool) -> dict[str, Json]:
        self._wait_for_room()
        body = orjson.dumps({"texts": [_encodable(text) for text in texts], "query": query})
        return self._json(self._endpoint(), "POST", "/embed", body)

    def _wait_for_room(self) -> None:
        if sentence := self._pressed():
            raise RetryLater("memory-short", sentence)

    def _answered(self, endpoint: Endpoint, usage: Usage) -> None:
        self.last_usage, self.answered_ms = usage, self._clock()
        self._heard = (endpoint.token, self._clock())

    def _probe_after_silence(self, endpoint: Endpoint) -> None:
        heard = self._heard
        if heard is None or heard[0] != endpoint.token or self._clock() - heard[1] > _SILENCE_MS:
            self.probe(endpoint)

    def _json(
        self, endpoint: Endpoint, method: str, path: str, body: bytes = b"", timeout: httpx.Timeout = _TIMEOUT
    ) -> dict[str, Json]:
        response = self._send(endpoint, method, path, body, timeout=timeout)
        answer: dict[str, Json] = response.json()
        return answer

    def _send(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        stream: bool = False,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {endpoint.token}"}
        with _gone_when_unreachable():
            request = self._http.build_request(
                method, endpoint.url + path, content=body, headers=headers, timeout=timeout
            )
            response = self._http.send(request, stream=stream)
            if response.is_success:
                return response
            response.read()
            response.close()
        raise _error_of(response)


def _error_of(response: httpx.Response) -> HearthsideError:
    try:
        return error_of(orjson.loads(response.content)["error"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return RetryLater("compute-failed", f"The compute node failed ({response.status_code}); ask again in a moment.")


def _encodable(text: str) -> str:
    # Half a surrogate pair, as broken exports hold them, cannot be sent.
    return text.encode("utf-8", "replace").decode("utf-8")


def _gone() -> RetryLater:
    return RetryLater(
        "compute-gone",
        "The language model stopped in the middle of its work and is being started again. What you said is kept; ask "
        "again in a moment.",
    )


@contextmanager
def _gone_when_unreachable() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise _gone() from error
