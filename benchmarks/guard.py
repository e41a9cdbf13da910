"""Memory guard: written falls of memory, a simulated pool, and the real process with a real kill.

Run: ``.venv/bin/python benchmarks/guard.py [--smoke]``.
1. Traces (`guard_traces.py`): the fall that was published, 20 and more like it, and swings that must end nothing, each
   with several seeds. Room left is counted until the kill has worked, 0.8 s after it.
2. Pool (`guard_pool.py`): 1,000 random schedules of loads and ends, of programs and of side models under their leases,
   with guards that die in between and answers that come too late. One admission too many is one after which all that
   was promised, the floor and the rest of the machine do not fit.
3. The real guard process over a written /proc/meminfo whose room falls below the floor at once, and a real child: from
   the write to the end of the child.

The last line is one JSON object: `least_left_gib` over all traces that end, `over_admissions` (two loaders at once
count too), `trips` of `trips_wanted`, `false_trips`, `needless` refusals, and milliseconds from floor to death.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.guard_pool import Counts, run_schedule
from benchmarks.guard_traces import TRACES, Run, meminfo, run
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
from hearthside.inference.guard.readings import GIB

SEED = 6
_SOFT, _HARD = 20 * GIB, 12 * GIB


@dataclass(frozen=True, slots=True)
class Size:
    """How much to run."""

    seeds: int
    schedules: int
    kills: int


FULL, SMOKE = Size(10, 1000, 10), Size(2, 100, 2)


def measure_traces(size: Size) -> dict[str, float]:
    """Part 1: prints a line for each trace."""
    print(f"{'trace':60} {'ended at s':>10} {'least left GiB':>15}  why")
    left, trips, wanted, false = [], 0, 0, 0
    for trace in TRACES:
        runs = [run(trace, np.random.default_rng([SEED, seed])) for seed in range(size.seeds)]
        ended = sum(one.ended_s is not None for one in runs)
        if trace.ends:
            left += [one.least_left for one in runs]
            trips, wanted = trips + ended, wanted + len(runs)
        else:
            false += ended
        print(_line(trace.name, runs))
    return {"least_left_gib": round(min(left), 2), "trips": trips, "trips_wanted": wanted, "false_trips": false}


def _line(name: str, runs: Sequence[Run]) -> str:
    first = f"{runs[0].ended_s:.2f}" if runs[0].ended_s is not None else "-"
    why = ", ".join(sorted({one.cause or "not ended" for one in runs}))
    return f"{name:60} {first:>10} {min(one.least_left for one in runs):>15.2f}  {why}"


def measure_pool(size: Size) -> dict[str, float]:
    """Part 2."""
    counts = Counts()
    for seed in range(size.schedules):
        run_schedule(np.random.default_rng([SEED, seed]), counts)
    print(
        f"\n{size.schedules} schedules: {counts.asked:,} loads asked for, {counts.admitted:,} admitted "
        f"({counts.grown:,} side models, {counts.late} of them answered too late), "
        f"{counts.too_many} too many, {counts.two_loading} beside another, {counts.needless} refused needlessly; "
        f"{counts.guards} guards replaced, {counts.ended} ends because of the rest of the machine"
    )
    return {"over_admissions": counts.too_many + counts.two_loading, "needless": counts.needless}


def measure_kills(size: Size) -> dict[str, float]:
    """Part 3: a guard process for each kill, so that the breaker does not come in."""
    times = [_kill() for _ in range(size.kills)]
    print(f"\nreal guard, real child, from the fall to its end: {', '.join(f'{1e3 * took:.0f}' for took in times)} ms")
    return {"reaction_ms": round(1e3 * statistics.median(times), 1), "reaction_ms_worst": round(1e3 * max(times), 1)}


def _kill() -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "meminfo"
        path.write_bytes(meminfo(60.0, 20.0))
        options = KeeperOptions(soft=_SOFT, hard=_HARD, proc=Path(folder), lock=Path(folder))
        keeper = Keeper(lambda: time.time_ns() // 1_000_000, options)
        keeper.start()
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        try:
            if not keeper.wait_watching(20):
                raise RuntimeError("the guard does not watch")
            keeper.admit("child", GIB)
            keeper.attach("child", child.pid)
            keeper.loaded("child")
            time.sleep(0.5)
            with path.open("r+b") as file:
                began = time.perf_counter()
                file.write(meminfo(11.9, 10.0))
            child.wait(20)
            return time.perf_counter() - began
        finally:
            child.kill()
            child.wait()
            keeper.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all parts; the last line is JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="a small run, as the tests do it")
    size = SMOKE if parser.parse_args(arguments).smoke else FULL
    figures = measure_traces(size) | measure_pool(size) | measure_kills(size)
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
