"""The crash programme on the command line: ``python -m crash [N]``; Ctrl-C ends it early, with what was found so far.

N power cuts over all scenarios, then kills and a failing disk. The last line is one JSON object; the exit status is 1
when any promise was broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from crash import faults, kills, power
from crash.failing_disk import Fault
from crash.programme import Tally, rounds, run
from crash.promises import Outcome
from crash.scenarios import SCENARIOS

_FAILURES_SHOWN = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what was found; the exit status."""
    asked = _parser().parse_args(arguments)
    names = [asked.scenario] if asked.scenario else list(SCENARIOS)
    console = Console()
    tallies = {name: Tally() for name in names}
    found: dict[str, Any] = {}
    stopped = True
    with suppress(KeyboardInterrupt):
        _cut_power(console, tallies, asked)
        if not asked.scenario:
            _kill(console, asked, found)
            _fail(console, asked, found)
            _cut_blocks(console, asked, found)
        stopped = False
    console.print(_table(tallies))
    _tell_failures(console, tallies)
    summary = _summary(tallies) | found | {"seed": asked.seed, "stopped": stopped}
    sys.stdout.write(json.dumps(summary) + "\n")
    return int(any(summary.get(name, 0) for name in _MUST_BE_NONE))


_MUST_BE_NONE = (
    *(outcome.value for outcome in Outcome if outcome is not Outcome.OK),
    "kill_faults",
    "fault_unsaid",
    "fault_stuck",
    "fault_broken",
    "power_faults",
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m crash", description=str(__doc__).partition(";")[0])
    parser.add_argument("points", nargs="?", type=int, default=10_000, help="power cuts in all (10,000)")
    parser.add_argument("--points", dest="points", type=int, default=argparse.SUPPRESS, help="the same by name")
    parser.add_argument("--seed", type=int, default=1, help="decides what is written and when the power goes (1)")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="only this one, and nothing but power cuts")
    parser.add_argument("--kills", type=int, default=20, help="how often the data node is killed (20)")
    parser.add_argument("--every", type=int, default=10, help="a fault at every n-th call of the disk (10); 1 for all")
    parser.add_argument("--block-cuts", type=int, default=8, help="power cuts under a real file system (8)")
    place = Path(tempfile.gettempdir()) / "hearthside-crash"
    parser.add_argument("--keep", type=Path, default=place, help=f"where broken images are kept ({place})")
    return parser


def _cut_power(console: Console, tallies: dict[str, Tally], asked: argparse.Namespace) -> None:
    with Progress(console=console) as bar:
        task = bar.add_task("power cuts", total=asked.points)
        for name, points, seed in rounds(list(tallies), asked.points, asked.seed):
            bar.update(task, description=f"power cuts: {name}")
            run(name, points, seed, tallies[name], progress=lambda: bar.advance(task), keep=asked.keep)


def _kill(console: Console, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    if not asked.kills:
        return
    with Progress(console=console) as bar, tempfile.TemporaryDirectory() as folder:
        task = bar.add_task("kill -9", total=asked.kills)
        report = kills.run(Path(folder), asked.kills, asked.seed, lambda: bar.advance(task))
    found["kills"], found["kill_acknowledged"] = report.kills, report.acknowledged
    found["kill_faults"] = report.lost + report.duplicated + report.strange + len(report.unsound)
    if not report.whole:
        console.print(f"[red]after the kills: {report}")


def _fail(console: Console, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    calls = faults.count_calls(asked.seed)
    with Progress(console=console) as bar:
        task = bar.add_task("failing disk", total=sum(1 for _ in faults.sites(calls, asked.every, tuple(Fault))))
        tally = faults.run(asked.every, asked.seed, progress=lambda: bar.advance(task))
    found |= {"fault_runs": tally.runs, "fault_broken": len(tally.broken)}
    found |= {"fault_unsaid": len(tally.unsaid), "fault_stuck": len(tally.stuck)}
    for what, cases in (("broken", tally.broken), ("unsaid", tally.unsaid), ("stuck", tally.stuck)):
        for site, words in cases[:_FAILURES_SHOWN]:
            console.print(f"[red]{what}[/] {site}: {words}", highlight=False)


def _cut_blocks(console: Console, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    if not asked.block_cuts:
        return
    reason = power.why_not()
    if reason:
        console.print(f"no power cuts at block level here: {reason}")
        found["power_cuts"] = 0
        return
    report = power.run(asked.block_cuts)
    found |= {"power_cuts": report.cuts, "power_acknowledged": report.acknowledged, "power_faults": report.faults}
    for line in report.details[:_FAILURES_SHOWN]:
        console.print(f"[red]power cut[/] {line}", highlight=False)


def _table(tallies: dict[str, Tally]) -> Table:
    table = Table("scenario", "points", *(outcome.value for outcome in Outcome))
    for name, tally in tallies.items():
        table.add_row(name, str(tally.points), *(str(tally.outcomes[outcome]) for outcome in Outcome))
    return table


def _tell_failures(console: Console, tallies: dict[str, Tally]) -> None:
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    for failure in failures[:_FAILURES_SHOWN]:
        console.print(f"[red]{failure.verdict.outcome}[/] at {failure.position}: {failure.verdict.detail}")
        console.print(f"    again: python -m crash {failure.again}; what was left: {failure.image}")


def _summary(tallies: dict[str, Tally]) -> dict[str, Any]:
    outcomes = sum((tally.outcomes for tally in tallies.values()), Counter[Outcome]())
    counts = {outcome.value: outcomes[outcome] for outcome in Outcome}
    return {"points": sum(outcomes.values()), **counts}


if __name__ == "__main__":
    sys.exit(main())
