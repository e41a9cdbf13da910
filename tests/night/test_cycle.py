"""The nightly cycle: every step recorded, resumed after a kill at any point, stoppable, begun anew when old."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.errors import RetryLater
from hearthside.events import HOUR_MS, Event
from hearthside.journal import Journal
from hearthside.night.cycle import WAITS, NightCycle, Step, StepContext, StepResult, last_cycle, step_seconds
from tests.night.cycle_process import KEY, NAMES
from tests.night.helpers import Clock

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[Journal]:
    opened = Journal(tmp_path, KEY, clock)
    yield opened
    opened.close()


class _Small:
    """Three steps that note what they were given; any of them can be told to fail."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str, list[str]]] = []
        self.fault: dict[str, Exception] = {}

    def steps(self) -> list[Step]:
        return [Step(name, name.title(), lambda context, name=name: self._run(name, context)) for name in NAMES]  # type: ignore[misc]

    def _run(self, name: str, context: StepContext) -> StepResult:
        self.ran.append((name, context.cycle, list(context.results)))
        context.progress(1, 2, "half")
        if name in self.fault:
            raise self.fault.pop(name)
        return StepResult("skipped" if name == "think" else "done", f"{name}.", {"by": name})


def _recorded(journal: Journal) -> list[tuple[str, str]]:
    stored = sorted(journal.read(kinds=["night_step"]), key=lambda item: item.seq)
    return [(i.record.payload["step"], i.record.payload["state"]) for i in stored if isinstance(i.record, Event)]


def test_steps_run_in_order_and_are_recorded(journal: Journal, clock: Clock) -> None:
    small, told = _Small(), list[tuple[int, int, str]]()
    night = NightCycle(journal, small.steps(), clock)
    assert night.last() is None
    state = night.run(lambda *said: told.append(said))
    assert [(name, given) for name, _, given in small.ran] == [
        ("close", []), ("think", ["close"]), ("decide", ["close", "think"])
    ]  # fmt: skip
    assert state.steps == {
        "close": ("done", "close.", {"by": "close"}),
        "think": ("skipped", "think.", {"by": "think"}),
        "decide": ("done", "decide.", {"by": "decide"}),
    }
    assert night.last() == state
    assert _recorded(journal) == [
        ("close", "running"), ("close", "done"), ("think", "running"), ("think", "skipped"), ("decide", "running"),
        ("decide", "done"),
    ]  # fmt: skip
    assert told == [(1, 2, f"{name.title()}: half") for name in NAMES]
    assert step_seconds(journal, state.cycle).keys() == set(NAMES)


def test_a_finished_cycle_is_not_resumed(journal: Journal, clock: Clock) -> None:
    small = _Small()
    night = NightCycle(journal, small.steps(), clock)
    first, second = night.run(), night.run()
    assert first.cycle != second.cycle
    assert len(small.ran) == 6


@pytest.mark.parametrize("fault", [RetryLater("compute-gone", "The node is away."), ValueError("a private word")])
def test_a_failing_step_is_recorded_and_tried_again(journal: Journal, clock: Clock, fault: Exception) -> None:
    small = _Small()
    small.fault["think"] = fault
    night = NightCycle(journal, small.steps(), clock)
    with pytest.raises(type(fault)):
        night.run()
    failed = last_cycle(journal)
    assert failed is not None
    state, sentence, data = failed.steps["think"]
    assert (state, "private" in sentence) == ("failed", False)
    assert data["code"] == ("compute-gone" if isinstance(fault, RetryLater) else "unexpected")
    done = night.run()
    assert done.cycle == failed.cycle
    assert [name for name, _, _ in small.ran] == ["close", "think", "think", "decide"]
    assert [how for how, _, _ in done.steps.values()] == ["done", "skipped", "done"]


def test_a_stop_ends_it_before_the_next_step(journal: Journal, clock: Clock) -> None:
    small = _Small()
    night = NightCycle(journal, small.steps(), clock)
    with pytest.raises(RetryLater) as stopped:
        night.run(stop=lambda: len(small.ran) == 1)
    assert stopped.value.code == "night-stopped"
    night.run()
    assert [name for name, _, _ in small.ran] == list(NAMES)
    assert len({cycle for _, cycle, _ in small.ran}) == 1


@pytest.mark.parametrize(("hours", "resumed"), [(19, True), (21, False)])
def test_an_old_cycle_is_left_as_it_is(journal: Journal, clock: Clock, hours: int, resumed: bool) -> None:
    small = _Small()
    small.fault["think"] = RetryLater("x", "Not now.")
    night = NightCycle(journal, small.steps(), clock)
    with pytest.raises(RetryLater):
        night.run()
    clock.now_ms += hours * HOUR_MS
    night.run()
    assert len({cycle for _, cycle, _ in small.ran}) == (1 if resumed else 2)
    assert Counter(name for name, _, _ in small.ran)["close"] == (1 if resumed else 2)


def _night(folder: Path, *killed_at: str) -> int:
    command = [sys.executable, "-m", "tests.night.cycle_process", str(folder), *killed_at]
    return subprocess.run(command, cwd=_ROOT, check=False).returncode


def test_killed_at_any_point_the_next_run_resumes(tmp_path: Path) -> None:
    moments = [f"{part} {name}" for name in NAMES for part in ("begin", "effect")]
    for moment in moments:
        assert _night(tmp_path, moment) == -9
    assert _night(tmp_path) == 0
    effects = [line.split() for line in (tmp_path / "effects").read_text().splitlines()]
    assert len({cycle for cycle, _, _ in effects}) == 1  # one night, however often it was cut short
    # A step killed after its effect and before its record runs again; one that was recorded never does.
    assert [(name, int(before)) for _, name, before in effects] == [
        ("close", 0), ("close", 0), ("think", 1), ("think", 1), ("decide", 2), ("decide", 2)
    ]  # fmt: skip
    journal = Journal(tmp_path, KEY, Clock())
    state, recorded = last_cycle(journal), _recorded(journal)
    assert journal.verify().bad_seq == []
    journal.close()
    assert state is not None
    assert {name: data for name, (_, _, data) in state.steps.items()} == {
        "close": {"count": 1}, "think": {"count": 2}, "decide": {"count": 3}
    }  # fmt: skip
    assert Counter(recorded) == Counter({(n, "running"): 3 for n in NAMES} | {(n, "done"): 1 for n in NAMES})


class _Away:
    """A night whose second step finds the language model away as often as it is told to."""

    def __init__(self, times: int) -> None:
        self.times, self.ran = times, list[str]()

    def steps(self) -> list[Step]:
        return [
            Step("close", "Close", lambda context: self._run("close")),
            Step("think", "Think", lambda context: self._run("think"), ("decide",)),
            Step("decide", "Decide", lambda context: self._run("decide")),
        ]

    def _run(self, name: str) -> StepResult:
        self.ran.append(name)
        if name == "think" and self.times:
            self.times -= 1
            return StepResult("skipped", "The model is away.", {WAITS: True})
        return StepResult("done", f"{name}.")


def test_what_waits_for_the_model_is_made_up_for_with_what_takes_it_up(journal: Journal, clock: Clock) -> None:
    away = _Away(2)
    night = NightCycle(journal, away.steps(), clock)
    assert night.waiting() is None and night.make_up() == []
    first = night.run()
    assert night.waiting() == first
    assert night.make_up() == ["Think: The model is away."]  # away again: it goes on waiting, and nothing is taken up
    assert night.waiting() is not None
    assert night.make_up() == ["Think: think.", "Decide: decide."]
    assert night.waiting() is None and night.make_up() == []
    assert away.ran == ["close", "think", "decide", "think", "think", "decide"]
    last = last_cycle(journal)
    assert last is not None and last.cycle == first.cycle
    assert [how for how, _, _ in last.steps.values()] == ["done", "done", "done"]


def test_a_make_up_cut_short_goes_on_with_the_night(journal: Journal, clock: Clock) -> None:
    away = _Away(1)
    night = NightCycle(journal, away.steps(), clock)
    night.run()
    with pytest.raises(RetryLater):
        night.make_up(stop=lambda: True)
    assert night.waiting() is None  # it is unfinished now, and the next run finishes it
    night.run()
    assert away.ran == ["close", "think", "decide", "think"]


def test_a_night_cut_short_is_not_made_up_for(journal: Journal, clock: Clock) -> None:
    away, small = _Away(1), _Small()
    steps = away.steps()[:2] + small.steps()[2:]
    small.fault["decide"] = RetryLater("x", "Not now.")
    night = NightCycle(journal, steps, clock)
    with pytest.raises(RetryLater):
        night.run()
    assert night.waiting() is None
