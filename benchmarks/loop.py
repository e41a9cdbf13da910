"""One turn of the whole loop on the sample life: seconds for each step.

Run: ``.venv/bin/python benchmarks/loop.py [--data DIR] [--smoke]``. The sample life is made at run time; DIR may name a
folder with one that was made before. ``--smoke`` leaves out the training. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hearthside.app.house import House
from hearthside.app.rooms import HOME_ZONE, SELF_NAMES, system_clock
from hearthside.app.station import open_house
from hearthside.companion.answers import Answer
from hearthside.config import Settings
from hearthside.events import ms_of
from hearthside.intake import Importer
from hearthside.journal.decisions import decide
from hearthside.memory.search import embed_waiting
from hearthside.night.cycle import NightCycle, step_seconds
from hearthside.night.steps import night_steps
from hearthside.sample_life import DEFAULT_SEED, MIN_DAYS, generate

DAYS = 32
SMOKE_TEXTS = 32
QUESTIONS = (
    "How long did I sleep last night?",
    "How many messages did I write last week?",
    "When did I last go running?",
    "What was I doing yesterday at 15:00?",
    "Where should we eat?",
)
STEPS = (
    "start",
    "invent",
    "import",
    "stream",
    "index",
    "ready",
    "embed",
    "answer",
    "offer",
    "rebuild",
    "train",
    "evaluate",
)


class Stopwatch:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began
        print(f"{name:10} {self.seconds[name]:8.2f} s", flush=True)


def turn(scratch: Path, data: Path | None, smoke: bool) -> dict[str, float | None]:
    """Go once around the loop; seconds per step, None for what was left out."""
    watch = Stopwatch()
    settings = Settings(vault=scratch / "vault", key_file=scratch / "key")
    with watch.step("start"):
        house = open_house(settings, clock=system_clock)
    try:
        folder = _invent(house, scratch, data, smoke, watch)
        rooms = house.rooms
        with watch.step("import"):
            Importer(rooms.journal, rooms.clock, rooms.reading(), lambda _: None, lambda: False).import_paths([folder])
        with watch.step("stream"):
            rooms.stream.update()
        with watch.step("index"):
            rooms.index.update()
        _think(house, smoke, watch)
        if not smoke:
            _night(house, watch)
    finally:
        house.close()
    return {f"{name}_s": round(watch.seconds[name], 3) if name in watch.seconds else None for name in STEPS}


def _invent(house: House, scratch: Path, data: Path | None, smoke: bool, watch: Stopwatch) -> Path:
    with watch.step("invent"):
        days = MIN_DAYS if smoke else DAYS
        today = datetime.now(tz=UTC).date()
        life = generate(scratch / "sample_life", seed=DEFAULT_SEED, last_day=today, days=days)
    now = ms_of(life.now)
    decide(house.rooms.journal, SELF_NAMES, list(life.self_names), now)
    decide(house.rooms.journal, HOME_ZONE, life.zone, now)
    house.rooms.clock.set_to(now)
    return data or life.folder


def _think(house: House, smoke: bool, watch: Stopwatch) -> None:
    rooms, compute = house.rooms, house.outside.compute
    assert compute is not None
    with watch.step("ready"):
        compute.wait_ready(120.0)
    with watch.step("embed"):
        limit = SMOKE_TEXTS if smoke else None
        embed_waiting(rooms.index, rooms.journal, compute.node.embedder, rooms.clock, limit=limit)
    watch.seconds["answer"] = statistics.median(_seconds_to_answer(house, question) for question in QUESTIONS)
    print(f"{'answer':10} {watch.seconds['answer']:8.2f} s (median of {len(QUESTIONS)})")
    with watch.step("offer"):
        house.offer()
    with watch.step("rebuild"):
        rooms.stream.rebuild()
        rooms.index.rebuild()


def _night(house: House, watch: Stopwatch) -> None:
    cycle = NightCycle(house.rooms.journal, night_steps(house.trainer.night_rooms()), house.rooms.clock)
    state = cycle.run()
    times = step_seconds(house.rooms.journal, state.cycle)
    for name in ("train", "evaluate"):
        watch.seconds[name] = times[name]
        print(f"{name:10} {times[name]:8.2f} s  {state.steps[name][1]}")
    print(state.steps["promote"][1])


def _seconds_to_answer(house: House, question: str) -> float:
    began = time.perf_counter()
    answer = list(house.ask(question, "benchmark"))[-1]
    assert isinstance(answer, Answer)
    return time.perf_counter() - began


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--smoke", action="store_true", help="a short life, no training")
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="hearthside-loop-"))
    try:
        print(json.dumps(turn(scratch, arguments.data, arguments.smoke)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
