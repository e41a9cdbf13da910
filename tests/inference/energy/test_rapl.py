"""The processor's counter: exact joules, its new beginnings, packages only, and folders that only root may read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hearthside.inference.energy import Absent, Rapl, Reading
from tests.inference.energy.machines import PowerCap


def _uj(meter: Rapl) -> int:
    said = meter.read()
    assert isinstance(said, Reading)
    return round(said.joules * 1_000_000)


def test_a_counter_that_begins_anew_loses_nothing(tmp_path: Path) -> None:
    cap = PowerCap(tmp_path, range_uj=65_532_610_987)
    cap.pass_uj(65_532_610_000)
    meter = Rapl(tmp_path)
    cap.pass_uj(2_000)
    assert cap.at == [1_013] and _uj(meter) == 2_000
    cap.pass_uj(65_532_610_986)  # nearly a whole round
    assert _uj(meter) == 2_000 + 65_532_610_986


def test_many_readings_of_two_processors_are_exact(tmp_path: Path) -> None:
    chance = random.Random(6)
    cap = PowerCap(tmp_path, 2, range_uj=1_000_003)
    meter, passed = Rapl(tmp_path), 0
    for _ in range(200):
        for package in (0, 1):
            amount = chance.randrange(1_000_003)
            cap.pass_uj(amount, package)
            passed += amount
        assert _uj(meter) == passed


def test_only_whole_packages_count(tmp_path: Path) -> None:
    cap = PowerCap(tmp_path)
    cap.domain("intel-rapl:0:0", "core", 7)
    cap.domain("intel-rapl:0:1", "dram", 7)
    cap.domain("intel-rapl:1", "psys", 7)
    cap.domain("intel-rapl-mmio:0", "package-0", 7)
    meter = Rapl(tmp_path)
    for place in ("intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:1", "intel-rapl-mmio:0"):
        (tmp_path / place / "energy_uj").write_text("5000000\n")
    cap.pass_uj(3)
    assert _uj(meter) == 3
    said = meter.read()
    assert isinstance(said, Reading) and said.covers == "the whole processor package, idle included"
    other = Rapl(PowerCap(tmp_path / "two", 2).folder).read()
    assert isinstance(other, Reading) and other.covers.startswith("all 2 processor packages")


def test_only_root_may_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PowerCap(tmp_path)
    read = Path.read_text

    def closed(path: Path, *options: str) -> str:  # tests may run as root, whom no file mode stops
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *options)

    monkeypatch.setattr(Path, "read_text", closed)
    said = Rapl(tmp_path).read()
    assert isinstance(said, Absent) and "only root may read it" in said.why and "docs/costs.md" in said.why


@pytest.mark.parametrize("wrong", ["", "many", "-3"])
def test_a_counter_that_is_no_number(tmp_path: Path, wrong: str) -> None:
    PowerCap(tmp_path).domain("intel-rapl:0", "package-0", wrong)
    assert isinstance(Rapl(tmp_path).read(), Absent)


def test_it_says_so_while_it_cannot_read_and_goes_on_after(tmp_path: Path) -> None:
    cap = PowerCap(tmp_path)
    meter = Rapl(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("?")
    assert isinstance(meter.read(), Absent)
    cap.pass_uj(40)
    assert _uj(meter) == 40
