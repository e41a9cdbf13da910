"""A night of small steps in a process of its own: `python -m tests.night.cycle_process FOLDER [MOMENT]`.

Each step appends a line to FOLDER/effects when it has its effect. At MOMENT (``begin think``: before the effect of that
step; ``effect think``: after it, before it is recorded) the process kills itself with SIGKILL.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from hearthside.journal import Journal
from hearthside.night.cycle import NightCycle, Step, StepContext, StepResult

NAMES = ("close", "think", "decide")
KEY = b"\1" * 32


def _now() -> int:
    return time.time_ns() // 1_000_000


def _reach(moment: str) -> None:
    if moment in sys.argv[2:]:
        os.kill(os.getpid(), signal.SIGKILL)


def steps(folder: Path) -> list[Step]:
    """Steps that count those before them."""

    def run(name: str, context: StepContext) -> StepResult:
        _reach(f"begin {name}")
        before = [data["count"] for data in context.results.values()]
        with (folder / "effects").open("a") as file:
            file.write(f"{context.cycle} {name} {len(before)}\n")
        _reach(f"effect {name}")
        return StepResult("done", f"{name} is done.", {"count": len(before) + 1})

    return [Step(name, name.title(), lambda context, name=name: run(name, context)) for name in NAMES]  # type: ignore[misc]


def main() -> None:
    """Run or resume one night."""
    folder = Path(sys.argv[1])
    journal = Journal(folder, KEY, _now)
    NightCycle(journal, steps(folder), _now).run()
    journal.close()


if __name__ == "__main__":
    main()
