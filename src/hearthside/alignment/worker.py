"""A process that does its part of the work of lining up days: it reads what to do from its input, and ends with it."""

from __future__ import annotations

import gc
import pickle
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import IO, Any

from hearthside.alignment.workers import Begin, send

_LENGTH_BYTES = 8


def main() -> None:
    """Serve until the input ends."""
    gc.disable()  # nothing here is made of circles, and looking for them takes a tenth of the time
    with ExitStack() as opened:
        do: Callable[[Any], Any] | None = None
        while (message := _next(sys.stdin.buffer)) is not None:
            if isinstance(message, Begin):
                opened.close()
                do = opened.enter_context(message.work.begin())
            elif do is not None:
                send(sys.stdout.buffer, do(message))


def _next(pipe: IO[bytes]) -> Any:
    head = pipe.read(_LENGTH_BYTES)
    return pickle.loads(pipe.read(int.from_bytes(head, "little"))) if len(head) == _LENGTH_BYTES else None


if __name__ == "__main__":
    main()
