"""Answers recorded from public documentation and trackers, replayed over real sockets; and what was asked is kept.

None of these servers was run here. Sources: vLLM's source (`entrypoints/openai/serving_models.py`), its pull request
45678 (chunks), issue oh-my-pi 5022 (usage in two chunks); Ollama's documentation of its OpenAI compatibility and chunks
shown in public repositories; LM Studio's documentation and its tracker (issues 237, 2322, 2339).
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass
class Reply:
    """One recorded answer; `body` may be pieces with pauses (seconds) between them."""

    status: int
    body: bytes | list[bytes | float]
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Recorded:
    """Replies by method and path, and the requests that came: (method, path, body, authorization)."""

    replies: dict[tuple[str, str], Reply | Callable[[Any], Reply]]
    url: str = ""
    asked: list[tuple[str, str, Any, str]] = field(default_factory=list)
    cut: threading.Event = field(default_factory=threading.Event)


@contextmanager
def recorded_server(
    replies: dict[tuple[str, str], Reply | Callable[[Any], Reply]], tls: ssl.SSLContext | None = None
) -> Iterator[Recorded]:
    """Serve these replies on loopback."""
    recorded = Recorded(replies)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self._answer()

        do_POST = do_GET

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = orjson.loads(raw) if raw else None
            recorded.asked.append((self.command, self.path, body, self.headers.get("Authorization", "")))
            found = recorded.replies.get((self.command, self.path), Reply(404, b'{"detail":"Not Found"}'))
            reply = found(body) if callable(found) else found
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for piece in reply.body if isinstance(reply.body, list) else [reply.body]:
                    if isinstance(piece, bytes):
                        self.wfile.write(piece)
                        self.wfile.flush()
                    else:
                        self._pause(piece)
            except OSError:
                recorded.cut.set()

        def _pause(self, seconds: float) -> None:
            """Waits, and sees the other side hang up meanwhile."""
            self.connection.settimeout(seconds)
            if self.connection.recv(1) == b"":
                raise ConnectionResetError

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    recorded.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield recorded
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def stream(*events: str, done: bool = True) -> Reply:
    """Server-sent events as these servers write them."""
    text = "".join(f"data: {event}\n\n" for event in events) + ("data: [DONE]\n\n" if done else "")
    return Reply(200, text.encode(), "text/event-stream; charset=utf-8")


def models(owner: str, *names: str) -> Reply:
    """GET /v1/models."""
    listed = [{"id": name, "object": "model", "created": 1782114000, "owned_by": owner} for name in names]
    return Reply(200, orjson.dumps({"object": "list", "data": listed}))


def _chunk(model: str, delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> str:
    """One chunk; no choice at all for a delta of None."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    known = {"id": "chatcmpl-95f70ae00614b063", "object": "chat.completion.chunk", "created": 1782114956}
    return orjson.dumps({**known, "model": model, "choices": choices, **more}).decode()


def _usage(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    total = prompt + completion
    return {"prompt_tokens": prompt, "total_tokens": total, "completion_tokens": completion, **more}


VLLM_ANSWER = stream(
    _chunk("home", {"role": "assistant", "content": ""}),
    _chunk("home", {"content": "Low"}),
    _chunk("home", {"content": " tide"}),
    _chunk("home", {"content": ""}, "stop", usage=_usage(16, 3)),
    _chunk("home", None, usage=_usage(16, 3, prompt_tokens_details={"cached_tokens": 12})),
)

VLLM_TOO_LONG = Reply(
    400,
    b'{"object":"error","message":"This model\'s maximum context length is 4096 tokens. However, you requested 300 '
    b'output tokens and your prompt contains at least 3797 input tokens, for a total of at least 4097 tokens.",'
    b'"type":"BadRequestError","param":null,"code":400}',
)

VLLM_GONE = Reply(
    404,
    b'{"object":"error","message":"The model `ann` does not exist.","type":"NotFoundError","param":null,"code":404}',
)

VLLM_KNOWN = Reply(
    400,
    b'{"object":"error","message":"The lora adapter \'ann\' has already been loaded.","type":"InvalidUserInput",'
    b'"param":null,"code":400}',
)

VLLM_LOADED = Reply(200, b"Success: LoRA adapter 'x' added successfully.", "text/plain")
VLLM_UNLOADED = Reply(200, b"Success: LoRA adapter 'x' removed successfully.", "text/plain")
VLLM_NOT_LOADED = Reply(
    400,
    b'{"object":"error","message":"LoRA rank 64 is greater than max_lora_rank 16.",'
    b'"type":"BadRequestError","code":400}',
)

_OLLAMA = {"system_fingerprint": "fp_ollama"}
OLLAMA_ANSWER = stream(
    _chunk("gemma3:4b", {"role": "assistant", "content": "Low"}, **_OLLAMA),
    _chunk("gemma3:4b", {"role": "assistant", "content": " tide"}, **_OLLAMA),
    _chunk("gemma3:4b", {"role": "assistant", "content": ""}, "stop", **_OLLAMA),
    _chunk("gemma3:4b", None, usage=_usage(26, 3), **_OLLAMA),
)

OLLAMA_NO_MODEL = Reply(
    404,
    b'{"error":{"message":"model \\"nobody\\" not found, try pulling it first",'
    b'"type":"api_error","param":null,"code":null}}',
)

LM_STUDIO_ANSWER = stream(
    _chunk("qwen3-4b", {"role": "assistant", "reasoning_content": "They ask about the sea."}),
    _chunk("qwen3-4b", {"content": "Low tide"}),
    _chunk("qwen3-4b", {}, "length"),
    _chunk("qwen3-4b", None, usage=_usage(20, 9)),
)

LM_STUDIO_TOO_LONG = Reply(
    200,
    b'event: error\ndata: {"error":{"message":"Trying to keep the first 14538 tokens when context the overflows. '
    b"However, the model is loaded with context length of only 2048 tokens, which is not enough. Try to load the model "
    b'with a larger context length, or provide a shorter input"}}\n\n',
    "text/event-stream",
)
