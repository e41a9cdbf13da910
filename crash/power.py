"""Power cuts under a real file system: ext4 in a loop file on XFS, copied by reference while the station writes.

``cp --reflink`` of the loop file is what had reached the disk at that instant: the caches of the inner file system
are not in it. Each copy is mounted and held against what was acknowledged before. Wants root, loop devices and XFS
with reflinks; `why_not` says what is missing. No device-mapper is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from crash.programme import scratch_folder
from crash.promises import Outcome, check
from crash.writer import promises_of

_TOOLS = ("mkfs.xfs", "mkfs.ext4", "mount", "umount", "losetup", "cp")
_OUTER_BYTES, _INNER_BYTES = 700 * 2**20, 96 * 2**20  # both sparse
_BETWEEN_CUTS_S = 0.3
# The inner file system writes back by itself only every so many seconds: what was not synced is then really lost.
_WRITE_BACK_S = 30


@dataclass
class PowerReport:
    """What the copies showed.

    Attributes:
        acknowledged: calls that were acknowledged before a cut, over all cuts.
        details: what was wrong, one line for each cut that broke a promise.
    """

    cuts: int = 0
    acknowledged: int = 0
    details: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """Cuts that broke a promise."""
        return len(self.details)


def why_not() -> str:
    """What keeps this machine from cutting power at block level; "" when nothing does."""
    if os.geteuid() != 0:
        return "only root may mount"
    if missing := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        return f"{missing[0]} is not installed"
    try:
        with _disks():
            return ""
    except subprocess.CalledProcessError as error:
        return f"{error.cmd[0]} says: {error.stderr.decode(errors='replace').strip()}"


def run(cuts: int, *, synced: bool = True) -> PowerReport:
    """Cut the power so many times under a writer of journal and media.

    Args:
        synced: False leaves out every fsync, to see whether the losses are noticed.
    """
    report = PowerReport()
    with _disks() as (outer, inner):
        acks = outer.parent / "acknowledged"
        with _writer(inner, acks, synced) as writer:
            copies = list(_copies(outer, acks, cuts, writer))
        for copy, known in copies:
            _hold_to_account(copy, known, report)
    return report


def _copies(outer: Path, acks: Path, cuts: int, writer: subprocess.Popen[bytes]) -> Iterator[tuple[Path, bytes]]:
    """Copies of the disk, each with what had been acknowledged before it was made."""
    for number in range(cuts):
        time.sleep(_BETWEEN_CUTS_S)
        if writer.poll() is not None:
            raise RuntimeError(f"the writer ended with {writer.returncode}")
        known = acks.read_bytes()
        copy = outer / f"cut-{number}.img"
        _do("cp", "--reflink=always", str(outer / "disk.img"), str(copy))
        yield copy, known


def _hold_to_account(copy: Path, known: bytes, report: PowerReport) -> None:
    report.cuts += 1
    promises, looks = promises_of(known)
    report.acknowledged += len(promises.acknowledged)
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(_mounted(copy))
        except subprocess.CalledProcessError as error:
            report.details.append(f"the file system does not mount: {error.stderr.decode(errors='replace').strip()}")
            return
        verdict = check(folder / "vault", promises, time.time_ns() // 1_000_000, looks)
    if verdict.outcome is not Outcome.OK:
        report.details.append(f"{verdict.outcome}: {verdict.detail}")


@contextmanager
def _writer(folder: Path, acks: Path, synced: bool) -> Iterator[subprocess.Popen[bytes]]:
    mode = "synced" if synced else "unsynced"
    process = subprocess.Popen(
        [sys.executable, "-m", "crash.writer", str(folder / "vault"), str(acks), mode],
        cwd=Path(__file__).resolve().parents[1],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()  # it has begun
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def _disks() -> Iterator[tuple[Path, Path]]:
    """The outer file system, where ``disk.img`` lies, and the inner one, which lies in it; both mounted."""
    with scratch_folder() as scratch, ExitStack() as stack:
        outer, inner = scratch / "outer", scratch / "inner"
        _sparse(scratch / "outer.img", _OUTER_BYTES)
        _do("mkfs.xfs", "-q", "-f", "-m", "reflink=1", str(scratch / "outer.img"))
        stack.enter_context(_mounted(scratch / "outer.img", outer))
        _sparse(outer / "disk.img", _INNER_BYTES)
        _do("mkfs.ext4", "-q", "-F", str(outer / "disk.img"))
        stack.enter_context(_mounted(outer / "disk.img", inner, f"commit={_WRITE_BACK_S}"))
        yield outer, inner


@contextmanager
def _mounted(image: Path, at: Path | None = None, options: str = "") -> Iterator[Path]:
    """A file system in a file, mounted; unmounted and its loop device given back at the end, whatever happens."""
    at = at or image.with_suffix(".mount")
    at.mkdir()
    _do("mount", "-o", ",".join(filter(None, ("loop", options))), str(image), str(at))
    try:
        yield at
    finally:
        _unmount(at)
        with suppress(OSError):
            at.rmdir()


def _unmount(at: Path) -> None:
    for _ in range(50):  # somebody may still be closing a file
        if subprocess.run(["umount", str(at)], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    _do("umount", "--lazy", str(at))


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
