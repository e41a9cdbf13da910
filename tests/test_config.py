"""Settings: environment over file over defaults, and every problem told at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hearthside.config import Settings, load_settings
from hearthside.errors import ConfigError


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the machine the tests run on."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HEARTHSIDE_{name.upper()}", raising=False)
    monkeypatch.setenv("HEARTHSIDE_VAULT", str(tmp_path))


def _file(folder: Path, text: str) -> None:
    (folder / "hearthside.toml").write_text(text, encoding="utf-8")


def test_defaults_hold_without_a_file(tmp_path: Path) -> None:
    settings = load_settings()
    assert (settings.vault, settings.host, settings.port, settings.model_path) == (tmp_path, "127.0.0.1", 8420, None)


def test_the_environment_beats_the_file_and_the_file_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _file(tmp_path, 'port = 9001\nnight_hour = 5\nhome_assistant_url = "http://127.0.0.1:8123"\n')
    monkeypatch.setenv("HEARTHSIDE_PORT", "9002")
    settings = load_settings()
    assert (settings.port, settings.night_hour, settings.model_threads) == (9002, 5, 1)
    assert settings.home_assistant_url == "http://127.0.0.1:8123"


def test_a_vault_that_is_named_brings_its_own_file(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    _file(tmp_path, "port = 9001\n")
    _file(other, "port = 9003\n")
    assert (load_settings(other).port, load_settings(other).vault) == (9003, other)


def test_every_problem_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(tmp_path, 'prot = 9001\nnight_hour = 24\nmodel_threads = "many"\n')
    monkeypatch.setenv("HEARTHSIDE_PORT", "99999")
    with pytest.raises(ConfigError) as error:
        load_settings()
    assert error.value.code == "settings-wrong"
    lines = error.value.message.splitlines()
    assert sorted(line.split(":")[0].strip() for line in lines[1:]) == ["model_threads", "night_hour", "port", "prot"]


@pytest.mark.parametrize("content", [b"port = = 1", b"port 9001", b"\xff\xfe", b"[home"])
def test_a_file_that_is_not_toml_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "hearthside.toml").write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load_settings()
    assert error.value.code == "settings-unreadable"
    assert "hearthside.toml" in error.value.message


def test_a_file_cannot_name_another_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else half of the settings would be of one vault and half of another."""
    own = tmp_path / ".local/share/hearthside/vault"
    own.mkdir(parents=True)
    _file(own, f'vault = "{tmp_path}"\n')
    monkeypatch.delenv("HEARTHSIDE_VAULT")
    monkeypatch.setenv("HOME", str(tmp_path))
    code = "from hearthside.config import load_settings; load_settings()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ConfigError: " in done.stderr
    assert "cannot name another vault" in done.stderr


def test_the_home_folder_is_meant_by_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEARTHSIDE_VAULT", "~/life")
    (tmp_path / "home" / "life").mkdir(parents=True)
    _file(tmp_path / "home" / "life", 'key_file = "~/keys/one"\nmodel_path = "~/tiny.gguf"\n')
    settings = load_settings()
    assert settings.vault == tmp_path / "home" / "life"
    assert settings.key_file == tmp_path / "home" / "keys" / "one"
    assert settings.model_path == tmp_path / "home" / "tiny.gguf"


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not (field.description or "").strip()] == []
