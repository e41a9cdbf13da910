"""Machines in a network of their own: each in a network namespace, with one cable to this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Machine:
    """A namespace: its name, and its address as this machine reaches it."""

    name: str
    address: str

    def command(self, *arguments: str) -> list[str]:
        """The command that runs there."""
        return ["ip", "netns", "exec", self.name, *arguments]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def machine(number: int) -> Iterator[Machine]:
    """A namespace for one test; skips where the system permits none. Addresses are those of RFC 2544, for tests."""
    if sys.platform != "linux" or shutil.which("ip") is None:
        pytest.skip("network namespaces are a thing of Linux with iproute2")
    name, cable = f"hearthside-{os.getpid()}-{number}", f"hs{os.getpid() % 100_000}n{number}"
    third = (os.getpid() * 2 + number) % 256
    here, there = f"198.18.{third}.1", f"198.18.{third}.2"
    try:
        _ip("netns", "add", name)
    except (subprocess.CalledProcessError, PermissionError) as error:
        pytest.skip(f"this system permits no network namespace ({error})")
    try:
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("addr", "add", f"{here}/30", "dev", cable)
        _ip("link", "set", cable, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "addr", "add", f"{there}/30", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "route", "add", "default", "via", here)
        yield Machine(name, there)
    finally:
        _ip("netns", "delete", name)  # the cable goes with it
