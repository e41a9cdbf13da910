"""Loads the very GGUF that the home serves, dequantised to float32, and hangs LoRA layers into it.

Used by the recipes and by the evaluation gate's child process, so both run the same mathematics on the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from hearthside.errors import Refused
from hearthside.workshop.adapter_gguf import TARGET_MODULES
from hearthside.workshop.chat_tokens import ChatTokens, Tokenizer


class LoraLinear(nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
    """y = W x + scale · B A x with W frozen (Hu et al. 2021, arXiv 2106.09685).

    A is (r, in), B is (out, r); B starts at zero, so a new adapter changes nothing.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.lora_A: Tensor | None = None
        self.lora_B: Tensor | None = None
        self.scale = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """x is (..., in), the result (..., out)."""
        y: Tensor = self.linear(x)
        if self.lora_A is None or self.lora_B is None:
            return y
        return y + (x @ self.lora_A.T) @ (self.lora_B.T * self.scale)


@dataclass(frozen=True, slots=True)
class ServedBase:
    """The frozen base with its LoRA layers.

    Attributes:
        layers: by PEFT's module name, e.g. ``model.layers.0.self_attn.q_proj``, in the model's order.
    """

    model: Any
    tokenizer: Tokenizer
    layers: dict[str, LoraLinear]

    def hidden(self, ids: Tensor) -> Tensor:
        """Last hidden states (batch, tokens, width) of right-padded ids.

        Attention is causal, so padding at the end changes nothing before it and needs no mask.
        """
        states: Tensor = self.model.model(input_ids=ids, use_cache=False).last_hidden_state
        return states

    def logits(self, states: Tensor) -> Tensor:
        """Vocabulary logits of any (n, width) hidden states."""
        logits: Tensor = self.model.lm_head(states)
        return logits


def load_served_base(path: Path, threads: int) -> ServedBase:
    """Load a GGUF file with transformers, float32, frozen.

    Raises:
        Refused: the file cannot be read as a causal language model.
    """
    torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    folder, name = str(path.parent), path.name
    try:
        with _read_once():
            tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(
                folder, gguf_file=name, local_files_only=True, dtype=torch.float32
            )
    except (ValueError, KeyError, OSError) as error:
        raise Refused(
            "base-unreadable", f"The base model {name} cannot be read for training ({type(error).__name__})."
        ) from error
    model.eval()  # no dropout
    model.requires_grad_(False)
    return ServedBase(model, tokenizer, _hang_lora(model))


@contextmanager
def _read_once() -> Iterator[None]:
    """Within it, a GGUF is read once and the names of its tensors are drawn up once.

    transformers reads it for the words, for the shape and for the weights, which is slow for a large vocabulary, and
    draws the names up for every module: together half of the time that a small model takes to load.
    """
    reader, names = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader, gguf.get_tensor_name_map = cache(reader), cache(names)
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = reader, names


def set_adapter(base: ServedBase, tensors: Mapping[str, Tensor], scale: float) -> None:
    """Put an adapter in, by PEFT's tensor names; modules without tensors run as the base. {} takes it out."""
    for module, layer in base.layers.items():
        layer.lora_A = tensors.get(f"base_model.model.{module}.lora_A.weight")
        layer.lora_B = tensors.get(f"base_model.model.{module}.lora_B.weight")
        layer.scale = scale


def target_states(states: Tensor, batch: list[ChatTokens], kinds: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states that predict a target token, the tokens they must predict, and the row each belongs to.

    Only these go through the vocabulary projection: on a small base it is a fifth of the work.

    Returns:
        states (n, width), token ids (n,), rows of the batch (n,).
    """
    rows, places, tokens = [], [], []
    for row, chat in enumerate(batch):
        for place, (token, target) in enumerate(zip(chat.ids, chat.targets, strict=True)):
            if target in kinds and place > 0:
                rows.append(row)
                places.append(place - 1)
                tokens.append(token)
    where = torch.tensor(rows), torch.tensor(places)
    return states[where], torch.tensor(tokens), where[0]


def padded(batch: list[ChatTokens]) -> Tensor:
    """Token ids (batch, longest), padded at the end with 0."""
    longest = max(len(chat.ids) for chat in batch)
    ids: npt.NDArray[np.int64] = np.zeros((len(batch), longest), dtype=np.int64)
    for row, chat in enumerate(batch):
        ids[row, : len(chat.ids)] = chat.ids
    return torch.from_numpy(ids)


def _hang_lora(model: Any) -> dict[str, LoraLinear]:
    """Replace each target linear by a LoraLinear around it."""
    layers: dict[str, LoraLinear] = {}
    for name, module in list(model.named_modules()):
        parent, _, leaf = name.rpartition(".")
        if isinstance(module, nn.Linear) and leaf in TARGET_MODULES:
            layers[name] = LoraLinear(module)
            setattr(model.get_submodule(parent), leaf, layers[name])
    return layers
