"""The evaluation gate's measure: bits per character in a child process, and the paired bootstrap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.night.likelihood import ScoredText, Scores, bits_per_character, paired_bootstrap
from hearthside.workshop.adapter_gguf import base_shape, export_gguf, peft_config
from hearthside.workshop.job import context
from tests.workshop.tiny_base import write_tiny_base

_TEXTS = [
    ScoredText((context("are you coming"),), "yes in ten minutes"),
    ScoredText((), "ok"),
    ScoredText((context("what was it called"), context("the place")), "no idea, it had blue chairs"),
]
_GENERAL = "It is a truth universally acknowledged. " * 20


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_base(tmp_path_factory.mktemp("base") / "tiny.gguf")


def _adapter(base: Path, strength: float) -> bytes:
    shape = base_shape(base)
    random = np.random.default_rng(3)
    tensors = {}
    for layer in range(2):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        tensors[f"{name}.lora_A.weight"] = random.normal(0, 0.3, (4, 64)).astype(np.float32)
        tensors[f"{name}.lora_B.weight"] = random.normal(0, strength, (64, 4)).astype(np.float32)
    return export_gguf(tensors, peft_config(rank=4, alpha=8.0, rslora=False, base_name="tiny"), shape, "")


def _score(base: Path, adapters: list[bytes | None], shares: list[float] | None = None) -> Scores:
    told = shares if shares is not None else []
    return bits_per_character(
        sys.executable, base, adapters, _TEXTS, _GENERAL, threads=1, progress=told.append, stop=lambda: False
    )


@pytest.fixture(scope="module")
def scored(base: Path) -> tuple[Scores, list[float]]:
    """The base, an adapter that changes nothing, one that does, and the base again; and how far it said it was."""
    shares: list[float] = []
    return _score(base, [None, _adapter(base, 0.0), _adapter(base, 0.5), None], shares), shares


def test_base_and_adapters_are_scored_alike(scored: tuple[Scores, list[float]]) -> None:
    scores, shares = scored
    assert scores.bits.shape == (4, 3)
    assert scores.chars.tolist() == [len(text.text) for text in _TEXTS]
    assert scores.general_chars == len(_GENERAL)
    # An adapter that changes nothing changes no bit; one that does, does; and the base comes back afterwards.
    np.testing.assert_array_equal(scores.bits[0], scores.bits[1])
    np.testing.assert_array_equal(scores.bits[0], scores.bits[3])
    assert (np.abs(scores.bits[2] - scores.bits[0]) > 0.01).all()
    assert scores.general_bits[0] == scores.general_bits[1] != scores.general_bits[2]
    np.testing.assert_array_equal(scores.per_character(), scores.bits.sum(axis=1) / scores.chars.sum())
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_the_bits_are_those_of_a_plain_forward_pass(base: Path, scored: tuple[Scores, list[float]]) -> None:
    """Recomputed with transformers alone, one text at a time, on the whole rendered conversation."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    scores, _ = scored
    tokenizer = AutoTokenizer.from_pretrained(str(base.parent), gguf_file=base.name)
    model = AutoModelForCausalLM.from_pretrained(str(base.parent), gguf_file=base.name, dtype=torch.float32)
    for index, text in enumerate(_TEXTS):
        turns = [{"role": "system", "content": ""}, *({"role": m.role, "content": m.text} for m in text.context)]
        prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        start = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        words = tokenizer(text.text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([start + words])).logits[0].double().log_softmax(-1)
        nats = -sum(logits[len(start) + place - 1, token].item() for place, token in enumerate(words))
        assert scores.bits[0, index] == pytest.approx(nats / np.log(2), rel=1e-4)


def test_a_broken_adapter_or_base_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        _score(base, [None, b"junk"])
    (tmp_path / "base.gguf").write_bytes(b"junk")
    with pytest.raises(HearthsideError):
        _score(tmp_path / "base.gguf", [None])


def test_no_texts_are_refused(base: Path) -> None:
    with pytest.raises(Refused):
        bits_per_character(
            sys.executable, base, [None], [], "", threads=1, progress=lambda share: None, stop=lambda: False
        )


def test_a_stop_ends_the_child(base: Path) -> None:
    with pytest.raises(RetryLater) as stopped:
        bits_per_character(
            sys.executable, base, [None], _TEXTS, "", threads=1, progress=lambda share: None, stop=lambda: True
        )
    assert stopped.value.code == "evaluation-stopped"
    running = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout
    assert [line for line in running.splitlines() if "likelihood_child" in line and str(base) in line] == []


def test_the_bootstrap_finds_a_real_gain_and_no_other() -> None:
    random = np.random.default_rng(0)
    chars = random.integers(10, 120, 150)
    hard = random.uniform(1.5, 4.0, 150)  # messages differ far more than models do
    base = hard * chars
    better = paired_bootstrap(base, (hard - random.normal(0.1, 0.2, 150)) * chars, chars, seed=1)
    assert 0 < better.low < better.mean < better.high
    assert better.mean == pytest.approx(0.1, abs=0.05)
    same = paired_bootstrap(base, (hard - random.normal(0.0, 0.2, 150)) * chars, chars, seed=1)
    assert same.low < 0 < same.high
    worse = paired_bootstrap(base, (hard + 0.1) * chars, chars, seed=1)
    assert worse.mean == pytest.approx(-0.1)
    assert worse.high < 0


def test_the_bootstrap_is_repeatable_and_covers() -> None:
    """Of many samples from one distribution, about 90 % of the intervals hold the true gain."""
    random = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        chars = random.integers(20, 60, 80)
        saved = random.normal(0.05, 0.3, 80) * chars
        gain = paired_bootstrap(100.0 + saved, np.full(80, 100.0), chars, seed=2, draws=300)
        held += gain.low <= 0.05 <= gain.high
        assert gain == paired_bootstrap(100.0 + saved, np.full(80, 100.0), chars, seed=2, draws=300)
    assert 165 <= held <= 195
