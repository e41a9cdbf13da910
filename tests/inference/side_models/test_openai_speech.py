"""Speech servers of the OpenAI API, as recorded and not run; and what goes wrong with them."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.inference.side_models import SideConfig, model_for
from hearthside.inference.side_models.openai_speech import load
from tests.inference.side_models.side_process import SideProcess
from tests.inference.side_models.speech_server import (
    LOCAL_AI,
    SPEACHES_NO_SEGMENTS,
    VLLM,
    VLLM_FIRST,
    WHISPER_CPP,
    Speech,
    speech_server,
)

_SOUND = b"RIFF" + bytes(100)


def _heard(body: bytes) -> dict[str, Any]:
    with speech_server(Speech(body=body)) as server:
        return load(SideConfig(server.url))(_SOUND)


def _problem(speech: Speech) -> HearthsideError:
    with speech_server(speech), pytest.raises(HearthsideError) as caught:
        load(SideConfig(speech.url))(_SOUND)
    return caught.value


# ---- recorded, not run ----


def test_whisper_cpp() -> None:
    heard = _heard(WHISPER_CPP)
    assert (heard["language"], heard["duration_ms"]) == ("en", 5000)
    first, second = heard["segments"]
    assert first == {"start_ms": 0, "end_ms": 2500, "text": "That's one small step for man.", "confidence": 0.7788}
    assert second["start_ms"] == 2500 and second["text"] == "One giant leap for mankind."


def test_vllm_before_it_knew_probabilities_and_after() -> None:
    first = _heard(VLLM_FIRST)
    assert (first["language"], first["duration_ms"], first["segments"][0]["confidence"]) == ("en", 17_653, None)
    assert first["segments"][0]["end_ms"] == 11_540
    assert _heard(VLLM)["segments"][0]["confidence"] == pytest.approx(0.8997, abs=1e-4)


def test_local_ai_counts_in_nanoseconds_and_tells_no_duration() -> None:
    heard = _heard(LOCAL_AI)
    assert [(one["start_ms"], one["end_ms"], one["text"]) for one in heard["segments"]] == [
        (0, 2480, "Hallo zusammen.")
    ]
    assert (heard["language"], heard["duration_ms"]) == ("", 2480)


def test_a_text_without_segments_is_one() -> None:
    heard = _heard(SPEACHES_NO_SEGMENTS)
    assert heard["segments"] == [{"start_ms": 0, "end_ms": 3290, "text": "he might", "confidence": None}]


# ---- what is sent ----


def test_the_file_goes_with_model_and_key_and_under_a_name_that_tells_its_form() -> None:
    with speech_server(Speech()) as server:
        run = load(SideConfig(f"{server.url}/v1", "large-v3", "secret"))
        assert run(_SOUND)["model"] == "large-v3"
        run(b"\x00\x00\x00\x20ftypM4A ")
        load(SideConfig(server.url))(b"OggS")
    (fields, name, raw, key), (_, second, _, _), (usual, third, _, no_key) = server.asked
    assert (fields["model"], fields["response_format"], key) == ("large-v3", "verbose_json", "Bearer secret")
    assert (name, raw, second, third) == ("recording.wav", _SOUND, "recording.m4a", "recording.ogg")
    assert (usual["model"], no_key) == ("whisper-1", "")


def test_it_comes_before_the_small_model_where_it_is_named() -> None:
    assert model_for("transcribe", SideConfig("http://127.0.0.1:1")) == "openai_speech"
    assert model_for("transcribe", SideConfig()) != "openai_speech"


# ---- what goes wrong ----


@pytest.mark.parametrize(
    "url", ["http://192.168.1.9:8000", "https://speech.example", "not an address", "ftp://localhost"]
)
def test_only_a_server_on_this_machine_is_asked(url: str) -> None:
    with pytest.raises(NeedsPerson) as caught:
        load(SideConfig(url))
    assert caught.value.code == "side-model-broken"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, Refused, "recording-wrong"), (415, Refused, "recording-wrong"), (413, Refused, "recording-too-long"),
        (401, NeedsPerson, "speech-server-not-ready"), (404, NeedsPerson, "speech-server-not-ready"),
        (429, RetryLater, "side-model-failed"), (500, RetryLater, "side-model-failed"),
        (307, Refused, "backend-redirects"),
    ],
)  # fmt: skip
def test_each_status_is_told_as_what_to_do(status: int, kind: type[HearthsideError], code: str) -> None:
    speech = Speech(status, headers={"Location": "http://127.0.0.1:1/elsewhere"} if status == 307 else {})
    problem = _problem(speech)
    assert (type(problem), problem.code, len(speech.asked)) == (kind, code, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"<html>", b'{"segments":7}', b'{"segments":[{}]}', b'{"duration":"soon"}', b'{"duration":1e999}',
        b'{"segments":[{"text":"a","start":null,"end":1}]}', b'{"text":"' + b"a" * (8 * 2**20) + b'"}',
    ],
)  # fmt: skip
def test_an_answer_that_is_none_or_without_end_is_no_transcript(body: bytes) -> None:
    problem = _problem(Speech(body=body))
    assert isinstance(problem, RetryLater) and problem.code == "side-model-failed"


def test_what_comes_packed_is_not_unpacked() -> None:
    """1,147 bytes, packed twice, grow to 1,247 MiB before they can be counted."""
    packed = gzip.compress(gzip.compress(WHISPER_CPP))
    problem = _problem(Speech(body=packed, headers={"Content-Encoding": "gzip, gzip"}))
    assert isinstance(problem, RetryLater) and problem.code == "side-model-failed"


def test_a_server_by_its_name_is_found_from_a_process_that_can_open_no_file() -> None:
    with speech_server(Speech()) as server:
        process = SideProcess("openai_speech", SideConfig(server.url.replace("127.0.0.1", "localhost")))
        assert len(process.result(_SOUND)["segments"]) == 2
    assert process.code(_SOUND) == "RetryLater backend-away" and process.close() == 0


def test_a_server_that_is_away() -> None:
    with speech_server(Speech()) as server:
        pass
    with pytest.raises(RetryLater) as caught:
        load(SideConfig(server.url))(_SOUND)
    assert caught.value.code == "backend-away"
