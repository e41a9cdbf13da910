"""Exported adapters do in llama.cpp what they do in PEFT, with every scaling; what GGUF cannot hold is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from hearthside.errors import Refused
from hearthside.workshop.adapter_gguf import (
    PEFT_CONFIG,
    PEFT_WEIGHTS,
    Array,
    BaseShape,
    base_shape,
    config_bytes,
    export_gguf,
    import_gguf,
    peft_config,
)
from tests.workshop.tiny_base import HEADS, KV_HEADS, LAYERS, sha256_of, write_tiny_base

_CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "patterns": {
        "rank_pattern": {"layers.1.self_attn.q_proj": 2, "up_proj": 16},
        "alpha_pattern": {"k_proj": 40.0, "layers.0.mlp.down_proj": 3.0},
    },
    "patterns with rslora": {"use_rslora": True, "rank_pattern": {"v_proj": 2}, "alpha_pattern": {"v_proj": 5.0}},
}
_NEAR = 0.005  # log-probability; llama.cpp keeps keys and values in half precision


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_base(tmp_path_factory.mktemp("base") / "tiny.gguf")


def _config(name: str) -> dict[str, Any]:
    return peft_config(rank=8, alpha=16.0, rslora=False, base_name="tiny") | _CONFIGS[name]


def _tensors(shape: BaseShape, config: dict[str, Any], strength: float = 0.1) -> dict[str, Array]:
    """A random adapter over every linear layer, with the ranks of the config."""
    random = np.random.default_rng(7)
    modules = {
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
    tensors: dict[str, Array] = {}
    for name, (outputs, inputs) in shape.linears.items():
        _, layer, part = name.split(".")
        module = f"model.layers.{layer}.{modules[part]}"
        ranks = [rank for end, rank in config.get("rank_pattern", {}).items() if module.endswith(end)]
        rank = ranks[0] if ranks else config["r"]
        tensors[f"base_model.model.{module}.lora_A.weight"] = _normal(random, strength, (rank, inputs))
        tensors[f"base_model.model.{module}.lora_B.weight"] = _normal(random, strength, (outputs, rank))
    return tensors


def _normal(random: np.random.Generator, strength: float, shape: tuple[int, int]) -> Array:
    values: npt.NDArray[np.float32] = random.normal(0, strength, shape).astype(np.float32)
    return values


def _peft_log_probs(base: Path, folder: Path, ids: list[int]) -> npt.NDArray[np.float32]:
    """Log-probabilities of the next token, by PEFT and transformers."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(base.parent), gguf_file=base.name, dtype=torch.float32)
    tuned = PeftModel.from_pretrained(model, str(folder)).eval()
    with torch.no_grad():
        values: npt.NDArray[np.float32] = torch.log_softmax(tuned(torch.tensor([ids])).logits[0, -1], -1).numpy()
    return values


def _our_log_probs(base: Path, adapter: bytes, ids: list[int]) -> npt.NDArray[np.float32]:
    """The same by the evaluation gate: read back from GGUF, with our own layer."""
    import torch

    from hearthside.night.likelihood_child import put_in
    from hearthside.workshop.recipes.served_base import load_served_base

    served = load_served_base(base, 1)
    put_in(served, import_gguf(adapter, base_shape(base)))
    with torch.no_grad():
        logits = served.logits(served.hidden(torch.tensor([ids]))[0, -1:])
        values: npt.NDArray[np.float32] = torch.log_softmax(logits, -1)[0].numpy()
    return values


def _llama_log_probs(base: Path, adapters: list[Path], ids: list[int]) -> list[list[tuple[int, float]]]:
    request = {"base": str(base), "adapters": [str(path) for path in adapters], "ids": ids, "letter": 40, "count": 40}
    done = subprocess.run(
        [sys.executable, "-m", "tests.workshop.llama_log_probs"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers: list[list[tuple[int, float]]] = json.loads(done.stdout.strip().splitlines()[-1])
    return answers


# PEFT 0.21 asks transformers 5 for a name that will go in version 6.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
def test_llama_cpp_and_the_gate_do_what_peft_does(base: Path, tmp_path: Path) -> None:
    """Every way of scaling in one go: one server holds all adapters and the base."""
    from safetensors.numpy import save_file

    shape, ids = base_shape(base), [1, 77, 40, 91, 10, 55, 130, 8, 62, 200, 33, 71]
    paths, expected = [], []
    for name in _CONFIGS:
        config = _config(name)
        tensors = _tensors(shape, config)
        folder = tmp_path / name
        folder.mkdir()
        save_file(tensors, folder / PEFT_WEIGHTS)
        (folder / PEFT_CONFIG).write_bytes(config_bytes(config))
        adapter = export_gguf(tensors, config, shape, sha256_of(base))
        paths.append(folder / "adapter.gguf")
        paths[-1].write_bytes(adapter)
        expected.append(_peft_log_probs(base, folder, ids))
        assert np.abs(_our_log_probs(base, adapter, ids) - expected[-1]).max() < 1e-4
    *tuned, plain = _llama_log_probs(base, paths, ids)
    for name, top, peft in zip(_CONFIGS, tuned, expected, strict=True):
        gap = max(abs(value - float(peft[token])) for token, value in top)
        assert gap < _NEAR, f"{name}: {gap}"
        # The adapter does much more than the allowed difference, so the comparison means something.
        assert max(abs(value - float(peft[int(token)])) for token, value in plain) > 100 * _NEAR


@pytest.mark.parametrize("name", _CONFIGS)
def test_reading_back_gives_the_same_update(base: Path, name: str) -> None:
    shape, config = base_shape(base), _config(name)
    tensors = _tensors(shape, config)
    read, alpha = import_gguf(export_gguf(tensors, config, shape, ""), shape)
    assert set(read) == set(tensors)
    for key in (key for key in tensors if ".lora_A." in key):
        rank, other = tensors[key].shape[0], key.replace("lora_A", "lora_B")
        module = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        scales = [value for end, value in config.get("alpha_pattern", {}).items() if module.endswith(end)]
        scale = (scales[0] if scales else 16.0) / (np.sqrt(rank) if config["use_rslora"] else rank)
        np.testing.assert_allclose(
            alpha / rank * (read[other] @ read[key]), scale * (tensors[other] @ tensors[key]), rtol=1e-4, atol=1e-6
        )


def test_the_shape_of_the_base_is_read_from_its_header(base: Path) -> None:
    shape = base_shape(base)
    assert (shape.architecture, shape.heads, shape.kv_heads) == ("llama", HEADS, KV_HEADS)
    assert len(shape.linears) == 7 * LAYERS
    assert shape.linears["blk.1.ffn_down"] == (64, 128)


@pytest.mark.parametrize(
    "option",
    [
        {"use_dora": True},
        {"lora_bias": True},
        {"bias": "all"},
        {"modules_to_save": ["lm_head"]},
        {"trainable_token_indices": [1]},
        {"init_lora_weights": "pissa"},
        {"fan_in_fan_out": True},
        {"peft_type": "IA3"},
    ],
)
def test_options_that_gguf_cannot_hold_are_refused(base: Path, option: dict[str, Any]) -> None:
    shape = base_shape(base)
    with pytest.raises(Refused, match=next(iter(option))):
        export_gguf(_tensors(shape, _config("plain")), _config("plain") | option, shape, "")


def _change(tensors: dict[str, Array], how: str) -> dict[str, Array]:
    first = next(iter(tensors))
    if how == "half a pair":
        return {name: values for name, values in tensors.items() if name != first}
    if how == "no number":
        return tensors | {first: np.full_like(tensors[first], np.nan)}
    if how == "wrong width":
        return tensors | {first: tensors[first][:, :-1]}
    if how == "no such layer":
        return {name.replace("layers.1", "layers.9"): values for name, values in tensors.items()}
    if how == "embedding":
        return tensors | {"base_model.model.model.embed_tokens.lora_embedding_A": tensors[first]}
    return {}


@pytest.mark.parametrize("how", ["half a pair", "no number", "wrong width", "no such layer", "embedding", "empty"])
def test_tensors_that_do_not_fit_are_refused(base: Path, how: str) -> None:
    shape = base_shape(base)
    with pytest.raises(Refused):
        export_gguf(_change(_tensors(shape, _config("plain")), how), _config("plain"), shape, "")


@pytest.mark.parametrize("junk", [b"", b"GGUF", b"not a gguf file at all", b"GGUF" + bytes(100)])
def test_what_is_no_adapter_is_refused(base: Path, junk: bytes) -> None:
    with pytest.raises(Refused):
        import_gguf(junk, base_shape(base))
    with pytest.raises(Refused):
        import_gguf(base.read_bytes(), base_shape(base))
