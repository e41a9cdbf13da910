"""What a streaming chat completion says: pieces of text, the usage at its end, and errors as sentences.

OpenAI's form of server-sent events. Servers differ in small things that were all seen in their documentation, source or
trackers: usage in the last chunk, in each chunk or nowhere; an error as a chunk within a stream that began with 200;
thoughts beside the answer; an answer that is cut off without a word.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.backend import Finish, Token, Usage

_TOO_LONG = re.compile(r"context[ _](?:length|size|window|the overflows)", re.IGNORECASE)
_LIMIT = re.compile(r"(?:context length (?:is|of only)|context size \(?)\s*(\d+)", re.IGNORECASE)
# How long the prompt was, as each server says it; the first that matches counts.
_ASKED = [
    re.compile(words, re.IGNORECASE)
    for words in (
        r"contains at least (\d+) input",
        r"\((\d+) in the messages",
        r"resulted in (\d+) tokens",
        r"keep the first (\d+) tokens",
        r"request \((\d+) tokens",
        r"requested (\d+) tokens",
    )
]


@dataclass(slots=True)
class Progress:
    """What the chunks of one completion have told so far. `started` is monotonic seconds."""

    started: float = field(default_factory=time.monotonic)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    finish: Finish | None = None
    error: HearthsideError | None = None

    def usage(self) -> Usage:
        """The cost so far; an answer that nobody ended was cancelled."""
        seconds = time.monotonic() - self.started
        finish: Finish = self.finish or "cancelled"
        return Usage(self.prompt_tokens, self.cached_tokens, self.completion_tokens, seconds, finish)


def events(pieces: Iterable[bytes]) -> Iterator[Json]:
    """The JSON of each server-sent event until ``[DONE]``.

    Lines end at a line feed only: JSON texts may hold other characters that Python calls the end of a line.

    Raises:
        ValueError: an event is not JSON.
    """
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if not line.startswith(b"data:"):
                continue  # comments that keep the connection alive, names of events, empty lines
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            yield orjson.loads(data)


def token_of(chunk: Json, progress: Progress) -> Token:
    """The text of one chunk; what it tells about tokens, end and errors goes into `progress`."""
    if not isinstance(chunk, dict):
        return Token("")
    if chunk.get("error") or chunk.get("object") == "error":
        told = chunk.get("error") or chunk
        progress.error = error_of(_code(told, 500), told)
        return Token("")
    if prompt := chunk.get("prompt_progress"):
        progress.prompt_tokens = _count(prompt.get("total"), progress.prompt_tokens)
        progress.cached_tokens = _count(prompt.get("cache"), progress.cached_tokens)
    text = _text(chunk, progress)
    if usage := chunk.get("usage"):
        progress.prompt_tokens = _count(usage.get("prompt_tokens"), progress.prompt_tokens)
        progress.completion_tokens = _count(usage.get("completion_tokens"), progress.completion_tokens)
        details = usage.get("prompt_tokens_details") or {}
        progress.cached_tokens = _count(details.get("cached_tokens"), progress.cached_tokens)
    return Token(text)


def _count(told: Json, before: int) -> int:
    """A number of tokens as the server tells it; what is none changes nothing."""
    return told if type(told) is int and told > 0 else before


def _text(chunk: Mapping[str, Json], progress: Progress) -> str:
    text = ""
    for choice in chunk.get("choices") or ():
        reason = choice.get("finish_reason")
        if reason:
            progress.finish = "length" if reason == "length" else "stop"
        if reason in ("abort", "error"):
            progress.error = broken_off()
        delta = choice.get("delta") or {}
        if delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning"):
            progress.completion_tokens += 1  # about a token; usage corrects it where the server tells
        text += delta.get("content") or ""
    return text


def error_of(status: int, told: Json, place: str = "The model server") -> HearthsideError:
    """An error of the server as ours; its own words go nowhere, for they may hold words of the prompt.

    Args:
        status: of the answer, or the code within the event.
        told: the body, OpenAI's ``{"error": {...}}`` or its inside.
        place: who answered, for the message.
    """
    told = told.get("error", told) if isinstance(told, dict) else told
    message = str(told.get("message", "") if isinstance(told, dict) else told)
    if isinstance(told, dict) and told.get("type") == "exceed_context_size_error":
        return _too_long(told.get("n_prompt_tokens"), told.get("n_ctx"))
    if _TOO_LONG.search(message) and status != 404:
        asked = next((found[1] for words in _ASKED if (found := words.search(message))), None)
        limit = _LIMIT.search(message)
        return _too_long(asked, limit and limit[1])
    if status in (401, 403):
        return NeedsPerson(
            "backend-key-wrong", f"{place} does not accept the key in the settings. Correct it there and try again."
        )
    if status == 404:
        return NeedsPerson(
            "backend-model-missing",
            f"{place} does not have the model in the settings (or not the path in its address). Load it there first.",
        )
    if status in (408, 425, 429, 502, 503, 504):
        return RetryLater("backend-busy", f"{place} is loading or busy; ask again in a moment.")
    if status < 500 and "grammar" in message:
        return Refused("grammar-wrong", f"{place} cannot read the grammar of this request; nothing was said.")
    if status < 500:
        return Refused("request-wrong", f"{place} refused the form of this request.")
    return broken_off()


def broken_off() -> RetryLater:
    """The answer ended without its end."""
    return RetryLater("completion-failed", "The model stopped in the middle of the answer; ask again.")


def _too_long(asked: Json, limit: Json) -> Refused:
    has = f"The request has {asked} tokens" if asked else "The request is longer than the model can read"
    reads = f" and the model reads at most {limit}" if limit else ""
    return Refused("prompt-too-long", f"{has}{reads}.")


def _code(told: Json, default: int) -> int:
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, int) else default
