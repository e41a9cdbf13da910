"""Plays scenarios, cuts the power at many moments of each, and counts what the vault is afterwards."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from crash.images import Disk, Image, Operation, Sync, write_image
from crash.promises import Outcome, Promises, Verdict, check, open_journal
from crash.recorder import Recording, recorded
from crash.scenarios import SCENARIOS, Scenario
from crash.stage import Stage

POINTS_PER_RECORDING = 500  # then the scenario is played again, with other events and other threads
_KEPT_FAILURES = 20
_CUT_AGAIN = 0.2  # of the cuts are followed by a second one, while the vault is opened after the first


@dataclass(frozen=True, slots=True)
class Weakness:
    """A fault put in on purpose, so that the programme can be seen to notice.

    Attributes:
        synchronous: a weaker setting for every database.
        hasty: calls are acknowledged before the journal has answered.
        folders_unsynced: syncing a folder does nothing.
    """

    synchronous: str | None = None
    hasty: bool = False
    folders_unsynced: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A cut that broke a promise.

    Attributes:
        again: arguments of ``python -m crash`` that play the same scenario with the same cuts.
        position: where in the recording the power went.
        image: folder with a copy of what the cut left.
    """

    again: str
    position: int
    verdict: Verdict
    image: Path | None


@dataclass
class Tally:
    """How many cuts ended in which way."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    @property
    def points(self) -> int:
        """Cuts checked."""
        return sum(self.outcomes.values())

    @property
    def bad(self) -> int:
        """Cuts that broke a promise."""
        return self.points - self.outcomes[Outcome.OK]


def rounds(names: Sequence[str], points: int, seed: int) -> Iterator[tuple[str, int, int]]:
    """So many cuts over some scenarios: name, cuts and seed of each recording, every scenario in turn."""
    left = points
    while left > 0:
        for position, name in enumerate(names):
            share = min(POINTS_PER_RECORDING, -(-left // (len(names) - position)))
            if share:
                yield name, share, seed
            left -= share
        seed += 1


def run(
    name: str,
    points: int,
    seed: int,
    tally: Tally | None = None,
    *,
    weakness: Weakness | None = None,
    progress: Callable[[], None] = lambda: None,
    keep: Path | None = None,
) -> Tally:
    """Play a scenario once and cut the power at so many moments of it.

    Args:
        seed: decides what is written, when the power goes and what is left.
        tally: counted in as it goes; a new one when not given.
        progress: called after each cut.
        keep: where copies of the images go that broke a promise.
    """
    tally, weakness = tally or Tally(), weakness or Weakness()
    with scratch_folder() as scratch:
        rnd = random.Random(f"{name} {seed}")
        played = _play(SCENARIOS[name], scratch / "vault", rnd, weakness)
        for cut in _cuts(played, points, rnd, scratch, weakness):
            tally.outcomes[cut.verdict.outcome] += 1
            if cut.verdict.outcome is not Outcome.OK and len(tally.failures) < _KEPT_FAILURES:
                place = None if keep is None else keep / f"{name}-{seed}-{cut.position}"
                again = f"{points} --scenario {name} --seed {seed}"
                tally.failures.append(Failure(again, cut.position, cut.verdict, _keep(cut.image, place)))
            progress()
    return tally


@dataclass(frozen=True, slots=True)
class _Played:
    scenario: Scenario
    recording: Recording
    now_ms: int


def _play(scenario: Scenario, folder: Path, rnd: random.Random, weakness: Weakness) -> _Played:
    folder.mkdir()
    notes = scenario.before(folder, rnd)
    with recorded(folder, synchronous=weakness.synchronous) as recording:
        recording.remember_from_the_start(notes)
        stage = Stage(recording, rnd, hasty=weakness.hasty)
        scenario.play(stage)
    recording.check_complete()
    return _Played(scenario, recording, stage.now_ms)


@dataclass(frozen=True, slots=True)
class _Cut:
    position: int
    image: Image
    verdict: Verdict


def _cuts(played: _Played, count: int, rnd: random.Random, scratch: Path, weakness: Weakness) -> Iterator[_Cut]:
    """The disk is carried forward from cut to cut, so that a recording is gone through only once."""
    disk, promises, log = Disk(), Promises(), played.recording.log
    done = 0
    for position in sorted(_positions(played.recording, count, rnd)):
        for entry in log[done:position]:
            if not isinstance(entry, Operation):
                promises.note(entry)
            elif not (weakness.folders_unsynced and isinstance(entry, Sync) and disk.is_folder(entry.node)):
                disk.apply(entry)
        done = position
        image, folder = disk.after_a_cut(rnd), scratch / "image"
        if rnd.random() < _CUT_AGAIN:
            image = _cut_again(image, promises, played.now_ms, scratch / "again", rnd)
        _lay_out(image, folder)
        yield _Cut(position, image, check(folder, promises, played.now_ms, played.scenario.looks))


def _positions(recording: Recording, count: int, rnd: random.Random) -> Iterator[int]:
    """When the power goes: half of the times anywhere, half of them just after a promise, where most is owed."""
    first, last = recording.began, len(recording.log)
    promised = [place for place in range(first, last) if not isinstance(recording.log[place], Operation)]
    for _ in range(count):
        if promised and rnd.random() < 0.5:
            yield min(rnd.choice(promised) + rnd.randint(1, 3), last)
        else:
            yield rnd.randint(first, last)


def _cut_again(image: Image, promises: Promises, now_ms: int, folder: Path, rnd: random.Random) -> Image:
    """Open what the first cut left, and cut the power once more while that tidies up."""
    _lay_out(image, folder)
    with recorded(folder) as recording, suppress(Exception):  # a first image that does not open is found by its check
        open_journal(folder, promises.keys, lambda: now_ms).close()
    disk = Disk()
    for entry in recording.log[: rnd.randint(recording.began, len(recording.log))]:
        disk.apply(entry)
    return disk.after_a_cut(rnd)


def _lay_out(image: Image, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    write_image(image, folder)


def _keep(image: Image, folder: Path | None) -> Path | None:
    if folder is not None:
        _lay_out(image, folder)
    return folder


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that goes at the end; in memory where there is such a place, because nothing in it must last."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="hearthside-crash-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)
