"""Which of llama.cpp's slots a request takes, so that what a slot has read is used again and not lost for a trifle.

llama.cpp's own choice takes a slot that shares a tenth of the request's tokens with it, whatever the adapter, else the
one unused for longest: a word of small talk, or the one token of a probe, throws out what was read of a person. Here
the slot is taken that costs least: what must be read, and the worth of what goes. A slot is worth what it took to read,
less the more has gone since (GreedyDual: Young, "The k-server dual and loose competitiveness for paging", Algorithmica
1994; Cao and Irani, "Cost-aware WWW proxy caching algorithms", USENIX 1997).

No words are kept: a prompt is known by numbers, one for each of its beginnings, that mean nothing in another process.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hearthside.inference.backend import Message

_BLOCK = 64  # characters
_LOOK_S = 0.05  # between looks at whether one who waits still wants a slot

Marks: TypeAlias = tuple[int, ...]
"""A prompt's beginnings, the shortest first; two prompts agree as far as their marks do."""


def marks_of(adapter: str | None, messages: Sequence[Message]) -> Marks:
    """The marks of a prompt; those of two adapters have nothing in common."""
    text = "\0".join(f"{message['role']}\0{message['content']}" for message in messages)
    mark, found = hash(adapter), list[int]()
    for start in range(0, len(text), _BLOCK):
        mark = hash((mark, text[start : start + _BLOCK]))
        found.append(mark)
    return tuple(found)


@dataclass(slots=True)
class _Slot:
    """What a slot has read last, and its credit: its worth at that time, by the level of that time."""

    marks: Marks = ()
    credit: float = 0.0
    busy: bool = False


@dataclass(slots=True, eq=False)
class _Waiting:
    marks: Marks
    slot: int | None = None
    ready: threading.Event = field(default_factory=threading.Event)


class Slots:
    """The slots of one server; safe to use from many threads."""

    def __init__(self, count: int) -> None:
        self._slots = [_Slot() for _ in range(count)]
        self._level = 0.0  # blocks that have gone so far; what was read long ago is worth less by it
        self._waiting = deque[_Waiting]()
        self._lock = threading.Lock()

    def take(self, marks: Marks, given_up: Callable[[], bool]) -> int | None:
        """A slot for this prompt, when one is free; who came first is served first. None once it was given up.

        Args:
            marks: of the prompt; empty for one that must not use what was read before.
        """
        with self._lock:
            if not self._waiting and (free := self._free()):
                return self._give(free, marks)
            mine = _Waiting(marks)
            self._waiting.append(mine)
        while not mine.ready.wait(_LOOK_S):
            if given_up():
                return self._withdraw(mine)
        return mine.slot

    def leave(self, slot: int, marks: Marks) -> None:
        """The slot is free again and holds this prompt; empty when that is not known."""
        with self._lock:
            one = self._slots[slot]
            one.marks, one.credit, one.busy = marks, self._level + len(marks), False
            if self._waiting:
                first = self._waiting.popleft()
                first.slot = self._give(self._free(), first.marks)
                first.ready.set()

    def _free(self) -> list[int]:
        return [number for number, one in enumerate(self._slots) if not one.busy]

    def _give(self, free: Sequence[int], marks: Marks) -> int:
        number = min(free, key=lambda i: (self._cost(self._slots[i], marks), self._slots[i].credit))
        one = self._slots[number]
        self._level += self._lost(one, marks)
        one.busy = True
        return number

    def _cost(self, one: _Slot, marks: Marks) -> float:
        """Blocks to be read anew, and the worth of those that go."""
        return len(marks) - _common(one.marks, marks) + self._lost(one, marks)

    def _lost(self, one: _Slot, marks: Marks) -> float:
        if not one.marks:
            return 0.0
        share = 1.0 - _common(one.marks, marks) / len(one.marks)
        return max(one.credit - self._level, 0.0) * share

    def _withdraw(self, mine: _Waiting) -> int | None:
        with self._lock:
            if mine.slot is None:
                self._waiting.remove(mine)
        return mine.slot


def _common(one: Marks, other: Marks) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
