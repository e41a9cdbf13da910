"""Turns a conversation into tokens with the base's own chat template and marks the words to learn or to score.

Training and the evaluation gate both use this file, so they mean the same by "the tokens of a message". Each message is
tokenised apart, as it is when the model is served: the prompt ends before the answer's first token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hearthside.errors import Refused
from hearthside.workshop.job import Message


class Tokenizer(Protocol):
    """What is used of a Hugging Face tokenizer."""

    chat_template: str | None

    def __call__(self, text: str, add_special_tokens: bool) -> Any:
        """Token ids under ``input_ids``."""

    def apply_chat_template(
        self, conversation: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool
    ) -> Any:
        """The conversation as text."""


@dataclass(frozen=True, slots=True)
class ChatTokens:
    """Tokens of one conversation.

    Attributes:
        ids: token ids, length n.
        targets: for each token 1 when it belongs to the words of a message of weight 1, 2 when it is the end mark of
            such a message, else 0. Training learns both; the gate scores words only.
        cut: target tokens that did not fit.
    """

    ids: tuple[int, ...]
    targets: tuple[int, ...]
    cut: int = 0


WORDS, END_MARK = 1, 2


def chat_tokens(tokenizer: Tokenizer, messages: Sequence[Message], max_tokens: int) -> ChatTokens:
    """Tokenise a conversation; when it is too long, the oldest tokens go first, and so do those after the last target.

    A conversation without a system message gets an empty one: templates otherwise put their own words there.

    Raises:
        Refused: the base has no chat template, or one that rewrites earlier messages.
    """
    ids: list[int] = []
    targets: list[int] = []
    for text, target in _pieces(tokenizer, messages):
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += tokens
        targets += [target] * len(tokens)
    kept = _window(targets, max_tokens)
    cut = sum(1 for target in targets if target) - sum(1 for target in targets[kept] if target)
    return ChatTokens(tuple(ids[kept]), tuple(targets[kept]), cut)


def _window(targets: Sequence[int], max_tokens: int) -> slice:
    """The last `max_tokens` tokens up to the last target; what follows it teaches nothing."""
    end = max((i + 1 for i, target in enumerate(targets) if target), default=len(targets))
    return slice(max(0, end - max_tokens), end)


def _pieces(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[tuple[str, int]]:
    """Stretches of the rendered conversation, each with its kind of target."""
    turns = [{"role": message.role, "content": message.text.strip()} for message in messages]
    weights = [message.weight for message in messages]
    if not turns or turns[0]["role"] != "system":
        turns, weights = [{"role": "system", "content": ""}, *turns], [0, *weights]
    pieces: list[tuple[str, int]] = []
    done = ""
    for index, (turn, weight) in enumerate(zip(turns, weights, strict=True)):
        if weight:
            prompt = _render(tokenizer, turns[:index], True)
            pieces.append((_after(done, prompt), 0))
            done = prompt
        whole = _render(tokenizer, turns[: index + 1], False)
        if weight:
            words = turn["content"]
            pieces += [(words, WORDS), (_after(prompt + words, whole).rstrip("\n"), END_MARK)]
            done = prompt + words + pieces[-1][0]
            pieces.append((_after(done, whole), 0))
        else:
            pieces.append((_after(done, whole), 0))
        done = whole
    return [(text, target) for text, target in pieces if text]


def _render(tokenizer: Tokenizer, turns: list[dict[str, str]], prompt: bool) -> str:
    if not tokenizer.chat_template:
        raise Refused(
            "base-without-template", "This base model has no chat template, so it cannot be trained on messages."
        )
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=prompt))


def _after(start: str, whole: str) -> str:
    if not whole.startswith(start):
        raise Refused(
            "base-template-rewrites",
            "The chat template of this base model rewrites earlier messages, so targets cannot be told from context.",
        )
    return whole[len(start) :]
