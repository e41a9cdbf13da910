"""Training methods, one readable file each; a recipe turns samples into a LoRA for the very GGUF that the home serves.

The contract (tested for every recipe by tests/contracts/test_recipes.py): the same seed gives the same adapter, only
targets of weight 1 have a loss, and a request to stop is heeded at the next step. Importing this file imports no torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from hearthside.errors import Refused
from hearthside.events import Json
from hearthside.workshop.job import LoraSftParameters, TrainingSample

RECIPES: Mapping[str, str] = {"lora_sft": "LoRA on the person's own words, next-token loss, from the base each time"}
"""Name (the file's name) and one line about each recipe."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training stands.

    Attributes:
        loss: of the last step, nats per supervised token.
        tokens_per_s: all tokens / seconds, since the first step.
    """

    step: int
    steps: int
    loss: float
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class Trained:
    """What a recipe gives back.

    Attributes:
        tensors: float32 by PEFT's names; A (r, in), B (out, r).
        config: PEFT's adapter_config.json.
        curve: (step, loss) of every step, steps from 1.
        supervised_tokens: target tokens in one epoch; cut_tokens: those that did not fit.
    """

    tensors: dict[str, npt.NDArray[np.float32]] = field(repr=False)
    config: dict[str, Json]
    curve: list[tuple[int, float]]
    supervised_tokens: int
    cut_tokens: int
    tokens_per_s: float


class Recipe(Protocol):
    """A module under `recipes/`."""

    def train(
        self,
        base: Path,
        samples: Sequence[TrainingSample],
        parameters: LoraSftParameters,
        *,
        threads: int,
        progress: Callable[[Progress], None],
        stop: Callable[[], bool],
        seconds: Callable[[], float],
    ) -> Trained:
        """Train from the base.

        Args:
            base: the GGUF file that the home serves.
            threads: processor threads of torch.
            stop: asked before each step.
            seconds: a clock that only runs forward.

        Raises:
            RetryLater: stopped on request.
            Refused: the samples hold nothing to learn within the token limit.
        """


def load_recipe(name: str) -> Recipe:
    """The recipe of that name, imported now (this imports torch).

    Raises:
        Refused: unknown.
    """
    check_recipe(name)
    return cast(Recipe, importlib.import_module(f"{__name__}.{name}"))


def check_recipe(name: str) -> None:
    """Raise Refused unless a recipe of that name exists; imports nothing."""
    if name not in RECIPES:
        raise Refused("recipe-unknown", f"This workshop knows no recipe “{name[:40]}”. It knows: {', '.join(RECIPES)}.")
