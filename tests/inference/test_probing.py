"""How fast the embedded model speaks here is measured, and remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.errors import RetryLater
from hearthside.inference import probing
from hearthside.inference.fitting import bytes_per_token
from hearthside.inference.gguf_header import model_header
from hearthside.inference.probing import Measured, Measurements, measure
from hearthside.inference.shelf import embedded_model

_MODEL = embedded_model()


def test_pace_is_that_of_the_clock_it_was_given() -> None:
    ticks = iter(range(1000))
    measured = measure(_MODEL, 1, 42, clock=lambda: float(next(ticks)))  # every token takes one "second"
    assert measured.tokens_per_s == 1.0 and measured.load_s == 1.0 and measured.at_ms == 42
    assert measured.bytes_per_s == bytes_per_token(model_header(_MODEL.path), 33)


def test_too_little_said_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_TOKENS", 3)
    with pytest.raises(RetryLater) as caught:
        measure(_MODEL, 1, 42)
    assert caught.value.code == "probe-too-short"


def test_measurements_are_kept_and_may_be_lost(tmp_path: Path) -> None:
    kept = Measurements(tmp_path / "models")
    assert kept.all() == {}
    one, two = Measured(70.5, 0.5, 7e9, 1, 1), Measured(9, 3, 9e9, 2, 2)
    kept.keep("a", one)
    kept.keep("b", two)
    assert Measurements(tmp_path / "models").all() == {"a": one, "b": two}
    (tmp_path / "models" / "measured.json").write_text('{"a": {"tokens": 1}}')
    assert kept.all() == {}
    kept.keep("b", two)
    assert kept.all() == {"b": two}
