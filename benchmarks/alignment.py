"""The alignment kernel against Polars, DuckDB and pandas, in one run, with the same result.

Run: ``.venv/bin/python benchmarks/alignment.py [--smoke] [--data DIR]``. The streams are generated (`streams.py`);
``--data`` is accepted for uniformity. One row a minute of twenty columns: the value that holds within a tolerance, its
age, counts, a mean, lists of event ids, overlaps of app use. Every engine and size has a process of its own, for its
peak memory; loading is not timed, and engines take the threads they like (ours takes one). The processes take turns, so
that what else the machine does hits all of them, and a ratio is the median over the rounds. All columns of all engines
are compared with ours: equal to the last bit, means to one part in 10^12.

Then the life stream from an encrypted journal: see `alignment_journal.py`.

The last line is one JSON object. `peak_memory_ratio_polars` is the worse of both sizes.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

import numpy as np

from benchmarks.streams import COLUMNS, YEAR, Columns, Lists

OURS = "hearthside"
ENGINES = (OURS, "polars", "duckdb", "pandas")
KEYS = (
    "speedup_polars_1y", "speedup_duckdb_1y", "speedup_pandas_1y", "speedup_polars_10y", "peak_memory_ratio_polars",
    "rebuild_over_decode", "rebuild_10y_s", "late_day_ms_p99", "year_view_s",
)  # fmt: skip
_ROOT = Path(__file__).resolve().parents[1]
_MEANS = "sensor_mean"


@dataclass(frozen=True, slots=True)
class Size:
    """One comparison.

    Attributes:
        name: as in the keys of the last line.
        minutes: slices to join.
        rounds: how often each engine joins them.
    """

    name: str
    minutes: int
    rounds: int
    engines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one engine did at one size.

    Attributes:
        seconds: of each round.
        loaded_mb, peak_mb: memory of the process before the first join, and at most.
    """

    seconds: list[float]
    loaded_mb: float
    peak_mb: float


SIZES = (Size("1y", YEAR, 5, ENGINES), Size("10y", 10 * YEAR, 3, (OURS, "polars")))
SMOKE = (Size("1y", 3 * 1440, 2, ENGINES), Size("10y", 6 * 1440, 2, (OURS, "polars")))


# -- the process of one engine -------------------------------------------------------------------------------------


class Engine(Protocol):
    """What the files in `engines` have."""

    def load(self, folder: Path, minutes: int) -> Any:
        """The streams, in the engine's own form."""

    def join(self, tables: Any) -> Any:
        """All columns of all slices."""

    def columns(self, result: Any) -> Columns:
        """The result in the form of all engines."""


def engine(name: str) -> Engine:
    """An engine by its name."""
    return cast(Engine, importlib.import_module(f"benchmarks.engines.{name}_engine"))


def serve(name: str, folder: Path, minutes: int) -> None:
    """Load, then join at every line that comes in; at the last one say what the result was."""
    joining = engine(name)
    tables = joining.load(folder, minutes)
    _say({"loaded_mb": _peak_mb()})
    result: Any = None
    for line in sys.stdin:
        if line.strip() != "join":
            break
        result = None  # the one before must not count towards the peak
        gc.collect()
        began = time.perf_counter()
        result = joining.join(tables)
        _say({"seconds": time.perf_counter() - began})
    peak = _peak_mb()
    columns = joining.columns(result)
    np.save(folder / f"{name}.means.npy", np.asarray(columns[_MEANS]))
    _say({"peak_mb": peak, "digests": {column: digest(columns, column) for column in COLUMNS}})


def _say(what: Mapping[str, object]) -> None:
    print(json.dumps(what), flush=True)


def _peak_mb() -> float:
    """Most memory this process had at a time.

    Linux lets a new process start with the figure of the one that started it, so its own is read where there is one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def digest(columns: Columns, name: str) -> str:
    """A column in one form of writing numbers, hashed; means differ in their last bit and are compared otherwise."""
    column = columns[name]
    if isinstance(column, Lists):
        parts = [column.offsets.astype(np.int64), column.values.astype(np.int64)]
    elif column.dtype.kind == "f":
        parts = [np.where(np.isnan(column), np.nan, column).astype(np.float64)]
    else:
        parts = [column.astype(np.int64)]
    if name == _MEANS:
        parts = [np.isnan(part) for part in parts]
    return hashlib.blake2b(b"".join(part.tobytes() for part in parts), digest_size=16).hexdigest()


# -- the process that compares -------------------------------------------------------------------------------------


class Worker:
    """An engine in its own process."""

    def __init__(self, name: str, folder: Path, minutes: int) -> None:
        command = [sys.executable, __file__, "--engine", name, "--folder", str(folder), "--minutes", str(minutes)]
        self.name = name
        self.seconds: list[float] = []
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
        self.loaded_mb = float(self._hear()["loaded_mb"])

    def join(self, counts: bool = True) -> None:
        """One join, kept if it counts."""
        seconds = float(self._ask("join")["seconds"])
        if counts:
            self.seconds.append(seconds)

    def finish(self) -> tuple[Measured, dict[str, str]]:
        """What was measured, and a digest of every column."""
        said = self._ask("finish")
        return Measured(self.seconds, self.loaded_mb, said["peak_mb"]), said["digests"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _ask(self, what: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended without an answer")
        said: dict[str, Any] = json.loads(line)
        return said


def compare(size: Size, folder: Path) -> dict[str, Measured]:
    """All engines at one size, in turns; ends the programme when one of them found something else than we did."""
    make = [sys.executable, str(_ROOT / "benchmarks" / "streams.py"), str(size.minutes), str(folder)]
    events = int(subprocess.run(make, check=True, stdout=subprocess.PIPE).stdout)
    with ExitStack() as stack:
        workers = []
        for name in size.engines:
            workers.append(Worker(name, folder, size.minutes))
            stack.callback(workers[-1].close)
            workers[-1].join(counts=False)  # threads started, libraries loaded
        for turn in range(size.rounds):
            for at in range(len(workers)):
                workers[(turn + at) % len(workers)].join()
        found = {worker.name: worker.finish() for worker in workers}
    check({name: digests for name, (_, digests) in found.items()}, folder)
    print(f"{size.name}: {size.minutes:,} slices, {events:,} events, {size.rounds} rounds; all columns agree")
    return {name: measured for name, (measured, _) in found.items()}


def check(digests: Mapping[str, Mapping[str, str]], folder: Path) -> None:
    """That every engine's columns are ours.

    Raises:
        SystemExit: one of them is not.
    """
    means = np.load(folder / f"{OURS}.means.npy")
    for name, columns in digests.items():
        differ = [column for column in COLUMNS if columns[column] != digests[OURS][column]]
        theirs = np.load(folder / f"{name}.means.npy")
        if not np.allclose(means, theirs, rtol=1e-12, atol=0, equal_nan=True):
            differ.append(_MEANS)
        if differ:
            raise SystemExit(f"{name} and {OURS} do not agree on {', '.join(differ)}")


def speedup(measured: Mapping[str, Measured], peer: str) -> float:
    """How many times quicker we are: the median over the rounds."""
    pairs = zip(measured[peer].seconds, measured[OURS].seconds, strict=True)
    return statistics.median(theirs / ours for theirs, ours in pairs)


def show(size: Size, measured: Mapping[str, Measured]) -> None:
    """A table for people."""
    heads = ("median ms", "from", "to", "slices/s", "loaded MB", "peak MB", "x ours")
    print(f"  {'engine':<11}" + "".join(f"{head:>11}" for head in heads))
    for name, one in measured.items():
        middle = statistics.median(one.seconds)
        spread = [f"{seconds * 1e3:,.0f}" for seconds in (middle, min(one.seconds), max(one.seconds))]
        cells = [*spread, f"{size.minutes / middle:,.0f}", f"{one.loaded_mb:,.0f}", f"{one.peak_mb:,.0f}"]
        print(f"  {name:<11}" + "".join(f"{cell:>11}" for cell in (*cells, f"{speedup(measured, name):.2f}")))


def joins(sizes: Sequence[Size]) -> dict[str, float]:
    """The keys of the joins in memory."""
    figures: dict[str, float] = {}
    memory = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="alignment-") as folder:
            measured = compare(size, Path(folder))
        show(size, measured)
        for peer in size.engines[1:]:
            figures[f"speedup_{peer}_{size.name}"] = speedup(measured, peer)
        memory.append(measured[OURS].peak_mb / measured["polars"].peak_mb)
        print(f"  peak memory, ours over Polars': {memory[-1]:.2f}")
    figures["peak_memory_ratio_polars"] = max(memory)
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--smoke", action="store_true", help="a few days, to see that everything runs")
    parser.add_argument("--data", help="not needed; accepted for uniformity")
    parser.add_argument("--engine", choices=ENGINES, help="be the process of this engine")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--minutes", type=int)
    options = parser.parse_args(arguments)
    if options.engine:
        serve(options.engine, options.folder, options.minutes)
        return
    from benchmarks.alignment_journal import journal_figures  # here: an engine's process must not pay for it

    figures = joins(SMOKE if options.smoke else SIZES) | journal_figures(options.smoke)
    print(json.dumps({key: round(figures[key], 3) for key in KEYS}))


if __name__ == "__main__":
    main()
