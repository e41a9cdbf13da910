"""The served base is read from its file once, and what reads it is left as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest

from hearthside.errors import Refused
from tests.workshop.tiny_base import write_tiny_base


@pytest.fixture
def load() -> Callable[[Path, int], Any]:
    """Imported when it is needed: with it come torch and transformers."""
    from hearthside.workshop.recipes.served_base import load_served_base

    return load_served_base


def test_it_is_read_once_and_its_weights_are_those_of_the_file(
    load: Callable[[Path, int], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = write_tiny_base(tmp_path / "base.gguf"), list[tuple[Any, ...]]()
    reader, names = gguf.GGUFReader, gguf.get_tensor_name_map

    def counted(*arguments: Any) -> Any:
        opened.append(arguments)
        return reader(*arguments)

    monkeypatch.setattr(gguf, "GGUFReader", counted)
    base = load(path, 1)
    assert len(opened) == 1
    assert gguf.GGUFReader is counted and gguf.get_tensor_name_map is names
    kept = next(tensor for tensor in reader(path).tensors if tensor.name == "blk.0.ffn_up.weight")
    weights = gguf.dequantize(kept.data, kept.tensor_type)
    assert (base.layers["model.layers.0.mlp.up_proj"].linear.weight.numpy() == weights).all()


def test_a_file_that_cannot_be_read_changes_nothing_either(load: Callable[[Path, int], Any], tmp_path: Path) -> None:
    (tmp_path / "base.gguf").write_bytes(b"GGUF" + bytes(60))
    reader = gguf.GGUFReader
    with pytest.raises(Refused):
        load(tmp_path / "base.gguf", 1)
    assert gguf.GGUFReader is reader
