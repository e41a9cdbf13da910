"""What was promised before the power was cut, and whether a vault found afterwards keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from hearthside.errors import HearthsideError
from hearthside.events import Record, canonical
from hearthside.journal import Journal

_HOUSE_SOURCES = frozenset({"erasure"})  # what the house writes itself while it does what a scenario asks of it


class Outcome(StrEnum):
    """What a vault is after the cut, worst first."""

    CORRUPT = "corrupt"  # it does not open, does not verify, or holds what nobody wrote
    LOST = "lost"  # something acknowledged is not there
    DUPLICATED = "duplicated"  # something is there twice
    PARTIAL = "partial"  # a call is there in part
    RESURRECTED = "resurrected"  # something forgotten is back
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in one image, and what exactly is wrong with it."""

    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A call began that writes records."""

    call: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Possible:
    """A call that may have begun, or not; its client is never heard of again."""

    call: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The call returned: all of its records are on the disk, or were already."""

    call: int


@dataclass(frozen=True, slots=True)
class Leaving:
    """Records are about to be forgotten; from here on they may be gone."""

    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Forgetting returned: the records never come back, and the keys that opened them are gone from the keyring."""

    records: tuple[Record, ...]
    key_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that the vault would offer from here on, the one in force first."""

    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FilePromised:
    """A plain file below the vault holds these bytes, or, with None, is not there.

    Attributes:
        may_be: contents that are allowed as well while a change is under way.
    """

    path: str
    content: bytes | None
    may_be: tuple[bytes | None, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaPromised:
    """A content is in the media store (True), is not (False), or is just being put or removed (None)."""

    content: bytes
    there: bool | None


Note: TypeAlias = Begun | Possible | Acknowledged | Leaving | Forgotten | Keys | FilePromised | MediaPromised


@dataclass
class Promises:
    """All promises made up to a moment."""

    keys: tuple[bytes, ...] = (b"\1" * 32,)
    calls: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    records: dict[int, tuple[Record, ...]] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    leaving: set[bytes] = field(default_factory=set)
    forgotten: set[bytes] = field(default_factory=set)
    destroyed: frozenset[int] = frozenset()
    files: dict[str, FilePromised] = field(default_factory=dict)
    media: dict[bytes, bool | None] = field(default_factory=dict)

    def note(self, note: Note) -> None:
        """Take in one remark of the recording."""
        match note:
            case Begun(call, records):
                self.calls[call], self.records[call] = _bodies(records), records
            case Possible(call, records):
                self.calls[call] = _bodies(records)
            case Acknowledged(call):
                self.acknowledged.add(call)
            case Leaving(records):
                self.leaving.update(_bodies(records))
            case Forgotten(records, key_ids):
                self.forgotten.update(_bodies(records))
                self.destroyed |= key_ids
            case Keys(keys):
                self.keys = keys
            case FilePromised(path):
                self.files[path] = note
            case MediaPromised(content, there):
                self.media[content] = there

    def unacknowledged(self) -> list[Sequence[Record]]:
        """The calls a client would send again."""
        return [records for call, records in self.records.items() if call not in self.acknowledged]


Look: TypeAlias = Callable[[Journal, Path, Promises], None]
"""A scenario's own look at the vault; raises Broken when something is wrong."""


def open_journal(folder: Path, keys: Sequence[bytes], clock: Callable[[], int]) -> Journal:
    """The journal of a vault, opened as the station does."""
    return Journal(folder, keys[0], clock, former_keys=tuple(keys[1:]))


def check(folder: Path, promises: Promises, now_ms: int, looks: Sequence[Look] = ()) -> Verdict:
    """Open what a power cut left, hold it against the promises, send again what was not acknowledged, and look again.

    Whatever goes wrong is a verdict and never an exception, so that a programme of a million cuts runs on.
    """
    try:
        for promised in promises.files.values():
            _check_file(folder, promised)
        with closing(open_journal(folder, promises.keys, lambda: now_ms)) as journal:
            _compare(journal, promises)
            if unanswered := promises.unacknowledged():
                for records in unanswered:
                    journal.append([record for record in records if canonical(record.body()) not in promises.leaving])
                _compare(journal, replace(promises, acknowledged=set(promises.records)))
            if sorted(item.seq for item in journal.read()) != [item.seq for item in journal.since(0)]:
                raise Broken(Outcome.CORRUPT, "reading by time and in order of arrival differ")
            for look in looks:
                look(journal, folder, promises)
    except Broken as broken:
        return broken.verdict
    except HearthsideError as error:
        return Verdict(Outcome.CORRUPT, f"{error.code}: {error.message}")
    except Exception as error:  # noqa: BLE001 - see the docstring
        return Verdict(Outcome.CORRUPT, f"{type(error).__name__}: {error}")
    return Verdict(Outcome.OK)


class Broken(Exception):
    """A promise was not kept."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.verdict = Verdict(outcome, detail)


def _bodies(records: Sequence[Record]) -> tuple[bytes, ...]:
    return tuple(canonical(record.body()) for record in records)


def _check_file(folder: Path, promised: FilePromised) -> None:
    path = folder / promised.path
    found = path.read_bytes() if path.is_file() else None
    if found in (promised.content, *promised.may_be):
        return
    if found is None:
        raise Broken(Outcome.LOST, f"{promised.path} is gone")
    if promised.content is None:
        raise Broken(Outcome.RESURRECTED, f"{promised.path} is back")
    raise Broken(Outcome.CORRUPT, f"{promised.path} holds {len(found)} bytes that nobody wrote")


def _compare(journal: Journal, promises: Promises) -> None:
    report = journal.verify()
    if not report.sound:
        raise Broken(Outcome.CORRUPT, f"verification finds {report.faults[:3]}")
    if promises.destroyed & journal.keyring.ids():
        raise Broken(Outcome.RESURRECTED, "keys that were destroyed are back")
    stored = (item.record for item in journal.since(0))
    found = Counter(canonical(record.body()) for record in stored if record.source not in _HOUSE_SOURCES)
    compare_records(found, promises)


def compare_records(found: Mapping[bytes, int], promises: Promises) -> None:
    """Hold the bodies that a journal gives, and how often it gives each, against the promises.

    Raises:
        Broken: the worst that is wrong.
    """
    known = {body for bodies in promises.calls.values() for body in bodies}
    if strange := [body for body in found if body not in known]:
        raise Broken(Outcome.CORRUPT, f"{len(strange)} records nobody wrote")
    owed = {body for call in promises.acknowledged for body in promises.calls[call]} - promises.leaving
    if lost := [body for body in owed if body not in found]:
        raise Broken(Outcome.LOST, f"{len(lost)} of {len(owed)} acknowledged records are gone")
    if twice := [body for body, count in found.items() if count > 1]:
        raise Broken(Outcome.DUPLICATED, f"{len(twice)} records are there more than once")
    if back := [body for body in promises.forgotten if body in found]:
        raise Broken(Outcome.RESURRECTED, f"{len(back)} forgotten records are back")
    for bodies in promises.calls.values():
        there = [body in found for body in bodies if body not in promises.leaving]
        if any(there) and not all(there):
            raise Broken(Outcome.PARTIAL, f"a call of {len(bodies)} records is there with {sum(there)}")
