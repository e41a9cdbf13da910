"""Answers of the companion in the form of OpenAI's chat completions: whole, or as a stream of chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from hearthside.companion.answers import Answer
from hearthside.events import Json
from hearthside.web.doors.client_tools import ToolCall
from hearthside.web.doors.house import TokensUsed

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is the same in all parts of one completion; `created_s` is in seconds since 1970."""

    id: str
    created_s: int
    model: str

    def body(self, kind: str, choices: list[dict[str, Json]]) -> dict[str, Json]:
        """One object of this completion: ``chat.completion`` or ``chat.completion.chunk``."""
        return {"id": self.id, "object": kind, "created": self.created_s, "model": self.model, "choices": choices}


@dataclass(frozen=True, slots=True)
class Said:
    """What ends a completion: words with what they rest on, or the call of a client's tool.

    Attributes:
        evidence: what is added beside the standard fields, see `evidence_of`.
        call_id: of the call; names the question, so that its outcome finds the conversation again.
    """

    text: str
    evidence: dict[str, Json]
    call: ToolCall | None = None
    call_id: str = ""

    @property
    def finish_reason(self) -> str:
        """Why it ended."""
        return "stop" if self.call is None else "tool_calls"

    def call_body(self) -> dict[str, Json]:
        """The call as the API carries it."""
        assert self.call is not None
        function = {"name": self.call.name, "arguments": self.call.arguments_json()}
        return {"id": self.call_id, "type": "function", "function": function}


def evidence_of(answer: Answer, conversation: str) -> dict[str, Json]:
    """The field ``hearthside`` of a choice, which no client has to know.

    ``mode`` says how the answer came about, ``evidence`` names the journal records it rests on, each with its time;
    ``limited`` why it is less than usual, or ""; ``question`` is the id of the question in the journal, or ""; and
    ``improvable`` says that the language model was missing, so that asking again when it is back may give more.
    """
    evidence = [
        {"id": hit.id, "start_ms": hit.start_ms, "end_ms": hit.end_ms, "local": hit.local, "source": hit.source}
        for hit in answer.evidence
    ]
    return {
        "mode": answer.mode.value,
        "evidence": evidence,
        "query": answer.query,
        "value": answer.value,
        "worded_by": answer.worded_by,
        "limited": answer.limited,
        "conversation": conversation,
        "question": answer.question,
        "improvable": answer.improvable,
    }


def usage_body(used: TokensUsed) -> dict[str, Json]:
    """What the meter counted for one answer; an answer of plain code costs nothing, and says so."""
    return {
        "prompt_tokens": used.prompt,
        "completion_tokens": used.completion,
        "total_tokens": used.prompt + used.completion,
        "prompt_tokens_details": {"cached_tokens": used.cached},
    }


def whole(envelope: Envelope, said: Said, used: TokensUsed) -> dict[str, Json]:
    """A completion in one piece."""
    message: dict[str, Json] = {"role": "assistant", "content": said.text, "refusal": None}
    if said.call is not None:
        message |= {"content": None, "tool_calls": [said.call_body()]}
    choice = _choice(said.finish_reason, message=message, hearthside=said.evidence)
    return envelope.body("chat.completion", [choice]) | {"usage": usage_body(used)}


class Chunks:
    """A completion as server-sent events.

    Args:
        with_usage: the client asked for a last chunk with the usage; all others then say that theirs is null.
    """

    def __init__(self, envelope: Envelope, with_usage: bool) -> None:
        self._envelope, self._with_usage = envelope, with_usage

    def opening(self) -> bytes:
        """Whose words follow."""
        return self._delta({"role": "assistant", "content": ""})

    def words(self, text: str) -> bytes:
        """The next piece of the answer."""
        return self._delta({"content": text})

    def ending(self, said: Said, used: TokensUsed) -> list[bytes]:
        """Why it ends, what it rests on, the usage if that was asked for, and the end mark."""
        parts = []
        if said.call is not None:
            parts.append(self._delta({"tool_calls": [{"index": 0, **said.call_body()}]}))
        parts.append(self._event([_choice(said.finish_reason, delta={}, hearthside=said.evidence)]))
        if self._with_usage:
            parts.append(self._event([], usage_body(used)))
        return [*parts, DONE]

    def _delta(self, delta: dict[str, Json]) -> bytes:
        return self._event([_choice(None, delta=delta)])

    def _event(self, choices: list[dict[str, Json]], usage: dict[str, Json] | None = None) -> bytes:
        body = self._envelope.body("chat.completion.chunk", choices)
        return event(body | {"usage": usage} if self._with_usage else body)


def event(body: dict[str, Json]) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(body) + b"\n\n"


def _choice(finish_reason: str | None, **parts: Json) -> dict[str, Json]:
    return {"index": 0, "finish_reason": finish_reason, "logprobs": None, **parts}


async def at_once(chunks: Chunks, said: Said) -> AsyncIterator[bytes]:
    """The stream of an answer that is there already, and that no model was asked for."""
    yield chunks.opening()
    if said.call is None:
        yield chunks.words(said.text)
    for part in chunks.ending(said, TokensUsed(0, 0, 0)):
        yield part
