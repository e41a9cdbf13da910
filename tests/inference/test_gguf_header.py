"""Our GGUF reader agrees with the reference reader, and no damaged or foreign adapter passes the check."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gguf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import NeedsPerson, Refused
from hearthside.inference.gguf_header import check_adapter, model_header, read_header
from hearthside.inference.shelf import embedded_model
from tests.inference.adapter_files import random_adapter

_MODEL = embedded_model()
_BASE = model_header(_MODEL.path)
_GOOD = random_adapter(1, rank=2)


def test_header_agrees_with_the_reference_reader(tmp_path: Path) -> None:
    path = tmp_path / "adapter.gguf"
    path.write_bytes(_GOOD)
    reference, mine = gguf.GGUFReader(str(path)), read_header(_GOOD)
    assert list(mine.tensors) == [tensor.name for tensor in reference.tensors]
    for tensor in reference.tensors:
        info = mine.tensors[tensor.name]
        assert info.shape == tuple(tensor.shape) and info.type == tensor.tensor_type
        assert mine.data_start + info.offset == tensor.data_offset
    for key in ("general.architecture", "general.type", "adapter.lora.alpha"):
        assert mine.metadata[key] == reference.fields[key].contents()


def test_header_of_the_model_is_read_past_its_vocabulary() -> None:
    assert _BASE.metadata["general.architecture"] == "llama" and _BASE.metadata["llama.attention.head_count"] == 9
    assert _BASE.tensors["token_embd.weight"].shape == (576, 49152) and len(_BASE.tensors) == 272
    assert "tokenizer.ggml.tokens" not in _BASE.metadata


def test_good_adapter_passes() -> None:
    check_adapter(_GOOD, _BASE, _MODEL.sha256)
    check_adapter(random_adapter(2, base_sha256=_MODEL.sha256), _BASE, _MODEL.sha256)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"architecture": "qwen2"}, "adapter-base-differs"),
        ({"base_sha256": "0" * 64}, "adapter-base-differs"),
        ({"kind": "control_vector"}, "adapter-not-lora"),
        ({"width": 512}, "adapter-shape-differs"),
        ({"only_a": True}, "adapter-shape-differs"),
        ({"target": "no_such_weight"}, "adapter-shape-differs"),
        ({"value": math.nan}, "adapter-not-finite"),
        ({"value": math.inf}, "adapter-not-finite"),
    ],
)
def test_foreign_adapter_is_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        check_adapter(random_adapter(3, rank=2, **options), _BASE, _MODEL.sha256)
    assert caught.value.code == code


def test_the_model_itself_is_no_adapter() -> None:
    with pytest.raises(Refused) as caught:
        check_adapter(_MODEL.path.read_bytes(), _BASE, _MODEL.sha256)
    assert caught.value.code == "adapter-not-lora"


@given(st.integers(0, len(_GOOD) - 1))
@settings(max_examples=60, deadline=None)
def test_cut_adapter_is_refused_wherever_it_is_cut(length: int) -> None:
    with pytest.raises(Refused):
        check_adapter(_GOOD[:length], _BASE, _MODEL.sha256)


@given(st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_damaged_header_is_read_or_refused_but_never_crashes(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(_GOOD)
    for position, byte in changes:
        damaged[position] = byte
    try:
        header = read_header(bytes(damaged))
    except Refused as error:
        assert error.code == "gguf-broken"
    else:
        assert header.data_start >= 24


def test_broken_model_file_needs_the_person(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("model") / "half.gguf"
    path.write_bytes(_MODEL.path.read_bytes()[:100_000])
    with pytest.raises(NeedsPerson) as caught:
        model_header(path)
    assert caught.value.code == "model-file-broken"
