"""An adapter GGUF as a folder in PEFT's form, for a server that reads only that; it lies in memory, for a moment.

The way back of what the workshop exports (reference training.md, 2.3): names mapped, rows of Q and K of the `llama`
architecture put back in Hugging Face's order, float32, one rank for all tensors.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hearthside.errors import Refused
from hearthside.events import Json
from hearthside.inference.gguf_header import GgufHeader, read_header

Array: TypeAlias = npt.NDArray[np.float32]

_MEMORY = Path("/dev/shm")  # Linux: a folder in memory
_PREFIX = "hearthside-adapter-"
_MODULES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TENSOR = re.compile(r"blk\.(\d+)\.([a-z_]+)\.weight\.lora_([ab])")
_FLOATS = {0: "<f4", 1: "<f2"}  # ggml types F32 and F16


@contextmanager
def peft_folder(adapter: bytes, base: GgufHeader, base_name: str) -> Iterator[Path]:
    """A folder with `adapter_config.json` and `adapter_model.safetensors`, gone at the end.

    Args:
        adapter: GGUF bytes, already checked against the base.
        base: header of the base, for the number of heads.
        base_name: what the configuration calls the base.

    Raises:
        Refused: `adapter-form-unknown`.
    """
    tensors, config = peft_form(adapter, base, base_name)
    parent = _MEMORY if _MEMORY.is_dir() else Path(tempfile.gettempdir())
    _sweep(parent)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent) as name:  # mode 700
        folder = Path(name)
        (folder / "adapter_config.json").write_text(json.dumps(config))
        (folder / "adapter_model.safetensors").write_bytes(safetensors(tensors))
        yield folder


def _sweep(parent: Path) -> None:
    """Remove what a process left behind that was killed while it had such a folder."""
    for left in parent.glob(f"{_PREFIX}*"):
        number = left.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and not Path(f"/proc/{number}").exists() and left.stat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)


def peft_form(adapter: bytes, base: GgufHeader, base_name: str) -> tuple[dict[str, Array], dict[str, Json]]:
    """Tensors by PEFT's names, A (rank, in) and B (out, rank), and the configuration.

    Raises:
        Refused: `adapter-form-unknown`; a tensor PEFT has no name for, or ranks that differ.
    """
    header = read_header(adapter)
    tensors, modules, ranks = {}, set(), set()
    for name, info in header.tensors.items():
        match = _TENSOR.fullmatch(name)
        if match is None or match[2] not in _MODULES or info.type not in _FLOATS:
            raise _unknown()
        module, side = _MODULES[match[2]], match[3].upper()
        count = math.prod(info.shape)
        raw = np.frombuffer(adapter, _FLOATS[info.type], count, header.data_start + info.offset)
        values: Array = raw.astype(np.float32).reshape(info.shape[::-1])  # GGUF lists dimensions backwards
        if side == "B":
            values = _rows(values, match[2], base)
        tensors[f"base_model.model.model.layers.{match[1]}.{module}.lora_{side}.weight"] = values
        modules.add(module.partition(".")[2])
        ranks.add(values.shape[0] if side == "A" else values.shape[1])
    if len(ranks) != 1:
        raise _unknown()
    rank = ranks.pop()
    return tensors, _config(rank, float(header.metadata.get("adapter.lora.alpha", 0.0)), sorted(modules), base_name)


def safetensors(tensors: Mapping[str, Array]) -> bytes:
    """Float32 tensors in the safetensors format: length of the header, header as JSON, data."""
    header, parts, at = {}, [], 0
    for name, values in sorted(tensors.items()):
        data = np.ascontiguousarray(values, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the data begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def _rows(b: Array, name: str, base: GgufHeader) -> Array:
    """Rows of B in Hugging Face's order: GGUF's row h*D + 2i + j is their row h*D + j*D/2 + i (arch `llama` only)."""
    architecture = base.metadata.get("general.architecture")
    if architecture != "llama" or name not in ("attn_q", "attn_k"):
        return b
    heads = int(base.metadata["llama.attention.head_count"])
    if name == "attn_k":
        heads = int(base.metadata.get("llama.attention.head_count_kv", heads))
    rows, rank = b.shape
    paired = b.reshape(heads, rows // heads // 2, 2, rank)  # (head, i, j, rank)
    return np.ascontiguousarray(paired.swapaxes(1, 2).reshape(rows, rank))


def _config(rank: int, alpha: float, modules: list[str], base_name: str) -> dict[str, Json]:
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "r": rank,
        "lora_alpha": alpha or float(rank),  # llama.cpp reads alpha 0 as a scale of 1
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": modules,
        "inference_mode": True,
    }


def _unknown() -> Refused:
    return Refused("adapter-form-unknown", "This adapter has a form that the model server cannot take.")
