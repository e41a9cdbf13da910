"""Transcriptions whose clients left while the node listens: they make room, and there is an end to how many do."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from hearthside.inference.side_models import Transcript
from hearthside.web.doors.house import OfferedModel
from hearthside.web.doors.transcriptions import Transcriptions
from tests.web.doors.test_recording_request import form


class _Doors:
    """A node that listens until it is told to stop."""

    def __init__(self) -> None:
        self.heard, self.begun = threading.Event(), threading.Semaphore(0)

    def models(self) -> list[OfferedModel]:
        return []

    def transcribe(self, file: bytes) -> Transcript:
        self.begun.release()
        assert self.heard.wait(30)
        return Transcript("ear", "en", 0, ())


class _Client:
    """Sends a recording, and waits until it leaves."""

    def __init__(self) -> None:
        body, kind = form({"model": "whisper-1"})
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.messages.put_nowait({"type": "http.request", "body": body})
        headers = [(b"content-type", kind.encode())]
        self.request = Request({"type": "http", "method": "POST", "headers": headers}, self.messages.get)

    def leave(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})


def test_more_than_four_that_nobody_waits_for_are_not_begun() -> None:
    doors = _Doors()
    shells: Any = SimpleNamespace(of=lambda request: SimpleNamespace(house=SimpleNamespace(doors=doors)))

    async def talk() -> tuple[list[Response], list[Response]]:
        listening = Transcriptions(shells)
        left = []
        for _ in range(4):
            client = _Client()
            asked = asyncio.create_task(listening.answer(client.request))
            await asyncio.to_thread(doors.begun.acquire)
            client.leave()
            left.append(await asked)
        busy = await listening.answer(_Client().request)
        doors.heard.set()
        while listening._listening:
            await asyncio.sleep(0.01)
        return left, [busy, await listening.answer(_Client().request)]

    try:
        left, (busy, again) = asyncio.run(asyncio.wait_for(talk(), 20))
    finally:
        doors.heard.set()
    assert [answer.status_code for answer in left] == [499] * 4
    assert (busy.status_code, orjson.loads(busy.body)["error"]["code"]) == (503, "side-model-busy")
    assert again.status_code == 200
