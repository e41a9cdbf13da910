"""The nightly cycle as durable steps: each is journalled, and after a crash the next run goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hearthside.errors import HearthsideError, RetryLater
from hearthside.events import HOUR_MS, Event, Json, Layer, Origin, Trust, iso_day
from hearthside.journal import Journal
from hearthside.logs import logger

STOPPED = "night-stopped"
WAITS = "waits"
"""In the data of a skipped step: it waits for the language model."""

_RESUME_WITHIN_MS = 20 * HOUR_MS  # an older cycle is left as it is; the next night begins a new one
_LOG = logger("night")


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended.

    Attributes:
        state: ``done`` or ``skipped``.
        sentence: what it did or why not, for the person.
        data: what later steps need; with `WAITS` true the step found the language model away, and is made up for.
    """

    state: str
    sentence: str
    data: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step is given.

    Attributes:
        cycle: id of the cycle.
        results: data of the steps before it, by name.
        progress: called with (done, total, message).
        stop: asked often; a step that sees True raises RetryLater("night-stopped").
    """

    cycle: str
    results: dict[str, dict[str, Json]]
    progress: Callable[[int, int, str], None]
    stop: Callable[[], bool]

    def check_stop(self) -> None:
        """Raise RetryLater when the person asked to stop."""
        if self.stop():
            raise RetryLater("night-stopped", "The night was stopped; it goes on from this step next time.")


@dataclass(frozen=True, slots=True)
class Step:
    """One named step; run again after a crash it must end the same.

    Attributes:
        then: later steps that take up what this one gives; run again where this one is made up for.
    """

    name: str
    title: str
    run: Callable[[StepContext], StepResult]
    then: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CycleState:
    """A cycle as the journal tells it: steps by name with state, sentence and data."""

    cycle: str
    started_ms: int
    steps: dict[str, tuple[str, str, dict[str, Json]]]


class NightCycle:
    """Runs the steps in order, each recorded when it begins and when it ends."""

    def __init__(self, journal: Journal, steps: Sequence[Step], clock: Callable[[], int]) -> None:
        self._journal, self._steps, self._clock = journal, list(steps), clock

    @property
    def steps(self) -> list[Step]:
        """The steps in order."""
        return self._steps

    def last(self) -> CycleState | None:
        """The latest cycle, or None when there was none yet."""
        return last_cycle(self._journal)

    def run(
        self,
        progress: Callable[[int, int, str], None] = lambda done, total, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> CycleState:
        """Run a cycle, or finish the one that was cut short less than a night ago.

        Raises:
            RetryLater: stopped, or a step cannot go on now; what is done stays done.
        """
        state = self._resumable()
        now = self._clock()
        cycle = state.cycle if state else f"{iso_day(now // 86_400_000)}-{now}"
        results = {name: data for name, (how, _, data) in (state.steps if state else {}).items() if how in _ENDED}
        for step in self._steps:
            if step.name in results:
                continue
            results[step.name] = self._run_step(step, cycle, results, progress, stop)
        found = last_cycle(self._journal)
        assert found is not None
        return found

    def _run_step(
        self,
        step: Step,
        cycle: str,
        results: dict[str, dict[str, Json]],
        progress: Callable[[int, int, str], None],
        stop: Callable[[], bool],
    ) -> dict[str, Json]:
        started = self._clock()
        self._record(cycle, step, "running", step.title, {})
        context = StepContext(
            cycle, results, lambda done, total, message: progress(done, total, f"{step.title}: {message}"), stop
        )
        try:
            context.check_stop()
            result = step.run(context)
        except HearthsideError as error:
            self._record(cycle, step, "failed", error.message, {"code": error.code})
            raise
        except Exception as error:
            # Else the step would stand as running for ever; the fault itself is the caller's to tell.
            sentence = f"It stopped with an unexpected fault ({type(error).__name__}); it is tried again next time."
            self._record(cycle, step, "failed", sentence, {"code": "unexpected"})
            raise
        self._record(cycle, step, result.state, result.sentence, result.data)
        _LOG.info("step %s %s in %d ms", step.name, result.state, self._clock() - started)
        return result.data

    def waiting(self) -> CycleState | None:
        """The last cycle, if it ran to its end and a step of it waits for the language model; else None."""
        state = last_cycle(self._journal)
        ended = state is not None and all(state.steps.get(step.name, ("",))[0] in _ENDED for step in self._steps)
        return state if state is not None and ended and any(self._waits(state, s.name) for s in self._steps) else None

    def make_up(
        self,
        progress: Callable[[int, int, str], None] = lambda done, total, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> list[str]:
        """Run what waited for the language model, and what takes it up; where it is away again, it goes on waiting.

        Returns:
            A sentence for each step that was run.

        Raises:
            RetryLater: stopped; the step is run again next time.
        """
        state = self.waiting()
        if state is None:
            return []
        results = {name: data for name, (_, _, data) in state.steps.items()}
        wanted, said = {step.name for step in self._steps if self._waits(state, step.name)}, []
        for step in self._steps:
            if step.name not in wanted:
                continue
            results[step.name] = self._run_step(step, state.cycle, results, progress, stop)
            if not results[step.name].get(WAITS):
                wanted.update(step.then)
            now = last_cycle(self._journal)
            said.append(f"{step.title}: {now.steps[step.name][1]}" if now is not None else step.title)
        return said

    @staticmethod
    def _waits(state: CycleState, name: str) -> bool:
        how, _, data = state.steps[name]
        return how == "skipped" and bool(data.get(WAITS))

    def cut_short(self) -> bool:
        """Whether the last cycle ended in the middle of a step (a crash, a power cut) less than a night ago."""
        state = self._resumable()
        return state is not None and any(how == "running" for how, _, _ in state.steps.values())

    def _resumable(self) -> CycleState | None:
        state = last_cycle(self._journal)
        if state is None or self._clock() - state.started_ms > _RESUME_WITHIN_MS:
            return None
        finished = all(state.steps.get(step.name, ("", "", {}))[0] in _ENDED for step in self._steps)
        return None if finished else state

    def _record(self, cycle: str, step: Step, state: str, sentence: str, data: dict[str, Json]) -> None:
        payload: dict[str, Json] = {
            "cycle": cycle, "step": step.name, "title": step.title, "state": state, "sentence": sentence, "data": data
        }  # fmt: skip
        self._journal.append(
            [
                Event(
                    "night", "night_step", Layer.BEHAVIOURAL, self._clock(), Origin.DEVICE, Trust.OWN, payload,
                    clock="station",
                )
            ]
        )  # fmt: skip


_ENDED = {"done", "skipped"}


def last_cycle(journal: Journal) -> CycleState | None:
    """The latest cycle in the journal, or None."""
    latest: CycleState | None = None
    for item in sorted(journal.read(kinds=["night_step"]), key=lambda stored: stored.seq):
        event = item.record
        if not isinstance(event, Event):
            continue
        payload = event.payload
        if latest is None or latest.cycle != payload["cycle"]:
            latest = CycleState(payload["cycle"], event.start_ms, {})
        latest.steps[payload["step"]] = (payload["state"], payload["sentence"], payload["data"])
    return latest


def step_seconds(journal: Journal, cycle: str) -> dict[str, float]:
    """How long each step of a cycle took from its last beginning to its end, seconds; a resumed step counts once."""
    began: dict[str, int] = {}
    took: dict[str, float] = {}
    for item in sorted(journal.read(kinds=["night_step"]), key=lambda stored: stored.seq):
        event = item.record
        if not isinstance(event, Event) or event.payload["cycle"] != cycle:
            continue
        name = event.payload["step"]
        if event.payload["state"] == "running":
            began[name] = event.start_ms
        elif name in began:
            took[name] = (event.start_ms - began[name]) / 1000
    return took
