"""GGUF headers read in plain Python, and the check that an adapter fits its base before llama.cpp sees a byte of it.

Adapters come from the workshop, so their bytes are not trusted: every length is bounded by the size of the file.
Layout: the GGUF specification, version 2 and 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from hearthside.errors import NeedsPerson, Refused

BASE_HASH_KEY = "hearthside.base_sha256"
"""Own metadata key in which an exporter may name the base; when present it must match."""

Buffer: TypeAlias = bytes | mmap.mmap
Value: TypeAlias = int | float | bool | str

_MAX_ENTRIES = 1_000_000  # metadata keys or tensors; the largest models have some thousands
_MAX_DIMENSIONS = 4
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_KEPT_VALUES = 4096  # numbers of an array that is kept: one for each layer, not one for each word
# ggml tensor types: number of values per block and bytes per block (ggml.c, checked against the gguf package)
BLOCKS: Mapping[int, tuple[int, int]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18),
}  # fmt: skip
_ADAPTER_TYPES = {0, 1, 30, 8}  # F32, F16, BF16, Q8_0


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of the file: `shape` in GGUF order (fastest first), `offset` in bytes from the start of the data."""

    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def values(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How long it is in the file; a type that is not known counts as four bytes a value, the most there is."""
        per_block, block_bytes = BLOCKS.get(self.type, (1, 4))
        return -(-self.values // per_block) * block_bytes


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says about itself.

    Attributes:
        metadata: scalar and string values by key; arrays (vocabularies) are skipped.
        data_start: position of the first tensor byte.
        per_layer: short arrays of numbers by key, such as the number of heads of each layer.
        lengths: how many items each array has, by key, such as the words of the vocabulary.
    """

    metadata: dict[str, Value]
    tensors: dict[str, TensorInfo]
    data_start: int
    per_layer: dict[str, tuple[int | float | bool, ...]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)


class _Cursor:
    """A position in the buffer that can only move forward and never past the end."""

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self.at = 0

    def number(self, layout: str) -> int | float | bool:
        value: int | float | bool = struct.unpack_from(layout, self.buffer, self.at)[0]
        self.at += struct.calcsize(layout)
        return value

    def count(self, layout: str = "<Q") -> int:
        return int(self.number(layout))

    def skip(self, size: int) -> None:
        if size > len(self.buffer) - self.at:
            raise ValueError("a length points past the end of the file")
        self.at += size

    def string(self) -> str:
        size, start = self.count(), self.at
        self.skip(size)
        return self.buffer[start : start + size].decode("utf-8")


def read_header(buffer: Buffer) -> GgufHeader:
    """Read metadata and tensor list.

    Raises:
        Refused: `gguf-broken`; it is not a GGUF file of version 2 or 3, or its header is damaged.
    """
    try:
        return _read(_Cursor(buffer))
    except (struct.error, ValueError, OverflowError, KeyError) as error:
        raise Refused("gguf-broken", "This is not a whole GGUF file; nothing was loaded.") from error


def _read(cursor: _Cursor) -> GgufHeader:
    if cursor.buffer[:4] != b"GGUF":
        raise ValueError("no GGUF mark")
    cursor.at = 4
    if cursor.count("<I") not in (2, 3):
        raise ValueError("unknown version")
    tensor_count, key_count = cursor.count(), cursor.count()
    if max(tensor_count, key_count) > _MAX_ENTRIES:
        raise ValueError("more entries than any model has")
    header = GgufHeader({}, {}, 0)
    for _ in range(key_count):
        _take_entry(cursor, header)
    metadata = header.metadata
    tensors: dict[str, TensorInfo] = {}
    for _ in range(tensor_count):
        name = cursor.string()
        if name in tensors:
            raise ValueError("a tensor occurs twice")
        dimensions = cursor.count("<I")
        if dimensions > _MAX_DIMENSIONS:
            raise ValueError("more dimensions than ggml has")
        shape = tuple(cursor.count() for _ in range(dimensions))
        tensors[name] = TensorInfo(shape, cursor.count("<I"), cursor.count())
    alignment = int(metadata.get("general.alignment", 32))
    if alignment <= 0:
        raise ValueError("alignment must be positive")
    return replace(header, tensors=tensors, data_start=-(-cursor.at // alignment) * alignment)


def _take_entry(cursor: _Cursor, header: GgufHeader) -> None:
    """One key and its value."""
    key, kind = cursor.string(), cursor.count("<I")
    if kind == _STRING:
        header.metadata[key] = cursor.string()
        return
    if kind != _ARRAY:
        header.metadata[key] = cursor.number(_SCALARS[kind])
        return
    item, length = cursor.count("<I"), cursor.count()
    header.lengths[key] = length
    if item in _SCALARS and length <= _KEPT_VALUES:
        header.per_layer[key] = tuple(cursor.number(_SCALARS[item]) for _ in range(length))
    elif item in _SCALARS:
        cursor.skip(length * struct.calcsize(_SCALARS[item]))
    elif item == _STRING:
        for _ in range(length):
            cursor.skip(cursor.count())
    else:
        raise ValueError("arrays of arrays are not used by any model")


def model_header(path: Path) -> GgufHeader:
    """The header of a model on disk.

    Raises:
        NeedsPerson: the file cannot be read or is not a whole GGUF file.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return read_header(mapped)
    except (OSError, ValueError, Refused) as error:
        raise NeedsPerson(
            "model-file-broken", f"The model file {path} cannot be read; fetch it again or set another model_path."
        ) from error


def check_adapter(adapter: bytes, base: GgufHeader, base_sha256: str) -> None:
    """Refuse an adapter that is not a LoRA for exactly this base.

    Checked: kind and architecture, the base's hash where the adapter names one, that each pair A (rank, in) and
    B (out, rank) fits a tensor of the base, that the data lie inside the file, and that float values are finite.

    Raises:
        Refused: with the first thing that is wrong.
    """
    header = read_header(adapter)
    metadata = header.metadata
    if metadata.get("general.type") != "adapter" or metadata.get("adapter.type") != "lora":
        raise Refused("adapter-not-lora", "This file is not a LoRA adapter; nothing was loaded.")
    architecture = base.metadata.get("general.architecture")
    if metadata.get("general.architecture") != architecture:
        raise Refused("adapter-base-differs", f"This adapter is not for a {architecture} model; nothing was loaded.")
    if metadata.get(BASE_HASH_KEY, base_sha256) != base_sha256:
        raise Refused("adapter-base-differs", "This adapter was trained for another base model; nothing was loaded.")
    if not header.tensors:
        raise Refused("adapter-empty", "This adapter holds no weights; nothing was loaded.")
    for name in header.tensors:
        _check_pair(name.removesuffix(".lora_a").removesuffix(".lora_b"), header, base)
    for info in header.tensors.values():
        _check_data(adapter, header.data_start, info)


def _check_pair(target: str, header: GgufHeader, base: GgufHeader) -> None:
    a, b = header.tensors.get(f"{target}.lora_a"), header.tensors.get(f"{target}.lora_b")
    weight = base.tensors.get(target)
    fits = (
        a is not None
        and b is not None
        and weight is not None
        and len(a.shape) == len(b.shape) == len(weight.shape) == 2
        and a.shape[0] == weight.shape[0]
        and b.shape[1] == weight.shape[1]
        and a.shape[1] == b.shape[0]
    )
    if not fits:
        raise Refused("adapter-shape-differs", "A weight of this adapter does not fit the base; nothing was loaded.")


def _check_data(adapter: bytes, data_start: int, info: TensorInfo) -> None:
    if info.type not in _ADAPTER_TYPES:
        raise Refused("adapter-type-unknown", "This adapter stores its weights in an unknown way; nothing was loaded.")
    count, start = info.values, data_start + info.offset
    if count % BLOCKS[info.type][0] or start + info.bytes > len(adapter):
        raise Refused("gguf-broken", "This adapter is cut short; nothing was loaded.")
    if info.type in (0, 1):
        values = np.frombuffer(adapter, dtype="<f4" if info.type == 0 else "<f2", count=count, offset=start)
        if not np.isfinite(values).all():
            raise Refused("adapter-not-finite", "This adapter holds values that are not numbers; nothing was loaded.")
