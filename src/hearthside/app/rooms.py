"""Opening a vault and its rooms in the order of dependency."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import apsw

from hearthside.alignment.stream import LifeStream
from hearthside.config import Settings
from hearthside.egress import Egress, LedgerRow
from hearthside.errors import NeedsPerson
from hearthside.events import Event, Layer, Origin, Trust
from hearthside.identity.database import open_database
from hearthside.identity.vault import Vault, create_vault, open_vault, vault_exists
from hearthside.inference.adapters import AdapterRegistry
from hearthside.journal import Journal
from hearthside.journal.backup.layout import address_key
from hearthside.journal.decisions import decided
from hearthside.journal.disk import DiskGuard
from hearthside.journal.heads import HeadSigner
from hearthside.journal.media import MediaStore
from hearthside.memory.index import Index
from hearthside.memory.knowing import Knowing
from hearthside.sources.reading import Reading

SYSTEM_SOURCES = frozenset(
    {
        "person",
        "companion",
        "night",
        "memory",
        "egress",
        "intake",
        "workshop",
        "erasure",
        "home",
        "station",
        "safekeeping",
        "",
    }
)
"""Sources that speak of the house itself; a vault with nothing else holds no life yet."""

HOME_ZONE, SELF_NAMES, PERSON, INVENTED = "home_zone", "self_names", "person", "invented"
CLOCK_SHIFT, SAMPLE = "clock_shift_ms", "sample"


class LifeClock:
    """The present of the life in the vault: this machine's clock, moved for an invented life to where that life is.

    Args:
        clock: UTC milliseconds of this machine.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.shift_ms = 0

    def __call__(self) -> int:
        """UTC milliseconds."""
        return self._clock() + self.shift_ms

    def set_to(self, now_ms: int) -> int:
        """Move the present to `now_ms`; returns the shift."""
        self.shift_ms = now_ms - self._clock()
        return self.shift_ms


@dataclass(frozen=True, slots=True)
class Rooms:
    """The opened rooms of one vault that need no running process; `opened_ms` says since when."""

    settings: Settings
    clock: LifeClock
    vault: Vault
    journal: Journal
    stream: LifeStream
    index: Index
    knowing: Knowing
    registry: AdapterRegistry
    egress: Egress
    media: MediaStore
    signer: HeadSigner
    disk: DiskGuard
    address_key: bytes
    reopen: Callable[[], Vault]
    opened_ms: int

    def reading(self) -> Reading:
        """What sources may know about the person."""
        names = decided(self.journal).get(SELF_NAMES) or []
        return Reading(home_zone(self.journal), frozenset(str(name).casefold() for name in names))

    def has_life(self) -> bool:
        """Whether anything was brought in; talking with the companion alone is not a life yet."""
        return any(name not in SYSTEM_SOURCES for name, _, _, _ in self.journal.sources())

    def close(self) -> None:
        """Close what holds files or connections."""
        self.egress.close()
        self.journal.close()


def system_clock() -> int:
    """The present, UTC milliseconds."""
    return time.time_ns() // 1_000_000


def open_rooms(settings: Settings, clock: Callable[[], int], passphrase: str | None = None) -> Rooms:
    """Open the vault (made with a key file when there is none yet, or with the passphrase when one is given).

    Raises:
        NeedsPerson: the passphrase or key file is missing or wrong; nothing was touched.
    """
    folder = Path(settings.vault).expanduser()

    def reopen() -> Vault:
        return open_vault(folder, passphrase=passphrase, key_file=settings.key_file)

    if vault_exists(folder):
        vault = reopen()
    elif (folder / "journal").exists() or (folder / "journal.db").exists():
        raise NeedsPerson(
            "vault-file-missing",
            f"{folder} holds a journal, but its vault.json, which holds the key, is gone; nothing was changed."
            " Put a copy of it back, or restore into an empty folder: hearthside restore.",
        )
    elif passphrase is not None:
        vault = create_vault(folder, passphrase=passphrase, now_ms=clock())
    else:
        vault = create_vault(folder, key_file=settings.key_file, now_ms=clock())
    life_clock = LifeClock(clock)
    journal = Journal(
        folder, vault.key("journal"), life_clock, former_keys=vault.former_keys("journal"),
        renew_keys=lambda: journal_keys(reopen()),
    )  # fmt: skip
    life_clock.shift_ms = int(decided(journal).get(CLOCK_SHIFT) or 0)
    for name in ("stream", "index", "knowing"):
        _drop_unless_it_opens(folder / f"{name}.db", vault.key(name))
    stream = LifeStream(folder, vault.key("stream"), journal, lambda: home_zone(journal), present=life_clock)
    index = Index(folder, vault.key("index"), journal, vault.key("vectors"))
    knowing = Knowing(folder, vault.key("knowing"), stream, journal, life_clock)
    registry = AdapterRegistry(vault, life_clock)
    egress = Egress(_ledger(journal), life_clock)
    address = address_key(vault, journal.keyring)
    media = MediaStore(folder / "media", address, journal.keyring)
    signer = HeadSigner(vault.id, [vault.key("head"), *vault.former_keys("head")])
    disk = DiskGuard(folder, clock)
    return Rooms(
        settings,
        life_clock,
        vault,
        journal,
        stream,
        index,
        knowing,
        registry,
        egress,
        media,
        signer,
        disk,
        address,
        reopen,
        life_clock(),
    )


def journal_keys(vault: Vault) -> list[bytes]:
    """The journal's keys, the one in force first."""
    return [vault.key("journal"), *vault.former_keys("journal")]


def with_vault(rooms: Rooms, vault: Vault) -> Rooms:
    """The same rooms under a vault that was opened anew, after somebody made new keys."""
    rooms.registry.use(vault)
    rooms.stream.use_key(vault.key("stream"))
    rooms.index.use_key(vault.key("index"), vault.key("vectors"))
    rooms.knowing.gleanings.use_key(vault.key("knowing"))
    signer = HeadSigner(vault.id, [vault.key("head"), *vault.former_keys("head")])
    return replace(rooms, vault=vault, signer=signer)


def _drop_unless_it_opens(path: Path, key: bytes) -> None:
    """A derived file that a cut-off rotation left under a former key, or that is damaged, is made again."""
    if not path.exists():
        return
    try:
        open_database(path, key).close()
    except (NeedsPerson, apsw.CorruptError):
        for suffix in ("-wal", "-shm", ""):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def home_zone(journal: Journal) -> tzinfo:
    """The zone the person lives in, UTC until they say."""
    name = decided(journal).get(HOME_ZONE)
    try:
        return ZoneInfo(str(name)) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _ledger(journal: Journal) -> Callable[[LedgerRow], None]:
    def write(row: LedgerRow) -> None:
        payload = {
            "purpose": row.purpose, "destination": row.destination, "data_class": row.data_class,
            "bytes_out": row.bytes_out, "sha256": row.sha256, "consent": row.consent, "attested": row.attested,
        }  # fmt: skip
        journal.append(
            [
                Event(
                    "egress", "ledger", Layer.BEHAVIOURAL, row.at_ms, Origin.DEVICE, Trust.OWN, payload, clock="station"
                )
            ]
        )

    return write
