"""The process of one side model: it loads it, answers one file after the other, and may write nothing while it lives.

Started by `host.py` as ``python -P -m hearthside.inference.side_models.process``. It reads one JSON line from standard
input (``model``, ``parent_pid``, ``config``) and writes one when it has loaded the model, ``{"ready": true}`` or
``{"error": ...}``. Then it reads files, each after its length in eight bytes (big-endian), and answers each with one
line, ``{"result": ...}`` or ``{"error": ...}``. It ends when its standard input does, and with its parent.

What it decodes comes from anywhere, so it can do little once the model is loaded. Linux on x86_64 and aarch64: the
kernel refuses it all calls but those for computing on what it holds (`no_way_out.py`), and it gets no more memory than
it needs. Everywhere else the limits of the process are all there is: they stop what opens files by mistake and no code
that has taken the process over, for that can close one file and open another.
"""

from __future__ import annotations

import ctypes
import gc
import os
import queue
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import IO, NoReturn

import orjson

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.child_process import die_with_parent, leave_no_core, take_stdout
from hearthside.inference.side_models import Run, SideConfig, load_side_model
from hearthside.inference.side_models.no_way_out import leave_no_way_out
from hearthside.inference.wire import error_body

_NICER = 5  # than what answers people
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_AT_ONCE = 2**20  # bytes
_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)


def main() -> None:
    """Serve one model until the parent says nothing more."""
    leave_no_core()
    out = take_stdout()
    line = sys.stdin.buffer.readline()
    if not line:  # the parent went before it said what to do
        sys.exit(0)
    told = orjson.loads(line)
    die_with_parent(told["parent_pid"])
    _keep_small()
    files: queue.Queue[bytes | None] = queue.Queue(1)
    try:
        model = load_side_model(told["model"])
        threading.Thread(target=_receive, args=(sys.stdin.buffer, files, model.LONGEST), daemon=True).start()
        run = model.load(SideConfig(**told["config"]))
    except HearthsideError as error:
        _say(out, {"error": error_body(error)})
        os._exit(1)  # at once: the thread that reads would be found at it
    _take_no_more_than(model.NEED)
    if not model.CONNECTS:
        _open_nothing_more(out)
    leave_no_way_out(connects=model.CONNECTS)
    _say(out, {"ready": True})
    while True:
        answer = _answer(run, files.get())
        _give_back_memory()
        _say(out, answer)


def _keep_small() -> None:
    """Little claim to the processor, one thread for each library, and no file that it could write to."""
    os.nice(_NICER)
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error where something is written, not the end
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _open_nothing_more(out: IO[bytes]) -> None:
    """Every number for an open file that is left is taken, so the next file or connection is refused.

    It is the only such line where there is no filter, and none against code that closes what is open.
    """
    allowed = out.fileno() + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))


def _take_no_more_than(need: int) -> None:
    """Linux: memory of its own, in bytes, beside what libraries have laid claim to by now and mostly never touch."""
    if sys.platform == "linux":
        rows = Path("/proc/self/status").read_text(errors="replace").splitlines()
        claimed = next(int(row.split()[1]) * 1024 for row in rows if row.startswith("VmData:"))
        resource.setrlimit(resource.RLIMIT_DATA, (claimed + need, claimed + need))


def _give_back_memory() -> None:
    """What hangs together in circles; and, with glibc, what its allocator keeps: with every picture a little more."""
    gc.collect()
    if _TRIM is not None:
        _TRIM(0)


def _receive(stream: IO[bytes], files: queue.Queue[bytes | None], longest: int) -> NoReturn:
    """Put every file into the queue, None for one that is too long; ends the process with the stream, whatever it does.

    It stands in a thread of its own so that the end is seen while a model works.
    """
    while len(head := stream.read(8)) == 8:
        size = int.from_bytes(head, "big")
        if size > longest:
            _drop(stream, size)
        files.put(_kept(stream, size) if size <= longest else None)
    os._exit(0)


def _kept(stream: IO[bytes], size: int) -> bytes:
    raw = stream.read(size)
    if len(raw) < size:
        os._exit(0)
    return raw


def _drop(stream: IO[bytes], size: int) -> None:
    while size > 0 and (part := stream.read(min(size, _AT_ONCE))):
        size -= len(part)


def _answer(run: Run, raw: bytes | None) -> dict[str, Json]:
    try:
        if raw is None:
            raise Refused("file-too-large", "This file is larger than what is read at once; nothing was kept of it.")
        return {"result": run(raw)}
    except HearthsideError as error:
        return {"error": error_body(error)}
    except Exception:  # noqa: BLE001 - libraries raise what they like on files from anywhere, in words that go nowhere
        failed = RetryLater(
            "side-model-failed",
            "The model could not read this file this time; nothing was lost. Ask again, or send it in another format.",
        )
        return {"error": error_body(failed)}


def _say(out: IO[bytes], line: dict[str, Json]) -> None:
    out.write(orjson.dumps(line) + b"\n")
    out.flush()


if __name__ == "__main__":
    main()
