"""What the vault is doing when the power goes: each scenario is a function that works on a real, encrypted journal."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from crash.format_1 import vault_of_version_1
from crash.looks import (
    BACKUP,
    INDEX_KEY,
    STREAM_KEY,
    backup_goes_on,
    derived_rooms_catch_up,
    forgotten_in_all_rooms,
    media_as_promised,
    media_store,
    rotation_can_be_finished,
)
from crash.promises import Look, Note
from crash.stage import Stage
from hearthside import erasure
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS
from hearthside.identity.durable import sync_folder, write_private
from hearthside.identity.vault import Vault
from hearthside.inference.adapters import AdapterRegistry
from hearthside.journal.backup.folder import FolderTarget
from hearthside.memory.index import Index

_YEAR_MS = 365 * DAY_MS
_KEYS = tuple(bytes([number]) * 32 for number in (1, 2, 3))


def append(stage: Stage) -> None:
    """Calls of one record and of many, some sent twice, with the station restarted in between."""
    for _ in range(2):
        with stage.journal() as journal:
            for size in (1, 3, 40, 1, 1, 10):
                events = stage.events(size)
                stage.append(journal, events)
                if stage.rnd.random() < 0.3:
                    stage.append(journal, events)


def append_from_threads(stage: Stage) -> None:
    """Four clients at once, so that one commit carries several calls."""
    with stage.journal() as journal:

        def client(number: int, batches: Sequence[int]) -> None:
            for size in batches:
                stage.append(journal, stage.events(size, source=f"source_{number}", days=3))

        threads = [threading.Thread(target=client, args=(number, (1, 5, 1, 20, 2))) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def append_over_new_year(stage: Stage) -> None:
    """The year ends between two calls, so that a new file of the journal begins."""
    with stage.journal() as journal:
        for _ in range(3):
            for size in (1, 8, 2):
                stage.append(journal, stage.events(size, days=30))
            stage.now_ms += _YEAR_MS


def forget(stage: Stage) -> None:
    """A whole day of one source goes, then part of another, while new records come in."""
    with stage.journal() as journal:
        day, other = stage.events(12), stage.events(12, source="watch")
        for events in (day, other):
            stage.append(journal, events)
        stage.forget(journal, day)
        stage.append(journal, stage.events(3))
        stage.forget(journal, other[::3])
        stage.append(journal, stage.events(3, source="watch"))
        stage.now_ms += _YEAR_MS
        stage.append(journal, stage.events(2))
        stage.forget(journal, other[1:2])


def derived(stage: Stage) -> None:
    """The index and the life stream catch up with the journal, and are made anew once."""
    with stage.journal() as journal:
        index = Index(stage.folder, INDEX_KEY, journal)
        stream = LifeStream(stage.folder, STREAM_KEY, journal, lambda: UTC)
        for turn in range(3):
            stage.append(journal, stage.events(5))
            index.update()
            stream.update()
            if turn == 1:
                index.rebuild()
                stream.rebuild()


def rotate(stage: Stage) -> None:
    """The vault gets another key, and the journal is written anew under it; then a second time."""
    with stage.journal() as journal:
        stage.append(journal, stage.events(5))
        stage.now_ms += _YEAR_MS
        stage.append(journal, stage.events(30, days=2))
        for new, former in ((_KEYS[1], _KEYS[0]), (_KEYS[2], _KEYS[1])):
            stage.use_keys(new, former)
            journal.rotate(new)
            stage.use_keys(new)
            stage.append(journal, stage.events(3))


def compact(stage: Stage) -> None:
    """Year files are written anew without what forgetting left empty, while new records come in."""
    with stage.journal() as journal:
        events = stage.events(40)
        stage.append(journal, events)
        stage.forget(journal, events[::2])
        journal.compact()
        stage.append(journal, stage.events(4))
        journal.compact()
    with stage.journal() as journal:
        stage.append(journal, stage.events(4))


def everything_at_once(stage: Stage) -> None:
    """Two clients write while the journal forgets, is written anew, and gets another key; the year ends meanwhile."""
    with stage.journal() as journal:
        events = stage.events(20, days=2)
        stage.append(journal, events)

        def client(number: int) -> None:
            for size in (1, 6, 1, 3, 1, 10, 2, 1):
                stage.append(journal, stage.events(size, source=f"source_{number}", days=2))

        threads = [threading.Thread(target=client, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        stage.forget(journal, events[::4])
        journal.compact()
        stage.now_ms += _YEAR_MS
        stage.use_keys(_KEYS[1], _KEYS[0])
        journal.rotate(_KEYS[1])
        stage.use_keys(_KEYS[1])
        stage.forget(journal, events[1::4])
        for thread in threads:
            thread.join()


def migrate(stage: Stage) -> None:
    """A vault of version 1, with its journal in one file, is opened and goes on."""
    for _ in range(2):
        with stage.journal() as journal:
            stage.append(journal, stage.events(4))


def media(stage: Stage) -> None:
    """Files of several sizes come into the media store, some twice, and some are forgotten."""
    with stage.journal() as journal:
        store = media_store(journal, stage.folder)
        contents = [stage.rnd.randbytes(size) for size in (0, 300, 5_000, 70_000)]
        for content in contents:
            stage.put_media(store, content)
        stage.put_media(store, contents[1])
        for content in contents[:3]:
            stage.remove_media(store, content)
        stage.put_media(store, contents[2])


def erase(stage: Stage) -> None:
    """The person has one source forgotten in all rooms; then life goes on."""
    vault = Vault(stage.folder, bytes(32))
    with stage.journal() as journal:
        index = Index(stage.folder, INDEX_KEY, journal)
        stream = LifeStream(stage.folder, STREAM_KEY, journal, lambda: UTC)
        registry = AdapterRegistry(vault, lambda: stage.now_ms)
        unwanted = stage.events(5, source="watch")
        stage.append(journal, unwanted)
        stage.append(journal, stage.events(5))
        index.update()
        stream.update()
        with stage.forgetting(journal, unwanted):
            chosen = erasure.preview(journal, stream, erasure.Wanted(source="watch"))
            erasure.forget(journal, stream, index, registry, chosen, lambda: stage.now_ms)
        stage.append(journal, stage.events(3))
        index.update()
        stream.update()


def backup(stage: Stage) -> None:
    """Objects are put into a backup folder by two runs, the second putting some again and removing others."""
    folder = stage.folder / BACKUP
    folder.mkdir()
    sync_folder(stage.folder)
    names = [f"rows/{number:03d}" for number in range(5)] + ["keyring/1", "head"]
    contents = {name: stage.rnd.randbytes(stage.rnd.choice((30, 3_000, 40_000))) for name in names}
    for run in range(2):
        target = FolderTarget(folder, BACKUP)
        target.prepare(BACKUP)
        for name in names:
            with stage.changes_file(folder / name, contents[name]):
                target.put(name, contents[name])
        for name in names[:2] if run else ():
            with stage.changes_file(folder / name, None):
                target.delete(name)
        target.close()


def small_files(stage: Stage) -> None:
    """Files written whole or not at all: the vault's own, and one in a folder made for it."""
    for number in range(6):
        for name in ("vault.json", "notes/state.json"):
            content = stage.rnd.randbytes(700 + 300 * number)
            path = stage.folder / name
            with stage.changes_file(path, content):
                write_private(path, content)


def nothing_before(folder: Path, rnd: random.Random) -> list[Note]:
    """Begin with an empty folder."""
    return []


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario and what is looked at besides the journal.

    Attributes:
        before: makes what lies in the folder before the recording begins, such as a vault of an older version, and
            says what was promised of it.
    """

    play: Callable[[Stage], None]
    looks: Sequence[Look] = ()
    before: Callable[[Path, random.Random], list[Note]] = nothing_before


SCENARIOS: Mapping[str, Scenario] = {
    "append": Scenario(append),
    "append-from-threads": Scenario(append_from_threads),
    "append-over-new-year": Scenario(append_over_new_year),
    "forget": Scenario(forget),
    "rotate": Scenario(rotate, (rotation_can_be_finished,)),
    "compact": Scenario(compact),
    "everything-at-once": Scenario(everything_at_once, (rotation_can_be_finished,)),
    "migrate": Scenario(migrate, before=vault_of_version_1),
    "media": Scenario(media, (media_as_promised,)),
    "backup": Scenario(backup, (backup_goes_on,)),
    "derived": Scenario(derived, (derived_rooms_catch_up,)),
    "erase": Scenario(erase, (forgotten_in_all_rooms, derived_rooms_catch_up)),
    "small-files": Scenario(small_files),
}
