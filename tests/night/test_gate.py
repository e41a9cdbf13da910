"""The gate: better than the base and the adapter before, no worse at English, on enough messages, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from hearthside.errors import Refused
from hearthside.night import gate
from hearthside.night.gate import GENERAL_SHA256, GENERAL_WORSE_AT_MOST, MIN_HELD_OUT, Measured, general_text, judge

_RANDOM = np.random.default_rng(4)
_CHARS = _RANDOM.integers(10, 120, 60)
_BASE = _RANDOM.uniform(2.0, 4.0, 60) * _CHARS


def _measured(gain: float, general: float = 3.0, spread: float = 0.05) -> Measured:
    """A model that saves `gain` bits a character on average, unevenly."""
    noise = np.random.default_rng(9).normal(0, spread, 60)
    return Measured(_BASE - (gain + noise - noise.mean()) * _CHARS, general)


_NOTHING = Measured(_BASE, 3.0)


def test_a_better_adapter_is_promoted() -> None:
    verdict = judge(_CHARS, _NOTHING, _measured(0.3), None)
    assert verdict.promote
    assert 0 < verdict.figures["gain_low"] <= verdict.figures["gain"] <= verdict.figures["gain_high"]
    assert verdict.figures["base"] == pytest.approx(_BASE.sum() / _CHARS.sum())
    assert "previous" not in verdict.figures


@pytest.mark.parametrize(("gain", "spread"), [(0.0, 0.05), (-0.2, 0.05), (0.02, 1.0)])
def test_what_is_no_better_than_the_base_for_sure_is_kept_back(gain: float, spread: float) -> None:
    verdict = judge(_CHARS, _NOTHING, _measured(gain, spread=spread), None)
    assert not verdict.promote
    assert verdict.figures["gain_low"] <= 0
    assert "than with the base" in verdict.reason


def test_it_must_also_beat_the_adapter_before() -> None:
    worse = judge(_CHARS, _NOTHING, _measured(0.2), previous=_measured(0.3))
    assert not worse.promote
    assert worse.figures["gain_low"] > 0 > worse.figures["gain_on_previous_high"]
    assert "no better than the one you have" in worse.reason
    same = judge(_CHARS, _NOTHING, _measured(0.3), previous=_measured(0.3))
    assert (same.promote, same.figures["gain_on_previous"]) == (False, 0.0)
    assert judge(_CHARS, _NOTHING, _measured(0.4), previous=_measured(0.3)).promote


def test_ordinary_english_may_get_one_hundredth_worse() -> None:
    most = 3.0 * (1 + GENERAL_WORSE_AT_MOST)
    assert judge(_CHARS, _NOTHING, _measured(0.3, most - 1e-6), None).promote
    worse = judge(_CHARS, _NOTHING, _measured(0.3, most + 1e-3), None)
    assert not worse.promote
    assert "forgot ordinary English" in worse.reason
    assert judge(_CHARS, _NOTHING, _measured(0.3, 2.5), None).promote
    assert not judge(_CHARS, _NOTHING, _measured(0.3, float("nan")), None).promote


def test_too_few_messages_decide_nothing() -> None:
    few = MIN_HELD_OUT - 1
    new = _measured(0.5)
    cut = [Measured(m.bits[:few], m.general) for m in (_NOTHING, new)]
    verdict = judge(_CHARS[:few], cut[0], cut[1], None)
    assert (verdict.promote, f"only {few} messages" in verdict.reason) == (False, True)
    enough = [Measured(m.bits[: few + 1], m.general) for m in (_NOTHING, new)]
    assert judge(_CHARS[: few + 1], enough[0], enough[1], None).promote


def test_every_reason_is_told() -> None:
    verdict = judge(_CHARS, _NOTHING, _measured(-0.1, 4.0), previous=_measured(0.2))
    assert verdict.reason.count(";") == 2


def test_the_general_text_is_the_one_the_gate_was_set_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = general_text()
    assert text.startswith("It is a truth universally acknowledged")
    assert hashlib.sha256(text.encode()).hexdigest() == GENERAL_SHA256
    (tmp_path / "general_text.txt").write_text(text + " ")
    monkeypatch.setattr(gate, "files", lambda package: tmp_path)
    with pytest.raises(Refused) as error:
        general_text()
    assert error.value.code == "general-text-changed"
