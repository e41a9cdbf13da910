"""LoRA adapters between PEFT's files and llama.cpp's GGUF: every PEFT scaling folded in or refused, and the way back.

llama.cpp scales an adapter by alpha / r with one alpha for all tensors, and its `llama` architecture keeps the rows of
Q and K in another order than Hugging Face. Facts and figures: reference training.md 2.3, read in llama.cpp 0c1e5709.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import gguf
import numpy as np
import numpy.typing as npt
from gguf.gguf_writer import WriterState

from hearthside.errors import Refused
from hearthside.events import Json

Array: TypeAlias = npt.NDArray[np.float32]

PEFT_WEIGHTS = "adapter_model.safetensors"
PEFT_CONFIG = "adapter_config.json"
ADAPTER_GGUF = "adapter.gguf"
BASE_HASH_KEY = "hearthside.base_sha256"  # the inference room reads the same key
TARGET_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

_GGUF_NAME = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_MODULE = {name: module for module, name in _GGUF_NAME.items()}
_PEFT_TENSOR = re.compile(r"base_model\.model\.(model\.layers\.(\d+)\.([a-z_]+\.[a-z_]+))\.lora_([AB])\.weight")
_GGUF_TENSOR = re.compile(r"blk\.(\d+)\.([a-z_]+)\.weight\.lora_([ab])")
# Options of PEFT that change what an adapter computes and have no place in GGUF.
_REFUSED_OPTIONS = (
    "use_dora",
    "lora_bias",
    "modules_to_save",
    "trainable_token_indices",
    "layer_replication",
    "target_parameters",
    "fan_in_fan_out",
    "use_qalora",
    "alora_invocation_tokens",
    "arrow_config",
    "corda_config",
    "eva_config",
    "exclude_modules",
)
# Ways of initialising that leave the base as it is; the others (PiSSA, OLoRA, LoftQ ...) change the base's weights.
_PLAIN_INITIALISATIONS = (True, False, "gaussian", "orthogonal", None)


@dataclass(frozen=True, slots=True)
class BaseShape:
    """What an exporter must know of the base.

    Attributes:
        architecture: GGUF name, e.g. ``llama``.
        heads: attention heads; kv_heads: heads of K and V.
        linears: (out, in) of every linear layer, by GGUF tensor name without ``.weight``.
        name: general.name of the file.
    """

    architecture: str
    heads: int
    kv_heads: int
    linears: Mapping[str, tuple[int, int]]
    name: str


def base_shape(path: Path) -> BaseShape:
    """Read it from the header of a base GGUF.

    Raises:
        Refused: not a GGUF file, or an architecture whose export is not verified.
    """
    try:
        reader = gguf.GGUFReader(path)
    except (ValueError, IndexError, KeyError, OSError) as error:
        raise Refused("base-unreadable", f"The base model {path.name} is not a readable GGUF file.") from error
    architecture = str(_field(reader, "general.architecture"))
    if architecture != "llama":
        raise Refused("adapter-architecture", f"Adapters for the architecture “{architecture}” cannot be exported yet.")
    heads = int(_field(reader, f"{architecture}.attention.head_count"))
    kv_heads = reader.get_field(f"{architecture}.attention.head_count_kv")
    linears = {
        tensor.name.removesuffix(".weight"): (int(tensor.shape[1]), int(tensor.shape[0]))  # GGUF lists them backwards
        for tensor in reader.tensors
        if len(tensor.shape) == 2 and tensor.name.startswith("blk.")
    }
    name = reader.get_field("general.name")
    return BaseShape(
        architecture,
        heads,
        int(kv_heads.contents()) if kv_heads else heads,
        linears,
        str(name.contents()) if name else "",
    )


def export_gguf(tensors: Mapping[str, Array], config: Mapping[str, Json], base: BaseShape, base_sha256: str) -> bytes:
    """A PEFT LoRA as an adapter GGUF, in memory.

    Args:
        tensors: by PEFT's name; A (r, in) and B (out, r).
        config: PEFT's adapter_config.json.
        base_sha256: hex digest of the base's file; the home loads the adapter onto no other.

    Raises:
        Refused: an option that GGUF cannot hold, or tensors that do not fit the base.
    """
    _check_options(config)
    pairs = _pairs(tensors, base)
    if not pairs:
        raise Refused("adapter-empty", "The adapter holds no tensors; it was not exported.")
    # The run time multiplies by alpha / r of the tensor; what else PEFT multiplies by goes into B.
    alpha = _scale(config, "") * int(config["r"])
    writer = gguf.GGUFWriter(None, base.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    writer.add_string(BASE_HASH_KEY, base_sha256)
    for (layer, module), (a, b) in sorted(pairs.items()):
        factor = _scale(config, f"model.layers.{layer}.{module}") * a.shape[0] / alpha
        rows = _to_gguf_rows(b if factor == 1 else b * np.float32(factor), module, base)
        name = f"blk.{layer}.{_GGUF_NAME[module]}.weight"
        writer.add_tensor(f"{name}.lora_a", np.ascontiguousarray(a))
        writer.add_tensor(f"{name}.lora_b", np.ascontiguousarray(rows))
    return _written(writer)


def import_gguf(adapter: bytes, base: BaseShape) -> tuple[dict[str, Array], float]:
    """An adapter GGUF as PEFT-named tensors and its alpha: the update of each module is (alpha / r) B A.

    Raises:
        Refused: no LoRA adapter, another architecture, or tensors that do not fit the base.
    """
    reader = _reader(adapter)
    kind = reader.get_field(gguf.Keys.Adapter.TYPE)
    if kind is None or kind.contents() != "lora" or str(_field(reader, "general.architecture")) != base.architecture:
        raise Refused("adapter-unreadable", "This GGUF file is not a LoRA adapter for the base that is served.")
    alpha = float(_field(reader, gguf.Keys.Adapter.LORA_ALPHA))
    tensors: dict[str, Array] = {}
    for tensor in reader.tensors:
        match = _GGUF_TENSOR.fullmatch(tensor.name)
        if match is None or match[2] not in _MODULE or tensor.tensor_type != gguf.GGMLQuantizationType.F32:
            raise Refused("adapter-unreadable", f"The adapter holds a tensor that is not understood: {tensor.name}.")
        module, side = _MODULE[match[2]], match[3].upper()
        values: Array = np.array(tensor.data, dtype=np.float32)
        if side == "B":
            values = _from_gguf_rows(values, module, base)
        tensors[f"base_model.model.model.layers.{match[1]}.{module}.lora_{side}.weight"] = values
    if not _pairs(tensors, base) or not alpha > 0:  # llama.cpp reads alpha 0 as "no scale at all"
        raise Refused("adapter-unreadable", "The adapter holds no tensors or no scale.")
    return tensors, alpha


def peft_config(*, rank: int, alpha: float, rslora: bool, base_name: str) -> dict[str, Json]:
    """adapter_config.json of a plain LoRA over all linear layers, as PEFT 0.21 reads it."""
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "r": rank,
        "lora_alpha": alpha,
        "use_rslora": rslora,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(TARGET_MODULES),
        "inference_mode": True,
        "init_lora_weights": True,
    }


def config_bytes(config: Mapping[str, Json]) -> bytes:
    """adapter_config.json as PEFT writes it."""
    return json.dumps(config, indent=2, sort_keys=True).encode()


def _check_options(config: Mapping[str, Json]) -> None:
    wrong = [name for name in _REFUSED_OPTIONS if config.get(name)]
    wrong += ["peft_type"] if config.get("peft_type") != "LORA" else []
    wrong += ["bias"] if config.get("bias", "none") != "none" else []
    wrong += ["init_lora_weights"] if config.get("init_lora_weights") not in _PLAIN_INITIALISATIONS else []
    if wrong:
        raise Refused(
            "adapter-option", f"GGUF cannot hold these PEFT options: {', '.join(wrong)}; nothing was exported."
        )


def _scale(config: Mapping[str, Json], module: str) -> float:
    """PEFT's factor for one module: alpha / r, or alpha / sqrt(r) with rsLoRA, patterns applied."""
    rank = _patterned(config.get("rank_pattern"), module, config["r"])
    alpha = _patterned(config.get("alpha_pattern"), module, config["lora_alpha"])
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _patterned(pattern: Mapping[str, Any] | None, module: str, default: Any) -> Any:
    """The first pattern that matches the end of the module's name, as PEFT does (peft.utils.get_pattern_key)."""
    for key, value in (pattern or {}).items():
        if re.match(rf"(.*\.)?({key})$", module):
            return value
    return default


def _pairs(tensors: Mapping[str, Array], base: BaseShape) -> dict[tuple[int, str], tuple[Array, Array]]:
    """(A, B) by layer and module; complete, and fitting the base."""
    sides: dict[tuple[int, str], dict[str, Array]] = {}
    for name, values in tensors.items():
        match = _PEFT_TENSOR.fullmatch(name)
        if match is None or match[3] not in _GGUF_NAME:
            raise Refused("adapter-tensor", f"The adapter holds a tensor that GGUF cannot hold: {name}.")
        sides.setdefault((int(match[2]), match[3]), {})[match[4]] = np.asarray(values, dtype=np.float32)
    pairs = {}
    for (layer, module), pair in sides.items():
        shape = base.linears.get(f"blk.{layer}.{_GGUF_NAME[module]}")
        a, b = pair.get("A"), pair.get("B")
        if a is None or b is None or shape != (b.shape[0], a.shape[1]) or a.shape[0] != b.shape[1]:
            raise Refused("adapter-misfit", f"The adapter does not fit the base at layer {layer}, {module}.")
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            raise Refused(
                "adapter-not-finite", f"The adapter holds values that are no numbers at layer {layer}, {module}."
            )
        pairs[layer, module] = (a, b)
    return pairs


def _heads(module: str, base: BaseShape) -> int | None:
    """Heads whose rows llama.cpp reorders, or None where rows stay."""
    return {"self_attn.q_proj": base.heads, "self_attn.k_proj": base.kv_heads}.get(module)


def _to_gguf_rows(b: Array, module: str, base: BaseShape) -> Array:
    """Row h·D + j·D/2 + i (Hugging Face) becomes row h·D + 2i + j, with D the head size."""
    heads = _heads(module, base)
    if heads is None:
        return b
    return b.reshape(heads, 2, b.shape[0] // heads // 2, b.shape[1]).swapaxes(1, 2).reshape(b.shape)


def _from_gguf_rows(b: Array, module: str, base: BaseShape) -> Array:
    heads = _heads(module, base)
    if heads is None:
        return b
    return b.reshape(heads, b.shape[0] // heads // 2, 2, b.shape[1]).swapaxes(1, 2).reshape(b.shape)


def _written(writer: gguf.GGUFWriter) -> bytes:
    """What the writer writes, kept in memory: an adapter is personal data and never touches the disk here."""
    with os.fdopen(os.memfd_create("adapter"), "w+b") as file:
        writer.fout, writer.state = [file], WriterState.EMPTY
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        file.seek(0)
        return file.read()


def _reader(adapter: bytes) -> gguf.GGUFReader:
    """A reader over bytes; the library maps a file, so they go into an anonymous one in memory."""
    descriptor = os.memfd_create("adapter")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(adapter)
        return gguf.GGUFReader(f"/proc/self/fd/{descriptor}")
    except (ValueError, IndexError, KeyError) as error:
        raise Refused("adapter-unreadable", "This is not a readable GGUF file.") from error
    finally:
        os.close(descriptor)


def _field(reader: gguf.GGUFReader, key: str) -> Any:
    field = reader.get_field(key)
    if field is None:
        raise Refused("adapter-unreadable", f"The GGUF file lacks {key}.")
    return field.contents()
