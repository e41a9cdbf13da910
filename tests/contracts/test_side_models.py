"""What every side model must do; a new one adds its files to `_FILES`."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hearthside.inference.side_models import TASKS, SideConfig, SideModel, load_side_model, side_model_names
from hearthside.inference.side_models.answers import picture_text_of, transcript_of
from hearthside.inference.side_models.sound_files import silence
from tests.inference.side_models.pictures import page, picture
from tests.inference.side_models.side_process import SideProcess
from tests.inference.side_models.sounds import sound
from tests.inference.side_models.speech_server import Speech, speech_server

_MIB = 2**20


def _long_sound() -> bytes:
    """Five minutes as large as they may come, with two seconds of noise that passes for speech."""
    noise = np.random.default_rng(5).normal(0, 0.1, (2 * 48_000, 2))
    return sound(np.concatenate([np.zeros((297 * 48_000, 2)), noise]), 48_000)


def _large_picture() -> bytes:
    """50 million pixels with transparency, which take most memory."""
    return picture(page(8160, 6120, {(500, 800): "Hearthside"}, 12), mode="RGBA", compress_level=1)


@dataclass(frozen=True)
class _Files:
    """What one task is given."""

    good: Callable[[], bytes]
    largest: Callable[[], bytes]
    huge_header: bytes
    wrong: str
    too_much: str


_FILES = {
    "transcribe": _Files(
        lambda: silence(1, 16_000), _long_sound, silence(1, 16_000)[:40] + b"\xff\xff\xff\x7f" + bytes(1000),
        "Refused recording-wrong", "Refused recording-too-long",
    ),
    "read_picture": _Files(
        lambda: picture(page(400, 100, {(20, 60): "Hearthside"})), _large_picture,
        picture(page(40, 40, {})).replace((40).to_bytes(4, "big") * 2, b"\x00\x0f\xff\xff" * 2),
        "Refused picture-wrong", "Refused picture-too-large",
    ),
}  # fmt: skip


@contextmanager
def _config(name: str) -> Iterator[SideConfig]:
    if name != "openai_speech":
        yield SideConfig()
        return
    with speech_server(Speech(sounds_only=True)) as server:
        yield SideConfig(server.url)


@dataclass(frozen=True)
class _Served:
    name: str
    model: SideModel
    process: SideProcess
    files: _Files
    loaded_bytes: int


@pytest.fixture(scope="module", params=side_model_names())
def served(request: pytest.FixtureRequest) -> Iterator[_Served]:
    model = load_side_model(request.param)
    with _config(request.param) as config:
        assert model.is_here(config)
        process = SideProcess(request.param, config)
        assert process.ready == {"ready": True}
        loaded = process.resident_bytes if sys.platform == "linux" else 0
        yield _Served(request.param, model, process, _FILES[model.TASK], loaded)
        assert process.close() == 0


def test_what_it_says_of_itself(served: _Served) -> None:
    model = served.model
    assert model.TASK in TASKS and model.RANK > 0 and isinstance(model.CONNECTS, bool)
    assert 64 * _MIB <= model.NEED <= 2048 * _MIB and _MIB <= model.LONGEST <= 128 * _MIB
    assert model.ABOUT and not model.ABOUT.endswith(".") and isinstance(model.LANGUAGES, str)


def test_ranks_tell_them_apart() -> None:
    models = [load_side_model(name) for name in side_model_names()]
    assert len({(model.TASK, model.RANK) for model in models}) == len(models)
    assert {model.TASK for model in models} == set(TASKS)


def _check(served: _Served, raw: bytes) -> None:
    result = served.process.result(raw)
    if served.model.TASK == "transcribe":
        heard = transcript_of(result)
        ends = [0, *(end for one in heard.segments for end in (one.start_ms, one.end_ms)), heard.duration_ms]
        assert heard.model and ends == sorted(ends) and all(one.text.strip() == one.text for one in heard.segments)
        assert all(one.confidence is None or 0 <= one.confidence <= 1 for one in heard.segments)
        return
    read = picture_text_of(result)
    assert read.model and read.width > 0 and read.height > 0 and read.text == "Hearthside"
    for line in read.lines:
        left, top, right, bottom = line.box
        assert 0 <= left < right <= read.width and 0 <= top < bottom <= read.height and 0 <= line.confidence <= 1


def test_result_is_well_formed(served: _Served) -> None:
    _check(served, served.files.good())


@pytest.mark.parametrize(
    "raw", [b"", b"\x00" * 5000, b"not this", bytes(range(256)) * 40], ids=["empty", "zeros", "words", "bytes"]
)
def test_garbage_is_refused_and_the_next_file_is_not(served: _Served, raw: bytes) -> None:
    assert served.process.code(raw) == served.files.wrong
    _check(served, served.files.good())


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_file_that_broke_off_is_refused_or_read_as_far_as_it_goes(served: _Served, share: float) -> None:
    raw = served.files.good()
    answer = served.process.ask(raw[: int(len(raw) * share)])
    assert "result" in answer or f"{answer['error']['kind']} {answer['error']['code']}" == served.files.wrong
    _check(served, raw)


def test_a_header_that_promises_too_much_is_no_harm(served: _Served) -> None:
    answer = served.process.ask(served.files.huge_header)
    told = answer.get("error", {})
    known = (served.files.wrong, served.files.too_much)
    assert "result" in answer or f"{told['kind']} {told['code']}" in known
    _check(served, served.files.good())


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_largest_file_stays_within_what_it_needs(served: _Served) -> None:
    raw = served.files.largest()
    assert len(raw) <= served.model.LONGEST
    _check(served, raw)
    assert served.process.peak_bytes < served.model.NEED


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="only glibc can be told to")
def test_memory_is_given_back_after_each_file(served: _Served) -> None:
    """Without that the reader of pictures has 362 MiB after the largest instead of 169, and grows with every one."""
    _check(served, served.files.largest())
    assert served.process.resident_bytes < served.loaded_bytes + 48 * _MIB


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64") or sys.platform != "linux", reason="Linux's filter")
def test_the_filter_stands_while_it_works(served: _Served) -> None:
    for thread in Path(f"/proc/{served.process.process.pid}/task").iterdir():
        assert "\nSeccomp:\t2\n" in (thread / "status").read_text()
    _check(served, served.files.good())
