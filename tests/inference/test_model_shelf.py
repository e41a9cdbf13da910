"""The shelf knows what is here and what could be, and changes one line of the settings."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import gguf
import pytest

from hearthside.errors import ConfigError, Refused
from hearthside.inference.catalogue import OWN_FILE
from hearthside.inference.machine import Machine
from hearthside.inference.model_shelf import PARALLEL, FitSummary, ModelShelf
from hearthside.inference.shelf import embedded_model
from hearthside.inference.supervisor import NodeOptions
from tests.inference.model_files import write_model

GIB = 2**30
_SMALL = Machine("main", 8 * GIB, 6 * GIB, GIB)


def _shelf(folder: Path, used: Path | None = None, machine: Machine = _SMALL) -> ModelShelf:
    return ModelShelf(
        folder, machine, used=used, settings_file=folder / "vault" / "hearthside.toml",
        context_tokens=2048, threads=1, clock=lambda: 7,
    )  # fmt: skip


def test_answers_at_once_are_those_of_the_station() -> None:
    assert NodeOptions().parallel == PARALLEL


def test_embedded_model_is_always_here_and_in_use_by_default(tmp_path: Path) -> None:
    shelf = _shelf(tmp_path / "none")
    found = shelf.fit("embedded")
    assert found.path == embedded_model().path and found.exact and found.fits and shelf.is_used(found)
    names = [fit.name for fit in shelf.fits(measure_memory=False)]
    assert names[0] == "embedded" and {"qwen3-4b", "gpt-oss-20b"} <= set(names)
    assert not any(fit.path for fit in shelf.fits(measure_memory=False)[1:])
    assert not shelf.fit("gpt-oss-20b").fits and shelf.fit("qwen3-0.6b").fits


def test_file_of_the_catalogue_that_is_here_counts_by_its_own_header(tmp_path: Path) -> None:
    write_model(tmp_path / "Qwen3-4B-Q4_K_M.gguf", attention__head_count=4)
    write_model(tmp_path / "own.gguf", attention__head_count=4)
    shelf = _shelf(tmp_path)
    known, own = shelf.fit("qwen3-4b"), shelf.fit("own")
    assert known.exact and known.title == "Qwen3 4B" and known.licence == "Apache-2.0" and known.need.total < GIB
    assert own.title == "A model of 4 layers" and "not trained for conversation" in own.ability
    assert [fit.name for fit in shelf.fits(measure_memory=False)].count("qwen3-4b") == 1
    told = shelf.checksum_words(known)
    assert not told.right and "damaged or another file" in told.words
    assert shelf.checksum_words(own).right


def test_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "half.gguf").write_bytes(b"GGUF and no more")
    shelf = _shelf(tmp_path)
    names = {fit.name for fit in shelf.fits(measure_memory=False)}
    assert "embedded" in names and "half" not in names
    assert len(shelf.problems) == 1 and shelf.problems[0].startswith("half: ")


def test_model_in_several_files_needs_all_of_them(tmp_path: Path) -> None:
    tensors = {"token_embd.weight": ((100, 256), gguf.GGMLQuantizationType.F32)}
    for number in (1, 2):
        write_model(tmp_path / f"big-0000{number}-of-00002.gguf", tensors=tensors, attention__head_count=4)
    found = _shelf(tmp_path).fit("big-00001-of-00002")
    assert found.need.weights == 100 * 1024 + (tmp_path / "big-00002-of-00002.gguf").stat().st_size


def test_model_of_the_settings_outside_the_folder_is_listed(tmp_path: Path) -> None:
    used = write_model(tmp_path / "elsewhere.gguf", attention__head_count=4)
    shelf = _shelf(tmp_path / "models", used)
    assert shelf.is_used(shelf.fit("elsewhere")) and not shelf.is_used(shelf.fit("embedded"))
    assert not shelf.is_used(shelf.fit("qwen3-4b"))


def test_measured_model_tells_its_pace_and_that_of_others(tmp_path: Path) -> None:
    shelf = _shelf(tmp_path)
    assert not shelf.measured_any() and shelf.fit("qwen3-4b").pace.expected == 0
    measured = shelf.measure(shelf.fit("embedded"))
    assert shelf.measured_any() and shelf.fit("embedded").pace.measured == measured.tokens_per_s
    other = shelf.fit("qwen3-4b").pace
    assert other.measured == 0 and 0 < other.least < measured.tokens_per_s
    assert _shelf(tmp_path, machine=Machine("device", 8 * GIB, 6 * GIB, GIB)).fit("qwen3-4b").pace.expected == 0


def test_use_changes_one_line_and_keeps_the_rest(tmp_path: Path) -> None:
    path = write_model(tmp_path / 'wörd "quoted".gguf', attention__head_count=4)
    shelf = _shelf(tmp_path)
    settings = tmp_path / "vault" / "hearthside.toml"
    settings.parent.mkdir()
    settings.write_text('# mine\nport = 8500\nmodel_path = "/old.gguf"\n')
    shelf.use(shelf.fit(path.stem))
    assert tomllib.loads(settings.read_text()) == {"port": 8500, "model_path": str(path)}
    assert "# mine" in settings.read_text() and settings.stat().st_mode & 0o777 == 0o600
    assert shelf.is_used(shelf.fit(path.stem))
    shelf.use(shelf.fit("embedded"))
    assert tomllib.loads(settings.read_text()) == {"port": 8500} and shelf.is_used(shelf.fit("embedded"))
    settings.write_text("port = = 1\n")
    with pytest.raises(ConfigError) as caught:
        shelf.use(shelf.fit(path.stem))
    assert caught.value.code == "settings-unreadable" and settings.read_text() == "port = = 1\n"


def test_what_is_fetched(tmp_path: Path) -> None:
    shelf = _shelf(tmp_path)
    plain = shelf.wanted("qwen3-4b")
    entry = shelf.catalogue.entry("qwen3-4b")
    assert plain.url == shelf.catalogue.address(entry) and plain.hands_over_to == ("hf.co",)
    mirror = shelf.wanted("qwen3-4b", "http://nas.home/models/", entry.sha256.upper())
    assert mirror.url == "http://nas.home/models/Qwen3-4B-Q4_K_M.gguf" and mirror.hands_over_to == ()
    assert shelf.wanted("qwen3-4b", "http://nas.home/x?y=1").url == "http://nas.home/x?y=1"
    with pytest.raises(Refused) as differs:
        shelf.wanted("qwen3-4b", sha256="0" * 64)
    assert differs.value.code == "model-checksum-differs"


def test_checksum_that_nobody_told_can_be_given(tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[2] / "src/hearthside/inference/catalogue.toml").read_text()
    (tmp_path / OWN_FILE).write_text(shipped.replace("sha256 =", "# sha256 ="))
    shelf = _shelf(tmp_path)
    assert shelf.wanted("qwen3-4b").sha256 == "" and shelf.wanted("qwen3-4b", sha256="A" * 64).sha256 == "a" * 64
    with pytest.raises(Refused) as wrong:
        shelf.wanted("qwen3-4b", sha256="abc")
    assert wrong.value.code == "model-checksum-form"


def test_json_of_a_fit(tmp_path: Path) -> None:
    told: Any = FitSummary.of(_shelf(tmp_path).fit("embedded"))
    assert told.total == sum(told.needs.values()) and told.fits and told.room == 5 * GIB
    with pytest.raises(Refused):
        _shelf(tmp_path).fit("nobody")


def test_whole_file_is_said_to_be_whole(tmp_path: Path) -> None:
    copy = tmp_path / "copy.gguf"
    shutil.copy(embedded_model().path, copy)
    shelf = _shelf(tmp_path)
    assert embedded_model().sha256 in shelf.checksum_words(shelf.fit("copy")).words
    broken = shelf.fit("copy")
    copy.write_bytes(b"not a model")
    assert not shelf.checksum_words(broken).right
