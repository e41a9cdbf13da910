"""What a model needs of a machine, from its file's own header: memory by part, and bytes that a token costs to read.

The parts were measured on this engine (llama.cpp 0c1e5709 through xllamacpp, threads 1, batches of 256) with models of
135 million and 1.5 billion parameters: cache and buffers to the byte by llama.cpp's own account, the rest by the
resident memory of the process. Where the header leaves something open, the larger figure is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from hearthside.inference.gguf_header import GgufHeader, TensorInfo

_MIB = 2**20
BATCH_TOKENS = 256
"""Tokens of a prompt that are computed at a time, as `inference/backends/llama_cpp.py` sets it."""

# llama.cpp keeps a second copy of these weights in the order the processor likes (its buffer "CPU_REPACK"): Q4_0, Q4_K
# and IQ4_NL on x86-64 and ARM; Q2_K, Q5_K, Q6_K and Q8_0 are copied on some processors only and count as not copied.
_COPIED_TYPES = {2, 12, 20}
_NODE = 250 * _MIB  # Python, the web server and llama.cpp's code: 110 MiB seen, and some for requests
_EMBEDDER = 200 * _MIB  # the text embedder beside it: 100 MiB seen
_TORCH = 700 * _MIB  # Python with torch and transformers, and the workshop beside it
_WORD_BYTES = 300  # llama.cpp's tables for each word of the vocabulary: 245 seen
_DRIVER = 3 * 1024 * _MIB  # what a graphics driver takes for itself (shared/reference/security.md, section 9)
_DEVICE_TRANSIENT, _DEVICE_SHARE = 19 * 1024 * _MIB, 0.25  # while weights load on unified memory; same source
# Every so many layers one sees the whole context, the others a window only; else every layer counts as seeing it all.
_FULL_EVERY = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4}


@dataclass(frozen=True, slots=True)
class Need:
    """What serving a model takes at most, bytes.

    Attributes:
        weights: the model's file.
        copies: weights that llama.cpp keeps a second time in another order; 0 on a graphics chip.
        cache: keys and values of the whole context (KV cache).
        compute: buffers for one batch.
        process: the process itself, vocabulary and embedder included.
        transient: what it takes for a while only: a second server while adapters are switched, a driver's copies.
    """

    weights: int
    copies: int
    cache: int
    compute: int
    process: int
    transient: int

    @property
    def total(self) -> int:
        """All of it; what admission asks for."""
        return sum(getattr(self, part.name) for part in fields(self))

    @property
    def steady(self) -> int:
        """What it holds once it serves."""
        return self.total - self.transient


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides about memory and speed, read from a header or given by the catalogue.

    Attributes:
        cache_bytes: of each token and layer, layer by layer: keys and values in float16.
        window: tokens that a layer sees where it does not see the whole context; 0 where all see it.
        full_every: every so many layers one sees the whole context.
        widest: values of the widest row between two layers.
        vocabulary: words.
        state_bytes: fixed state of layers without a cache, for each completion.
    """

    cache_bytes: tuple[int, ...]
    window: int
    full_every: int
    widest: int
    vocabulary: int
    state_bytes: int = 0


def memory_needed(
    header: GgufHeader,
    context_tokens: int,
    *,
    parallel: int = 1,
    on_device: bool = False,
    unified: bool = False,
    switches_adapters: bool = True,
    more_weights: int = 0,
) -> Need:
    """What serving a model takes at most, by part.

    Args:
        header: of the GGUF file.
        context_tokens: context of one completion.
        parallel: completions at the same time; each has a context of its own.
        on_device: a graphics chip serves it, so nothing is copied for the processor.
        unified: the chip takes its memory from that of the machine.
        switches_adapters: a new set of adapters is a second server beside the first, for a while.
        more_weights: bytes in further files of a model that was split.
    """
    tensors = header.tensors.items()
    weights = sum(info.bytes for _, info in tensors) + more_weights
    copies = 0 if on_device else sum(info.bytes for name, info in tensors if _is_copied(name, info))
    return need_of(
        weights, copies, shape_of(header), context_tokens,
        parallel=parallel, on_device=on_device, unified=unified, switches_adapters=switches_adapters,
    )  # fmt: skip


def server_client_needed() -> int:
    """What a node takes at most that loads no model of its own, because a model server answers: bytes."""
    return _NODE + _EMBEDDER


def training_needed(header: GgufHeader, batch_tokens: int) -> int:
    """What training an adapter, or judging one, takes at most beside the node: bytes.

    The base is read into float32, with a second copy of it while it is read; a step keeps what each layer gave for each
    token of the batch (about twelve rows of the widest kind) and three times the scores of every word.
    """
    shape = shape_of(header)
    rows = 12 * len(shape.cache_bytes) * shape.widest + 3 * shape.vocabulary
    return _TORCH + 2 * 4 * parameters(header) + 4 * batch_tokens * rows


def need_of(
    weights: int,
    copies: int,
    shape: Shape,
    context_tokens: int,
    *,
    parallel: int = 1,
    on_device: bool = False,
    unified: bool = False,
    switches_adapters: bool = True,
) -> Need:
    """The same from figures; see `memory_needed`."""
    cache = cache_bytes(shape, context_tokens) * parallel + shape.state_bytes * parallel
    # Four rows of the widest kind for each token of a batch (float32), the mask of the attention, one row of scores.
    compute = 4 * BATCH_TOKENS * 5 * shape.widest + 6 * BATCH_TOKENS * context_tokens + 4 * shape.vocabulary * parallel
    process = _NODE + _EMBEDDER + _WORD_BYTES * shape.vocabulary + (_DRIVER if on_device else 0)
    transient = copies + cache + compute if switches_adapters else 0
    if unified and on_device:
        transient += max(_DEVICE_TRANSIENT, int(_DEVICE_SHARE * weights))
    return Need(weights, copies, cache, compute, process, transient)


def cache_bytes(shape: Shape, context_tokens: int) -> int:
    """Keys and values of one context of so many tokens, bytes."""
    context = _padded(context_tokens)
    window = min(context, _padded(shape.window + BATCH_TOKENS)) if shape.window else context
    return sum(
        size * (context if (layer + 1) % shape.full_every == 0 else window)
        for layer, size in enumerate(shape.cache_bytes)
    )


def bytes_per_token(header: GgufHeader, context_tokens: int) -> int:
    """What is read from memory for one token of an answer with so many tokens before it: weights in use, and cache.

    Of experts only those that are chosen are read; of the table of words only one row, unless it is the output too.
    """
    architecture = str(header.metadata.get("general.architecture", ""))
    used = int(header.metadata.get(f"{architecture}.expert_used_count", 0))
    experts = int(header.metadata.get(f"{architecture}.expert_count", 0))
    tied = "output.weight" not in header.tensors
    read = 0
    for name, info in header.tensors.items():
        if name == "token_embd.weight" and not tied:
            continue
        share = used / experts if "_exps" in name and 0 < used < experts else 1.0
        read += int(info.bytes * share)
    return read + cache_bytes(shape_of(header), context_tokens)


def parameters(header: GgufHeader) -> int:
    """How many numbers the model holds."""
    return sum(info.values for info in header.tensors.values())


def trained_context(header: GgufHeader) -> int:
    """Tokens the model was trained to read, 0 when the header does not say."""
    return int(header.metadata.get(f"{header.metadata.get('general.architecture', '')}.context_length", 0))


def shape_of(header: GgufHeader) -> Shape:
    """The shape of a model from its header; what is missing is taken so that the need is not too small."""
    kind = str(header.metadata.get("general.architecture", ""))

    def number(key: str, otherwise: int) -> int:
        return int(header.metadata.get(f"{kind}.{key}", otherwise))

    layers, width = number("block_count", 32), number("embedding_length", 4096)
    heads = max(
        1, int(max(header.per_layer.get(f"{kind}.attention.head_count", (number("attention.head_count", 32),))))
    )
    key, value = (number(f"attention.{side}_length", width // heads) for side in ("key", "value"))
    size = tuple(2 * count * (key + value) for count in _cache_heads(header, kind, layers, heads))
    forward = int(max(header.per_layer.get(f"{kind}.feed_forward_length", (number("feed_forward_length", 4 * width),))))
    forward = max(forward, number("expert_feed_forward_length", 0) * max(1, number("expert_used_count", 1)))
    words = header.lengths.get("tokenizer.ggml.tokens", 0) or number("vocab_size", 150_000)
    return Shape(
        cache_bytes=size,
        window=number("attention.sliding_window", 0) if kind in _FULL_EVERY else 0,
        full_every=_FULL_EVERY.get(kind, 1),
        widest=max(forward, width, heads * max(key, value)),
        vocabulary=words,
        state_bytes=_state_bytes(header, kind, layers),
    )


def _cache_heads(header: GgufHeader, kind: str, layers: int, heads: int) -> Iterator[int]:
    """Heads of keys and values of each layer; none in layers that keep a state instead."""
    listed = header.per_layer.get(f"{kind}.attention.head_count_kv")
    same = int(header.metadata.get(f"{kind}.attention.head_count_kv", heads))
    every = int(header.metadata.get(f"{kind}.full_attention_interval", 1))
    for layer in range(layers):
        if listed is not None and layer < len(listed):
            yield int(listed[layer])
        else:
            yield same if (layer + 1) % max(1, every) == 0 else 0


def _state_bytes(header: GgufHeader, kind: str, layers: int) -> int:
    """State of recurrent layers for one completion (float32), as if every layer were one."""
    inner, state, conv, groups = (
        int(header.metadata.get(f"{kind}.ssm.{name}", 0))
        for name in ("inner_size", "state_size", "conv_kernel", "group_count")
    )
    return 4 * layers * (inner * state + conv * (inner + 2 * groups * state))


def _is_copied(name: str, info: TensorInfo) -> bool:
    """Whether llama.cpp copies it for the processor: matrices of some types, save the table of words."""
    return info.type in _COPIED_TYPES and len(info.shape) > 1 and name != "token_embd.weight"


def _padded(tokens: int) -> int:
    return -(-tokens // 256) * 256
