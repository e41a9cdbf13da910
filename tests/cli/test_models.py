"""`hearthside models`: what fits, fetched from a hub on loopback, checked, used; with its row in the ledger."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.app.compute import model_of
from hearthside.app.rooms import open_rooms, system_clock
from hearthside.config import load_settings
from hearthside.events import Event
from hearthside.inference.catalogue import OWN_FILE
from tests.cli.ended import Run
from tests.inference.file_server import Hub, hub_server
from tests.inference.model_files import write_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of models."""
    made = tmp_path / "models"
    made.mkdir()
    return made


@pytest.fixture
def hub(tmp_path: Path, folder: Path) -> Iterator[Hub]:
    """A hub with one small model, which the person's own catalogue names."""
    content = write_model(tmp_path / "made.gguf", attention__head_count=4).read_bytes()
    with hub_server(content) as server:
        _write_catalogue(folder, server, hashlib.sha256(content).hexdigest())
        yield server


def _write_catalogue(folder: Path, hub: Hub, sha256: str, size: int = 0) -> None:
    (folder / OWN_FILE).write_text(
        f"""
[hub.home]
address = "{hub.url}/{{repo}}/{{file}}"
[[model]]
name = "tiny"
title = "Tiny 1B"
maker = "us"
licence = "MIT"
hub = "home"
repo = "us/tiny"
file = "tiny.gguf"
bytes = {size or len(hub.content)}
sha256 = "{sha256}"
quantisation = "F32"
parameters = 1e9
context_tokens = 512
shape = {{ layers = 2, cache_heads = 1, head_width = 8, widest = 16, vocabulary = 10 }}
"""
    )


def test_overview_tells_what_to_take(run: Run, folder: Path) -> None:
    first = run("models", "--folder", folder)
    assert first.status == 0 and "Measuring once" in first.err
    assert "embedded" in first.out and "qwen3-4b" in first.out and " measured" in first.out
    assert "stay free" in first.out and "speech to text: PocketSphinx" in first.out
    assert "text in pictures: RapidOCR" in first.out.strip().splitlines()[-1]
    again = run("models", "--folder", folder, "--json")
    assert "Measuring" not in again.err
    fits = {fit["name"]: fit for fit in again.json()}
    assert fits["embedded"]["exact"] and fits["embedded"]["tokens_per_s"] > 0 and not fits["qwen3-4b"]["exact"]
    assert fits["embedded"]["total"] == sum(fits["embedded"]["needs"].values())


def test_list_and_fit(run: Run, folder: Path) -> None:
    (folder / "broken.gguf").write_bytes(b"GGUF")
    listed = run("models", "list", "--folder", folder)
    assert listed.status == 0 and "in use" in listed.out and "Llama 3.2" in listed.out and "broken" in listed.err
    fit = run("models", "fit", "qwen3-8b", "--folder", folder, "--context", "8192")
    assert fit.status == 0 and "KV cache" in fit.out and "8,192 tokens" in fit.out and "copies of weights" in fit.out
    more = run("models", "fit", "qwen3-8b", "--folder", folder, "--context", "8192", "--json").json()
    less = run("models", "fit", "qwen3-8b", "--folder", folder, "--json").json()
    assert more["needs"]["cache"] == 4 * less["needs"]["cache"]
    wrong = run("models", "fit", "gpt-9", "--folder", folder)
    assert wrong.status == 5 and "model-unknown" in wrong.err and "qwen3-4b" in wrong.err


def test_model_is_fetched_checked_used_and_given_up_again(run: Run, folder: Path, hub: Hub, tmp_path: Path) -> None:
    not_yet = run("models", "use", "tiny", "--folder", folder)
    assert not_yet.status == 4 and "model-not-here" in not_yet.err
    got = run("models", "get", "tiny", "--folder", folder)
    assert got.status == 0, got.err
    assert "Whole and checked" in got.out and "licence MIT" in got.out and hub.asked[0][0] == "/us/tiny/tiny.gguf"
    assert f"asking {hub.url}" in got.err  # no vault, no ledger: what is sent is shown
    assert (folder / "tiny.gguf").read_bytes() == hub.content and not list(folder.glob("*.part*"))
    used = run("models", "use", "tiny", "--folder", folder)
    assert used.status == 0 and "next start" in used.out
    settings = tmp_path / "vault" / "hearthside.toml"
    assert tomllib.loads(settings.read_text()) == {"model_path": str(folder / "tiny.gguf")}
    assert "in use" in run("models", "list", "--folder", folder).out
    assert run("models", "use", "embedded", "--folder", folder).status == 0
    assert tomllib.loads(settings.read_text()) == {}


def test_environment_that_is_stronger_is_said(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(folder / "own.gguf", attention__head_count=4)
    assert run("models", "use", "own", "--folder", folder).err == ""
    assert model_of(load_settings(tmp_path / "vault")).path == folder / "own.gguf"  # what the next start serves
    monkeypatch.setenv("HEARTHSIDE_MODEL_SERVER", "http://127.0.0.1:8080")
    assert "model_server is stronger" in run("models", "use", "own", "--folder", folder).err
    monkeypatch.setenv("HEARTHSIDE_MODEL_PATH", str(tmp_path / "other.gguf"))
    assert "HEARTHSIDE_MODEL_PATH" in run("models", "use", "own", "--folder", folder).err


def test_requests_of_a_vault_are_in_its_ledger(run: Run, folder: Path, hub: Hub) -> None:
    assert run("known").status == 0  # makes the vault
    got = run("models", "get", "tiny", "--folder", folder)
    assert got.status == 0 and "asking" not in got.err
    rooms = open_rooms(load_settings(), system_clock)
    rows = [one.record.payload for one in rooms.journal.read(kinds=["ledger"]) if isinstance(one.record, Event)]
    rooms.close()
    assert [(row["purpose"], row["destination"]) for row in rows] == [("model-download", hub.url)]


def test_wrong_bytes_and_what_does_not_fit_are_refused(run: Run, folder: Path, hub: Hub) -> None:
    _write_catalogue(folder, hub, "0" * 64)
    wrong = run("models", "get", "tiny", "--folder", folder)
    assert wrong.status == 5 and "download-checksum-wrong" in wrong.err and not (folder / "tiny.gguf").exists()
    _write_catalogue(folder, hub, "0" * 64, size=1 << 50)
    large = run("models", "get", "tiny", "--folder", folder)
    assert large.status == 4 and "model-too-large" in large.err and "--anyway" in large.err
    assert len(hub.asked) == 1
    full = run("models", "get", "tiny", "--folder", folder, "--anyway")
    assert full.status == 4 and "download-disk-full" in full.err and len(hub.asked) == 1


def test_checksum_that_nobody_knows_is_told_by_the_hub(run: Run, folder: Path, hub: Hub) -> None:
    digest = hashlib.sha256(hub.content).hexdigest()
    _write_catalogue(folder, hub, "")
    hub.headers = {"X-Linked-Etag": f'"{digest}"'}
    asked = run("models", "get", "tiny", "--folder", folder)
    assert asked.status == 5 and digest in asked.err.replace("\n", "")
    assert run("models", "get", "tiny", "--folder", folder, "--sha256", digest).status == 0


def test_check_reads_and_measures(run: Run, folder: Path, hub: Hub) -> None:
    good = run("models", "check", "embedded", "--folder", folder)
    assert good.status == 0 and "tokens/s" in good.out and "checksum" in good.out
    (folder / "tiny.gguf").write_bytes(hub.content[:-4] + b"oops")
    bad = run("models", "check", "tiny", "--folder", folder)
    assert bad.status == 1 and "fetch it again" in bad.out
    none = run("models", "check", "nobody", "--folder", folder)
    assert none.status == 5 and "model-unknown" in none.err
