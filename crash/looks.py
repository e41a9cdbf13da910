"""What some scenarios look at besides the records: derived rooms, media, an unfinished rotation."""

from __future__ import annotations

import hashlib
import io
from contextlib import closing
from datetime import UTC
from pathlib import Path

import orjson

from crash.promises import Broken, Outcome, Promises, open_journal
from hearthside.alignment.stream import LifeStream
from hearthside.errors import HearthsideError, Refused
from hearthside.events import id_of
from hearthside.journal import Journal
from hearthside.journal.backup.folder import FolderTarget
from hearthside.journal.media import MediaStore
from hearthside.memory.index import Index

INDEX_KEY, STREAM_KEY, ADDRESS_KEY = b"\x11" * 32, b"\x12" * 32, b"\x13" * 32
BACKUP = "backup"  # the folder that scenarios back up into, and the name of the vault whose backup it is


def derived_rooms_catch_up(journal: Journal, folder: Path, promises: Promises) -> None:
    """The index and the life stream open, catch up, and are then what a rebuild makes of the journal.

    While something is being forgotten they may already lack what the journal still has.
    """
    index = Index(folder, INDEX_KEY, journal)
    stream = LifeStream(folder, STREAM_KEY, journal, lambda: UTC)
    for name, room in (("index", index), ("life stream", stream)):
        room.update()
        caught_up = room.fingerprint()
        room.rebuild()
        if caught_up != room.fingerprint() and promises.leaving == promises.forgotten:
            raise Broken(Outcome.CORRUPT, f"the {name} caught up to something else than a rebuild makes")


def forgotten_in_all_rooms(journal: Journal, folder: Path, promises: Promises) -> None:
    """Neither the index nor the life stream still has what was forgotten, once they have caught up."""
    index = Index(folder, INDEX_KEY, journal)
    stream = LifeStream(folder, STREAM_KEY, journal, lambda: UTC)
    index.update()
    stream.update()
    known = {identity for batch in index.all_ids(1000) for identity in batch} | {o.id for o in stream.occurrences()}
    gone = [body for body in promises.forgotten if id_of(body, orjson.loads(body)["start_ms"]) in known]
    if gone:
        raise Broken(Outcome.RESURRECTED, f"{len(gone)} forgotten records are still in a derived room")


def rotation_can_be_finished(journal: Journal, folder: Path, promises: Promises) -> None:
    """Rotating once more to the same key ends with everything under it alone."""
    new = promises.keys[0]
    journal.rotate(new)
    head = journal.head()
    journal.close()
    with closing(open_journal(folder, [new], lambda: 0)) as again:
        if again.head() != head or not again.verify().sound:
            raise Broken(Outcome.CORRUPT, "after the rotation was finished the chain is another one")


def backup_goes_on(journal: Journal, folder: Path, promises: Promises) -> None:
    """The next run of the backup puts everything in its place, whatever the cut left of the one before."""
    if not (folder / BACKUP).is_dir():
        return
    target = FolderTarget(folder / BACKUP, BACKUP)
    target.prepare(BACKUP)
    for promised in promises.files.values():
        name, wanted = promised.path.removeprefix(f"{BACKUP}/"), promised.content
        if wanted is None:
            target.delete(name)
            continue
        target.put(name, wanted)
        if target.get(name) != wanted:
            raise Broken(Outcome.CORRUPT, f"the backup gives {name} with other bytes than were put")


def address_of(content: bytes) -> str:
    """The name that the media store gives a content."""
    return hashlib.blake2b(content, key=ADDRESS_KEY, digest_size=32).hexdigest()


def media_store(journal: Journal, folder: Path) -> MediaStore:
    """The media store of a vault."""
    return MediaStore(folder / "media", ADDRESS_KEY, journal.keyring)


def media_as_promised(journal: Journal, folder: Path, promises: Promises) -> None:
    """What was put is there, what was removed is not, what was under way can be put again; then nothing is amiss."""
    store = media_store(journal, folder)
    for content, there in promises.media.items():
        if there is None:
            _put_again(store, content)
        elif there:
            _is_there(store, content)
        elif _readable(store, content):
            raise Broken(Outcome.RESURRECTED, "a forgotten media file can be opened again")
    if faults := store.verify():
        raise Broken(Outcome.CORRUPT, f"the media store complains: {faults[0]}")


def _put_again(store: MediaStore, content: bytes) -> None:

    store.put(io.BytesIO(content))
    _is_there(store, content)


def _is_there(store: MediaStore, content: bytes) -> None:
    try:
        found = b"".join(store.open(address_of(content)))
    except HearthsideError as error:
        raise Broken(Outcome.LOST, f"a media file of {len(content)} bytes does not open: {error.code}") from error
    if found != content:
        raise Broken(Outcome.CORRUPT, f"a media file of {len(content)} bytes has other bytes")


def _readable(store: MediaStore, content: bytes) -> bool:
    try:
        return b"".join(store.open(address_of(content))) == content
    except Refused:
        return False
