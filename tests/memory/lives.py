"""A vault whose memory can be searched, and an embedder that puts words into vectors by hashing them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hearthside.events import Record
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.index import Index
from hearthside.memory.search import Embedder, embed_waiting, search
from hearthside.memory.words import content_words
from tests.alignment.lives import KEY, START, Vault, open_vault


@dataclass
class HashingEmbedder:
    """Each word is a direction given by its hash; words of one meaning may be named to share one."""

    meanings: dict[str, str] = field(default_factory=dict)
    model: str = "hashing-1"
    texts: list[str] = field(default_factory=list)

    def embed(self, texts: list[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """Unit vectors, (n, 64); remembers the texts that were not queries."""
        if not query:
            self.texts += texts
        rows = [np.sum([self._direction(word) for word in content_words(text) or ["-"]], axis=0) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)

    def _direction(self, word: str) -> npt.NDArray[np.float64]:
        name = self.meanings.get(word, word)
        seed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
        return np.random.default_rng(seed).standard_normal(64)


@dataclass
class Memory(Vault):
    """A vault with its index."""

    index: Index = field(kw_only=True)

    def take(self, *records: Record) -> None:
        """Journal records and bring life stream and index up to date."""
        Vault.take(self, *records)
        self.index.update()

    def search(self, text: str, embedder: Embedder | None = None, limit: int = 10, **filters: object) -> list[Hit]:
        """Search with filters by name."""
        return search(self.index, self.journal, self.stream, text, Filters(**filters), limit, embedder)  # type: ignore[arg-type]

    def embed(self, embedder: Embedder, limit: int | None = None) -> int:
        """Give vectors to what waits."""
        return embed_waiting(self.index, self.journal, embedder, lambda: START, limit=limit)

    def reindexed(self) -> str:
        """The fingerprint of an index made anew from the same journal, which must not differ."""
        before = self.index.fingerprint()
        self.index.rebuild()
        assert self.index.fingerprint() == before
        return before


def open_memory(folder: Path) -> Memory:
    """Journal, life stream and index under a folder."""
    vault = open_vault(folder)
    return Memory(vault.journal, vault.stream, folder, vault.zones, index=Index(folder, KEY, vault.journal))
