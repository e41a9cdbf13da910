"""The contract of every training recipe: repeatable, learns from own words only, heeds a stop, and really learns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from hearthside.errors import Refused, RetryLater
from hearthside.workshop.job import LoraSftParameters, TrainingSample, context, own_words
from hearthside.workshop.recipes import RECIPES, Progress, Recipe, Trained, load_recipe
from tests.workshop.tiny_base import write_tiny_base

_QUICK = LoraSftParameters(rank=4, epochs=2, learning_rate=5e-3, batch_tokens=256)
_SAMPLES = [
    TrainingSample((context(f"how was the walk {n}"), own_words(f"lovely as ever, {n} km and then cake")))
    for n in range(12)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_base(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture(params=list(RECIPES))
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return load_recipe(request.param)


def _train(
    recipe: Recipe,
    base: Path,
    samples: Sequence[TrainingSample] = _SAMPLES,
    parameters: LoraSftParameters = _QUICK,
    progress: Callable[[Progress], None] = lambda now: None,
    stop: Callable[[], bool] = lambda: False,
) -> Trained:
    return recipe.train(base, samples, parameters, threads=1, progress=progress, stop=stop, seconds=time.monotonic)


def test_the_same_seed_gives_the_same_adapter(recipe: Recipe, base: Path) -> None:
    one, two = _train(recipe, base), _train(recipe, base)
    other = _train(recipe, base, parameters=replace(_QUICK, seed=2))
    assert one.tensors.keys() == two.tensors.keys()
    for name, values in one.tensors.items():
        np.testing.assert_allclose(values, two.tensors[name], atol=1e-6)
    assert any(not np.allclose(values, other.tensors[name], atol=1e-3) for name, values in one.tensors.items())


def test_it_learns(recipe: Recipe, base: Path) -> None:
    seen: list[Progress] = []
    trained = _train(recipe, base, parameters=replace(_QUICK, epochs=6), progress=seen.append)
    assert [now.step for now in seen] == [step for step, _ in trained.curve] == list(range(1, seen[-1].steps + 1))
    assert [now.loss for now in seen] == [loss for _, loss in trained.curve]
    assert trained.curve[-1][1] < 0.8 * trained.curve[0][1]
    assert trained.supervised_tokens > 0
    assert trained.cut_tokens == 0
    assert trained.config["r"] == 4
    assert all(values.dtype == np.float32 and np.isfinite(values).all() for values in trained.tensors.values())
    assert all(np.any(values) for values in trained.tensors.values())


def test_a_stop_is_heeded_at_the_next_step(recipe: Recipe, base: Path) -> None:
    seen: list[Progress] = []
    with pytest.raises(RetryLater) as stopped:
        _train(recipe, base, progress=seen.append, stop=lambda: len(seen) == 2)
    assert stopped.value.code == "training-stopped"
    assert len(seen) == 2


def test_nothing_to_learn_is_refused(recipe: Recipe, base: Path) -> None:
    with pytest.raises(Refused):
        _train(recipe, base, samples=[])


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(Refused):
        load_recipe("os")


class _Parts:
    """Parts of `lora_sft` on one base, to look into its loss."""

    def __init__(self, base: Path) -> None:
        from hearthside.workshop.recipes import lora_sft, served_base

        self.recipe: ModuleType = lora_sft
        self.served = served_base.load_served_base(base, 1)
        self.adapter = lora_sft.new_adapter(self.served, _QUICK)
        for name, values in self.adapter.items():
            if ".lora_B." in name:  # B starts at zero, where many gradients are
                values.data.normal_(0, 0.05)

    def batch(self, samples: Sequence[TrainingSample]) -> Any:
        from hearthside.workshop.chat_tokens import chat_tokens

        return [chat_tokens(self.served.tokenizer, sample.messages, 256) for sample in samples]

    def gradients_at_embeddings(self, samples: Sequence[TrainingSample]) -> Any:
        """d(loss) / d(logits), (batch, tokens, vocabulary): where the loss looks at all."""
        import torch

        batch = self.batch(samples)
        kept = []
        original = type(self.served).hidden

        def recording(served: Any, ids: Any) -> Any:
            states = original(served, ids)
            states.retain_grad()
            kept.append(states)
            return states

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(self.served), "hidden", recording)
            self.recipe.batch_loss(self.served, batch).backward()
        return batch, torch.linalg.vector_norm(kept[0].grad, dim=-1)


@pytest.fixture(scope="module")
def parts(base: Path) -> _Parts:
    return _Parts(base)


def test_only_own_words_have_a_loss(parts: _Parts) -> None:
    """The gradient at each position is zero unless the next token is the person's own."""
    samples = [
        TrainingSample(
            (context("third party words"), own_words("mine"), context("an answer"), own_words("mine again"))
        ),
        TrainingSample((context("x"), own_words("a rather longer message of mine, so that rows differ in length"))),
    ]
    batch, norms = parts.gradients_at_embeddings(samples)
    for row, chat in enumerate(batch):
        for place in range(norms.shape[1]):
            supervised = place + 1 < len(chat.ids) and chat.targets[place + 1] > 0
            assert (norms[row, place] > 0) == supervised, (row, place)


def test_context_as_a_wrong_answer_changes_no_loss_of_its_own(parts: _Parts) -> None:
    """The loss equals the cross-entropy of the own tokens alone, computed here the slow way."""
    import torch

    batch = parts.batch([TrainingSample((context("what now"), own_words("tea, i think"))), _SAMPLES[0]])
    nats = []
    with torch.no_grad():
        for chat in batch:
            logits = parts.served.model(torch.tensor([chat.ids])).logits[0].log_softmax(-1)
            for place, (token, target) in enumerate(zip(chat.ids, chat.targets, strict=True)):
                if target:
                    nats.append(-logits[place - 1, token].item())
        loss = parts.recipe.batch_loss(parts.served, batch).item()
    assert loss == pytest.approx(sum(nats) / len(nats), rel=1e-5)


def test_batches_hold_every_sample_once_an_epoch_within_the_token_limit(parts: _Parts) -> None:
    chats = parts.batch([TrainingSample((own_words("word " * n),)) for n in range(1, 30)])
    batches = parts.recipe.plan_batches(chats, replace(_QUICK, epochs=3, batch_tokens=300))
    seen = [chat.ids for batch in batches for chat in batch]
    assert sorted(seen) == sorted([chat.ids for chat in chats] * 3)
    assert all(len(batch) == 1 or len(batch) * max(len(chat.ids) for chat in batch) <= 300 for batch in batches)
    padded = sum(len(batch) * max(len(chat.ids) for chat in batch) for batch in batches)
    assert padded < 1.25 * sum(map(len, seen))


def test_the_anchor_holds_the_adapter_near_the_base(parts: _Parts, base: Path) -> None:
    """Nothing to hold back while the adapter changes nothing; then it grows and reaches every part of the adapter."""
    from hearthside.workshop.recipes.served_base import load_served_base, set_adapter

    served = load_served_base(base, 1)
    anchor = parts.recipe.read_anchors(served, 64)[1]
    assert anchor.ids.shape == (1, 64)
    parts.recipe.new_adapter(served, _QUICK)
    assert parts.recipe.anchor_loss(served, anchor, 1.0).item() == pytest.approx(0, abs=1e-6)
    set_adapter(served, parts.adapter, 4.0)
    once, thrice = (parts.recipe.anchor_loss(served, anchor, weight) for weight in (1.0, 3.0))
    assert once.item() > 0.01
    assert thrice.item() == pytest.approx(3 * once.item(), rel=1e-5)
    once.backward()
    assert all(values.grad is not None and values.grad.abs().sum() > 0 for values in parts.adapter.values())
    assert parts.recipe.anchor_loss(served, anchor, 0.0).item() == 0


def test_the_anchor_text_shares_nothing_with_the_text_the_gate_measures() -> None:
    def runs(room: str, name: str) -> set[tuple[str, ...]]:
        words = files(room).joinpath(name).read_text("utf-8").lower().split()
        return {tuple(words[place : place + 5]) for place in range(len(words) - 4)}

    anchor = runs("hearthside.workshop.recipes", "anchor_text.txt")
    assert len(anchor) > 1000
    assert not anchor & runs("hearthside.night", "general_text.txt")


def test_the_learning_rate_rises_then_falls_to_a_tenth(parts: _Parts) -> None:
    rates = [parts.recipe.rate(step, 100, 0.1) for step in range(1, 101)]
    assert max(rates) == rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)
