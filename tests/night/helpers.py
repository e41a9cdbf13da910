"""A small vault of rooms and invented messages for the tests of the night and of forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, Event, Layer, Origin, Trust, day_start_ms
from hearthside.identity.vault import Vault
from hearthside.inference.adapters import AdapterManifest, AdapterRegistry
from hearthside.journal import Journal
from hearthside.memory.index import Index

START_MS = day_start_ms("2026-03-01")
NOW_MS = START_MS + 40 * DAY_MS
BASE_SHA256 = "ab" * 32


class Clock:
    """A clock that moves a second whenever it is read, so that no two records carry the same time."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        self.now_ms += 1000
        return self.now_ms


@dataclass(frozen=True, slots=True)
class SmallVault:
    """The rooms that keep something."""

    journal: Journal
    stream: LifeStream
    index: Index
    registry: AdapterRegistry
    clock: Clock

    def keep(self, events: list[Event]) -> None:
        """Journal, line up and index."""
        self.journal.append(events)
        self.stream.update()
        self.index.update()


@contextmanager
def small_vault(folder: Path) -> Iterator[SmallVault]:
    """Rooms over one folder, closed at the end."""
    clock, vault = Clock(), Vault(folder, b"\1" * 32)
    journal = Journal(folder, vault.key("journal"), clock)
    try:
        yield SmallVault(
            journal,
            LifeStream(folder, vault.key("stream"), journal, lambda: UTC),
            Index(folder, vault.key("index"), journal),
            AdapterRegistry(vault, clock),
            clock,
        )
    finally:
        journal.close()


def message(
    text: str,
    at_ms: int,
    origin: Origin = Origin.SELF,
    conversation: str = "Ida",
    kind: str = "message",
    key: str = "",
    order: int = 0,
    **payload: str,
) -> Event:
    """A message of a chat export."""
    return Event(
        "whatsapp", kind, Layer.TEXT, at_ms, origin, Trust.OWN if origin is Origin.SELF else Trust.KNOWN,
        {"conversation": conversation, "sender": "me" if origin is Origin.SELF else "Ida", "order": order, **payload},
        clock="export:whatsapp", text=text, key=key,
    )  # fmt: skip


def stage(registry: AdapterRegistry, weights: bytes, base_sha256: str = BASE_SHA256) -> str:
    """Keep an adapter as one that came back from the workshop."""
    return registry.stage(weights, AdapterManifest(base_sha256, "lora_sft", "2026-03-01", "2026-03-20", 900, "receipt"))
