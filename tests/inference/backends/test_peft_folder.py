"""An adapter comes back from GGUF exactly as PEFT had it, as the workshop's exporter and safetensors' reader see it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from hearthside.errors import Refused
from hearthside.inference.backends.peft_folder import peft_folder, peft_form
from hearthside.inference.gguf_header import model_header
from hearthside.inference.shelf import embedded_model
from hearthside.workshop.adapter_gguf import base_shape, export_gguf, peft_config
from tests.inference.adapter_files import random_adapter

_MODEL = embedded_model()
_BASE = model_header(_MODEL.path)
_OUT_IN = {
    "self_attn.q_proj": (576, 576),
    "self_attn.k_proj": (192, 576),
    "self_attn.v_proj": (192, 576),
    "self_attn.o_proj": (576, 576),
    "mlp.gate_proj": (1536, 576),
    "mlp.up_proj": (1536, 576),
    "mlp.down_proj": (576, 1536),
}


def test_what_the_workshop_exported_comes_back(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    tensors = {}
    for layer in (0, 7):
        for module, (out, into) in _OUT_IN.items():
            name = f"base_model.model.model.layers.{layer}.{module}"
            tensors[f"{name}.lora_A.weight"] = random.normal(size=(3, into)).astype(np.float32)
            tensors[f"{name}.lora_B.weight"] = random.normal(size=(out, 3)).astype(np.float32)
    config = peft_config(rank=3, alpha=6.0, rslora=True, base_name="SmolLM2")
    gguf = export_gguf(tensors, config, base_shape(_MODEL.path), _MODEL.sha256)
    with peft_folder(gguf, _BASE, "home") as folder:
        found = load_file(folder / "adapter_model.safetensors")
    assert found.keys() == tensors.keys() and not folder.exists()
    assert all(np.array_equal(found[name], tensors[name]) for name in tensors)
    _, written = peft_form(gguf, _BASE, "home")
    assert written["r"] == 3 and math.isclose(written["lora_alpha"], 6.0 * math.sqrt(3), rel_tol=1e-6)
    assert set(written["target_modules"]) == {module.partition(".")[2] for module in _OUT_IN}


def test_form_that_peft_has_no_name_for_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        peft_form(random_adapter(1, target="attn_qkv"), _BASE, "home")
    assert caught.value.code == "adapter-form-unknown"
