"""A vault with everything an export takes along, and the way to open one again."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Json, Layer, Origin, Precision, Series, Trust
from hearthside.identity.vault import Vault
from hearthside.inference.adapters import AdapterManifest, AdapterRegistry
from hearthside.journal import Journal
from hearthside.journal.attachments import MediaRef, with_media
from hearthside.journal.decisions import decide
from hearthside.journal.media import MediaKeys, MediaStore
from hearthside.leaving import Belongings

BERLIN = ZoneInfo("Europe/Berlin")
ADDRESS_KEY = b"\7" * 32
NOW_MS = 1_797_000_000_000  # 2026-12-11
START_MS = 1_772_323_200_000  # 2026-03-01
SYSTEM = frozenset({"person", "egress", "companion"})


@dataclass(frozen=True, slots=True)
class House:
    """The rooms of one vault."""

    vault: Vault
    journal: Journal
    stream: LifeStream
    registry: AdapterRegistry
    media: MediaStore

    def belongings(self) -> Belongings:
        return Belongings(
            self.vault.folder, self.vault.id, self.journal, self.stream, self.registry, self.media, ADDRESS_KEY
        )


@contextmanager
def house_in(
    folder: Path, root: bytes = b"\1" * 32, address_key: bytes = ADDRESS_KEY, zone: tzinfo = BERLIN
) -> Iterator[House]:
    """The rooms over one folder; each record that comes arrives a second after the one before."""
    now = NOW_MS

    def clock() -> int:
        nonlocal now
        now += 1000
        return now

    vault = Vault(folder, root)
    journal = Journal(folder, vault.key("journal"), clock)
    try:
        stream = LifeStream(folder, vault.key("stream"), journal, lambda: zone)
        media = MediaStore(folder / "media", address_key, journal.keyring)
        yield House(vault, journal, stream, AdapterRegistry(vault, clock), media)
    finally:
        journal.close()


def media_opener(folder: Path, told: list[bytes] | None = None) -> Callable[[MediaKeys, bytes], MediaStore]:
    """As the app opens the media store of a vault that is made."""

    def opened(keys: MediaKeys, address_key: bytes) -> MediaStore:
        if told is not None:
            told.append(address_key)
        return MediaStore(folder / "media", address_key, keys)

    return opened


def message(text: str, at_ms: int, key: str = "", payload: dict[str, Json] | None = None) -> Event:
    """A message of a chat."""
    return Event(
        "whatsapp", "message", Layer.TEXT, at_ms, Origin.PERSON, Trust.KNOWN,
        {"conversation": "Ida | \"Bo\"", "n": 2**63, "x": -0.0, "y": 1e-7, **(payload or {})},
        clock="export:whatsapp", text=text, key=key,
    )  # fmt: skip


def pulse(at_ms: int, values: list[float], offset_min: int | None = 60) -> Series:
    """A pulse a minute."""
    return Series(
        "ring", "heart_rate", Layer.BEHAVIOURAL, at_ms, MINUTE_MS, np.array(values), "1/min", "device:ring", offset_min
    )


def photo(house: House, name: str, content: bytes, at_ms: int, kind: str = "image/jpeg") -> Event:
    """A caption with its photo in the store."""
    stored = house.media.put(io.BytesIO(content))
    payload = with_media({"text": "a view"}, [MediaRef(stored.address, stored.size, kind, name)])
    return Event(
        "glasses", "caption", Layer.VISUAL, at_ms, Origin.DEVICE, Trust.OWN, payload, "device:g", text="a view"
    )


def live_a_little(house: House) -> None:
    """Some of everything: one forgotten, one replaced, days without a time, decisions, a ledger row, an adapter."""
    day = Event(
        "oura", "activity_day", Layer.BEHAVIOURAL, START_MS, Origin.DEVICE, Trust.OWN, {"steps": 8000}, "device:oura",
        precision=Precision.DAY,
    )  # fmt: skip
    sleep = Event(
        "oura", "sleep", Layer.BEHAVIOURAL, START_MS + 22 * HOUR_MS, Origin.DEVICE, Trust.OWN, {}, "device:oura",
        end_ms=START_MS + 30 * HOUR_MS, offset_min=60,
    )  # fmt: skip
    ledger = Event(
        "egress", "ledger", Layer.BEHAVIOURAL, START_MS, Origin.DEVICE, Trust.OWN,
        {"purpose": "model-download", "bytes_out": 12}, clock="station",
    )  # fmt: skip
    gone = message("the secret", START_MS + 9 * HOUR_MS)
    first, second = (
        message("old words", START_MS + 8 * HOUR_MS, "k1"),
        message("new words", START_MS + 8 * HOUR_MS, "k1"),
    )
    messages = [message(f"Größe {n} 😀\u2028", START_MS + n * 7 * MINUTE_MS) for n in range(600)]
    house.journal.append([day, sleep, ledger, gone, first, second, *messages])
    house.journal.append([pulse(START_MS, [60.5, float("nan"), 61.0]), pulse(START_MS + DAY_MS, [], None)])
    house.journal.append([pulse(START_MS + 2 * DAY_MS, [70.0, 71.0], None)])
    house.journal.append(
        [
            photo(house, "IMG 1.jpg", b"first" * 50_000, START_MS + HOUR_MS),
            photo(house, "img 1.JPG", b"second", START_MS + 2 * HOUR_MS),
            photo(house, "../../etc/passwd", b"third", START_MS + 3 * HOUR_MS),
            photo(house, "", b"fourth", START_MS + 4 * HOUR_MS, "image/png"),
        ]
    )
    house.journal.forget([gone.id])
    decide(house.journal, "home_zone", "Europe/Berlin", NOW_MS)
    decide(house.journal, "person", "Ida", NOW_MS)
    manifest = AdapterManifest("ab" * 32, "lora_sft", "2026-03-01", "2026-03-20", 900, "receipt")
    house.registry.promote(house.registry.stage(b"GGUF weights", manifest), {"gain": 0.2})
    house.stream.update()


def lines_of(folder: Path) -> list[dict[str, Json]]:
    """All lines of an export's journal, in order."""
    paths = sorted(folder.glob("journal-*.jsonl"))
    return [orjson.loads(text) for path in paths for text in path.read_bytes().splitlines()]


def content(folder: Path) -> dict[str, str]:
    """Every file under a folder with the hash of its bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
