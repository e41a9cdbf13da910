"""Supervised fine-tuning of a LoRA on the person's own words: next-token loss on targets only, AdamW, cosine rate.

Starts from the base each time, so nothing of an older adapter, or of data since forgotten, lives on. The loss of a step
is the mean over the supervised tokens of its sequences; context tokens are read but never learned. So that a new manner
costs little general ability, each step also holds the model near the base on a few lines of general prose, written for
this (`anchor_text.txt`): Kullback-Leibler divergence from the base's own predictions, as in Learning without Forgetting
(Li & Hoiem 2016, arXiv 1606.09282).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from hearthside.errors import Refused, RetryLater
from hearthside.workshop.adapter_gguf import peft_config
from hearthside.workshop.chat_tokens import END_MARK, WORDS, ChatTokens, chat_tokens
from hearthside.workshop.job import LoraSftParameters, TrainingSample
from hearthside.workshop.recipes import Progress, Trained
from hearthside.workshop.recipes.served_base import ServedBase, load_served_base, padded, set_adapter, target_states

_FLOOR = 0.1  # of the peak learning rate, where the cosine ends


def train(
    base: Path,
    samples: Sequence[TrainingSample],
    parameters: LoraSftParameters,
    *,
    threads: int,
    progress: Callable[[Progress], None],
    stop: Callable[[], bool],
    seconds: Callable[[], float],
) -> Trained:
    """See `Recipe.train`."""
    served = load_served_base(base, threads)
    chats = [chat_tokens(served.tokenizer, sample.messages, parameters.max_tokens) for sample in samples]
    learnable = [chat for chat in chats if any(chat.targets[1:])]
    if not learnable:
        raise Refused("training-nothing-to-learn", "No own words fit into the token limit; nothing was trained.")
    anchors = cycle(read_anchors(served, parameters.anchor_tokens))
    adapter = new_adapter(served, parameters)
    batches = plan_batches(learnable, parameters)
    optimizer = torch.optim.AdamW(
        adapter.values(), lr=parameters.learning_rate, weight_decay=parameters.weight_decay, betas=(0.9, 0.99)
    )
    curve: list[tuple[int, float]] = []
    started, tokens = seconds(), 0
    for step, batch in enumerate(batches, start=1):
        if stop():
            raise RetryLater("training-stopped", "The training was stopped on request; no adapter was made.")
        for group in optimizer.param_groups:
            group["lr"] = parameters.learning_rate * rate(step, len(batches), parameters.warmup)
        loss = batch_loss(served, batch)
        (loss + anchor_loss(served, next(anchors), parameters.anchor_weight)).backward()
        torch.nn.utils.clip_grad_norm_(adapter.values(), parameters.clip, error_if_nonfinite=True)
        optimizer.step()
        optimizer.zero_grad()
        tokens += sum(len(chat.ids) for chat in batch)
        curve.append((step, loss.item()))
        progress(Progress(step, len(batches), loss.item(), tokens / max(seconds() - started, 1e-6)))
    return Trained(
        tensors={name: values.detach().numpy() for name, values in adapter.items()},
        config=peft_config(rank=parameters.rank, alpha=parameters.alpha, rslora=parameters.rslora, base_name=base.name),
        curve=curve,
        supervised_tokens=sum(1 for chat in learnable for target in chat.targets if target),
        cut_tokens=sum(chat.cut for chat in chats),
        tokens_per_s=tokens / max(seconds() - started, 1e-6),
    )


def new_adapter(served: ServedBase, parameters: LoraSftParameters) -> dict[str, Tensor]:
    """Fresh LoRA weights, hung into the base: A as PEFT draws it (Kaiming uniform, a = sqrt 5), B zero."""
    generator = torch.Generator().manual_seed(parameters.seed)
    tensors: dict[str, Tensor] = {}
    for module, layer in served.layers.items():
        inputs, outputs = layer.linear.in_features, layer.linear.out_features
        bound = 1 / math.sqrt(inputs)
        a = torch.empty(parameters.rank, inputs).uniform_(-bound, bound, generator=generator)
        tensors[f"base_model.model.{module}.lora_A.weight"] = a.requires_grad_()
        tensors[f"base_model.model.{module}.lora_B.weight"] = torch.zeros(outputs, parameters.rank).requires_grad_()
    root = math.sqrt(parameters.rank) if parameters.rslora else parameters.rank
    set_adapter(served, tensors, parameters.alpha / root)
    return tensors


def plan_batches(chats: Sequence[ChatTokens], parameters: LoraSftParameters) -> list[list[ChatTokens]]:
    """All steps of all epochs: sequences of like length together (little padding), batches in random order."""
    generator = np.random.default_rng(parameters.seed)
    batches: list[list[ChatTokens]] = []
    for _ in range(parameters.epochs):
        # A jitter of a fifth mixes neighbours anew in each epoch.
        keys = [len(chat.ids) * generator.uniform(0.9, 1.1) for chat in chats]
        order = np.argsort(keys, kind="stable")
        epoch = _filled([chats[index] for index in order], parameters.batch_tokens)
        batches += [epoch[index] for index in generator.permutation(len(epoch))]
    return batches


def _filled(chats: Sequence[ChatTokens], batch_tokens: int) -> list[list[ChatTokens]]:
    """Neighbours together as long as the padded batch stays within `batch_tokens`."""
    batches: list[list[ChatTokens]] = []
    longest = 0
    for chat in chats:
        longest = max(longest, len(chat.ids))
        if not batches or longest * (len(batches[-1]) + 1) > batch_tokens:
            batches.append([])
            longest = len(chat.ids)
        batches[-1].append(chat)
    return batches


def batch_loss(served: ServedBase, batch: list[ChatTokens]) -> Tensor:
    """Mean cross-entropy over the supervised tokens of the batch, nats per token."""
    states, tokens, _ = target_states(served.hidden(padded(batch)), batch, (WORDS, END_MARK))
    return cross_entropy(served.logits(states), tokens)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A stretch of general text.

    Attributes:
        ids: token ids (1, tokens).
        states: the base's own last hidden states (tokens, width).
    """

    ids: Tensor
    states: Tensor


def read_anchors(served: ServedBase, tokens: int) -> list[Anchor]:
    """The general text in stretches, read by the base before an adapter is hung in."""
    text = files("hearthside.workshop.recipes").joinpath("anchor_text.txt").read_text("utf-8")
    ids = torch.tensor(served.tokenizer(text, add_special_tokens=False)["input_ids"])
    with torch.no_grad():
        return [Anchor(piece[None], served.hidden(piece[None])[0]) for piece in ids.split(tokens)]


def anchor_loss(served: ServedBase, anchor: Anchor, weight: float) -> Tensor:
    """weight · mean over tokens of KL(base || adapter), nats."""
    if weight == 0:
        return torch.zeros(())
    with torch.no_grad():
        expected = served.logits(anchor.states).log_softmax(-1)
    found = served.logits(served.hidden(anchor.ids)[0]).log_softmax(-1)
    return weight * kl_div(found, expected, reduction="batchmean", log_target=True)


def rate(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at a step from 1: linear rise, then a cosine down to a tenth."""
    rise = max(1, round(steps * warmup))
    if step <= rise:
        return step / rise
    return _FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
