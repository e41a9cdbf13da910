"""The command `hearthside mcp` before it speaks; its talk with a station is in tests/end_to_end/test_doors.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.ended import Run


def test_it_needs_a_token_from_the_environment_or_a_file(run: Run, tmp_path: Path) -> None:
    ended = run("mcp")
    assert (ended.status, "token-missing" in ended.err) == (4, True)
    assert run("mcp", "--token-file", tmp_path / "none").status == 4
    (tmp_path / "empty").write_text(" \n")
    assert "hearthside token add" in run("mcp", "--token-file", tmp_path / "empty").err
    for text in ("hs_é", "hs_a\nhs_b"):
        (tmp_path / "odd").write_text(text, encoding="utf-8")
        ended = run("mcp", "--token-file", tmp_path / "odd")
        assert (ended.status, text in ended.err) == (4, False)


def test_a_token_is_sent_to_this_machine_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hs_x\n")
    for address in ("http://evil.example:8420", "http://127.0.0.1.evil.example", "http://localhost@evil.example"):
        ended = run("mcp", "--token-file", tmp_path / "token", "--url", address)
        assert (ended.status, "not-loopback-station" in ended.err) == (5, True)


def test_a_station_on_a_free_port_must_be_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTHSIDE_PORT", "0")
    monkeypatch.setenv("HEARTHSIDE_TOKEN", "hs_x")
    assert "station-address-missing" in run("mcp").err
