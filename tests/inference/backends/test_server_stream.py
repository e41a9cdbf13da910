"""What servers stream is read as they mean it, and nothing they could send breaks more than the answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.inference.backend import Token
from hearthside.inference.backends.server_stream import Progress, error_of, events, token_of

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "content", "usage", "error", "object", "code", "message", "finish_reason",
                 "prompt_progress", "total", "cache", "prompt_tokens", "completion_tokens", "prompt_tokens_details",
                 "cached_tokens", "reasoning", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)  # fmt: skip
# What the backend takes for an answer that was broken off.
_BROKEN = (ValueError, TypeError, KeyError, AttributeError)


@given(st.lists(_JSON, max_size=4))
def test_nothing_a_server_sends_breaks_more_than_the_answer(chunks: list[Any]) -> None:
    progress = Progress(0.0)
    for chunk in chunks:
        try:
            token = token_of(chunk, progress)
        except _BROKEN:
            break
        assert isinstance(token, Token) and isinstance(token.text, str)
    usage = progress.usage()
    for count in (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens):
        assert type(count) is int and count >= 0


@given(st.binary(max_size=60), st.integers(1, 7))
def test_events_are_the_same_however_the_bytes_are_cut(noise: bytes, width: int) -> None:
    lines = (
        b'data: {"a":1}\n\n: alive\n\nevent: x\ndata:{"b":"\xe2\x80\xa8"}\r\n\n' + noise.replace(b"data:", b"") + b"\n"
    )
    stream = lines + b"data: [DONE]\n\ndata: after\n\n"
    cut = [stream[at : at + width] for at in range(0, len(stream), width)]
    assert list(events(cut)) == list(events([stream])) == [{"a": 1}, {"b": "\u2028"}]


@pytest.mark.parametrize(
    ("message", "asked", "limit"),
    [
        ("This model's maximum context length is 4096 tokens. However, your messages resulted in 5069 tokens.",
         "5069", "4096"),
        ("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4800 in the messages,"
         " 200 in the completion).", "4800", "4096"),
        ("This model's maximum context length is 4096 tokens. However, you requested 300 output tokens and your prompt"
         " contains at least 3797 input tokens, for a total of at least 4097 tokens.", "3797", "4096"),
        ("request (1231 tokens) exceeds the available context size (512 tokens), try increasing it", "1231", "512"),
        ("Trying to keep the first 14538 tokens when context the overflows. However, the model is loaded with context"
         " length of only 2048 tokens, which is not enough.", "14538", "2048"),
        ("Context size has been exceeded.", "longer", ""),
    ],
)  # fmt: skip
def test_long_prompt_as_each_server_says_it(message: str, asked: str, limit: str) -> None:
    error = error_of(400, {"error": {"message": message}})
    assert isinstance(error, Refused) and error.code == "prompt-too-long"
    assert asked in error.message and limit in error.message


@pytest.mark.parametrize(
    ("status", "told", "family", "code"),
    [
        (400, None, Refused, "request-wrong"),
        (422, {"detail": [{"msg": "the secret"}]}, Refused, "request-wrong"),
        (401, "Unauthorized", NeedsPerson, "backend-key-wrong"),
        (404, {"error": {"message": "model context-length-pro not found"}}, NeedsPerson, "backend-model-missing"),
        (429, {}, RetryLater, "backend-busy"),
        (500, {"error": "the secret"}, RetryLater, "completion-failed"),
        (400, {"error": {"type": "exceed_context_size_error"}}, Refused, "prompt-too-long"),
    ],
)
def test_errors_by_what_to_do_next(status: int, told: Any, family: type[Exception], code: str) -> None:
    error = error_of(status, told)
    assert isinstance(error, family) and error.code == code and "secret" not in error.message
