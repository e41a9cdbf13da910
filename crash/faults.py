"""A failing disk at every call site: full, broken, short of a write, read-only; then mended and held to account.

A workload is run once to count what it asks of the disk, then again and again with one call failing. What was refused
must have been said in a sentence, what was acknowledged must be there, and when the disk is well again the journal
must work in the same process, without being opened anew.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from crash.failing_disk import FAILS_AT, Call, Fault, Plan, disk_failing
from crash.images import Disk, Operation, write_image
from crash.looks import media_as_promised, media_store
from crash.programme import scratch_folder
from crash.promises import Outcome, Promises, Verdict, check, open_journal
from crash.recorder import Recording, recorded
from crash.stage import Stage
from hearthside.errors import HearthsideError
from hearthside.events import DAY_MS
from hearthside.journal import Journal

_YEAR_MS = 365 * DAY_MS
_FEW = 12  # calls; of these none is left out
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Site:
    """One call that fails."""

    fault: Fault
    call: Call
    number: int
    lasting: bool

    def __str__(self) -> str:
        return f"{self.fault} at {self.call} {self.number}{' and after' if self.lasting else ''}"


@dataclass
class FaultTally:
    """What the runs showed.

    Attributes:
        outcomes: of the vault, opened anew after the disk was mended, and after a power cut at the end of each run.
        unsaid: refusals that were not an error of Hearthside with a sentence; by site.
        stuck: runs in which the journal did not work again, by site.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    broken: list[tuple[Site, Verdict]] = field(default_factory=list)
    unsaid: list[tuple[Site, str]] = field(default_factory=list)
    stuck: list[tuple[Site, str]] = field(default_factory=list)
    runs: int = 0


def run(
    every: int = 1,
    seed: int = 1,
    faults: tuple[Fault, ...] = tuple(Fault),
    progress: Callable[[], None] = lambda: None,
) -> FaultTally:
    """Go through every n-th call site with every fault that can show there.

    Args:
        every: 1 for all call sites; each call that is made at most 12 times is always gone through whole.
        seed: decides what is written.
    """
    tally = FaultTally()
    for site in sites(count_calls(seed), every, faults):
        _run_one(site, seed, tally)
        progress()
    return tally


def count_calls(seed: int) -> Counter[Call]:
    """How often the workload asks the disk for what."""
    plan = Plan()
    with scratch_folder() as scratch:
        _work(scratch, plan, seed)
    return plan.calls


def sites(calls: Counter[Call], every: int, faults: tuple[Fault, ...]) -> Iterator[Site]:
    """Every n-th call of each kind, with each fault, once alone and once from there on."""
    for fault in faults:
        for call in sorted(FAILS_AT[fault]):
            step = every if calls[call] > _FEW else 1
            for turn, number in enumerate(range(1, calls[call] + 1, step)):
                for lasting in (False, True) if every == 1 else (turn % 2 == 1,):
                    yield Site(fault, call, number, lasting)


@dataclass(slots=True)
class _Worked:
    recording: Recording
    now_ms: int
    unsaid: list[str]
    stuck: list[str]


def _run_one(site: Site, seed: int, tally: FaultTally) -> None:
    plan = Plan(site.fault, site.call, site.number, site.lasting)
    with scratch_folder() as scratch:
        worked = _work(scratch, plan, seed)
        disk, promises = Disk(), Promises()
        for entry in worked.recording.log:
            disk.apply(entry) if isinstance(entry, Operation) else promises.note(entry)
        write_image(disk.after_a_cut(random.Random(seed)), scratch / "image")
        for folder in (scratch / "vault", scratch / "image"):
            verdict = check(folder, promises, worked.now_ms, [media_as_promised])
            tally.outcomes[verdict.outcome] += 1
            if verdict.outcome is not Outcome.OK:
                tally.broken.append((site, verdict))
    tally.runs += 1
    tally.unsaid += [(site, words) for words in worked.unsaid]
    tally.stuck += [(site, words) for words in worked.stuck]


def _work(scratch: Path, plan: Plan, seed: int) -> _Worked:
    """Begin with a journal that holds something, fail as planned, then go on with the disk mended."""
    folder = scratch / "vault"
    folder.mkdir()
    with disk_failing(plan), recorded(folder) as recording:
        stage = Stage(recording, random.Random(seed))
        with stage.journal() as journal:
            stage.append(journal, stage.events(5))
        worked = _Worked(recording, 0, [], [])
        plan.armed = True
        opened = _attempt("open", lambda: open_journal(folder, Promises().keys, lambda: stage.now_ms), worked.unsaid)
        if opened is not None:
            for name, step in _steps(stage, opened):
                _attempt(name, step, worked.unsaid)
        plan.armed = False
        if opened is None:
            opened = _attempt("open", lambda: open_journal(folder, Promises().keys, lambda: stage.now_ms), worked.stuck)
        if opened is not None:
            for name, step in _steps(stage, opened):
                _must(name, step, worked.stuck)
            _must("close", opened.close, worked.stuck)
        worked.now_ms = stage.now_ms
    return worked


def _steps(stage: Stage, journal: Journal) -> Iterator[tuple[str, Callable[[], object]]]:
    """Appends of one record and of many, of a day that needs a key, in a year that needs a new file; and the rest."""
    events = stage.events(6, source="watch")
    yield "append", lambda: stage.append(journal, stage.events(1))
    yield "append", lambda: stage.append(journal, events)
    yield "forget", lambda: stage.forget(journal, events[:2])
    stage.now_ms += _YEAR_MS
    yield "append", lambda: stage.append(journal, stage.events(3, days=2))
    yield "media", lambda: stage.put_media(media_store(journal, stage.folder), b"a picture")
    yield "media", lambda: stage.remove_media(media_store(journal, stage.folder), b"a picture")
    yield "compact", journal.compact
    yield "read", lambda: list(journal.read())


def _attempt(name: str, action: Callable[[], _T], unsaid: list[str]) -> _T | None:
    """Do something that may be refused; a refusal must be one of Hearthside's errors, with a sentence in it."""
    try:
        return action()
    except HearthsideError as error:
        if not error.message.endswith((".", "?")):
            unsaid.append(f"{name}: {error.code}: {error.message}")
    except Exception as error:  # noqa: BLE001 - whatever it is, it was not said as it should be
        unsaid.append(f"{name}: {type(error).__name__}: {error}")
    return None


def _must(name: str, action: Callable[[], object], stuck: list[str]) -> None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - whatever it is, the journal does not work
        stuck.append(f"{name}: {type(error).__name__}: {error}")
