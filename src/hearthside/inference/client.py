"""The station's view of a compute node, wherever it runs: completions as a stream of text, vectors, and health."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import partial
from types import NoneType
from typing import Self, TypeVar

import httpx
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.egress import SIGN_ANSWER_BYTES, bounded
from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.backend import Message, Usage
from hearthside.inference.lines import Line, unreached
from hearthside.inference.meter import Spent, Tally
from hearthside.inference.side_models import TASKS, PictureText, Task, Transcript
from hearthside.inference.side_models.answers import picture_text_of, transcript_of
from hearthside.inference.wire import error_of

PATIENCE_S = 300.0
"""A piece of prompt or answer every so many seconds counts as alive: big models on small machines are slow."""

_HEALTH_TIMEOUT_S = 10.0
_SILENCE_MS = 10 * 60_000  # after so long without an answer the node is probed before it is trusted with a question
_SHED_TIMEOUT_S = 2.0
_EMBED_BATCH = 32  # texts in one request, so that none holds the node for long
# Bytes that are read of an answer at most: whoever has a node's key must not fill this machine's memory.
_LONGEST_WHOLE = 4 << 20  # a batch of vectors of 4096 dimensions takes 0.35 MiB
_LONG = frozenset({"/embed", *(f"/{task}" for task in TASKS)})
_LONGEST_LINE = 1 << 20
_LONGEST_COMPLETION = 16 << 20
_NONSENSE = (KeyError, TypeError, ValueError, AttributeError)  # what reading an answer raises that is none of a node
_TYPES: dict[object, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "Finish": (str,), "Tally": (Tally,),
    "int | None": (int, NoneType), "float | None": (int, float, NoneType), "tuple[str, ...]": (tuple,),
}  # fmt: skip


_Figures = TypeVar("_Figures")
_Answer = TypeVar("_Answer")


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
        start: id of this start of the node; "" where it does not tell.
        bytes: size of the weights; 0 where that is not known, as the next two.
        parameters: of the model.
        context_tokens: context of one completion.
        tasks: what it can do beside language: ``embed``, and those of `hearthside.inference.side_models`.
    """

    model: str
    sha256: str
    adapters: tuple[str, ...]
    running: int
    progress: int
    last_completion_ms: int | None
    uptime_ms: int
    tally: Tally
    start: str = ""
    bytes: int = 0
    parameters: int = 0
    context_tokens: int = 0
    tasks: tuple[str, ...] = ()


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
            batch = texts[start : start + _EMBED_BATCH]
            answer = self._ask(batch, query)
            try:
                self._model, self._dim = str(answer["model"]), int(answer["dim"])
                flat = np.frombuffer(base64.b64decode(answer["float16"]), dtype="<f2")
                parts.append(flat.reshape(len(batch), self._dim).astype(np.float32))
            except _NONSENSE as error:
                raise _failed() from error
        return np.concatenate(parts)


class Completion(Iterator[str]):
    """Pieces of an answer as they come; close it to stop the model. `usage` is known after the last piece."""

    def __init__(
        self,
        response: httpx.Response,
        opened: ExitStack,
        on_usage: Callable[[Usage], None],
        on_broken: Callable[[], None] = lambda: None,
    ) -> None:
        """Takes over an open response, which closing `opened` ends; `on_usage` is called at the end."""
        self._opened = opened
        self._lines = _lines(response)
        self._on_usage, self._on_broken = on_usage, on_broken
        self.usage: Usage | None = None

    def __next__(self) -> str:
        """The next piece of text, never empty.

        Raises:
            RetryLater: `compute-gone`; the node died or stopped in the middle.
            Refused: `prompt-too-long` and others, before the first piece.
        """
        while self.usage is None:
            text, usage = self._read()
            if usage is not None:
                self.usage = usage
                self._on_usage(usage)
            if text:
                return text
        self.close()
        raise StopIteration

    def _read(self) -> tuple[str, Usage | None]:
        """The next piece, which may be empty, and after the last one what it cost."""
        try:
            line = orjson.loads(next(self._lines))
            told = error_of(line["error"]) if "error" in line else None
            text, usage = ("", None) if told else (line["text"], line.get("usage"))
            if not isinstance(text, str):
                raise TypeError("text")
            cost = None if usage is None else _known(Usage, usage)
        except (httpx.HTTPError, httpx.StreamError, StopIteration, *_NONSENSE) as error:
            self.close()
            if not _is_slow(error):
                self._on_broken()
            raise _gone() from error
        if told is not None:
            self.close()
            raise told
        return text, cost

    def close(self) -> None:
        """Stop the model and free the connection; safe to call twice."""
        self._opened.close()

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
        line: Callable[[], Line],
        clock: Callable[[], int],
        *,
        fetch_adapter: Callable[[str], bytes] | None = None,
        pressed: Callable[[], str] = lambda: "",
        on_usage: Callable[[Spent], None] = lambda spent: None,
        elsewhere: bool = False,
    ) -> None:
        """A client of whichever node runs now.

        Args:
            line: the way to it; raises RetryLater while there is none.
            clock: UTC milliseconds.
            fetch_adapter: gives the bytes of an adapter that a request names and the node does not hold yet.
            pressed: why new work must wait for want of memory, as a sentence; empty when it need not.
            on_usage: told what each answer and probe cost; must be quick and must not raise.
            elsewhere: whether what is sent to it leaves this machine.
        """
        self.elsewhere = elsewhere
        self._pressed, self._on_usage = pressed, on_usage
        self._line, self._clock, self._fetch_adapter = line, clock, fetch_adapter
        self._heard: tuple[str, int] | None = None  # which start of it gave the last sign of a working model, and when
        self._no_embedder: tuple[str, NeedsPerson] | None = None  # which start of it has none
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
        patience_s: float = PATIENCE_S,
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
            patience_s: seconds without a byte after which it is given up.

        Raises:
            RetryLater: `compute-gone`, `compute-starting` or `memory-short`; nothing is lost, and it passes by itself.
            Refused: the adapter is unknown or does not fit, or the request is malformed. A grammar that cannot be read
                (`grammar-wrong`) is refused by the first piece.
        """
        line = self._line()
        self._wait_for_room()
        self._probe_after_silence(line, patience_s)
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
            return self._begin(line, orjson.dumps(body), adapter, patience_s)
        except Refused as error:
            if error.code != "adapter-not-loaded" or adapter is None or self._fetch_adapter is None:
                raise
            self._hand_over(line, adapter, self._fetch_adapter)
            return self._begin(line, orjson.dumps(body), adapter, patience_s)

    def _hand_over(self, line: Line, adapter: str, fetch: Callable[[str], bytes]) -> None:
        """Have the node hold an adapter; one that was withdrawn while it was on its way is taken back at once."""
        self._ask(line, "PUT", f"/adapters/{adapter}", fetch(adapter))
        try:
            fetch(adapter)
        except HearthsideError:
            self._ask(line, "DELETE", f"/adapters/{adapter}")
            raise

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """Vectors of shape (len(texts), dim), unit length to float16 precision.

        Args:
            query: True for what is asked, False for what is searched.

        Raises:
            RetryLater: the node is away.
            NeedsPerson: `embedder-missing`; this machine has none.
        """
        return self.embedder.embed(texts, query=query)

    def transcribe(self, recording: bytes) -> Transcript:
        """What a sound file (WAV, FLAC, OGG or MP3) says.

        Raises:
            RetryLater: the node is away, or has no memory for the model now.
            NeedsPerson: `side-model-missing`.
            Refused: `recording-wrong`, `recording-too-long`, `file-too-large`.
        """
        return self._perceive("transcribe", recording, transcript_of)

    def read_picture(self, picture: bytes) -> PictureText:
        """The text in a picture (JPEG, PNG or WebP); raises as `transcribe`, with `picture-wrong` and the like."""
        return self._perceive("read_picture", picture, picture_text_of)

    @property
    def embeds(self) -> bool:
        """Whether it can, as far as is known: one that has no embedder says so when it is asked first."""
        return self._no_embedder is None

    def health(self, timeout_s: float = _HEALTH_TIMEOUT_S) -> NodeHealth:
        """A heartbeat; costs no token. Raises RetryLater when there is no answer in time."""
        return self.health_over(self._line(), timeout_s)

    def health_over(self, line: Line, timeout_s: float = _HEALTH_TIMEOUT_S) -> NodeHealth:
        """The same over a way that is not in use yet."""
        answer = self._json(line, "GET", "/health", timeout_s=timeout_s)
        try:
            answer["adapters"] = tuple(str(adapter) for adapter in answer["adapters"])
            answer["tasks"] = tuple(str(task) for task in answer.get("tasks", ()))
            answer["tally"] = _known(Tally, answer["tally"])
            return _known(NodeHealth, answer)
        except _NONSENSE as error:
            raise _failed() from error

    def probe(self, line: Line | None = None, tokens: int = 1, timeout_s: float = PATIENCE_S) -> int:
        """Generate so many tokens, at most 16, metered apart; returns how many came.

        Raises:
            RetryLater: the model gives none.
        """
        line = line or self._line()
        answer = self._json(line, "POST", "/probe", orjson.dumps({"tokens": tokens}), timeout_s)
        self._heard = (line.key, self._clock())
        try:
            usage = _known(Usage, answer["usage"]) if answer.get("usage") else None
            tokens = int(answer.get("tokens", 1))
        except _NONSENSE as error:
            raise _failed() from error
        if usage is not None:
            self._on_usage(Spent(usage, probe=True))
        return tokens

    def load_adapter(self, adapter: str, gguf: bytes) -> None:
        """Load an adapter at the node while conversations go on; raises Refused when it does not fit the base."""
        self._ask(self._line(), "PUT", f"/adapters/{adapter}", gguf)

    def unload_adapter(self, adapter: str) -> None:
        """Drop an adapter at the node; answers under way end first."""
        self._ask(self._line(), "DELETE", f"/adapters/{adapter}")

    def keep_head(self, vault: str, head: bytes) -> None:
        """Let the node remember the head of a vault's journal; it never goes back to an earlier one."""
        self._ask(self._line(), "PUT", f"/heads/{vault}", head)

    def held_head(self, vault: str) -> bytes | None:
        """The head that the node remembers, or None. Raises RetryLater when it is away."""
        return self._ask(self._line(), "GET", f"/heads/{vault}") or None

    def shed(self, *, models: bool) -> None:
        """Let the node give back memory that it can fill again; `models`: side models as well."""
        self._ask(self._line(), "POST", "/shed", orjson.dumps({"models": models}), _SHED_TIMEOUT_S)

    def _embed(self, texts: Sequence[str], query: bool) -> dict[str, Json]:
        self._wait_for_room()
        line, body = self._line(), orjson.dumps({"texts": [_encodable(text) for text in texts], "query": query})
        if self._no_embedder is not None and self._no_embedder[0] == line.key:
            raise self._no_embedder[1]  # known without asking: elsewhere each question has a row in the ledger
        try:
            return self._json(line, "POST", "/embed", body)
        except NeedsPerson as error:
            if error.code == "embedder-missing":
                self._no_embedder = (line.key, error)
            raise

    def _perceive(self, task: Task, file: bytes, read: Callable[[dict[str, Json]], _Answer]) -> _Answer:
        self._wait_for_room()
        try:
            return read(self._json(self._line(), "POST", f"/{task}", file))
        except _NONSENSE as error:
            raise _failed() from error

    def _wait_for_room(self) -> None:
        if sentence := self._pressed():
            raise RetryLater("memory-short", sentence)

    def _answered(self, line: Line, usage: Usage, adapter: str | None) -> None:
        self.last_usage, self.answered_ms = usage, self._clock()
        self._heard = (line.key, self._clock())
        self._on_usage(Spent(usage, adapter or ""))

    def _probe_after_silence(self, line: Line, patience_s: float) -> None:
        heard = self._heard
        if heard is None or heard[0] != line.key or self._clock() - heard[1] > _SILENCE_MS:
            self.probe(line, timeout_s=patience_s)

    def _begin(self, line: Line, body: bytes, adapter: str | None, patience_s: float) -> Completion:
        with ExitStack() as opening, _gone_when_unreached(line):
            response = opening.enter_context(line.open("POST", "/complete", body, timeout_s=patience_s))
            _check(response)
            told = partial(self._answered, line, adapter=adapter)
            return Completion(response, opening.pop_all(), told, line.broken)

    def _json(
        self, line: Line, method: str, path: str, body: bytes = b"", timeout_s: float = PATIENCE_S
    ) -> dict[str, Json]:
        try:
            answer = orjson.loads(self._ask(line, method, path, body, timeout_s))
        except orjson.JSONDecodeError as error:
            raise _failed() from error
        if not isinstance(answer, dict):
            raise _failed()
        return answer

    def _ask(self, line: Line, method: str, path: str, body: bytes = b"", timeout_s: float = PATIENCE_S) -> bytes:
        """Send a request and read the whole answer."""
        # A health answer that is late says little: who counts heartbeats decides.
        with (
            _gone_when_unreached(line, path != "/health"),
            line.open(method, path, body, timeout_s=timeout_s) as response,
        ):
            _check(response)
            return bounded(response, _LONGEST_WHOLE if path in _LONG else SIGN_ANSWER_BYTES).content


def _check(response: httpx.Response) -> None:
    """Raises what the node answered instead of what was asked for."""
    if not response.is_success:
        raise _error_of(bounded(response, SIGN_ANSWER_BYTES))


def _lines(response: httpx.Response) -> Iterator[bytes]:
    """The lines of an answer; httpx.RemoteProtocolError when one of them, or all, are longer than may be."""
    rest, total = bytearray(), 0
    for piece in response.iter_bytes():
        first, *others = piece.split(b"\n")
        rest += first
        total += len(piece)
        if len(rest) > _LONGEST_LINE or total > _LONGEST_COMPLETION:
            raise httpx.RemoteProtocolError("longer than an answer may be")
        for line in others:
            yield bytes(rest)
            rest = bytearray(line)
    if rest:
        yield bytes(rest)


def _known(kind: Callable[..., _Figures], body: dict[str, Json]) -> _Figures:
    """Figures out of an answer; a node of another version may tell more, or less where there is a default.

    TypeError or AttributeError for what are no such figures.
    """
    types = {one.name: one.type for one in fields(kind)}  # type: ignore[arg-type]
    known = {name: value for name, value in body.items() if name in types}
    for name, value in known.items():
        if not isinstance(value, _TYPES[types[name]]):
            raise TypeError(name)
    return kind(**known)


def _error_of(response: httpx.Response) -> HearthsideError:
    try:
        return error_of(orjson.loads(response.content)["error"])
    except _NONSENSE:
        return RetryLater("compute-failed", f"The compute node failed ({response.status_code}); ask again in a moment.")


def _encodable(text: str) -> str:
    # Half a surrogate pair, as broken exports hold them, cannot be sent.
    return text.encode("utf-8", "replace").decode("utf-8")


def _failed() -> RetryLater:
    return RetryLater("compute-failed", "The compute node failed; ask again in a moment.")


def _gone() -> RetryLater:
    return RetryLater(
        "compute-gone",
        "The language model stopped in the middle of its work. What you said is kept; ask again in a moment.",
    )


def _is_slow(error: BaseException) -> bool:
    """Whether somebody's patience was over; whether the node is gone show its heartbeats."""
    return isinstance(error, httpx.ReadTimeout) or isinstance(error.__cause__, httpx.ReadTimeout)


@contextmanager
def _gone_when_unreached(line: Line, vital: bool = True) -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, RetryLater) as error:
        if not unreached(error):
            raise
        if vital and not _is_slow(error):
            line.broken()
        raise _gone() from error
