"""``/v1/audio/transcriptions``: speech to text by the house's own node, for clients of OpenAI's API.

Nothing of it stays: neither the recording nor its text is journalled, logged or written to a disk, and the text is no
question. Who wants it answered sends it to ``/v1/chat/completions``, as voice assistants do.
"""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from hearthside.errors import Refused
from hearthside.events import Json
from hearthside.inference.side_models import Segment, Transcript
from hearthside.web.calls import Problem, as_problem, call
from hearthside.web.doors.chat_request import BadRequest
from hearthside.web.doors.recording_request import RecordingRequest, read_recording_request
from hearthside.web.doors.refusals import as_json, openai_error, problem_answer
from hearthside.web.house import House
from hearthside.web.layout import Shells

USUAL = "whisper-1"
"""A name that many clients cannot be told to change; whatever hears in this house answers to it."""

_AT_ONCE = 2  # recordings of people who are there; further ones wait outside
_MOST = 4  # with those of people who left, which the node does not give up: in memory, each with a thread that waits
_ONE_LANGUAGE = ("pocketsphinx ",)
"""How names of models begin that listen for one language whatever is spoken; others tell which they heard."""

_BUSY = Problem(
    "side-model-busy",
    "The speech model still works on recordings that nobody waits for any more; nothing was kept of this one. Send it "
    "again in a minute.",
)
_CLOSED = 499  # nobody is there to read it


class Transcriptions:
    """The route, for all residents of a station."""

    def __init__(self, shells: Shells) -> None:
        self._shells = shells
        self._turns = asyncio.Semaphore(_AT_ONCE)
        # Of its own: the node may take minutes, and pages need the threads that all share.
        self._threads = ThreadPoolExecutor(_MOST, "transcription")
        self._listening = 0

    async def answer(self, request: Request) -> Response:
        """The text of the recording in a request, or why there is none."""
        house = self._shells.of(request).house
        try:
            async with self._turns:
                asked = await read_recording_request(request)
                heard = await self._heard(house, asked, request)
            return heard if isinstance(heard, Response) else transcript_answer(heard, asked)
        except BadRequest as error:
            return openai_error(error.status, error.code, error.message, error.param)
        except ClientDisconnect:
            return Response(status_code=_CLOSED)

    async def _heard(self, house: House, asked: RecordingRequest, request: Request) -> Transcript | Response:
        offered = await call(house.doors.models)
        if isinstance(offered, Problem):
            return problem_answer(offered)
        if asked.model not in (USUAL, *(one.id for one in offered)):
            message = f"The model “{asked.model[:80]}” does not listen here; name hearthside, or {USUAL}."
            return openai_error(404, "model_not_found", message, "model")
        heard = await self._listened(house, asked.file, request)
        if isinstance(heard, Problem):
            return problem_answer(heard)
        if isinstance(heard, Refused):
            raise BadRequest(heard.message, "file", heard.code)
        return heard

    async def _listened(self, house: House, file: bytes, request: Request) -> Transcript | Refused | Problem:
        """What the node hears, for as long as who asked is there; raises ClientDisconnect."""
        if self._listening >= _MOST:
            return _BUSY
        self._listening += 1
        heard = asyncio.get_running_loop().run_in_executor(self._threads, _transcribe, house, file)
        heard.add_done_callback(self._ended)
        gone = asyncio.create_task(_left(request))
        either: tuple[asyncio.Future[Any], ...] = (heard, gone)
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if heard.done():
            return heard.result()
        raise ClientDisconnect

    def _ended(self, heard: asyncio.Future[Transcript | Refused | Problem]) -> None:
        self._listening -= 1


async def _left(request: Request) -> None:
    """Return when who sent a request, of which all is read, has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _transcribe(house: House, file: bytes) -> Transcript | Refused | Problem:
    """What was heard, or why this recording cannot be; blocks while the node listens."""
    try:
        return house.doors.transcribe(file)
    except Refused as error:
        return error
    except Exception as error:  # noqa: BLE001 - becomes a sentence, as in `call`
        return as_problem(error)


def transcript_answer(heard: Transcript, asked: RecordingRequest) -> Response:
    """A transcript in the form that was asked for.

    Raises:
        BadRequest: the model knows one language, and the client says that another one is spoken: its words are none.
    """
    knows_one = heard.model.startswith(_ONE_LANGUAGE)  # another one's guess may be wrong, and its words right
    if knows_one and asked.language and heard.language and asked.language != heard.language:
        raise BadRequest(
            f"The speech model of this house listened for “{heard.language}”, not for “{asked.language}”; nothing was "
            "kept. A speech server of your own knows more languages: see docs/compute.md.",
            "language", "language-not-heard",
        )  # fmt: skip
    if asked.form == "text":
        return PlainTextResponse(f"{heard.text}\n")
    seconds = heard.duration_ms / 1000
    body: dict[str, Json] = {
        "text": heard.text,
        "usage": {"type": "duration", "seconds": math.ceil(seconds)},
        "hearthside": {"model": heard.model},
    }
    if asked.form == "verbose_json":
        segments = [segment_body(number, one) for number, one in enumerate(heard.segments)]
        body |= {"task": "transcribe", "language": heard.language, "duration": seconds, "segments": segments}
    return as_json(body)


def segment_body(number: int, segment: Segment) -> dict[str, Json]:
    """One stretch of speech; what no model here tells is null, not made up."""
    confidence = segment.confidence
    return {
        "id": number,
        "seek": segment.start_ms // 10,  # in frames of 10 ms
        "start": segment.start_ms / 1000,
        "end": segment.end_ms / 1000,
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": math.log(confidence) if confidence else None,
        "compression_ratio": None,
        "no_speech_prob": None,
        "confidence": confidence,
    }
