"""The child process of the evaluation gate, the only place outside the workshop that imports torch.

Reads one JSON request on standard input, prints JSON lines with its progress on standard error and one JSON answer on
standard output. It reads the exported GGUF adapter back, so what is scored is what llama.cpp will serve.
"""

from __future__ import annotations

import base64
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import torch
from torch.nn.functional import cross_entropy

from hearthside.errors import HearthsideError
from hearthside.events import Json, Origin
from hearthside.workshop.adapter_gguf import base_shape, import_gguf
from hearthside.workshop.chat_tokens import WORDS, ChatTokens, chat_tokens
from hearthside.workshop.child_process import guard_process, private_stdout
from hearthside.workshop.job import Message, own_words
from hearthside.workshop.recipes.served_base import ServedBase, load_served_base, padded, set_adapter, target_states

_BATCH_TOKENS = 1024
_MAX_TOKENS = 1024
_WINDOW = 256  # tokens of the general text read at a time


def main() -> None:
    """Entry point of the process."""
    guard_process()
    out = private_stdout()
    request = orjson.loads(sys.stdin.buffer.read())
    try:
        answer = score(request, _print_share)
    except HearthsideError as error:
        answer = {"error": {"code": error.code, "message": error.message}}
    out.write(orjson.dumps(answer))
    out.flush()


def score(request: dict[str, Json], progress: Callable[[float], None]) -> dict[str, Json]:
    """Bits of every text under every adapter; see `likelihood.bits_per_character`."""
    path = Path(request["base"])
    shape = base_shape(path)
    given = [None if adapter is None else base64.b64decode(adapter) for adapter in request["adapters"]]
    adapters = [None if adapter is None else import_gguf(adapter, shape) for adapter in given]
    base = load_served_base(path, int(request["threads"]))
    texts = [_tokens(base, text) for text in request["texts"]]
    windows = general_windows(base, request["general"])
    batches = plan([(index, chat) for index, chat in enumerate(texts)])
    total = len(adapters) * (len(batches) + len(windows))
    done = 0
    bits, general = [], []
    for adapter in adapters:
        put_in(base, adapter)
        row = np.zeros(len(texts))
        for batch in batches:
            row[[index for index, _ in batch]] = batch_bits(base, [chat for _, chat in batch])
            done += 1
            progress(done / total)
        general.append(0.0)
        for window in windows:
            general[-1] += float(batch_bits(base, [window])[0])
            done += 1
            progress(done / total)
        bits.append(row.tolist())
    return {
        "bits": bits,
        "chars": [len(text["text"].strip()) for text in request["texts"]],
        "general_bits": general,
        "general_chars": len(request["general"]),
    }


def batch_bits(base: ServedBase, batch: list[ChatTokens]) -> npt.NDArray[np.float64]:
    """Bits of the words to score in each conversation of a batch, (batch,)."""
    with torch.inference_mode():
        states, tokens, rows = target_states(base.hidden(padded(batch)), batch, (WORDS,))
        nats = cross_entropy(base.logits(states), tokens, reduction="none").double()
        sums = torch.zeros(len(batch), dtype=torch.float64).index_add_(0, rows, nats)
    result: npt.NDArray[np.float64] = sums.numpy() / math.log(2)
    return result


def plan(chats: Sequence[tuple[int, ChatTokens]]) -> list[list[tuple[int, ChatTokens]]]:
    """Conversations of like length together; the same texts always fall into the same batches."""
    batches: list[list[tuple[int, ChatTokens]]] = []
    for item in sorted(chats, key=lambda item: len(item[1].ids)):
        if not batches or len(item[1].ids) * (len(batches[-1]) + 1) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(item)
    return batches


def general_windows(base: ServedBase, text: str) -> list[ChatTokens]:
    """A plain text in windows; the first token of each has no context and is not scored."""
    ids = base.tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
    pieces = [ids[start : start + _WINDOW] for start in range(0, len(ids), _WINDOW)]
    return [ChatTokens(tuple(piece), (0, *([WORDS] * (len(piece) - 1)))) for piece in pieces if len(piece) > 1]


def _tokens(base: ServedBase, text: dict[str, Json]) -> ChatTokens:
    context = [Message(message["role"], message["text"], 0, Origin(message["origin"])) for message in text["context"]]
    return chat_tokens(base.tokenizer, [*context, own_words(text["text"])], _MAX_TOKENS)


def put_in(base: ServedBase, adapter: tuple[dict[str, npt.NDArray[np.float32]], float] | None) -> None:
    """Hang in an adapter as `import_gguf` gave it, or take it out (None)."""
    if adapter is None:
        set_adapter(base, {}, 1.0)
        return
    tensors, alpha = adapter
    scaled = {  # alpha / r differs by module when ranks do, so it goes into B
        name: torch.from_numpy(values if ".lora_A." in name else values * np.float32(alpha / values.shape[1]))
        for name, values in tensors.items()
    }
    set_adapter(base, scaled, 1.0)


def _print_share(share: float) -> None:
    os.write(2, orjson.dumps({"share": share}) + b"\n")


if __name__ == "__main__":
    main()
