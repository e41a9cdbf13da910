"""Linux: takes from a process all calls of the system but those that computing on what it already holds needs.

A filter of the kernel's (seccomp, the BPF program of `man 2 seccomp`) lets the calls of `_CALLS` pass and answers any
other with EPERM: with what is left, code that took the process over can open no file, reach nobody, start, end, stop or
read no process, and rename or delete nothing. No privilege is needed, no thread is left out, and no way leads back. It
can still read and write what was open before, use the processor, and take memory up to its limit.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Numbers of the calls on x86_64 (arch/x86/entry/syscalls/syscall_64.tbl of Linux 6.1) and aarch64
# (include/uapi/asm-generic/unistd.h, same); None where an architecture has no such call. Numbers never change.
_CALLS: dict[str, tuple[int | None, int | None]] = {
    # what is open already
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "close": (3, 57), "fstat": (5, 80),
    "lseek": (8, 62),
    # memory of its own
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216),
    "madvise": (28, 233), "mincore": (27, 232),
    # threads of its own; the call that makes one is looked at below
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "getcpu": (309, 168), "membarrier": (324, 283), "exit": (60, 93),
    "exit_group": (231, 94), "restart_syscall": (219, 128), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    # clocks, chance, and who it is
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "time": (201, None), "getrandom": (318, 278), "getpid": (39, 172),
    "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getrusage": (98, 165), "sysinfo": (99, 179), "uname": (63, 160), "poll": (7, None),
    "ppoll": (271, 73),
}  # fmt: skip

_CONNECTING: dict[str, tuple[int, int]] = {
    "connect": (42, 203), "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212),
    "shutdown": (48, 210), "getsockname": (51, 204), "getpeername": (52, 205), "setsockopt": (54, 208),
    "getsockopt": (55, 209),
}  # fmt: skip

_NEWER = 435  # from here on numbers are the same everywhere; ENOSYS makes a library take the older call (clone3 is 435)
_THREAD = 0x00010000  # CLONE_THREAD, <linux/sched.h>
_NEW_SPACES = 0x7E020080  # all CLONE_NEW..., same
_INTERNET = (2, 10)  # AF_INET, AF_INET6: no local sockets, behind which other programs of the machine wait
_FIONBIO = 0x5421  # <asm-generic/ioctls.h>: the only thing that Python's sockets ask of ioctl

_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000  # SECCOMP_RET_..., <linux/seccomp.h>; REFUSE takes an errno
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06  # <linux/bpf_common.h>
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # bytes in struct seccomp_data; low halves on little-endian
_PR_SET_NO_NEW_PRIVS, _SET_MODE_FILTER, _ALL_THREADS = 38, 1, 1

Step = tuple[int, int, int, int]  # code, steps to skip if true, if false, constant


@dataclass(frozen=True, slots=True)
class _Machine:
    """What differs between architectures; `audit` as in <linux/audit.h>, `column` of the tables above."""

    audit: int
    column: int
    clone: int
    socket: int
    ioctl: int
    seccomp: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 0, clone=56, socket=41, ioctl=16, seccomp=317),
    "aarch64": _Machine(0xC00000B7, 1, clone=220, socket=198, ioctl=29, seccomp=277),
}


def leave_no_way_out(*, connects: bool) -> bool:
    """Set the filter for all threads, for good; False where this system or machine knows no such thing.

    Args:
        connects: whether it may still open connections of the Internet's protocols, to any address.
    """
    machine = _MACHINES.get(platform.machine()) if sys.platform == "linux" and sys.maxsize > 2**32 else None
    if machine is None:
        return False
    steps = list(program(machine, connects=connects))
    raw = b"".join(struct.pack("<HBBI", *step) for step in steps)
    kept = ctypes.create_string_buffer(raw, len(raw))
    # struct sock_fprog: how many, and where
    told = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(kept)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    numbers = (ctypes.c_long(number) for number in (machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS))
    return bool(libc.syscall(*numbers, told) == 0)


def program(machine: _Machine, *, connects: bool) -> Iterator[Step]:
    """The filter, step by step."""
    yield from (_step(_LOAD, _ARCHITECTURE), _step(_IF_EQUAL, machine.audit, skip=1), _step(_RETURN, _KILL))
    yield _step(_LOAD, _NUMBER)
    calls = [*_CALLS.values(), *(_CONNECTING.values() if connects else ())]
    for number in sorted(one[machine.column] or 0 for one in calls if one[machine.column] is not None):
        yield from _answer_if(number, _ALLOW)
    yield from _newer()
    yield from _looked_at(machine.clone, _FIRST, [_THREAD], mask=_THREAD | _NEW_SPACES)
    if connects:
        yield from _looked_at(machine.socket, _FIRST, _INTERNET)
        yield from _looked_at(machine.ioctl, _SECOND, [_FIONBIO])
    yield _step(_RETURN, _REFUSE | errno.EPERM)


def _newer() -> Iterator[Step]:
    """Also what x86_64 knows from 0x40000000 on: the same calls once more, for programs of 32 bits."""
    yield _step(_IF_AT_LEAST, _NEWER, otherwise=1)
    yield _step(_RETURN, _REFUSE | errno.ENOSYS)


def _answer_if(number: int, answer: int) -> Iterator[Step]:
    yield _step(_IF_EQUAL, number, otherwise=1)
    yield _step(_RETURN, answer)


def _looked_at(number: int, argument: int, allowed: Iterable[int], mask: int = 0xFFFFFFFF) -> Iterator[Step]:
    """A call that is allowed with some values of an argument only."""
    inner = [_step(_LOAD, argument), _step(_AND, mask)]
    inner += [step for value in allowed for step in _answer_if(value, _ALLOW)]
    inner.append(_step(_RETURN, _REFUSE | errno.EPERM))
    yield _step(_IF_EQUAL, number, otherwise=len(inner))
    yield from inner


def _step(code: int, constant: int, *, skip: int = 0, otherwise: int = 0) -> Step:
    return code, skip, otherwise, constant
