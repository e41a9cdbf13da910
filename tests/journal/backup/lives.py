"""Small invented lives to back up, and looking at what comes back."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

from hearthside.events import DAY_MS, Event, Layer, Origin, Record, Trust
from hearthside.identity.vault import Vault, create_vault
from hearthside.journal import Journal
from hearthside.journal.backup import FolderTarget, Target
from hearthside.journal.backup.layout import address_key
from hearthside.journal.backup.run import BackupReport, Source, back_up
from hearthside.journal.media import MediaStore

NOW_MS = 1_797_000_000_000  # 2026-12-11


@dataclass
class Life:
    """A vault with its journal and media.

    Attributes:
        now_ms: what its clock says.
        words: of the paper key.
    """

    folder: Path
    vault: Vault
    words: str
    now_ms: int = NOW_MS
    journal: Journal = field(init=False)
    media: MediaStore = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Open journal and media."""
        keys = (self.vault.key("journal"), *self.vault.former_keys("journal"))
        self.journal = Journal(self.folder, keys[0], self.clock, former_keys=keys[1:])
        keyring = self.journal.keyring
        self.media = MediaStore(self.folder / "media", address_key(self.vault, keyring), keyring)

    def clock(self) -> int:
        """UTC milliseconds."""
        return self.now_ms

    def tick(self) -> int:
        """Each look is a second later."""
        self.now_ms += 1000
        return self.now_ms

    @property
    def source(self) -> Source:
        """For a backup."""
        return Source(self.vault, self.journal, self.media)

    def add(self, first: int, count: int, text: str = "note") -> list[bytes]:
        """Append events; gives their ids."""
        records = [event(n, text) for n in range(first, first + count)]
        self.journal.append(records)
        return [record.id for record in records]

    def back_up(self, target: Target) -> BackupReport:
        """A run, a second later than the one before."""
        return back_up(self.source, target, self.tick)

    def photo(self, content: bytes) -> str:
        """Keep a media file; gives its address."""
        return self.media.put(io.BytesIO(content)).address


def event(n: int, text: str = "note") -> Event:
    """An event of its own; ten of them fall on each day."""
    start = n * DAY_MS // 10
    return Event("test", "note", Layer.TEXT, start, Origin.SELF, Trust.OWN, {"n": n}, "test", text=f"{text} {n}")


def new_life(folder: Path, *, paper: bool = True) -> Life:
    """An empty one."""
    vault = create_vault(folder, key_file=folder.parent / f"{folder.name}-key")
    words = vault.new_paper_key().words if paper else ""
    return Life(folder, vault, words)


def new_target(folder: Path, vault_id: str) -> FolderTarget:
    """A place for backups."""
    folder.mkdir(parents=True, exist_ok=True)
    target = FolderTarget(folder, vault_id)
    target.prepare(vault_id)
    return target


def objects(folder: Path) -> dict[str, bytes]:
    """Everything in a folder target."""
    paths = [path for path in folder.rglob("*") if path.is_file() and ".partial" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def records_of(journal: Journal) -> list[tuple[int, bytes, Record, int]]:
    """All that can be read, in order of position."""
    return [(item.seq, item.id, item.record, item.received_ms) for item in journal.since(0)]
