"""The judge: each way of breaking a promise is seen for what it is, on a real journal that breaks it."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from crash.promises import (
    Acknowledged,
    Begun,
    Broken,
    FilePromised,
    Forgotten,
    Leaving,
    Note,
    Outcome,
    Possible,
    Promises,
    check,
    compare_records,
    open_journal,
)
from crash.recorder import recorded
from crash.stage import START_MS, Stage
from hearthside.events import Event, canonical


@pytest.fixture
def events(tmp_path: Path) -> list[Event]:
    """Six events, of which the journal in the folder holds the first three."""
    vault = tmp_path / "vault"
    vault.mkdir()
    with recorded(vault) as recording:
        made = Stage(recording, random.Random(1)).events(6)
    with closing(open_journal(vault, Promises().keys, lambda: START_MS)) as journal:
        journal.append(made[:3])
    return made


def _verdict(tmp_path: Path, *notes: Note) -> Outcome:
    promises = Promises()
    for note in notes:
        promises.note(note)
    return check(tmp_path / "vault", promises, START_MS).outcome


def test_what_was_promised_and_is_there(tmp_path: Path, events: list[Event]) -> None:
    kept = Begun(1, tuple(events[:3]))
    assert _verdict(tmp_path, kept, Acknowledged(1)) is Outcome.OK
    assert _verdict(tmp_path, kept) is Outcome.OK
    assert _verdict(tmp_path, kept, Acknowledged(1), Possible(2, tuple(events[3:]))) is Outcome.OK
    # Not there and not acknowledged: it is sent again, once.
    assert _verdict(tmp_path, kept, Acknowledged(1), Begun(2, tuple(events[3:]))) is Outcome.OK


def test_what_was_acknowledged_and_is_not_there(tmp_path: Path, events: list[Event]) -> None:
    every = Begun(1, tuple(events[:3])), Begun(2, tuple(events[3:]))
    assert _verdict(tmp_path, *every, Acknowledged(2)) is Outcome.LOST


def test_what_nobody_wrote(tmp_path: Path, events: list[Event]) -> None:
    assert _verdict(tmp_path, Begun(1, tuple(events[:2]))) is Outcome.CORRUPT


def test_half_a_call(tmp_path: Path, events: list[Event]) -> None:
    assert _verdict(tmp_path, Begun(1, tuple(events[:2])), Begun(2, tuple(events[2:]))) is Outcome.PARTIAL


def test_what_was_forgotten_and_is_there(tmp_path: Path, events: list[Event]) -> None:
    kept, gone = Begun(1, tuple(events[:3])), tuple(events[:1])
    assert _verdict(tmp_path, kept, Acknowledged(1), Leaving(gone)) is Outcome.OK
    assert _verdict(tmp_path, kept, Acknowledged(1), Leaving(gone), Forgotten(gone)) is Outcome.RESURRECTED


def test_keys_that_were_destroyed_and_are_there(tmp_path: Path, events: list[Event]) -> None:
    with closing(open_journal(tmp_path / "vault", Promises().keys, lambda: START_MS)) as journal:
        keys = frozenset(journal.keyring.ids())
    kept = Begun(1, tuple(events[:3]))
    assert _verdict(tmp_path, kept, Forgotten((), keys)) is Outcome.RESURRECTED


def test_what_is_there_twice(events: list[Event]) -> None:
    promises = Promises()
    promises.note(Begun(1, tuple(events)))
    found = Counter(canonical(event.body()) for event in events)
    compare_records(found, promises)
    with pytest.raises(Broken) as broken:
        compare_records(found + Counter([canonical(events[0].body())]), promises)
    assert broken.value.verdict.outcome is Outcome.DUPLICATED


def test_a_damaged_file(tmp_path: Path, events: list[Event]) -> None:
    year = next((tmp_path / "vault" / "journal").glob("2026-*.db"))
    content = bytearray(year.read_bytes())
    content[len(content) // 2] ^= 1
    year.write_bytes(content)
    assert _verdict(tmp_path, Begun(1, tuple(events[:3]))) is Outcome.CORRUPT


def test_plain_files(tmp_path: Path, events: list[Event]) -> None:
    kept = Begun(1, tuple(events[:3]))
    (tmp_path / "vault" / "file").write_bytes(b"new")
    assert _verdict(tmp_path, kept, FilePromised("file", b"new")) is Outcome.OK
    assert _verdict(tmp_path, kept, FilePromised("file", b"newer", (b"new",))) is Outcome.OK
    assert _verdict(tmp_path, kept, FilePromised("file", b"newer")) is Outcome.CORRUPT
    assert _verdict(tmp_path, kept, FilePromised("file", None)) is Outcome.RESURRECTED
    assert _verdict(tmp_path, kept, FilePromised("other", b"new")) is Outcome.LOST
