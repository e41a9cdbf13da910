"""What four stamps say of a clock, and which are refused."""

from __future__ import annotations

import pytest

from hearthside.alignment.clocks.exchanges import Exchange, read_exchange
from hearthside.events import Json

GOOD = {"clock": "device:phone", "t1_ms": 1000, "t2_ms": 6010.5, "t3_ms": 6011.5, "t4_ms": 1041}


def test_shift_and_round_trip() -> None:
    """There 20 ms, one ms at the station, back 20 ms; the clock is 4,990.5 ms slow."""
    exchange = read_exchange(GOOD)
    assert exchange == Exchange(1000.0, 6010.5, 6011.5, 1041.0)
    assert exchange.shift_ms == 4990.5
    assert exchange.round_trip_ms == 40.0
    assert (exchange.device_ms, exchange.station_ms) == (1020.5, 6011.0)


def test_an_uneven_way_is_off_by_at_most_half_a_round_trip() -> None:
    true_shift, there, back = 5_000.0, 90.0, 10.0
    t2 = 1000.0 + true_shift + there
    exchange = Exchange(1000.0, t2, t2, t2 + back - true_shift)
    assert exchange.round_trip_ms == 100.0
    assert abs(exchange.shift_ms - true_shift) == (there - back) / 2 <= exchange.round_trip_ms / 2


def test_a_monotonic_stamp_is_kept() -> None:
    assert read_exchange({**GOOD, "mono_ms": 12}).mono_ms == 12.0
    assert read_exchange({**GOOD, "mono_ms": None}).mono_ms is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"t1_ms": None}, "t1_ms"),
        ({"t2_ms": "6010"}, "t2_ms"),
        ({"t3_ms": True}, "t3_ms"),
        ({"t4_ms": float("nan")}, "t4_ms"),
        ({"t4_ms": float("inf")}, "t4_ms"),
        ({"t1_ms": 10**400}, "t1_ms"),
        ({"t1_ms": -1e16}, "t1_ms"),
        ({"mono_ms": "x"}, "mono_ms"),
        ({"t4_ms": 999}, "before it asked"),
        ({"t3_ms": 6010}, "before it was asked"),
        ({"t3_ms": 6052}, "negative"),
        ({"t4_ms": 1000 + 5 * 60_000 + 2}, "5 minutes"),
        ({"t3_ms": 6010.5 + 61 * 60_000, "t4_ms": 1000 + 61 * 60_000}, "60 minutes"),
    ],
)
def test_what_is_no_exchange_is_refused_with_the_reason(change: dict[str, Json], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_exchange({**GOOD, **change})


def test_a_missing_stamp_is_refused() -> None:
    with pytest.raises(ValueError, match="t2_ms"):
        read_exchange({name: value for name, value in GOOD.items() if name != "t2_ms"})
