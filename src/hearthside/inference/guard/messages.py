"""What station and guard say to each other over a socket pair: one JSON object a line, with a `kind`.

station → guard
    hello    owner, soft, hard, calm_s (0: as usual), proc, ended_s_ago[], leases[{lease, pid, need, load, loading}]
    ask      lease, need, number                        → answer
    grow     lease, need: on top of what it has, number → answer
    withdraw lease, number: what was asked to grow will not be loaded; the answer to that question came too late
    shrink   lease, less: so much was given back
    attach   lease, pid                                 → attached
    loaded   lease
    release  lease
    beat     running, progress
guard → station
    ready    taken[], total, soft, hard, unified
    answer   number, why ("" is yes), largest, rests_s
    attached lease, limits[], gone
    state    rung, available, fall, owed, every_s: once a second, and so the guard's heartbeat
    shed     rung, available; at the first rung also fell, grew, other, other_grew
    ended    lease, cause, available, fall, fell, grew, other, other_grew: the engine was killed
    stuck    lease, seconds: it was killed and does not go
    left     lease: a process that was attached has ended
    calm     available, seconds: there is room again, so long after shedding began
    late     seconds: the guard was not let run for so long
    unwatched: instead of `ready`; this system does not tell how much memory is left

The end of the stream means that the other side is dead. The guard then ends what it guards, and goes.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]

_LONGEST = 1 << 16


def encode(kind: str, **values: Any) -> bytes:
    """One message as a line."""
    return json.dumps({"kind": kind, **values}, separators=(",", ":")).encode() + b"\n"


class Lines:
    """Puts what arrives in pieces together to messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[Message]:
        """The messages that are whole now; what is no message is left out.

        Raises:
            ValueError: a line grows beyond 64 KiB; this is not our counterpart.
        """
        *whole, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > _LONGEST:
            raise ValueError("a line is too long")
        return [message for line in whole if (message := _message(line)) is not None]


def _message(line: bytes) -> Message | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("kind"), str) else None
