"""What a transcription request asks for: one recording in a form, read in pieces, refused where it asks for more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from hearthside.web.doors import recording_request
from hearthside.web.doors.chat_request import BadRequest
from hearthside.web.doors.recording_request import MAX_BODY, RecordingRequest, read_recording_request

PLAIN: dict[str, str | list[str]] = {"model": "whisper-1"}


def form(fields: Mapping[str, str | list[str]], file: bytes | None = b"sound") -> tuple[bytes, str]:
    """A form as a real client writes it."""
    files = [] if file is None else [("file", ('a \r\n"b".wav', file, "audio/wav"))]
    parts = [(name, (None, one)) for name, value in fields.items() for one in ([value] if isinstance(value, str)
                                                                               else value)]  # fmt: skip
    request = httpx.Request("POST", "http://h", files=[*parts, *files])
    return request.read(), request.headers["content-type"]


def read(body: bytes, content_type: str, pieces: Sequence[int] = (), end: bool = True) -> RecordingRequest:
    """Read it as it comes in, cut at these places."""
    cuts = sorted({min(cut, len(body)) for cut in pieces} | {0, len(body)})
    chunks = [body[a:b] for a, b in pairwise(cuts)]

    async def receive() -> Message:
        if chunks or end:
            return {
                "type": "http.request",
                "body": chunks.pop(0) if chunks else b"",
                "more_body": bool(chunks) or not end,
            }
        await asyncio.sleep(3600)
        raise AssertionError

    headers = [(b"content-type", content_type.encode("latin-1"))]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    return asyncio.run(read_recording_request(request))


def refusal(body: bytes, content_type: str) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(body, content_type)
    return caught.value


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(0, 900), max_size=12))
def test_a_recording_comes_out_as_it_went_in_wherever_it_is_cut(file: bytes, pieces: list[int]) -> None:
    body, kind = form({"model": "hearthside", "language": " en-GB\n", "prompt": "x" * 5000}, file)
    assert read(body, kind, pieces) == RecordingRequest(file, "hearthside", "json", "en")


@pytest.mark.parametrize(
    ("told", "meant"),
    [("eng", "en"), ("GER-at", "de"), ("zho_TW", "zh"), ("yue", "yue"), ("und", ""), ("mul", ""), ("de", "de")],
)
def test_a_language_is_known_by_three_letters_too(told: str, meant: str) -> None:
    assert read(*form(PLAIN | {"language": told})).language == meant


def test_what_only_tunes_a_model_is_dropped() -> None:
    more: dict[str, str | list[str]] = {
        "temperature": "0.7", "prompt": "Ada, Bo", "stream": "false", "timestamp_granularities[]": ["segment"],
        "response_format": "verbose_json", "chunking_strategy": "auto", "keywords[]": ["a", "b"],
    }  # fmt: skip
    assert read(*form(PLAIN | more)) == RecordingRequest(b"sound", "whisper-1", "verbose_json", "")


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({}, "model", "missing_required_parameter"),
        ({"model": " "}, "model", "missing_required_parameter"),
        (PLAIN | {"response_format": "srt"}, "response_format", "unsupported_value"),
        (PLAIN | {"stream": "true"}, "stream", "unsupported_value"),
        (PLAIN | {"stream": "True"}, "stream", "unsupported_value"),
        (PLAIN | {"timestamp_granularities[]": ["segment", "word"]}, "timestamp_granularities", "unsupported_value"),
        (PLAIN | {"include[]": ["logprobs"]}, "include", "unsupported_value"),
        (PLAIN | {"language": "English"}, "language", "invalid_value"),
        (PLAIN | {"language": "éñ"}, "language", "invalid_value"),
        (PLAIN | {"language": "e" * 2000}, None, "invalid_value"),
    ],
)
def test_what_is_not_done_here_is_said(fields: Mapping[str, str | list[str]], param: str | None, code: str) -> None:
    error = refusal(*form(fields))
    assert (error.status, error.param, error.code) == (400, param, code) and error.message


def test_one_recording_and_no_more() -> None:
    assert refusal(*form(PLAIN, None)).param == "file"
    assert refusal(*form(PLAIN, b"")).code == "missing_required_parameter"
    request = httpx.Request("POST", "http://h", data={"model": "m"}, files=[("file", b"a"), ("file", b"b")])
    assert refusal(request.read(), request.headers["content-type"]).param == "file"


def test_what_is_no_form() -> None:
    body, kind = form(PLAIN)
    for wrong in (
        (b"{}", "application/json"), (b"", kind), (body[:-30], kind), (b"sound", kind), (body, ""),
        (body, "multipart/form-data"), (body, "multipart/form-data; boundary=" + "b" * 71),
        (body, "multipart/form-data; boundary=another"),
    ):  # fmt: skip
        error = refusal(*wrong)
        assert (error.status, error.param) == (400, "file") and "sound" not in error.message
    many = httpx.Request("POST", "http://h", files=[(f"f{i}", (None, "x")) for i in range(70)])
    assert "64 parts" in refusal(many.read(), many.headers["content-type"]).message
    assert "can be read" in refusal(body.replace(b"Content-Disposition", b"Content\x00Disposition"), kind).message


def test_a_large_one_is_read_no_further_than_fits_and_the_rest_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = list[int]()
    take = recording_request._Form._take

    def noted(self: recording_request._Form, chunk: bytes, size: int) -> None:
        take(self, chunk, size)
        taken.append(len(chunk))

    monkeypatch.setattr(recording_request._Form, "_take", noted)
    body, kind = form(PLAIN, bytes(MAX_BODY))
    with pytest.raises(BadRequest) as caught:
        read(body, kind, range(0, len(body), 1 << 20))
    assert (caught.value.status, caught.value.code) == (413, "recording-too-long") and "32 MiB" in caught.value.message
    assert MAX_BODY - (1 << 20) < sum(taken) <= MAX_BODY
    sent = list[int]()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent.append(1)
            yield bytes(MAX_BODY // 4)

    with pytest.raises(BadRequest):
        asyncio.run(recording_request._Form(b"b").read(endless()))
    assert len(sent) == 33


def test_who_sends_too_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_request, "UPLOAD_S", 0.05)
    with pytest.raises(BadRequest) as caught:
        read(*form(PLAIN), end=False)
    assert (caught.value.status, caught.value.code) == (408, "upload-slow")
