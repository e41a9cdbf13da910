"""The routes under ``/v1``: the station's own companion for clients of OpenAI's API (speech: see `transcriptions`).

What a client sends, and what becomes of it:

- The last user message is the question. It goes the way a question on the page goes: journalled, answered from the
  person's own life by plain code, worded by the model, checked, journalled.
- The messages before it are never journalled again, and never believed. They serve to find the conversation that they
  are: the newest one of the same token in which the station gave the answer that stands last before the question. That
  conversation goes on, also after a restart, and the station's own record of it is the context. Where there is none (a
  new chat, one begun with another model, an answer edited by hand) a new conversation begins; what another program made
  an assistant say is no context.
- System and developer messages are wishes about form. They say nothing about the person and open nothing, and answers
  take their form from the person's own settings; so they change nothing.
- Of the client's tools one is called when the question is a plain wish for the home that fits it (``home_wish``). The
  client carries it out with its own rights; its outcome, sent back, is answered with a sentence.
- `usage` is what the compute node's meter counted meanwhile. Plain code costs nothing. Where the night or a page asks
  the model in the same seconds, their tokens are in it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.events import Json
from hearthside.identity.tokens import Token
from hearthside.web.calls import POLL_S, LiveAnswer, Problem, call
from hearthside.web.doors.chat_answer import Chunks, Envelope, Said, at_once, event, evidence_of, whole
from hearthside.web.doors.chat_request import BadRequest, ChatRequest, read_chat_request
from hearthside.web.doors.client_tools import fitting_call, outcome_in_words
from hearthside.web.doors.home_wish import HomeWish, home_wish, never_done
from hearthside.web.doors.house import OfferedModel, TokensUsed
from hearthside.web.doors.refusals import as_json, openai_error, openai_error_body, problem_answer
from hearthside.web.doors.transcriptions import Transcriptions
from hearthside.web.layout import Shell, Shells

R = TypeVar("R")

MAX_BODY = 2 * 1024 * 1024  # bytes; clients send the whole chat each time
CALL_PREFIX = "call_"
NO_TOKENS = TokensUsed(0, 0, 0)
NEVER = (
    "I never touch locks, doors, gates, the garage, gas, heaters, the oven or the alarm, nor ask another program to. "
    "Please do that by hand."
)


def build_openai(shells: Shells, random_id: Callable[[], str]) -> APIRouter:
    """The routes under ``/v1``; the guard has checked the token and says whose it is."""
    router, listening = APIRouter(), Transcriptions(shells)

    @router.get("/v1/models")
    async def models(request: Request) -> Response:
        offered = await call(shells.of(request).house.doors.models)
        if isinstance(offered, Problem):
            return problem_answer(offered)
        return as_json({"object": "list", "data": [model_body(one) for one in offered]})

    @router.get("/v1/models/{name}")
    async def one_model(name: str, request: Request) -> Response:
        offered = await call(shells.of(request).house.doors.models)
        if isinstance(offered, Problem):
            return problem_answer(offered)
        return next((as_json(model_body(one)) for one in offered if one.id == name), no_model(name))

    @router.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        chat = Chat(shells.of(request), request.state.token, random_id)
        try:
            return await chat.answer(read_chat_request(await read_body(request)))
        except BadRequest as error:
            return openai_error(error.status, error.code, error.message, error.param)
        except Failed as error:
            return problem_answer(error.problem)

    @router.post("/v1/audio/transcriptions")
    async def transcribe(request: Request) -> Response:
        return await listening.answer(request)

    @router.api_route("/v1/{rest:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    async def nothing(rest: str) -> Response:
        posts = "POST /v1/chat/completions and POST /v1/audio/transcriptions"
        here = f"Here are GET /v1/models, {posts}; nothing else of that API."
        return openai_error(404, "unknown_url", here)

    return router


class Failed(Exception):
    """A call of the house ended in a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Chat:
    """One request of one token."""

    shell: Shell
    token: Token
    random_id: Callable[[], str]

    @property
    def prefix(self) -> str:
        """How the conversations of this token are called; a token never reaches those of another."""
        return f"v1_{self.token.id}_"

    async def answer(self, asked: ChatRequest) -> Response:
        """The answer to a request, whole or streamed.

        Raises:
            BadRequest: the model is not offered, or a call was demanded and nothing calls for one.
            Failed: the house could not.
        """
        doors = self.shell.house.doors
        if not any(one.id == asked.model for one in passed(await call(doors.models))):
            return no_model(asked.model)
        envelope = Envelope(f"chatcmpl-{self.random_id()}", passed(await call(doors.now_ms)) // 1000, asked.model)
        said = await self._of_tools(asked)
        if said is None and asked.must_call is not None:
            raise BadRequest(
                "Nothing in these words is an action that one of these tools can do.", "tool_choice", "no_tool_fits"
            )
        chunks = Chunks(envelope, asked.include_usage)
        if said is not None:
            return sse(at_once(chunks, said)) if asked.stream else as_json(whole(envelope, said, NO_TOKENS))
        conversation = await self._conversation(asked)
        before = passed(await call(doors.tokens_used))
        if self.shell.answers.under_way(conversation) is not None:
            raise BadRequest("The last question of this chat is still being answered.", code="busy", status=409)
        live = self.shell.answers.start(asked.question, conversation)
        if asked.stream:
            return sse(self._streamed(live, chunks, conversation, before))
        while live.end is None:
            await asyncio.sleep(POLL_S)
        said = spoken(passed(live.end), conversation)
        return as_json(whole(envelope, said, await self._used(before)))

    async def _streamed(
        self, live: LiveAnswer, chunks: Chunks, conversation: str, before: TokensUsed
    ) -> AsyncIterator[bytes]:
        """The words as they come. A client that goes away ends this, not the answer."""
        yield chunks.opening()
        sent = 0
        while True:
            end = live.end  # looked at before the words, so that none is missed
            if len(live.text) > sent:
                piece, sent = live.text[sent:], len(live.text)
                yield chunks.words(piece)
            if end is not None:
                break
            await asyncio.sleep(POLL_S)
        if isinstance(end, Problem):
            yield event(openai_error_body(503, end.code, end.message))
            return
        if end.text[sent:]:
            yield chunks.words(end.text[sent:])
        for part in chunks.ending(spoken(end, conversation), await self._used(before)):
            yield part

    async def _used(self, before: TokensUsed) -> TokensUsed:
        now = await call(self.shell.house.doors.tokens_used)
        return NO_TOKENS if isinstance(now, Problem) else now.since(before)

    async def _conversation(self, asked: ChatRequest) -> str:
        known = ""
        if asked.earlier is not None:
            known = passed(await call(self.shell.house.doors.conversation_with, self.prefix, *asked.earlier))
        return known or self.prefix + self.random_id()

    # -- what the client can do itself -------------------------------------------------------------------------------

    async def _of_tools(self, asked: ChatRequest) -> Said | None:
        """The outcome of a call in words, or the call that a wish is; None where the companion answers."""
        if asked.results:
            return await self._outcome(asked)
        wish = home_wish(asked.question) if asked.tools else None
        if wish is None:
            return None
        if never_done(wish):
            return await self._kept(asked, Said(NEVER, {}))
        fitting = fitting_call(wish, asked.tools, asked.must_call or "")
        return None if fitting is None else await self._kept(asked, Said(handed_over(wish), {}, fitting))

    async def _outcome(self, asked: ChatRequest) -> Said:
        """What became of a call; kept only of a wish that stands in the station's own record, and in its words."""
        doors = self.shell.house.doors
        question = asked.results[-1].call_id.removeprefix(CALL_PREFIX)
        wish = home_wish(passed(await call(doors.wish, question, self.prefix)))
        answer = Answer(outcome_in_words(asked.results, wish), AnswerMode.CONVERSATION)
        if wish is None:
            return Said(answer.text, evidence_of(answer, ""))
        talk = passed(await call(doors.record_outcome, answer, question, self.prefix))
        return Said(answer.text, evidence_of(replace(answer, question=question if talk else ""), talk))

    async def _kept(self, asked: ChatRequest, said: Said) -> Said:
        """Journal the wish and what was said to it."""
        conversation = await self._conversation(asked)
        answer = Answer(said.text, AnswerMode.CONVERSATION)
        question = passed(await call(self.shell.house.doors.record_wish, asked.question, answer, conversation))
        evidence = evidence_of(replace(answer, question=question), conversation)
        return replace(said, evidence=evidence, call_id=CALL_PREFIX + question)


def handed_over(wish: HomeWish) -> str:
    """What the record of the conversation says of a call."""
    return f"I asked your home to {wish.in_words()}."


def spoken(answer: Answer, conversation: str) -> Said:
    """An answer of the companion."""
    return Said(answer.text, evidence_of(answer, conversation))


def passed(outcome: R | Problem) -> R:
    """What a call of the house gave.

    Raises:
        Failed: it ended in a problem.
    """
    if isinstance(outcome, Problem):
        raise Failed(outcome)
    return outcome


async def read_body(request: Request) -> dict[str, Json]:
    """The JSON object of a request.

    Raises:
        BadRequest: it is none, or larger than MAX_BODY.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise BadRequest("The request is larger than 2 MiB; nothing was kept.", status=413)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise BadRequest("The request must be a JSON object.")
    return value


def model_body(model: OfferedModel) -> dict[str, Json]:
    """A model as the API lists it; it belongs to the person."""
    return {"id": model.id, "object": "model", "created": model.created_ms // 1000, "owned_by": "you"}


def no_model(name: str) -> Response:
    """The model that was named does not answer here."""
    message = f"The model “{name[:80]}” is not served here; GET /v1/models lists what is."
    return openai_error(404, "model_not_found", message, "model")


def sse(parts: AsyncIterator[bytes]) -> Response:
    """A stream of server-sent events."""
    return StreamingResponse(parts, media_type="text/event-stream")
