"""`hearthside costs`: what the AI costs in the terminal, as text and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.test_costs import NOON, Home, spent
from tests.cli.ended import Run


def _lived(folder: Path) -> None:
    """A vault in which two questions were answered, one of them by a model."""
    home = Home(folder)
    home.answer()
    home.answer(spent(joules=7_200.0), worded_by="a model")
    home.costs.take(spent(8, 1, probe=True, cached=0))
    home.rooms.close()


@pytest.fixture
def asked(at: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points to such a vault; it is the day of the questions."""
    _lived(tmp_path / "asked")
    at(tmp_path / "asked")
    monkeypatch.setattr("hearthside.app.rooms.time.time_ns", lambda: (NOON + 60_000) * 1_000_000)


def test_an_empty_house_has_cost_nothing(run: Run) -> None:
    ended, view = run("costs"), run("costs", "--json").json()
    assert ended.status == 0 and "No question was answered" in ended.out and "used for: nothing." in ended.out
    assert (view["months"], view["recent"]["kwh"], len(view["days"])) == ([], None, 31)


def test_costs_are_told(run: Run, asked: None) -> None:
    ended = run("costs", "--days")
    assert ended.status == 0 and "2 answers, 1 (50 %) of them without a single token" in ended.out
    assert "1 probe whether the model works (9)" in ended.out and "2.0 Wh" in ended.out
    assert "By day" in ended.out and "2026-05-20" in ended.out and "By month" in ended.out
    assert "  money" not in ended.out
    assert "By day" not in run("costs").out


def test_money_needs_a_price(run: Run, asked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTHSIDE_ELECTRICITY_PRICE", "40")
    monkeypatch.setenv("HEARTHSIDE_ELECTRICITY_CURRENCY", "SEK")
    told, view = run("costs").out, run("costs", "--json").json()
    assert "money" in told and "0.08 SEK at 40 SEK a kWh" in told
    [month] = view["months"]
    assert month["name"] == "2026-05" and month["money"] == month["kwh"] * 40 and month["free"] == 1
    assert month["answered"]["joules"] == 7_200.0 and month["probes"]["tokens_in"] == 8
    assert (view["price"], view["currency"]) == (40, "SEK")
    monkeypatch.setenv("HEARTHSIDE_ELECTRICITY_PRICE", "-1")
    assert run("costs").status == 3
