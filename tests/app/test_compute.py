"""What the settings let the compute node serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.app.compute import model_of, server_of
from hearthside.app.station import open_house
from hearthside.errors import ConfigError, Refused
from hearthside.inference.shelf import embedded_model
from tests.app.helpers import settings_in


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("127.0.0.1:8080", "backend-address-wrong"),
        ("http://", "backend-address-wrong"),
        ("ftp://127.0.0.1", "backend-address-wrong"),
        ("http://127.0.0.1:99999", "backend-address-wrong"),
        ("http://192.168.1.7:8080", "backend-host-unknown"),
        ("https://models.example", "backend-host-unknown"),
    ],
)
def test_a_wrong_address_is_said_before_anything_is_made(tmp_path: Path, url: str, code: str) -> None:
    settings = settings_in(tmp_path).model_copy(update={"model_server": url})
    with pytest.raises((ConfigError, Refused)) as caught:
        open_house(settings)
    assert caught.value.code == code and not (tmp_path / "vault").exists()


def test_a_key_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    update = {"model_server": "http://127.0.0.1:8080", "model_server_key_file": tmp_path / "absent"}
    with pytest.raises(ConfigError) as caught:
        server_of(settings_in(tmp_path).model_copy(update=update))
    assert caught.value.code == "model-server-key-unreadable"


def test_the_model_of_a_server_is_known_by_the_file_that_was_named(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert model_of(settings) == embedded_model() and server_of(settings) is None
    settings = settings.model_copy(update={"model_server": "http://localhost:8080/v1", "model_server_model": "big"})
    assert (model_of(settings).name, model_of(settings).sha256) == ("big", "")
    named = model_of(settings.model_copy(update={"model_path": embedded_model().path}))
    assert named.sha256 == embedded_model().sha256
    server = server_of(settings)
    assert server is not None and server.root() == "http://localhost:8080" and server.model == "big"
