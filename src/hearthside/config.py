"""Settings of this machine as data with help text: where the vault lies, ports, threads, when the night begins.

Values come, strongest first, from the environment (``HEARTHSIDE_PORT=8100``), then ``hearthside.toml`` in the vault
folder, then the defaults here. What a *person* decides (names, zone, pauses) is a journal event, not a setting.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from hearthside.errors import ConfigError

DEFAULT_HOME = Path("~/.local/share/hearthside").expanduser()


class Settings(BaseSettings):
    """All settings; `hearthside settings` prints each with its value and help text."""

    model_config = SettingsConfigDict(env_prefix="HEARTHSIDE_", extra="forbid")

    vault: Path = Field(
        default=DEFAULT_HOME / "vault", description="folder of the vault: keys, journal and everything derived"
    )
    key_file: Path = Field(
        default=Path("~/.config/hearthside/key").expanduser(),
        description="file that holds the key of the vault, mode 600",
    )
    host: str = Field(
        default="127.0.0.1", description="address the station listens on; only loopback is allowed for now"
    )
    port: int = Field(default=8420, ge=0, le=65535, description="port of the pages and the API; 0 takes a free one")
    model_path: Path | None = Field(
        default=None, description="GGUF file to serve; empty means the embedded SmolLM2-135M"
    )
    model_server: str = Field(
        default="",
        description="OpenAI-compatible model server on this machine, e.g. http://127.0.0.1:8080; empty: the compute"
        " node loads model_path itself",
    )
    model_server_model: str = Field(
        default="", description="model to ask of the model server; empty takes the first that it lists"
    )
    model_server_key_file: Path | None = Field(
        default=None, description="file with the API key of the model server, mode 600"
    )
    speech_server: str = Field(
        default="",
        description="address on this machine of a server that turns speech into text in any language (whisper.cpp,"
        " speaches, vLLM; OpenAI's API); empty: PocketSphinx, English only",
    )
    speech_server_model: str = Field(default="", description="model to ask it for; empty: the one it has")
    speech_server_key_file: Path | None = Field(default=None, description="file with its API key, mode 600")
    model_threads: int = Field(
        default=1, ge=1, le=64, description="processor threads for the model; it spins them while it works"
    )
    context_tokens: int = Field(default=2048, ge=512, le=131072, description="context length of the model, tokens")
    erase_after_s: int = Field(
        default=900,
        ge=0,
        le=86_400,
        description="idle seconds after which the compute node starts anew, so that nothing that was said stays in its"
        " memory; 0: never",
    )
    workshop_url: str = Field(
        default="", description="training workshop; empty means one on this machine, started when needed"
    )
    workshop_threads: int = Field(default=2, ge=1, le=64, description="processor threads for training and for the gate")
    night_hour: int = Field(default=3, ge=0, le=23, description="local hour at which the nightly cycle begins")
    heads_folder: Path = Field(
        default=Path("~/.local/state/hearthside/heads").expanduser(),
        description="where the compute node remembers how far each journal had come; outside the vault",
    )
    backup_folder: Path | None = Field(
        default=None,
        description="folder on another disk for encrypted backups, which must exist; `hearthside backup --set-up`"
        " prepares it",
    )
    backup_s3_url: str = Field(default="", description="address of S3-compatible storage for backups; empty: none")
    backup_s3_bucket: str = Field(default="", description="bucket for backups")
    backup_s3_prefix: str = Field(default="", description="folder inside the bucket")
    backup_s3_region: str = Field(default="us-east-1", description="region of the bucket")
    backup_s3_credentials_file: Path | None = Field(
        default=None, description="file with access key and secret key for the bucket, mode 600"
    )
    backup_s3_lock_days: int = Field(
        default=0, ge=0, le=3650, description="days for which the storage itself must refuse to delete; 0: no lock"
    )
    backup_every_hours: int = Field(default=1, ge=1, le=168, description="hours between backups")
    backup_keep_days: int = Field(
        default=30, ge=1, le=3650, description="days after which a forgotten thing can be in no backup any more"
    )
    drill_every_days: int = Field(default=7, ge=1, le=90, description="days between restores that prove a backup")
    home_assistant_url: str = Field(default="", description="address of Home Assistant, e.g. http://127.0.0.1:8123")
    home_assistant_token_file: Path | None = Field(
        default=None, description="file with a long-lived Home Assistant token"
    )
    power_sensor: str = Field(
        default="",
        description="Home Assistant sensor of the power (W) or energy (kWh) of the smart plug that the machine with the"
        " model hangs on, e.g. sensor.plug_power; empty: none",
    )
    electricity_price: float = Field(
        default=0.0, ge=0, le=1000, allow_inf_nan=False, description="price of a kWh of electricity; 0: not set"
    )
    electricity_currency: str = Field(default="EUR", max_length=8, description="currency of that price")

    @field_validator(
        "vault",
        "key_file",
        "model_path",
        "model_server_key_file",
        "speech_server_key_file",
        "home_assistant_token_file",
        "backup_folder",
        "heads_folder",
        "backup_s3_credentials_file",
    )
    @classmethod
    def _home_folder(cls, path: Path | None) -> Path | None:
        """``~`` means the home folder in a file and in the environment too, where no shell expands it."""
        return path.expanduser() if path is not None else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file over defaults."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


def load_settings(vault: Path | None = None) -> Settings:
    """The settings in force, every problem reported at once.

    Raises:
        ConfigError: one or more settings are wrong; the message lists all of them.
    """
    base = Settings.model_construct()
    folder = (vault or _vault_from_environment() or base.vault).expanduser()
    given: dict[str, Any] = {"vault": vault} if vault else {}

    class _FromFile(Settings):
        model_config = SettingsConfigDict(
            env_prefix="HEARTHSIDE_", extra="forbid", toml_file=folder / "hearthside.toml"
        )

    try:
        settings = _FromFile(**given)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            "settings-unreadable", f"{folder / 'hearthside.toml'} is not TOML ({error}); nothing was started."
        ) from error
    except ValidationError as error:
        lines = [f"  {'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        raise ConfigError(
            "settings-wrong", "These settings are wrong; nothing was started:\n" + "\n".join(lines)
        ) from error
    if settings.vault != folder:
        raise ConfigError("settings-vault", f"{folder} cannot name another vault in its own file; nothing was started.")
    return settings


def _vault_from_environment() -> Path | None:
    import os

    value = os.environ.get("HEARTHSIDE_VAULT")
    return Path(value).expanduser() if value else None
