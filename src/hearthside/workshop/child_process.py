"""Hygiene of a child process that holds personal data: dies with its parent, leaves no core dump, speaks in frames.

A frame is a JSON header and a blob of bytes: u32 length, header, u64 length, blob; lengths little-endian.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

import orjson

from hearthside.events import Json

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
MAX_HEADER_BYTES = 64 * 1024 * 1024


def guard_process(*, with_parent: bool = True) -> Callable[[], bool]:
    """Tie this process to its parent (unless told not to) and forbid core dumps and looks into its memory.

    Returns:
        A function that tells whether the parent is gone; where the kernel has no such signal it must be asked.
    """
    parent = os.getppid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if with_parent:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return lambda: os.getppid() != parent


def private_stdout() -> BinaryIO:
    """The real standard output for frames; anything a library prints goes to standard error from now on."""
    sys.stdout.flush()
    real = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return real


def child_environment(inherited: dict[str, str], threads: int) -> dict[str, str]:
    """Environment of a child that runs torch: offline, no telemetry, no progress bars, a fixed number of threads."""
    return inherited | {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning at barriers starves the station on a small machine
        "PYTHONWARNINGS": "ignore",  # a warning may quote content; errors are reported as frames
    }


def write_frame(stream: BinaryIO, header: Json, blob: bytes = b"") -> None:
    """Write one frame and flush."""
    stream.write(frame(header, blob))
    stream.flush()


def frame(header: Json, blob: bytes = b"") -> bytes:
    """The bytes of one frame."""
    head = orjson.dumps(header)
    return b"".join((len(head).to_bytes(4, "little"), head, len(blob).to_bytes(8, "little"), blob))


def read_frame(stream: BinaryIO) -> tuple[Json, bytes]:
    """Read one frame.

    Raises:
        EOFError: the stream ended before or inside the frame.
    """
    length = int.from_bytes(_exactly(stream, 4), "little")
    if length > MAX_HEADER_BYTES:
        raise EOFError("not a frame")
    header = orjson.loads(_exactly(stream, length))
    return header, _exactly(stream, int.from_bytes(_exactly(stream, 8), "little"))


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise EOFError("the other process ended")
    return data
