"""Small random LoRA adapters, written by the reference GGUF writer so that our own reader is checked against it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import gguf
import numpy as np

_WIDTH, _KV_WIDTH, _BLOCKS = 576, 192, 30  # SmolLM2-135M


def random_adapter(
    seed: int,
    *,
    rank: int = 4,
    strength: float = 0.35,
    architecture: str = "llama",
    kind: str = "lora",
    base_sha256: str = "",
    value: float | None = None,
    width: int = _WIDTH,
    only_a: bool = False,
    target: str = "attn_q",
) -> bytes:
    """GGUF bytes of an adapter over two projections of each block; `strength` is the deviation of B."""
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "adapter.gguf"
        writer = gguf.GGUFWriter(str(path), architecture)
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, kind)
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 2.0 * rank)
        writer.add_array("hearthside.words", ["one", "two"])
        if base_sha256:
            writer.add_string("hearthside.base_sha256", base_sha256)
        for block in range(_BLOCKS):
            for name, out in ((target, _WIDTH), ("attn_v", _KV_WIDTH)):
                a = random.normal(0, width**-0.5, (rank, width)).astype(np.float32)
                b = random.normal(0, strength, (out, rank)).astype(np.float32)
                if value is not None:
                    b[0, 0] = value
                writer.add_tensor(f"blk.{block}.{name}.weight.lora_a", a)
                if not only_a:
                    writer.add_tensor(f"blk.{block}.{name}.weight.lora_b", b)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()
