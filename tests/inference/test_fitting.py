"""What a model needs, held against llama.cpp's own account and against a real process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from hearthside.inference.backends.llama_cpp import _BATCH_TOKENS
from hearthside.inference.fitting import (
    BATCH_TOKENS,
    Need,
    bytes_per_token,
    cache_bytes,
    memory_needed,
    parameters,
    shape_of,
    trained_context,
)
from hearthside.inference.gguf_header import BLOCKS, model_header
from hearthside.inference.shelf import embedded_model
from tests.inference.model_files import write_model

_Q4_K, _Q6_K, _F32 = (gguf.GGMLQuantizationType[name] for name in ("Q4_K", "Q6_K", "F32"))
_MODEL = embedded_model()
_HEADER = model_header(_MODEL.path)
# llama.cpp tells what it allocates; then the process says what it holds with the context read to its end.
_PROGRAM = """
import sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, context, parallel = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
params.n_ctx, params.n_batch, params.n_parallel = context, 256, parallel
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.warmup, params.verbosity, params.ui, params.port, params.cache_ram_mib = False, 4, False, 0, 0
server = xllamacpp.Server(params)
words = {"messages": [{"role": "user", "content": "sea " * 300}], "max_tokens": 4}
if sys.argv[4] == "speak":
    server.handle_chat_completions(words, lambda chunk: False)
print(open("/proc/self/status").read())
"""


def _told(path: Path, context: int, parallel: int, speak: str = "speak") -> tuple[dict[str, float], int]:
    """llama.cpp's buffers by name, bytes, and the resident memory of the whole process."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path), str(context * parallel), str(parallel), speak],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = re.findall(r"(\S+) +(model|KV|compute|output) buffer size = +([\d.]+) MiB", done.stderr)
    held = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert held is not None
    return {f"{where} {what}": float(size) * 2**20 for where, what, size in found}, int(held[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("context", "parallel"), [(512, 1), (1024, 2)])
def test_embedded_model_needs_what_llama_cpp_takes(context: int, parallel: int) -> None:
    told, held = _told(_MODEL.path, context, parallel)
    need = memory_needed(_HEADER, context, parallel=parallel)
    assert need.weights == pytest.approx(told["CPU_Mapped model"], rel=0.001) and need.copies == 0
    assert need.cache == pytest.approx(told["CPU KV"], rel=0.001)
    assert told["CPU compute"] + told["CPU output"] <= need.compute <= 3 * told["CPU compute"]
    assert held <= need.steady
    assert need.transient == need.cache + need.compute + need.copies and need.total == need.steady + need.transient


def _with_four_bits(path: Path) -> Path:
    """The embedded model with weights of 0 in Q4_0 in the place of those in Q4_1: of use for its sizes only."""
    reader = gguf.GGUFReader(_MODEL.path)
    writer = gguf.GGUFWriter(str(path), "llama")
    for name, entry in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            inner = entry.types[1] if len(entry.types) > 1 else None
            writer.add_key_value(name, entry.contents(), entry.types[0], inner)
    for tensor in reader.tensors:
        data, kind = tensor.data, tensor.tensor_type
        if kind == gguf.GGMLQuantizationType.Q4_1:
            rows, per_row = int(tensor.shape[1]), int(tensor.shape[0])
            data, kind = np.zeros((rows, per_row // 32 * 18), np.uint8), gguf.GGMLQuantizationType.Q4_0
        writer.add_tensor(tensor.name, data, raw_shape=data.shape, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_copies_are_those_that_llama_cpp_makes(tmp_path: Path) -> None:
    """On a processor for which llama.cpp has another order; on another one it makes none, and we say too much."""
    path = _with_four_bits(tmp_path / "four.gguf")
    told, held = _told(path, 512, 1, "be silent")
    need = memory_needed(model_header(path), 512)
    assert need.weights == pytest.approx(told["CPU_Mapped model"], rel=0.001) and need.copies > 50e6
    assert told.get("CPU_REPACK model", float(need.copies)) == pytest.approx(need.copies, rel=0.001)
    assert held <= need.steady


def test_batch_is_that_of_the_backend() -> None:
    assert BATCH_TOKENS == _BATCH_TOKENS


def test_sizes_of_types_are_those_of_the_reference() -> None:
    assert {kind.value: sizes for kind, sizes in gguf.GGML_QUANT_SIZES.items()} == dict(BLOCKS)


def test_figures_of_the_embedded_model() -> None:
    assert 134e6 < parameters(_HEADER) < 135e6 and trained_context(_HEADER) == 8192
    tensors = sum(info.bytes for info in _HEADER.tensors.values())
    assert _HEADER.data_start + tensors == pytest.approx(_MODEL.bytes, abs=32 * len(_HEADER.tensors))
    assert bytes_per_token(_HEADER, 256) == tensors + 256 * 30 * 3 * (64 + 64) * 2  # tied: its words are read too
    assert shape_of(_HEADER).vocabulary == 49152


def test_four_bit_weights_are_held_twice_on_a_processor_only(tmp_path: Path) -> None:
    tensors = {
        "token_embd.weight": ((1000, 256), _Q4_K),
        "output.weight": ((1000, 256), _Q6_K),
        "blk.0.ffn_up.weight": ((512, 256), _Q4_K),
        "blk.0.ffn_down.weight": ((256, 512), _Q6_K),
        "blk.0.attn_norm.weight": ((256,), _F32),
    }
    header = model_header(write_model(tmp_path / "m.gguf", tensors=tensors, attention__head_count=4))
    need = memory_needed(header, 512)
    assert need.copies == 512 * 144 and need.weights == (1000 + 512) * 144 + (1000 + 512) * 210 + 1024
    device = memory_needed(header, 512, on_device=True)
    assert device.copies == 0 and device.process > need.process
    unified = memory_needed(header, 512, on_device=True, unified=True)
    assert unified.transient >= 19 * 2**30 > device.transient
    assert memory_needed(header, 512, switches_adapters=False).transient == 0
    assert memory_needed(header, 512, more_weights=7).weights == need.weights + 7
    # words are looked up, not multiplied with: they cost nothing to read where the output has weights of its own
    assert bytes_per_token(header, 256) == need.weights - 1000 * 144 + 4 * 256 * 4 * 128 * 2


def test_only_chosen_experts_are_read(tmp_path: Path) -> None:
    tensors = {"token_embd.weight": ((10, 256), _F32), "blk.0.ffn_up_exps.weight": ((8, 64, 256), _F32)}
    header = model_header(
        write_model(
            tmp_path / "m.gguf", layers=1, tensors=tensors, attention__head_count=1, expert_count=8, expert_used_count=2
        )
    )
    words, experts, cache = 10 * 1024, 8 * 64 * 1024, 256 * 1 * 512 * 2
    assert bytes_per_token(header, 256) == words + experts // 4 + cache


@pytest.mark.parametrize(
    ("architecture", "options", "cache"),
    [
        ("llama", {"attention__head_count": 8, "attention__head_count_kv": 2}, 4 * 2 * 64 * 2 * 8192),
        ("llama", {"attention__head_count": 8}, 4 * 8 * 64 * 2 * 8192),  # not told: as many as heads
        ("qwen3", {"attention__head_count": 4, "attention__key_length": 128, "attention__value_length": 96},
         4 * 4 * (128 + 96) * 2 * 8192),
        # every second layer of gpt-oss sees 128 tokens only, of which 128 + 256 in blocks of 256 are kept
        ("gpt-oss", {"attention__head_count": 4, "attention__sliding_window": 128}, 4 * 128 * 2 * 2 * (8192 + 512)),
        # a window that this architecture does not use changes nothing
        ("llama", {"attention__head_count": 4, "attention__sliding_window": 128}, 4 * 4 * 128 * 2 * 8192),
        # every fourth layer has a cache, the others a state
        ("qwen35", {"attention__head_count": 4, "full_attention_interval": 4}, 1 * 4 * 128 * 2 * 8192),
    ],
)  # fmt: skip
def test_cache_follows_the_shape(tmp_path: Path, architecture: str, options: dict[str, Any], cache: int) -> None:
    header = model_header(write_model(tmp_path / "m.gguf", architecture=architecture, width=256, **options))
    assert cache_bytes(shape_of(header), 8192) == cache


def test_heads_that_differ_by_layer_are_counted_one_by_one(tmp_path: Path) -> None:
    header = model_header(
        write_model(
            tmp_path / "m.gguf", architecture="lfm2", attention__head_count=4,
            arrays={"lfm2.attention.head_count_kv": [0, 2, 0, 4]}, ssm__inner_size=16, ssm__state_size=8,
        )
    )  # fmt: skip
    assert cache_bytes(shape_of(header), 256) == 256 * 6 * 128 * 2
    assert shape_of(header).state_bytes == 4 * 4 * 128


def test_need_is_the_sum_of_its_parts() -> None:
    assert Need(1, 2, 3, 4, 5, 6).total == 21 and Need(1, 2, 3, 4, 5, 6).steady == 15
