"""llama.cpp's own HTTP server with the embedded model, as a person would start it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xllamacpp

from hearthside.inference.shelf import embedded_model


@contextmanager
def llama_server(
    folder: Path, adapters: Mapping[str, bytes], *, context_tokens: int = 512, parallel: int = 2, cache_ram_mib: int
) -> Iterator[tuple[str, str]]:
    """Its address and key; adapters are files in `folder`, loaded at scale 1 like llama-server's --lora does."""
    params = xllamacpp.CommonParams()
    params.model.path = str(embedded_model().path)
    params.n_ctx, params.n_parallel, params.port = context_tokens * parallel, parallel, 0
    params.hostnames = ["127.0.0.1"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup, params.verbosity, params.ui, params.cache_ram_mib = False, -1, False, cache_ram_mib
    key = secrets.token_urlsafe(8)
    params.api_keys = [key]
    params.lora_adapters = [_file(folder / name, gguf) for name, gguf in adapters.items()]
    server = xllamacpp.Server(params)
    yield server.listening_address, key
    del server


def _file(path: Path, gguf: bytes) -> Any:
    path.write_bytes(gguf)
    info = xllamacpp.CommonAdapterLoraInfo()
    info.path, info.scale = str(path), 1.0
    return info
