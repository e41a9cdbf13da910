"""What code that took a side model's process over would try: run in one with the same limits, it says what came of it.

``python -m tests.inference.side_models.way_out PARENT_PID ADDRESS FOLDER PORT CONNECTS``; prints one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hearthside.inference.child_process import take_stdout
from hearthside.inference.side_models import process
from hearthside.inference.side_models.no_way_out import leave_no_way_out

_LIBC = ctypes.CDLL(None, use_errno=True)
_NUMBERS = {  # the kernel's, for what the C library has no function for: x86_64, aarch64
    "pidfd_open": (434, 434), "io_uring_setup": (425, 425), "bpf": (321, 280), "openat2": (437, 437),
    "clone3": (435, 435), "setns": (308, 268), "userfaultfd": (323, 282), "shmget": (29, 194),
    "name_to_handle_at": (303, 264), "prlimit64": (302, 261), "memfd_create": (319, 279), "keyctl": (250, 219),
}  # fmt: skip


def _raw(name: str, *arguments: int) -> None:
    """A call of the kernel's; raises OSError."""
    number = _NUMBERS[name][platform.machine() == "aarch64"]
    _checked(_LIBC.syscall(*(ctypes.c_long(one) for one in (number, *arguments))))


def _checked(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _read_memory(pid: int, address: int) -> None:
    class Part(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))

    here = ctypes.create_string_buffer(8)
    to, start = Part(ctypes.addressof(here), 8), Part(address, 8)
    _checked(_LIBC.process_vm_readv(pid, ctypes.byref(to), 1, ctypes.byref(start), 1, 0))


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _in_a_thread(attempt: Callable[[], object]) -> str:
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(_outcome(attempt)))
    thread.start()
    thread.join()
    return said[0]


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return type(error).__name__ if error.errno != 38 else "unknown call"
    return "done"


def _attempts(parent: int, address: int, folder: Path, port: int) -> dict[str, Callable[[], object]]:
    victim = str(folder / "victim")

    def connect(family: socket.AddressFamily = socket.AF_INET) -> None:
        with socket.socket(family) as end:
            end.connect(("127.0.0.1", port))

    return {
        "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "create": lambda: os.open(folder / "new", os.O_WRONLY | os.O_CREAT),
        "stat": lambda: os.stat(victim),  # noqa: PTH116
        "list": lambda: os.listdir(folder),  # noqa: PTH208
        "unlink": lambda: os.unlink(victim),  # noqa: PTH108
        "rename": lambda: os.rename(victim, victim + "2"),  # noqa: PTH104
        "link": lambda: os.link(victim, victim + "2"),
        "chmod": lambda: os.chmod(victim, 0o777),  # noqa: PTH101
        "truncate": lambda: os.truncate(victim, 0),
        "mkdir": lambda: os.mkdir(folder / "sub"),  # noqa: PTH102
        "chdir": lambda: os.chdir(folder),
        "connect": connect,
        "local socket": lambda: socket.socket(socket.AF_UNIX),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "exec": lambda: os.execv("/bin/true", ["true"]),
        "fork": _fork,
        "vm_readv": lambda: _read_memory(parent, address),
        "ptrace": lambda: _checked(_LIBC.ptrace(16, parent, None, None)),  # PTRACE_ATTACH
        "kill": lambda: os.kill(parent, 0),
        "signal to itself": lambda: os.kill(os.getpid(), signal.SIGTERM),
        "priority": lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
        "mount": lambda: _checked(_LIBC.mount(b"none", str(folder).encode(), b"tmpfs", 0, None)),
        "terminal": lambda: _checked(_LIBC.ioctl(0, 0x5412, b" ")),  # TIOCSTI, types into a terminal
        "32-bit calls": lambda: _checked(_LIBC.syscall(ctypes.c_long(0x40000000 + 2), victim.encode(), 0)),
        **{name: partial(_raw, name, 0, 0, 0, 0) for name in _NUMBERS},
        "open in a new thread": lambda: None,
    }


def main() -> None:
    """Take the limits, try everything, say it."""
    parent, address, port = (int(sys.argv[at]) for at in (1, 2, 4))
    out = take_stdout()
    go, late = threading.Event(), list[str]()
    attempts = _attempts(parent, address, Path(sys.argv[3]), port)

    def wait() -> None:
        go.wait()
        late.append(_outcome(attempts["open"]))

    waits = threading.Thread(target=wait)
    waits.start()  # before the filter, as the threads of libraries are
    process._keep_small()
    said = {"filter": str(leave_no_way_out(connects=sys.argv[5] == "connects"))}
    said |= {name: _outcome(attempt) for name, attempt in attempts.items()}
    said["open in a new thread"] = _in_a_thread(attempts["open"])
    go.set()
    waits.join()
    out.write(json.dumps({**said, "open in an older thread": late[0]}).encode())
    out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
