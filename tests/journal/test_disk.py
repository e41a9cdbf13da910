"""The disk guard stops capture in time, goes on when there is room, and does not come and go."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.errors import RetryLater
from hearthside.journal.disk import DiskGuard, DiskLevel, default_soft_bytes, free_bytes

GIB = 1024**3
MIB = 1024**2


class _Disk:
    """A disk with as much room as the test says, and a clock that the test moves."""

    def __init__(self, free: int) -> None:
        self.free, self.now_ms, self.asked = free, 1_000_000, 0

    def __call__(self, folder: Path) -> int:
        self.asked += 1
        if self.free < 0:
            raise OSError(5, "Input/output error")
        return self.free

    def clock(self) -> int:
        return self.now_ms

    def becomes(self, free: int) -> None:
        self.free = free
        self.now_ms += 1000


def _guard(disk: _Disk, folder: Path) -> DiskGuard:
    return DiskGuard(folder, disk.clock, disk, soft_bytes=GIB)


def _refusal(check: object) -> RetryLater:
    assert callable(check)
    with pytest.raises(RetryLater) as caught:
        check()
    return caught.value


def test_with_room_nothing_is_said(tmp_path: Path) -> None:
    guard = _guard(_Disk(2 * GIB), tmp_path)
    guard.check_capture()
    guard.check_any()
    assert (guard.state().level, guard.state().sentence, guard.state().free) == (DiskLevel.OK, "", 2 * GIB)


def test_below_the_soft_floor_capture_stops_and_the_rest_goes_on(tmp_path: Path) -> None:
    guard = _guard(_Disk(GIB - 1), tmp_path)
    error = _refusal(guard.check_capture)
    assert error.code == "disk-nearly-full"
    assert error.message.endswith(guard.state().sentence)
    assert "1.1 GB are free" in error.message and "safe" in error.message and "Free some space" in error.message
    guard.check_any()


def test_below_the_hard_floor_nothing_is_written(tmp_path: Path) -> None:
    guard = _guard(_Disk(256 * MIB - 1), tmp_path)
    for check in (guard.check_capture, guard.check_any):
        error = _refusal(check)
        assert error.code == "disk-full"
        assert "268 MB" in error.message


def test_levels_do_not_come_and_go(tmp_path: Path) -> None:
    disk = _Disk(GIB)
    guard = _guard(disk, tmp_path)
    levels = []
    for free in (GIB, GIB - 1, GIB, GIB * 9 // 8 - 1, GIB * 9 // 8, GIB, 255 * MIB, 260 * MIB, 288 * MIB, GIB, 2 * GIB):
        disk.becomes(free)
        levels.append(guard.state().level.value)
    assert levels == ["ok", "low", "low", "low", "ok", "ok", "full", "full", "low", "low", "ok"]


def test_the_disk_is_looked_at_once_a_second(tmp_path: Path) -> None:
    disk = _Disk(2 * GIB)
    guard = _guard(disk, tmp_path)
    for _ in range(100):
        guard.check_capture()
    assert disk.asked == 1
    disk.now_ms += 999
    guard.check_capture()
    assert disk.asked == 1
    disk.becomes(0)
    assert guard.state().level is DiskLevel.FULL
    disk.free, disk.now_ms = 2 * GIB, 5  # a clock that was set back
    assert guard.state().level is DiskLevel.OK


def test_a_disk_that_does_not_answer_is_not_written_to(tmp_path: Path) -> None:
    disk = _Disk(-1)
    guard = _guard(disk, tmp_path)
    error = _refusal(guard.check_any)
    assert error.code == "disk-full"
    assert "does not answer (Input/output error)" in error.message
    disk.becomes(2 * GIB)
    guard.check_capture()


def test_the_floor_of_a_disk() -> None:
    assert default_soft_bytes(20 * GIB) == GIB
    assert default_soft_bytes(100 * GIB) == 2 * GIB
    assert default_soft_bytes(4000 * GIB) == 10 * GIB


def test_a_real_disk(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
    guard = DiskGuard(tmp_path, lambda: 0)
    assert GIB <= guard.soft_bytes <= 10 * GIB
    assert guard.state().free > 0
    with pytest.raises(FileNotFoundError):
        free_bytes(tmp_path / "gone")
