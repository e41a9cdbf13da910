"""The catalogue is whole and true as far as it can be checked here, and the person's own entries go first."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.errors import ConfigError, Refused
from hearthside.inference.catalogue import OWN_FILE, load_catalogue

_OWN = """
[hub.shelf]
address = "http://127.0.0.1:1/{repo}/{file}?v={revision}"

[[model]]
name = "qwen3-4b"
title = "Mine"
maker = "me"
licence = "MIT"
hub = "shelf"
repo = "a b"
file = "mine.gguf"
bytes = 1000
quantisation = "Q4_K_M"
parameters = 1000
active_parameters = 250
context_tokens = 512
shape = { layers = 2, cache_heads = 1, head_width = 8, widest = 16, vocabulary = 10 }
"""


def test_every_model_that_comes_with_hearthside_can_be_checked() -> None:
    catalogue = load_catalogue()
    assert len(catalogue.entries) >= 9
    for entry in catalogue.entries.values():
        assert len(entry.sha256) == 64 and entry.licence and entry.maker
        # what a parameter takes in its kind of numbers, bits: no size or count can be far off
        bits = 8 * entry.bytes / entry.parameters
        assert {"Q8_0": 8.0, "Q4_K_M": 4.4, "MXFP4": 4.2}[entry.quantisation] <= bits <= 9.0
        address = catalogue.address(entry)
        assert address.startswith("https://") and address.endswith(f"/{entry.revision}/{entry.file}")
    assert len({entry.sha256 for entry in catalogue.entries.values()}) == len(catalogue.entries)


@pytest.mark.parametrize(
    ("name", "per_token"),
    # 2 (keys, values) * layers * heads * width * 2 bytes, from the makers' configurations
    [("qwen3-4b", 2 * 36 * 8 * 128 * 2), ("llama-3.2-3b", 2 * 28 * 8 * 128 * 2), ("qwen3-8b", 2 * 36 * 8 * 128 * 2)],
)
def test_cache_of_a_known_model(name: str, per_token: int) -> None:
    assert load_catalogue().entry(name).need(4096).cache == 4096 * per_token


def test_half_the_layers_of_gpt_oss_see_a_window() -> None:
    need = load_catalogue().entry("gpt-oss-20b").need(65536)
    assert need.cache == 12 * (65536 + 512) * 2 * 8 * 64 * 2 and need.copies == 0


def test_own_entries_go_first(tmp_path: Path) -> None:
    (tmp_path / OWN_FILE).write_text(_OWN)
    catalogue = load_catalogue(tmp_path)
    entry = catalogue.entry("qwen3-4b")
    assert entry.title == "Mine" and catalogue.address(entry) == "http://127.0.0.1:1/a%20b/mine.gguf?v=main"
    assert entry.bytes_per_token(256) == 250 + 256 * 2 * 32 and entry.need(256).copies == 750
    assert entry.need(256, on_device=True).copies == 0 and entry.sha256 == ""
    assert catalogue.entry("qwen3-8b").title == "Qwen3 8B"


def test_mirror_of_the_whole_hub(tmp_path: Path) -> None:
    (tmp_path / OWN_FILE).write_text('[hub.huggingface]\naddress = "http://nas.home/models/{file}"\n')
    catalogue = load_catalogue(tmp_path)
    assert catalogue.address(catalogue.entry("qwen3-4b")) == "http://nas.home/models/Qwen3-4B-Q4_K_M.gguf"
    assert catalogue.hubs["huggingface"].hands_over_to == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[hub.shelf]", "[hub"),
        ("title", "titel"),
        ('hub = "shelf"', 'hub = "nowhere"'),
        ('file = "mine.gguf"', 'file = "../mine.gguf"'),
        ('name = "qwen3-4b"', 'name = "Mine!"'),
        ("bytes = 1000", 'bytes = 1000\nsha256 = "abc"'),
        ("bytes = 1000", "bytes = 0"),
        ("layers = 2,", ""),
        ("http://127.0.0.1:1/{repo}/{file}?v={revision}", "file:///{file}"),
        ("http://127.0.0.1:1/{repo}/{file}?v={revision}", "http://h/{file}/{more}"),
    ],
)
def test_wrong_catalogue_is_named(tmp_path: Path, old: str, new: str) -> None:
    assert old in _OWN
    (tmp_path / OWN_FILE).write_text(_OWN.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_catalogue(tmp_path)
    assert caught.value.code == "catalogue-wrong" and OWN_FILE in caught.value.message


def test_unknown_model_lists_those_there_are() -> None:
    with pytest.raises(Refused) as caught:
        load_catalogue().entry("gpt-9")
    assert caught.value.code == "model-unknown" and "qwen3-4b" in caught.value.message
