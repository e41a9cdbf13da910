"""Control groups: real limits and real kills where this system lets us, and both versions as they are written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hearthside.inference.guard import cgroups
from hearthside.inference.guard.cgroups import Group, Headroom, Place, find_place, make_group, sweep
from tests.inference.guard.children import MIB, eater, go, own_group, own_place, sleeper
from tests.until import until


def test_a_real_limit_kills_the_one_that_eats_and_nobody_else() -> None:
    with own_group("limit") as group, eater(8 * MIB, 0.005, 600 * MIB) as hog, sleeper() as neighbour:
        group.limit(128 * MIB)
        group.add(hog.pid)
        assert group.processes() == [hog.pid] and group.killed_by_kernel() == 0
        go(hog)
        assert hog.wait(60) == -9
        assert group.killed_by_kernel() == 1
        assert neighbour.poll() is None
        until(lambda: group.processes() == [])


def test_a_real_group_is_killed_whole_even_when_it_is_stopped() -> None:
    with own_group("whole") as group, sleeper() as one, sleeper() as two, sleeper() as neighbour:
        for process in (one, two):
            group.add(process.pid)
        one.send_signal(19)  # SIGSTOP
        assert group.kill() == 2
        assert (one.wait(10), two.wait(10), neighbour.poll()) == (-9, -9, None)


def test_version_2_kills_a_group_with_one_word() -> None:
    mount = next(
        (
            Path(line.split()[1])
            for line in Path("/proc/mounts").read_text().splitlines()
            if line.split()[2] == "cgroup2"
        ),
        None,
    )
    if mount is None:
        pytest.skip("this system has no control groups of version 2")
    folder = mount / f"hearthside-{os.getpid()}-kill"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this system lets us make no control group of version 2")
    group = Group(folder, 2)
    try:
        with sleeper() as process:
            group.add(process.pid)
            assert (folder / "cgroup.kill").exists()
            assert group.kill() == 1 and process.wait(10) == -9
    finally:
        until(group.remove, "removing the group")


def test_the_room_in_a_real_group_shrinks_as_it_is_eaten() -> None:
    with own_group("room") as group, eater(8 * MIB, 0.001, 96 * MIB) as hog:
        group.limit(256 * MIB)
        group.add(hog.pid)
        headroom = Headroom(Place(group.folder, group.folder, group.version))
        before = headroom.read()
        assert before is not None and before.limit == 256 * MIB and before.left > 200 * MIB
        go(hog)
        until(lambda: (room := headroom.read()) is not None and room.left < before.left - 90 * MIB)
        assert hog.poll() is None


def test_a_group_is_found_again_under_its_name_and_swept_when_its_owner_is_gone() -> None:
    place = own_place()
    with own_group("again") as group:
        assert make_group(place, f"{os.getpid()}-again") == group
        left_over = make_group(place, "4194305-1")  # beyond the largest process id of Linux
        assert left_over is not None
        assert sweep(place) >= 1
        assert not left_over.folder.exists() and group.folder.exists()


def _tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _proc(tmp_path: Path, mounts: list[str], groups: str) -> Path:
    _tree(tmp_path / "proc", {"self/mountinfo": "\n".join(mounts), "self/cgroup": groups})
    return tmp_path / "proc"


def test_version_2_is_found_as_systemd_lays_it_out(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    own = "user.slice/user-1000.slice/app.slice/hearthside.service"
    _tree(root, {"cgroup.controllers": "cpu memory pids", f"{own}/cgroup.procs": "1\n"})
    mounts = ["22 1 0:5 / /proc rw - proc proc rw", f"30 24 0:26 / {root} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"]
    place = find_place(_proc(tmp_path, mounts, f"0::/{own}\n"))
    assert place == Place(root, root / own, 2)


def test_in_a_container_that_sees_its_own_part_only(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    _tree(root, {"cgroup.controllers": "memory"})
    mounts = [f"30 24 0:26 /docker/abc {root} ro - cgroup2 cgroup rw"]
    assert find_place(_proc(tmp_path, mounts, "0::/docker/abc\n")) == Place(root, root, 2)
    mounts = [f"30 24 0:26 /docker/abc {root} ro - cgroup cgroup rw,memory"]
    groups = "3:cpu:/docker/abc\n4:memory:/docker/abc\n0::/\n"
    assert find_place(_proc(tmp_path, mounts, groups)) == Place(root, root, 1)


def test_without_a_memory_controller_there_is_no_place(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    _tree(root, {"cgroup.controllers": "hugetlb"})
    assert find_place(_proc(tmp_path, [f"30 24 0:26 / {root} rw - cgroup2 cgroup2 rw"], "0::/\n")) is None
    assert find_place(tmp_path / "nowhere") is None
    assert make_group(None, "x") is None and sweep(None) == 0


def test_version_2_makes_its_group_beside_ours_where_the_controller_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tmp_path / "app.slice" / "hearthside.service"
    _tree(tmp_path, {"app.slice/cgroup.subtree_control": "memory", "app.slice/hearthside.service/cgroup.procs": ""})
    place = Place(tmp_path, ours, 2)
    assert make_group(place, "1-2") is None  # a folder that the kernel does not fill is no group
    monkeypatch.setattr(Path, "exists", lambda self: True)
    group = make_group(place, "1-2")
    assert group == Group(ours.parent / f"{cgroups.PREFIX}1-2", 2)


def test_version_2_limits_host_memory_and_swap_but_never_sets_high(tmp_path: Path) -> None:
    _tree(tmp_path, {name: "" for name in ("memory.max", "memory.high", "memory.swap.max", "memory.oom.group")})
    group = Group(tmp_path, 2)
    group.limit(5000)
    assert [(tmp_path / name).read_text() for name in ("memory.max", "memory.swap.max", "memory.oom.group")] == [
        "5000",
        "0",
        "1",
    ]
    assert (tmp_path / "memory.high").read_text() == ""
    (tmp_path / "memory.events").write_text("low 0\noom 2\noom_kill 2\n")
    assert group.killed_by_kernel() == 2


def test_the_tightest_group_above_counts(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    _tree(
        tmp_path,
        {
            "outer/memory.max": "1000", "outer/memory.current": "700",
            "outer/memory.stat": "anon 5\ninactive_file 50\n",
            "outer/inner/memory.max": "2000", "outer/inner/memory.current": "600",
            "outer/inner/memory.stat": "anon 5\n",
        },
    )  # fmt: skip
    room = Headroom(Place(tmp_path, inner, 2)).read()
    assert room is not None and (room.limit, room.left) == (1000, 350)
    (tmp_path / "outer" / "memory.max").write_text("max")
    room = Headroom(Place(tmp_path, inner, 2)).read()
    assert room is not None and (room.limit, room.left) == (2000, 1400)


@pytest.mark.parametrize(
    ("version", "limit", "usage", "stat"),
    [
        (1, "memory.limit_in_bytes", "memory.usage_in_bytes",
         "inactive_file 1\nactive_file 2\ntotal_active_file 300\ntotal_inactive_file 40\ntotal_active_anon 70\n"),
        (2, "memory.max", "memory.current",
         "anon 80\nslab 90\nslab_reclaimable 20\nslab_unreclaimable 70\ninactive_file 20\nactive_file 300\n"),
    ],
)  # fmt: skip
def test_what_the_kernel_would_give_up_is_room_even_when_it_was_used_lately(
    tmp_path: Path, version: int, limit: str, usage: str, stat: str
) -> None:
    _tree(tmp_path, {limit: "1000", usage: "900", "memory.stat": stat})
    room = Headroom(Place(tmp_path, tmp_path, version)).read()
    assert room is not None and (room.limit, room.left) == (1000, 100 + 340)


def test_names_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    _tree(root, {"cgroup.controllers": "memory", "own/cgroup.procs": "1\n"})
    odd = b"29 24 0:9 / /mnt/caf\xe9\x0b\xc2\x85\r rw - ext4 /dev/sda rw\n"
    proc = _proc(tmp_path, [], "")
    (proc / "self" / "mountinfo").write_bytes(odd + f"30 24 0:26 / {root} rw - cgroup2 cgroup2 rw\n".encode())
    (proc / "self" / "cgroup").write_bytes(b"1:name=caf\xe9:/\n0::/own\n")
    assert find_place(proc) == Place(root, root / "own", 2)
