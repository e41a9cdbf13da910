"""Small GGUF files that look like models, written by the reference writer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np


def write_model(
    path: Path,
    *,
    architecture: str = "llama",
    layers: int = 4,
    width: int = 256,
    tensors: Mapping[str, tuple[tuple[int, ...], gguf.GGMLQuantizationType]] | None = None,
    arrays: dict[str, list[Any]] | None = None,
    **numbers: int,
) -> Path:
    """A model of this shape; `tensors` by name with numpy shape and type; `numbers` by key without architecture."""
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_name(f"A model of {layers} layers")
    writer.add_block_count(layers)
    writer.add_embedding_length(width)
    for key, value in numbers.items():
        writer.add_uint32(f"{architecture}.{key.replace('__', '.')}", value)
    for key, values in (arrays or {}).items():
        writer.add_array(key, values)
    for name, (shape, kind) in (tensors or {"token_embd.weight": ((8, width), gguf.GGMLQuantizationType.F32)}).items():
        block, size = gguf.GGML_QUANT_SIZES[kind]
        raw = np.zeros((*shape[:-1], shape[-1] // block * size), dtype=np.uint8)
        writer.add_tensor(name, raw, raw_shape=raw.shape, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def fewer_layers(source: Path, path: Path, layers: int) -> Path:
    """The same model with only its first layers: smaller, quicker, and of little sense."""
    reader = gguf.GGUFReader(str(source))
    architecture = str(reader.fields["general.architecture"].contents())
    writer = gguf.GGUFWriter(str(path), architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value = layers if field.name == f"{architecture}.block_count" else field.contents()
        kind = field.types[0]
        writer.add_key_value(field.name, value, kind, field.types[-1] if kind is gguf.GGUFValueType.ARRAY else None)
    for tensor in reader.tensors:
        parts = tensor.name.split(".")
        if parts[0] != "blk" or int(parts[1]) < layers:
            writer.add_tensor(tensor.name, tensor.data, raw_shape=tensor.data.shape, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
