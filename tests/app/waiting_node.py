"""A compute node that waits to be paired, without a model."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hearthside.inference.remote.node_identity import NodeKey
from hearthside.inference.remote.pairing import PairingDoor
from tests.inference.remote.homes import clock, listener


@contextmanager
def waiting_node() -> Iterator[tuple[int, str]]:
    """A node that waits to be paired: its port and code."""
    stop = threading.Event()
    with listener() as open_door:
        door = PairingDoor(open_door, NodeKey(), clock, secrets.token_bytes, lambda identity: None, lambda said: None)
        waiting = threading.Thread(target=door.wait, args=(stop, lambda code: None))
        waiting.start()
        yield int(open_door.getsockname()[1]), door.codes.shown
        stop.set()
        waiting.join()
